#include "dsl/value.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "base/limits.h"
#include "dsl/base64.h"
#include "dsl/number.h"
#include "dsl/suggest.h"
#include "dsl/utf8.h"

namespace pawl::dsl {
namespace {

Value text(const char* s) { return Value::string(s); }
Value num(std::int64_t x) { return Value::int64(x); }

Value sample() {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  return Value::map({{text("b"), Value::list({num(-1), Value::uint64(2), Value::float64(-0.0)})},
                     {text("a"), Value::bytes(std::string("\0\xff", 2))},
                     {Value::boolean(true), Value::timestamp({-5, 7})},
                     {num(3), Value::duration({-1, -5})},
                     {Value::uint64(9), Value::float64(nan)},
                     {text(""), Value()}});
}

std::string encoded(const Value& v) {
  std::string out;
  v.encode(&out);
  return out;
}

BOOST_AUTO_TEST_CASE(an_encoding_decodes_to_the_identical_value) {
  const Value v = sample();
  const std::string bytes = encoded(v);
  BOOST_TEST(bytes.size() == v.encoded_size());
  Value back;
  BOOST_REQUIRE(Value::decode(bytes, &back));
  BOOST_TEST(back.identical(v));
  BOOST_TEST(
      back.debug_string() ==
      "{true: timestamp(\"1969-12-31T23:59:55.000000007Z\"), 3: duration(\"-1.000000005s\"), "
      "9u: NaN, \"\": null, \"a\": b\"\\x00\\xff\", \"b\": [-1, 2u, -0.0]}");
}

BOOST_AUTO_TEST_CASE(extremes_survive_encoding) {
  for (const Value& v :
       {num(INT64_MIN), num(INT64_MAX), num(0), Value::uint64(UINT64_MAX), Value::float64(5e-324),
        Value::float64(std::numeric_limits<double>::infinity()), text(""), Value::list({}),
        Value::map({}), Value::boolean(false), Value::duration({9'223'372'036, 854'775'807})}) {
    Value back;
    BOOST_TEST_CONTEXT(v.debug_string()) {
      BOOST_REQUIRE(Value::decode(encoded(v), &back));
      BOOST_TEST(back.identical(v));
      BOOST_TEST(encoded(v).size() == v.encoded_size());
    }
  }
}

BOOST_AUTO_TEST_CASE(every_truncation_and_a_tail_are_refused) {
  const std::string bytes = encoded(sample());
  Value out = num(42);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    BOOST_TEST(!Value::decode(std::string_view(bytes).substr(0, n), &out), n);
  }
  BOOST_TEST(!Value::decode(bytes + "x", &out));
  BOOST_TEST(out.identical(num(42)));
}

BOOST_AUTO_TEST_CASE(what_encode_would_not_write_is_refused) {
  using namespace std::string_literals;
  Value out;
  const std::string cases[] = {
      "\x01\x02"s,                              // a bool that is neither
      "\x0b\x01x"s,                             // a type
      "\x0c\x00"s,                              // an optional
      "\x63"s,                                  // no kind
      "\x03\x80\x00"s,                          // a varint longer than needed
      "\x04\x01\x00\x00\x00\x00\x00\xf8\x7f"s,  // another NaN
      "\x08\x02\x05\x01"
      "b\x00\x05\x01"
      "a\x00"s,  // keys descend
      "\x08\x02\x05\x01"
      "a\x00\x05\x01"
      "a\x00"s,                             // keys repeat
      "\x08\x02\x02\x02\x00\x03\x01\x00"s,  // 1 and 1u are one key
      "\x08\x01\x00\x00"s,                  // null as a key
      "\x07\xff\xff\xff\xff\x0f"s,          // more elements than bytes
      "\x09\x00\x80\x94\xeb\xdc\x03"s,      // 1e9 nanoseconds
      "\x0a\x02\x01"s,                      // signs disagree
  };
  for (const std::string& bytes : cases) BOOST_TEST(!Value::decode(bytes, &out), bytes.size());
}

BOOST_AUTO_TEST_CASE(nesting_is_limited) {
  const auto nested = [](int depth) {
    std::string bytes;
    for (int i = 0; i < depth; ++i) bytes += std::string("\x07\x01", 2);
    return bytes + std::string(1, '\0');
  };
  Value out;
  BOOST_TEST(Value::decode(nested(limits::kValueDepthMax), &out));
  BOOST_TEST(!Value::decode(nested(limits::kValueDepthMax + 1), &out));
  BOOST_TEST(!Value::decode(nested(100'000), &out));
}

BOOST_AUTO_TEST_CASE(a_map_is_sorted_and_the_later_of_equal_keys_wins) {
  const Value m = Value::map({{text("b"), num(1)}, {text("a"), num(2)}, {text("b"), num(3)}});
  BOOST_TEST(m.debug_string() == "{\"a\": 2, \"b\": 3}");
  BOOST_TEST(m.field("b")->as_int() == 3);
  BOOST_TEST(m.field("c") == nullptr);
  BOOST_TEST(num(1).field("a") == nullptr);
  const Value mixed = Value::map({{num(1), num(1)}, {Value::uint64(1), num(2)}});
  BOOST_TEST(mixed.as_map().size() == 1U);
  BOOST_TEST(mixed.field("1") == nullptr);
}

BOOST_AUTO_TEST_CASE(equality_crosses_numbers_and_identity_does_not) {
  BOOST_TEST(num(1).equals(Value::float64(1.0)));
  BOOST_TEST(num(1).equals(Value::uint64(1)));
  BOOST_TEST(!num(1).identical(Value::float64(1.0)));
  BOOST_TEST(!num(-1).equals(Value::uint64(UINT64_MAX)));
  const Value nan = Value::float64(NAN);
  BOOST_TEST(!nan.equals(nan));
  BOOST_TEST(nan.identical(nan));
  BOOST_TEST(!Value::float64(0.0).identical(Value::float64(-0.0)));
  BOOST_TEST(Value::float64(0.0).equals(Value::float64(-0.0)));
  BOOST_TEST(!Value::list({nan}).equals(Value::list({nan})));
  BOOST_TEST(
      Value::map({{num(1), num(2)}}).equals(Value::map({{Value::uint64(1), Value::float64(2)}})));
  BOOST_TEST(!text("1").equals(num(1)));
  BOOST_TEST(!Value().equals(Value::boolean(false)));
}

BOOST_AUTO_TEST_CASE(numbers_compare_without_rounding) {
  const auto cmp = [](const Value& a, const Value& b) {
    return static_cast<int>(compare_exactly(a, b));
  };
  const int less = 0, equal = 1, greater = 2, unordered = 3;
  BOOST_TEST(cmp(num(INT64_MAX), Value::float64(9223372036854775808.0)) == less);
  BOOST_TEST(cmp(Value::uint64(UINT64_MAX), Value::float64(18446744073709551616.0)) == less);
  BOOST_TEST(cmp(num(9007199254740993), Value::float64(9007199254740992.0)) == greater);
  BOOST_TEST(cmp(num(-1), Value::float64(-0.5)) == less);
  BOOST_TEST(cmp(Value::float64(-0.5), num(0)) == less);
  BOOST_TEST(cmp(Value::float64(1e300), num(INT64_MAX)) == greater);
  BOOST_TEST(cmp(Value::float64(-1e300), Value::uint64(0)) == less);
  BOOST_TEST(cmp(num(INT64_MIN), Value::float64(-9223372036854775808.0)) == equal);
  BOOST_TEST(cmp(num(0), Value::float64(NAN)) == unordered);
}

BOOST_AUTO_TEST_CASE(next_to_a_double_cel_rounds) {
  BOOST_TEST(num(INT64_MAX).equals(Value::float64(9223372036854775808.0)));
  BOOST_TEST(!num(INT64_MAX).equals(Value::float64(9223372036854777856.0)));
  BOOST_TEST(Value::uint64(UINT64_MAX).equals(Value::float64(18446744073709551616.0)));
  BOOST_TEST(!Value::uint64(0).equals(Value::float64(-1)));
  BOOST_TEST(!num(0).equals(Value::float64(NAN)));
  BOOST_TEST((compare_numbers(num(-2), Value::float64(-1.5)) == Ordering::less));
}

BOOST_AUTO_TEST_CASE(doubles_print_shortest_and_read_back) {
  BOOST_TEST(format_double(0.1) == "0.1");
  BOOST_TEST(format_double(-1e300) == "-1e+300");
  double x = 0;
  BOOST_TEST(parse_double("-84.32e7", &x));
  BOOST_TEST(x == -843200000.0);
  BOOST_TEST(parse_double("-Infinity", &x));
  BOOST_TEST(std::isinf(x));
  for (const char* bad : {"", "-", "1x", " 1", "--1", "+-1", "nan(1)", "0x10", "e5", "1e999"}) {
    BOOST_TEST(!parse_double(bad, &x), bad);
  }
}

BOOST_AUTO_TEST_CASE(base64_round_trips_and_refuses_rubbish) {
  std::string out;
  for (const std::string s : {"", "a", "ab", "abc", "abcd", "\xff\xfe\xfd"}) {
    BOOST_TEST(base64_decode(base64_encode(s), &out));
    BOOST_TEST(out == s);
  }
  BOOST_TEST(base64_encode("hello") == "aGVsbG8=");
  BOOST_TEST(base64_decode("aGVsbG8", &out));
  BOOST_TEST(out == "hello");
  for (const char* bad :
       {"a", "aGVsbG8==", "aGVs bG8=", "a===", "=", "aGVsbG9", "_-8=", "aGV=bG8="}) {
    BOOST_TEST(!base64_decode(bad, &out), bad);
  }
}

BOOST_AUTO_TEST_CASE(utf8_is_checked) {
  for (const char* good :
       {"", "abc", "\xc3\xbf", "\xe2\x82\xac", "\xf0\x9f\x90\xb1", "\xf4\x8f\xbf\xbf"}) {
    BOOST_TEST(is_utf8(good), good);
  }
  for (const char* bad : {"\x80", "\xc0\xaf", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82"}) {
    BOOST_TEST(!is_utf8(bad));
  }
  BOOST_TEST(count_runes("a\xc3\xbf\xf0\x9f\x90\xb1") == 3U);
  BOOST_TEST(rune_offset("a\xc3\xbf"
                         "b",
                         2) == 3U);
  BOOST_TEST(rune_offset("ab", 2) == 2U);
  BOOST_TEST(rune_offset("ab", 3) == std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(near_names_are_suggested_and_far_ones_are_not) {
  BOOST_TEST(nearest("reserv", {"created", "reserve", "triage"}) == "reserve");
  BOOST_TEST(nearest("Total", {"total"}) == "total");
  BOOST_TEST(nearest("itmes", {"items", "item"}) == "items");
  BOOST_TEST(nearest("x", {"y", "zz"}).empty());
  BOOST_TEST(nearest("approval", {"created"}).empty());
  BOOST_TEST(did_you_mean("totl", {"total"}) == "did you mean `total`?");
}

}  // namespace
}  // namespace pawl::dsl
