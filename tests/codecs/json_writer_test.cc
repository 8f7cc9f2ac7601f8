// Values and hand-made objects out as JSON; base64.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "codecs/json.h"

namespace pawl::codecs {
namespace {

using dsl::Value;

BOOST_AUTO_TEST_SUITE(json_writer)

BOOST_AUTO_TEST_CASE(kinds_without_a_json_word_are_strings) {
  BOOST_TEST(to_json(Value::timestamp({0, 500'000'000})) == "\"1970-01-01T00:00:00.5Z\"");
  BOOST_TEST(to_json(Value::duration({5400, 0})) == "\"5400s\"");
  BOOST_TEST(to_json(Value::bytes("pawl")) == "\"cGF3bA==\"");
  BOOST_TEST(to_json(Value::float64(std::nan(""))) == "\"NaN\"");
  BOOST_TEST(to_json(Value::float64(INFINITY)) == "\"Infinity\"");
  BOOST_TEST(to_json(Value::float64(-INFINITY)) == "\"-Infinity\"");
}

BOOST_AUTO_TEST_CASE(integers_past_53_bits_are_strings) {
  BOOST_TEST(to_json(Value::int64(9007199254740992)) == "9007199254740992");
  BOOST_TEST(to_json(Value::int64(9007199254740993)) == "\"9007199254740993\"");
  BOOST_TEST(to_json(Value::int64(-9007199254740992)) == "-9007199254740992");
  BOOST_TEST(to_json(Value::int64(INT64_MIN)) == "\"-9223372036854775808\"");
  BOOST_TEST(to_json(Value::uint64(7)) == "7");
  BOOST_TEST(to_json(Value::uint64(UINT64_MAX)) == "\"18446744073709551615\"");
}

BOOST_AUTO_TEST_CASE(keys_that_are_no_strings_become_strings) {
  const Value map = Value::map({{Value::boolean(true), Value::int64(1)},
                                {Value::int64(-3), Value::int64(2)},
                                {Value::uint64(4), Value::int64(3)}});
  BOOST_TEST(to_json(map) == R"({"true":1,"-3":2,"4":3})");
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_utf8_are_replaced) {
  std::string out;
  append_json_string("a\xff\xc3\xa9\xe2\x82z\xed\xa0\x80", &out);
  BOOST_TEST(
      out ==
      "\"a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
  // It must come back through the strict parser.
  Value value;
  JsonError error;
  BOOST_TEST(parse_json(out, &value, &error));
}

BOOST_AUTO_TEST_CASE(every_control_character_is_escaped) {
  for (int c = 0; c < 0x20; ++c) {
    std::string out;
    append_json_string(std::string(1, static_cast<char>(c)), &out);
    Value value;
    JsonError error;
    BOOST_REQUIRE(parse_json(out, &value, &error));
    BOOST_TEST(value.as_string() == std::string(1, static_cast<char>(c)));
  }
}

// Every byte at every place of a word, with neighbours that borrow from one another.
BOOST_AUTO_TEST_CASE(what_must_be_escaped_is_found_at_every_place) {
  for (const char filler : {'x', '#', '!', ']', '[', ' ', '\x7f'}) {
    for (int c = 0; c < 0x80; ++c) {
      for (std::size_t place = 0; place < 20; ++place) {
        std::string text(20, filler);
        text[place] = static_cast<char>(c);
        std::string out;
        append_json_string(text, &out);
        const bool escaped = c < 0x20 || c == '"' || c == '\\';
        BOOST_REQUIRE_EQUAL(out.size() > 22, escaped);
        Value value;
        JsonError error;
        BOOST_REQUIRE(parse_json(out, &value, &error));
        BOOST_REQUIRE(value.as_string() == text);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_string_is_whole_when_the_last_bracket_is_closed) {
  std::string out = "data: ";
  JsonWriter w(&out);
  w.begin_object().plain_key("a").begin_array().null().end_array().end_object();
  BOOST_TEST(out == R"(data: {"a":[null]})");
  std::string open;
  JsonWriter unfinished(&open);
  unfinished.begin_object().field("a", 1).finish();
  BOOST_TEST(open == R"({"a":1)");
}

BOOST_AUTO_TEST_CASE(the_writer_puts_the_commas) {
  std::string out;
  JsonWriter w(&out);
  w.begin_object()
      .field("id", "o-1")
      .field("seq", std::uint64_t{7})
      .plain_key("states")
      .begin_array()
      .string("a")
      .begin_object()
      .end_object()
      .begin_array()
      .end_array()
      .null()
      .end_array()
      .key("we\"ird")
      .boolean(true)
      .field("n", -1)
      .field("v", Value::list({Value::int64(1)}))
      .plain_key("f")
      .float64(2)
      .plain_key("r")
      .raw("{\"x\":1}")
      .end_object();
  BOOST_TEST(out == R"({"id":"o-1","seq":7,"states":["a",{},[],null],"we\"ird":true,)"
                    R"("n":-1,"v":[1],"f":2.0,"r":{"x":1}})");
}

std::string time_text(std::int64_t ms) {
  std::string out;
  JsonWriter(&out).time_ms(ms);
  return out;
}

BOOST_AUTO_TEST_CASE(times_are_rfc_3339) {
  BOOST_TEST(time_text(0) == "\"1970-01-01T00:00:00Z\"");
  BOOST_TEST(time_text(1'795'251'600'123) == "\"2026-11-21T09:00:00.123Z\"");
  BOOST_TEST(time_text(951'782'400'005) == "\"2000-02-29T00:00:00.005Z\"");
  BOOST_TEST(time_text(-1) == "\"1969-12-31T23:59:59.999Z\"");
  BOOST_TEST(time_text(INT64_MIN) == "\"0001-01-01T00:00:00Z\"");
  BOOST_TEST(time_text(INT64_MAX) == "\"9999-12-31T23:59:59.999Z\"");
}

BOOST_AUTO_TEST_CASE(times_agree_with_the_language) {
  // Days around the ends of months, leap years and centuries over 2,000 years.
  for (std::int64_t day = -700'000; day < 2'900'000; day += 997) {
    const std::string expected = to_json(Value::timestamp({day * 86'400 + 3661, 0}));
    BOOST_REQUIRE_EQUAL(time_text((day * 86'400 + 3661) * 1000), expected);
  }
}

BOOST_AUTO_TEST_CASE(pretty_text_reads_the_same) {
  Value value;
  JsonError error;
  BOOST_REQUIRE(parse_json(R"({"a":[1,2],"b":{},"c":[]})", &value, &error));
  const std::string pretty = to_pretty_json(value);
  BOOST_TEST(pretty == "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {},\n  \"c\": []\n}");
  Value again;
  BOOST_REQUIRE(parse_json(pretty, &again, &error));
  BOOST_TEST((again == value));
}

BOOST_AUTO_TEST_CASE(base64_goes_both_ways) {
  // RFC 4648, section 10.
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"},
                                                       {"\xff\xfe", "//4="}};
  for (const auto& c : cases) {
    std::string text;
    append_base64(c.first, &text);
    BOOST_TEST(text == c.second);
    std::string data = "x";
    BOOST_REQUIRE(parse_base64(text, &data));
    BOOST_TEST(data == c.first);
  }
}

BOOST_AUTO_TEST_CASE(bad_base64_is_refused) {
  for (const char* bad : {"Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zm 9",
                          "Zg==Zg==", "Z=g=", "-_==", "Zm9v\n"}) {
    std::string data = "kept";
    BOOST_TEST(!parse_base64(bad, &data), bad);
    BOOST_TEST(data == "kept");
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
