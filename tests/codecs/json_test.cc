// JSON into values: what is accepted, how numbers are read, and what is refused where.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "codecs/json.h"

namespace pawl::codecs {
namespace {

using dsl::Value;

Value parsed(std::string_view text) {
  Value value;
  JsonError error;
  BOOST_REQUIRE_MESSAGE(parse_json(text, &value, &error), text << " -> " << error.message);
  return value;
}

void check_round_trip(std::string_view text) { BOOST_TEST(to_json(parsed(text)) == text); }

void check_refused(std::string_view text, std::string_view message) {
  Value value = Value::int64(7);
  JsonError error;
  BOOST_TEST(!parse_json(text, &value, &error), "accepted: " << text);
  BOOST_TEST(error.message == message);
  BOOST_TEST((value == Value::int64(7)), "the result was touched");
}

BOOST_AUTO_TEST_SUITE(json)

BOOST_AUTO_TEST_CASE(prints_what_it_read) {
  check_round_trip("null");
  check_round_trip("true");
  check_round_trip("[]");
  check_round_trip("{}");
  check_round_trip(R"([1,-2,0,9007199254740992])");
  check_round_trip(R"({"a":[1,{"b":null}],"c":"x"})");
  check_round_trip(R"([1.5,3.0,1e+300,-0.0,5e-324])");
  check_round_trip(R"(["\"\\\n\r\t\b\f\u0001é𝄞"])");
}

BOOST_AUTO_TEST_CASE(numbers_have_the_kind_they_are_written_with) {
  BOOST_TEST((parsed("1") == Value::int64(1)));
  BOOST_TEST((parsed("-9223372036854775808") == Value::int64(INT64_MIN)));
  BOOST_TEST((parsed("9223372036854775807") == Value::int64(INT64_MAX)));
  BOOST_TEST((parsed("9223372036854775808") == Value::uint64(9223372036854775808u)));
  BOOST_TEST((parsed("18446744073709551615") == Value::uint64(UINT64_MAX)));
  BOOST_TEST((parsed("18446744073709551616") == Value::float64(18446744073709551616.0)));
  BOOST_TEST((parsed("-9223372036854775809") == Value::float64(-9223372036854775809.0)));
  BOOST_TEST((parsed("1.0") == Value::float64(1)));
  BOOST_TEST((parsed("1e2") == Value::float64(100)));
  BOOST_TEST((parsed("0.1") == Value::float64(0.1)));
  BOOST_TEST((parsed("2.2250738585072011e-308") == Value::float64(2.2250738585072011e-308)));
}

BOOST_AUTO_TEST_CASE(keys_are_sorted_on_the_way_out) {
  BOOST_TEST(to_json(parsed(R"({"b":1,"a":2,"":3})")) == R"({"":3,"a":2,"b":1})");
}

BOOST_AUTO_TEST_CASE(escapes_are_read) {
  BOOST_TEST((parsed(R"("\u00e9\ud834\udd1e\/\u0000")") ==
              Value::string(std::string("\xc3\xa9\xf0\x9d\x84\x9e/\0", 8))));
}

BOOST_AUTO_TEST_CASE(white_space_stands_anywhere) {
  BOOST_TEST(to_json(parsed(" \t\r\n{ \"a\" : [ 1 , 2 ] } \n")) == R"({"a":[1,2]})");
}

BOOST_AUTO_TEST_CASE(grammar_errors_say_where) {
  check_refused("", "line 1, column 1: the document is empty");
  check_refused("  ", "line 1, column 3: the document is empty");
  check_refused("{", "line 1, column 2: a key in double quotes was expected");
  check_refused("{\"a\" 1}", "line 1, column 6: a ':' was expected after the key");
  check_refused("{\"a\":1,}", "line 1, column 8: a key in double quotes was expected");
  check_refused("[1,\n2 3]", "line 2, column 3: ',' or ']' was expected");
  check_refused("[1,]", "line 1, column 4: a value was expected");
  check_refused("{\"a\":1]", "line 1, column 7: ',' or '}' was expected");
  check_refused("1 2", "line 1, column 3: something follows the document");
  check_refused("'a'", "line 1, column 1: a value was expected");
  check_refused("tru", "line 1, column 4: a value was expected");
  check_refused("01", "line 1, column 2: something follows the document");
  check_refused("+1", "line 1, column 1: a value was expected");
  check_refused("1.", "line 1, column 3: digits were expected after '.'");
  check_refused("1e", "line 1, column 3: digits were expected in the exponent");
  check_refused("// x\n1", "line 1, column 1: a value was expected");
  check_refused("\xef\xbb\xbf{}", "line 1, column 1: a value was expected");
}

BOOST_AUTO_TEST_CASE(what_json_has_no_word_for_is_refused) {
  check_refused("NaN", "line 1, column 1: a value was expected");
  check_refused("Infinity", "line 1, column 1: a value was expected");
  check_refused("-Infinity", "line 1, column 2: a value was expected");
  check_refused("[1.8e308]", "line 1, column 9: the number is too large");
  BOOST_TEST((parsed("1e-999") == Value::float64(0)));
  BOOST_TEST((parsed("0e9") == Value::float64(0)));
  BOOST_TEST((parsed("4.9e-324") == Value::float64(5e-324)));
  check_refused("1e999", "line 1, column 1: the number is too large");
}

BOOST_AUTO_TEST_CASE(a_nul_does_not_end_the_text) {
  check_refused(std::string_view("1\0", 2), "line 1, column 2: something follows the document");
  check_refused(std::string_view("1\0 2", 4), "line 1, column 2: something follows the document");
  Value value;
  JsonError error;
  BOOST_TEST(!parse_json(std::string_view("\0", 1), &value, &error));
  BOOST_TEST(!parse_json(std::string_view("\"a\0b\"", 5), &value, &error));
}

BOOST_AUTO_TEST_CASE(duplicate_keys_are_refused) {
  check_refused(R"({"a":1,"b":2,"a":3})", R"(line 1, column 17: duplicate key "a")");
  check_refused("{\"x\":\n{\"a\":1,\n\"\\u0061\":2}}", "line 3, column 9: duplicate key \"a\"");
  BOOST_TEST(to_json(parsed(R"([{"a":1},{"a":2}])")) == R"([{"a":1},{"a":2}])");
}

BOOST_AUTO_TEST_CASE(text_that_is_no_utf8_is_refused) {
  for (const char* bad : {"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf5\x80\x80\x80\"",
                          "\"\xe2\x82\"", "{\"\xff\":1}"}) {
    Value value;
    JsonError error;
    BOOST_TEST(!parse_json(bad, &value, &error), "accepted a string of bad UTF-8");
  }
  check_refused(R"("\ud834")", "line 1, column 2: half a surrogate pair");
  check_refused(R"("\udd1e")", "line 1, column 9: half a surrogate pair");
  check_refused(R"({"\udd1e":1})", "line 1, column 10: half a surrogate pair");
  check_refused("\"a\nb\"",
                "line 1, column 3: an unknown escape or a control character in a string");
}

BOOST_AUTO_TEST_CASE(nesting_is_bounded) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  BOOST_TEST(to_json(parsed(nested(limits::kJsonDepthMax))) == nested(limits::kJsonDepthMax));
  check_refused(nested(limits::kJsonDepthMax + 1),
                "line 1, column 65: nested deeper than 64 levels");
  Value value;
  JsonError error;
  BOOST_TEST(!parse_json(std::string(1'000'000, '['), &value, &error));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  BOOST_TEST(!parse_json(objects, &value, &error));
}

BOOST_AUTO_TEST_CASE(every_cut_of_a_document_is_refused) {
  const std::string text = R"({"a":[1.5e3,true,null,"\u00e9x"],"b":{"c":false}})";
  for (std::size_t i = 0; i < text.size(); ++i) {
    Value value;
    JsonError error;
    BOOST_TEST(!parse_json(std::string_view(text).substr(0, i), &value, &error), i);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
