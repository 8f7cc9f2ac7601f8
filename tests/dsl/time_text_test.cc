#include "dsl/time_text.h"

#include <boost/test/unit_test.hpp>

namespace pawl::dsl {
namespace {

// What a duration reads and prints back as, or "refused".
std::string duration(std::string_view text) {
  Duration d;
  return parse_duration(text, &d) ? to_string(d) : "refused";
}

std::string timestamp(std::string_view text) {
  Timestamp t;
  return parse_timestamp(text, &t) ? to_string(t) : "refused";
}

BOOST_AUTO_TEST_CASE(durations) {
  const std::pair<const char*, const char*> cases[] = {
      {"90s", "90s"},
      {"1h30m", "5400s"},
      {"2d", "172800s"},
      {"1.5h", "5400s"},
      {"100ms", "0.1s"},
      {"-3s", "-3s"},
      {"1w2d", "777600s"},
      {"-1.5s", "-1.5s"},
      {"-100ms", "-0.1s"},
      {"1ns", "0.000000001s"},
      {"2us", "0.000002s"},
      {"2\xc2\xb5s", "0.000002s"},
      {"0", "0s"},
      {"+5m", "300s"},
      {".5s", "0.5s"},
      {"5.s", "5s"},
      {"1.0000000000000000000000000000001s", "1s"},
      {"9223372036854775807ns", "9223372036.854775807s"},
      {"-9223372036854775808ns", "-9223372036.854775808s"},
      {"9223372036854775808ns", "refused"},
      {"300000000000s", "refused"},
      {"99999999999999999999999999999999999999999999w", "refused"},
      {"106751d", "9223286400s"},
      {"106752d", "refused"},
      {"", "refused"},
      {"s", "refused"},
      {"5", "refused"},
      {"-", "refused"},
      {"--5s", "refused"},
      {"5 s", "refused"},
      {" 5s", "refused"},
      {"5s ", "refused"},
      {"5y", "refused"},
      {"1e3s", "refused"},
      {".s", "refused"},
      {"1h-5m", "refused"},
  };
  for (const auto& [text, expected] : cases)
    BOOST_TEST(duration(text) == expected, text << " -> " << duration(text));
}

BOOST_AUTO_TEST_CASE(timestamps) {
  const std::pair<const char*, const char*> cases[] = {
      {"2026-11-21T09:00:00Z", "2026-11-21T09:00:00Z"},
      {"2026-11-21T09:00:00.5Z", "2026-11-21T09:00:00.5Z"},
      {"2026-11-21T09:00:00+02:00", "2026-11-21T07:00:00Z"},
      {"2026-11-21t09:00:00.100-09:30", "2026-11-21T18:30:00.1Z"},
      {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
      {"2023-02-29T00:00:00Z", "refused"},
      {"1900-02-29T00:00:00Z", "refused"},
      {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"},
      {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
      {"0001-01-01T00:00:00+00:01", "refused"},
      {"9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"},
      {"9999-12-31T23:59:59-00:01", "refused"},
      {"0000-12-31T23:59:59Z", "refused"},
      {"1969-12-31T23:59:59.25Z", "1969-12-31T23:59:59.25Z"},
      {"2026-11-21T24:00:00Z", "refused"},
      {"2026-13-21T09:00:00Z", "refused"},
      {"2026-00-21T09:00:00Z", "refused"},
      {"2026-11-31T09:00:00Z", "refused"},
      {"2026-11-21T09:60:00Z", "refused"},
      {"2026-11-21T09:00:60Z", "refused"},
      {"2026-11-21 09:00:00Z", "refused"},
      {"2026-11-21T09:00:00", "refused"},
      {"2026-11-21T09:00:00.Z", "refused"},
      {"2026-11-21T09:00:00.1234567890Z", "refused"},
      {"2026-11-21T09:00:00+2:00", "refused"},
      {"2026-11-21T09:00:00+24:00", "refused"},
      {"2026-11-21T09:00:00Zx", "refused"},
      {"10000-01-01T00:00:00Z", "refused"},
      {"-001-01-01T00:00:00Z", "refused"},
      {"", "refused"},
  };
  for (const auto& [text, expected] : cases)
    BOOST_TEST(timestamp(text) == expected, text << " -> " << timestamp(text));
}

BOOST_AUTO_TEST_CASE(every_day_of_ten_thousand_years_has_its_successor) {
  // The calendar against itself: day by day, with the days of the months counted independently.
  std::int64_t day_number = days_of(1, 1, 1);
  BOOST_TEST(day_number * 86'400 == kTimestampSecondsMin);
  int weekday = 1;  // 0001-01-01 was a Monday
  for (int year = 1; year <= 9999; ++year) {
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int day_of_year = 0;
    for (int month = 1; month <= 12; ++month) {
      const int days = month == 2
                           ? (leap ? 29 : 28)
                           : (month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31);
      for (int day = 1; day <= days; ++day, ++day_number, weekday = (weekday + 1) % 7) {
        ++day_of_year;
        const Civil c = civil_of({day_number * 86'400 + 86'399, 0}, 0);
        if (c.year != year || c.month != month || c.day != day || c.day_of_year != day_of_year ||
            c.day_of_week != weekday || c.hour != 23 || c.second != 59) {
          BOOST_FAIL("wrong on day " << day_number);
        }
      }
    }
  }
  BOOST_TEST(day_number * 86'400 == kTimestampSecondsMax + 1);
}

BOOST_AUTO_TEST_CASE(arithmetic_stays_in_range) {
  Timestamp t;
  BOOST_TEST(add(Timestamp{0, 500'000'000}, Duration{0, 500'000'000}, &t));
  BOOST_TEST(to_string(t) == "1970-01-01T00:00:01Z");
  BOOST_TEST(add(Timestamp{0, 0}, Duration{0, -1}, &t));
  BOOST_TEST(to_string(t) == "1969-12-31T23:59:59.999999999Z");
  BOOST_TEST(!add(Timestamp{kTimestampSecondsMax, 999'999'999}, Duration{0, 1}, &t));
  BOOST_TEST(!subtract(Timestamp{kTimestampSecondsMin, 0}, Duration{0, 1}, &t));
  Duration d;
  BOOST_TEST(!subtract(Timestamp{kTimestampSecondsMax, 0}, Timestamp{kTimestampSecondsMin, 0}, &d));
  BOOST_TEST(subtract(Timestamp{1, 0}, Timestamp{2, 1}, &d));
  BOOST_TEST(to_string(d) == "-1.000000001s");
  BOOST_TEST(!add(Duration{9'000'000'000, 0}, Duration{9'000'000'000, 0}, &d));
  BOOST_TEST(!subtract(Duration{-9'000'000'000, 0}, Duration{9'000'000'000, 0}, &d));
}

BOOST_AUTO_TEST_CASE(offsets) {
  int s = 1;
  BOOST_TEST(parse_offset("UTC", &s));
  BOOST_TEST(s == 0);
  BOOST_TEST(parse_offset("-09:30", &s));
  BOOST_TEST(s == -34'200);
  BOOST_TEST(parse_offset("02:00", &s));
  BOOST_TEST(s == 7200);
  BOOST_TEST(parse_offset("+2:00", &s));
  for (const char* bad : {"", "+", "US/Central", "+25:00", "+02:60", "+0200", "+02:00x"}) {
    BOOST_TEST(!parse_offset(bad, &s), bad);
  }
}

}  // namespace
}  // namespace pawl::dsl
