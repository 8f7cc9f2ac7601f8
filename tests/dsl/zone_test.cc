#include "dsl/zone.h"

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <string>

#include "dsl/expression.h"

namespace pawl::dsl {
namespace {

// "+02:00", "-03:30:30" or "unknown": what clocks in `zone` show at a moment.
std::string offset_at(std::string_view zone, std::string_view moment) {
  Timestamp t;
  BOOST_REQUIRE_MESSAGE(parse_timestamp(moment, &t), moment);
  int offset = 0;
  if (!zone_offset(zone, t.seconds, &offset)) return "unknown";
  const int size = offset < 0 ? -offset : offset;
  char text[32];
  std::snprintf(text, sizeof text, "%c%02d:%02d", offset < 0 ? '-' : '+', size / 3600,
                size / 60 % 60);
  std::string out = text;
  if (size % 60 != 0) out += ":" + std::to_string(size % 60);
  return out;
}

void check(std::string_view zone, std::string_view moment, std::string_view expected) {
  BOOST_TEST(offset_at(zone, moment) == expected, zone << " at " << moment);
}

BOOST_AUTO_TEST_SUITE(zones)

BOOST_AUTO_TEST_CASE(summer_begins_and_ends_to_the_second) {
  check("Europe/Berlin", "2026-03-29T00:59:59Z", "+01:00");
  check("Europe/Berlin", "2026-03-29T01:00:00Z", "+02:00");
  check("Europe/Berlin", "2026-10-25T00:59:59Z", "+02:00");
  check("Europe/Berlin", "2026-10-25T01:00:00Z", "+01:00");
  check("America/New_York", "2026-03-08T06:59:59Z", "-05:00");
  check("America/New_York", "2026-03-08T07:00:00Z", "-04:00");
  check("America/New_York", "2026-11-01T05:59:59Z", "-04:00");
  check("America/New_York", "2026-11-01T06:00:00Z", "-05:00");
}

BOOST_AUTO_TEST_CASE(in_the_south_summer_goes_over_the_turn_of_the_year) {
  check("Australia/Sydney", "2026-01-01T00:00:00Z", "+11:00");
  check("Australia/Sydney", "2026-04-04T15:59:59Z", "+11:00");
  check("Australia/Sydney", "2026-04-04T16:00:00Z", "+10:00");
  check("Australia/Sydney", "2026-10-03T15:59:59Z", "+10:00");
  check("Australia/Sydney", "2026-10-03T16:00:00Z", "+11:00");
  check("Australia/Lord_Howe", "2026-01-01T00:00:00Z", "+11:00");
  check("Australia/Lord_Howe", "2026-07-01T00:00:00Z", "+10:30");
}

BOOST_AUTO_TEST_CASE(rules_of_the_past_are_not_those_of_today) {
  check("America/New_York", "2006-03-20T12:00:00Z", "-05:00");  // summer began in April then
  check("America/New_York", "2007-03-20T12:00:00Z", "-04:00");
  check("America/New_York", "1974-01-10T12:00:00Z", "-04:00");  // the energy crisis
  check("Europe/Berlin", "1979-07-01T12:00:00Z", "+01:00");     // no summer time before 1980
  check("Europe/London", "1970-07-01T12:00:00Z", "+01:00");     // all the year until 1971
  check("Europe/London", "1970-01-01T00:00:00Z", "+01:00");
  check("Europe/Moscow", "2012-01-01T00:00:00Z", "+04:00");
  check("Europe/Moscow", "2026-01-01T00:00:00Z", "+03:00");
  check("Asia/Pyongyang", "2016-01-01T00:00:00Z", "+08:30");
}

BOOST_AUTO_TEST_CASE(odd_offsets_and_skipped_days) {
  check("Asia/Kathmandu", "2026-01-01T00:00:00Z", "+05:45");
  check("Asia/Kathmandu", "1980-01-01T00:00:00Z", "+05:30");
  check("America/St_Johns", "2026-01-01T00:00:00Z", "-03:30");
  check("Africa/Monrovia", "1971-06-01T00:00:00Z", "-00:44:30");
  check("Africa/Monrovia", "1972-06-01T00:00:00Z", "+00:00");
  check("Pacific/Apia", "2011-12-30T09:59:59Z", "-10:00");  // there was no 30 December
  check("Pacific/Apia", "2011-12-30T10:00:00Z", "+14:00");
  check("Pacific/Kiritimati", "2026-01-01T00:00:00Z", "+14:00");
}

BOOST_AUTO_TEST_CASE(rules_go_on_for_ever) {
  check("Europe/Paris", "2100-07-01T00:00:00Z", "+02:00");
  check("Europe/Paris", "9999-12-31T23:59:59Z", "+01:00");
  check("America/Sao_Paulo", "9999-12-31T23:59:59Z", "-03:00");
  // Ireland's winter is the exception by its law, and its rule says so.
  check("Europe/Dublin", "2040-01-01T00:00:00Z", "+00:00");
  check("Europe/Dublin", "2040-07-01T00:00:00Z", "+01:00");
}

BOOST_AUTO_TEST_CASE(before_1970_there_is_the_offset_of_1970) {
  check("Europe/Paris", "1942-07-01T00:00:00Z", "+01:00");
  check("Asia/Tokyo", "0001-01-01T00:00:00Z", "+09:00");
}

BOOST_AUTO_TEST_CASE(names_are_exact) {
  check("UTC", "2026-01-01T00:00:00Z", "+00:00");
  check("US/Central", "2026-01-01T00:00:00Z", "-06:00");
  check("CET", "2026-07-01T00:00:00Z", "+02:00");
  check("Etc/GMT+5", "2026-07-01T00:00:00Z", "-05:00");  // POSIX counts westward
  check("Africa/Abidjan", "2026-07-01T00:00:00Z", "+00:00");
  check("Zulu", "2026-07-01T00:00:00Z", "+00:00");
  for (const char* name : {"", "europe/berlin", "Europe", "Europe/", "Europe/Berlin ", "Mars/Base",
                           "Africa/Abidja", "Africa/Abidjan2", "zzz", "A"}) {
    check(name, "2026-01-01T00:00:00Z", "unknown");
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::dsl
