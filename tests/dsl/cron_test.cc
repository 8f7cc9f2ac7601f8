// When schedules fire: a thousand cases that another implementation computed
// (tests/scripts/cron/firings.txt), clocks that are changed against a search by the minute, and
// what is refused.

#include "dsl/cron.h"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "dsl/expression.h"
#include "dsl/time_text.h"
#include "dsl/zone.h"

namespace pawl::dsl {
namespace {

std::int64_t seconds(std::string_view moment) {
  Timestamp t;
  BOOST_REQUIRE_MESSAGE(parse_timestamp(moment, &t), moment);
  return t.seconds;
}

std::string text_of(std::optional<std::int64_t> moment) {
  return moment ? to_string(Timestamp{*moment, 0}) : "never";
}

Cron cron_of(std::string_view text) {
  Cron cron;
  CronError error;
  BOOST_REQUIRE_MESSAGE(parse_cron(text, &cron, &error), text << ": " << error.message);
  return cron;
}

// Each firing after a moment up to and with another.
std::string firings(std::string_view text, std::string_view zone, std::string_view after,
                    std::string_view until) {
  const Cron cron = cron_of(text);
  std::string out;
  std::optional<std::int64_t> at = seconds(after);
  while ((at = next_firing(cron, zone, *at)) && *at <= seconds(until)) {
    out += (out.empty() ? "" : " ") + text_of(at);
  }
  return out;
}

std::string refused(std::string_view text) {
  Cron cron;
  CronError error;
  if (parse_cron(text, &cron, &error)) return "accepted";
  BOOST_CHECK_LE(error.offset + error.length, std::max<std::size_t>(text.size(), 1));
  return std::to_string(error.offset) + "+" + std::to_string(error.length) + " " + error.message;
}

BOOST_AUTO_TEST_SUITE(cron)

BOOST_AUTO_TEST_CASE(as_another_implementation_computes_it) {
  std::ifstream file("tests/scripts/cron/firings.txt");
  int cases = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= line.size();) {
      const std::size_t end = std::min(line.find(" | ", at), line.size());
      parts.push_back(line.substr(at, end - at));
      at = end + 3;
    }
    BOOST_REQUIRE_EQUAL(parts.size(), 4U);
    const auto next = next_firing(cron_of(parts[0]), parts[1], seconds(parts[2]));
    BOOST_CHECK_MESSAGE(text_of(next) == parts[3], line << ": " << text_of(next));
    ++cases;
  }
  BOOST_CHECK_EQUAL(cases, 1000);
}

BOOST_AUTO_TEST_CASE(either_day_is_enough_if_both_are_restricted) {
  // 2026-11-13 is a Friday.
  BOOST_TEST(firings("0 0 13 * FRI", "UTC", "2026-11-06T00:00:00Z", "2026-11-27T00:00:00Z") ==
             "2026-11-13T00:00:00Z 2026-11-20T00:00:00Z 2026-11-27T00:00:00Z");
  BOOST_TEST(firings("0 0 */2 * FRI", "UTC", "2026-11-06T00:00:00Z", "2026-11-30T00:00:00Z") ==
             "2026-11-13T00:00:00Z 2026-11-27T00:00:00Z");
  BOOST_TEST(firings("0 0 * * 7", "UTC", "2026-11-06T00:00:00Z", "2026-11-15T00:00:00Z") ==
             "2026-11-08T00:00:00Z 2026-11-15T00:00:00Z");
  BOOST_TEST(firings("0 0 * * SAT-SUN", "UTC", "2026-11-06T00:00:00Z", "2026-11-09T00:00:00Z") ==
             "2026-11-07T00:00:00Z 2026-11-08T00:00:00Z");
}

BOOST_AUTO_TEST_CASE(what_comes_rarely) {
  BOOST_TEST(firings("0 0 29 2 *", "UTC", "2096-02-29T00:00:00Z", "2104-03-01T00:00:00Z") ==
             "2104-02-29T00:00:00Z");
  BOOST_TEST(firings("0 0 29 2 */7", "UTC", "2096-01-01T00:00:00Z", "2140-03-01T00:00:00Z") ==
             "2128-02-29T00:00:00Z");
  BOOST_TEST(text_of(next_firing(cron_of("0 0 1 1 *"), "UTC", seconds("9999-06-01T00:00:00Z"))) ==
             "never");
  BOOST_TEST(text_of(next_firing(cron_of("0 0 1 1 *"), "Mars/Olympus", 0)) == "never");
}

BOOST_AUTO_TEST_CASE(clocks_put_forward) {
  // Berlin, 2026-03-29: 02:00 becomes 03:00 at 01:00Z.
  const auto berlin = [](std::string_view text) {
    return firings(text, "Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T04:00:00Z");
  };
  BOOST_TEST(berlin("30 2 * * *") == "2026-03-29T01:00:00Z");
  BOOST_TEST(berlin("*/15 2 * * *") == "2026-03-29T01:00:00Z");
  BOOST_TEST(berlin("30 2,3 * * *") == "2026-03-29T01:00:00Z 2026-03-29T01:30:00Z");
  BOOST_TEST(berlin("0 2,3 * * *") == "2026-03-29T01:00:00Z");
  BOOST_TEST(berlin("30 * * * *") ==
             "2026-03-28T23:30:00Z 2026-03-29T00:30:00Z 2026-03-29T01:30:00Z 2026-03-29T02:30:00Z "
             "2026-03-29T03:30:00Z");
  // A day that was left out: Samoa crossed the date line.
  BOOST_TEST(
      firings("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-31T23:00:00Z") ==
      "2011-12-29T22:00:00Z 2011-12-30T10:00:00Z 2011-12-30T22:00:00Z "
      "2011-12-31T22:00:00Z");
}

BOOST_AUTO_TEST_CASE(clocks_put_back) {
  // Berlin, 2026-10-25: 03:00 becomes 02:00 at 01:00Z.
  const auto berlin = [](std::string_view text) {
    return firings(text, "Europe/Berlin", "2026-10-24T23:00:00Z", "2026-10-25T02:30:00Z");
  };
  BOOST_TEST(berlin("30 2 * * *") == "2026-10-25T00:30:00Z");
  BOOST_TEST(berlin("0,30 2 * * *") == "2026-10-25T00:00:00Z 2026-10-25T00:30:00Z");
  BOOST_TEST(berlin("30 * * * *") ==
             "2026-10-24T23:30:00Z 2026-10-25T00:30:00Z 2026-10-25T01:30:00Z 2026-10-25T02:30:00Z");
  // Looked at from within the hour that comes again, it is over.
  BOOST_TEST(text_of(next_firing(cron_of("30 2 * * *"), "Europe/Berlin",
                                 seconds("2026-10-25T01:10:00Z"))) == "2026-10-26T01:30:00Z");
}

std::int64_t wall_of(std::string_view zone, std::int64_t moment) {
  int offset = 0;
  zone_offset(zone, moment, &offset);
  return moment + offset;
}

bool shows(const Cron& c, std::int64_t wall) {
  if (wall % 60 != 0) return false;
  const Civil t = civil_of({wall, 0}, 0);
  const bool day = (c.days >> t.day & 1) != 0, weekday = (c.weekdays >> t.day_of_week & 1) != 0;
  return (c.minutes >> t.minute & 1) != 0 && (c.hours >> t.hour & 1) != 0 &&
         (c.months >> t.month & 1) != 0 &&
         (c.any_day || c.any_weekday ? day && weekday : day || weekday);
}

// By the definition, minute by minute: what the clocks show first, and what they leave out.
std::set<std::int64_t> searched(const Cron& c, std::string_view zone, std::int64_t from,
                                std::int64_t to) {
  std::set<std::int64_t> out;
  std::int64_t shown = wall_of(zone, from - 2 * 86'400);  // the latest that was shown so far
  for (std::int64_t at = from - 2 * 86'400; at <= to; at += 60) {
    const std::int64_t wall = wall_of(zone, at);
    if (c.every_hour()) {
      if (shows(c, wall)) out.insert(at);
      continue;
    }
    for (std::int64_t left_out = shown + 60; left_out < wall; left_out += 60) {
      if (shows(c, left_out)) out.insert(at);
    }
    if (wall > shown && shows(c, wall)) out.insert(at);
    shown = std::max(shown, wall);
  }
  return out;
}

BOOST_AUTO_TEST_CASE(changes_of_clocks_against_a_search_by_the_minute) {
  const std::pair<std::string_view, std::string_view> changes[] = {
      {"Europe/Berlin", "2026-03-29T01:00:00Z"},
      {"Europe/Berlin", "2026-10-25T01:00:00Z"},
      {"America/New_York", "2026-03-08T07:00:00Z"},
      {"America/New_York", "2026-11-01T06:00:00Z"},
      {"Australia/Lord_Howe", "2026-10-03T15:30:00Z"},
      {"Australia/Lord_Howe", "2026-04-04T15:00:00Z"},
      {"America/Sao_Paulo", "2018-11-04T03:00:00Z"},
      {"Africa/Casablanca", "2026-02-15T02:00:00Z"},
      {"Pacific/Apia", "2011-12-30T10:00:00Z"},
      {"Asia/Kathmandu", "2026-01-01T00:00:00Z"},
      {"America/Santiago", "2026-09-06T04:00:00Z"},
      {"Europe/London", "2026-10-25T01:00:00Z"}};
  const char* const expressions[] = {"0 0 * * *",     "30 0 * * *",  "30 1 * * *",   "*/10 2 * * *",
                                     "15 2,3 * * *",  "0 * * * *",   "*/20 * * * *", "45 0-5 * * *",
                                     "5 1-23 * * *",  "0 3 * * SUN", "0 2 1-7 * *",  "59 23 * * *",
                                     "*/7 */2 * * *", "0 12 * * 1-5"};
  int firing_count = 0;
  for (const auto& [zone, moment] : changes) {
    const std::int64_t change = seconds(moment);
    for (const char* text : expressions) {
      const Cron c = cron_of(text);
      const std::int64_t to = change + 3 * 86'400;
      const std::set<std::int64_t> all = searched(c, zone, change - 2 * 86'400, to);
      Random random(7);
      for (int i = 0; i < 40; ++i) {
        const std::int64_t spread = i < 20 ? 2 * 86'400 : 3 * 3600;
        const std::int64_t after = change + random.between(-spread, spread / 2);
        const auto expected = all.upper_bound(after);
        if (expected == all.end()) continue;
        const auto next = next_firing(c, zone, after);
        BOOST_CHECK_MESSAGE(next == *expected, zone << " " << text << " after " << text_of(after)
                                                    << ": " << text_of(next) << ", searched "
                                                    << text_of(*expected));
        ++firing_count;
      }
    }
  }
  BOOST_CHECK_GT(firing_count, 5000);
}

BOOST_AUTO_TEST_CASE(firings_only_go_on) {
  for (const char* zone : {"Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca"}) {
    for (const char* text : {"30 2 * * *", "0 * * * *", "*/5 1-3 * * *"}) {
      std::int64_t at = seconds("2026-01-01T00:00:00Z");
      for (int i = 0; i < 3000; ++i) {
        const auto next = next_firing(cron_of(text), zone, at);
        BOOST_REQUIRE(next && *next > at);
        at = *next;
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_refused) {
  BOOST_TEST(refused("") == "0+1 a cron expression has five fields, this one has 0");
  BOOST_TEST(refused("* * *") == "0+5 a cron expression has five fields, this one has 3");
  BOOST_TEST(refused("0 0 * * * 2026") ==
             "10+4 a cron expression has five fields, this one has more");
  BOOST_TEST(refused("60 * * * *") == "0+2 the minute is 0 to 59");
  BOOST_TEST(refused("0 24 * * *") == "2+2 the hour is 0 to 23");
  BOOST_TEST(refused("0 0 0 * *") == "4+1 the day of the month is 1 to 31");
  BOOST_TEST(refused("0 0 * foo *") == "6+3 the month is 1 to 12, or a name of three letters");
  BOOST_TEST(refused("0 0 * * MO") ==
             "8+2 the day of the week is 0 to 7, or a name of three letters");
  BOOST_TEST(refused("0 0 * * unm") ==
             "8+3 the day of the week is 0 to 7, or a name of three letters");
  BOOST_TEST(refused("0 0 L * *") == "4+1 the day of the month is 1 to 31");
  BOOST_TEST(refused("0 0 ? * *") == "4+1 the day of the month is 1 to 31");
  BOOST_TEST(refused("1,, * * * *") == "2+1 the minute is 0 to 59");
  BOOST_TEST(refused("5-1 * * * *") == "0+3 this range runs backwards");
  BOOST_TEST(refused("0 0 * * FRI-MON") == "8+7 this range runs backwards");
  BOOST_TEST(refused("5/10 * * * *") == "0+2 a step needs a range");
  BOOST_TEST(refused("*/0 * * * *") == "1+2 a step is a number from 1 to 59");
  BOOST_TEST(refused("*/99999999999 * * * *") == "1+12 a step is a number from 1 to 59");
  BOOST_TEST(refused("0 0 31 2 *") == "0+10 this date never comes");
  BOOST_TEST(refused("0 0 31 4,6,9,11 *") == "0+17 this date never comes");
  BOOST_TEST(refused("0 0 30,31 feb */2") == "0+17 this date never comes");
  BOOST_TEST(refused("0 0 31 2 MON") == "accepted");
  BOOST_TEST(refused("@reboot") == "0+7 there is no such name for a cron expression");
  BOOST_TEST(refused("  @daily ") == "accepted");
  BOOST_TEST(refused("\t0  0 1 jan,JUL sun,7 ") == "accepted");
}

BOOST_AUTO_TEST_CASE(any_bytes_at_all) {
  constexpr std::string_view kBytes = "0123456789*/-, @SUNmonL?\t\x01\xff";
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    Random random(seed);
    std::string text;
    for (std::uint64_t n = random.below(24); n > 0; --n)
      text += kBytes[random.below(kBytes.size())];
    Cron c;
    CronError error;
    if (parse_cron(text, &c, &error)) {
      BOOST_CHECK_MESSAGE(next_firing(c, "Europe/Berlin", 1'800'000'000), text);
    } else {
      BOOST_CHECK_MESSAGE(!error.message.empty(), text);
    }
  }
}

BOOST_AUTO_TEST_CASE(intervals_count_from_1970) {
  BOOST_TEST(next_interval(3'600'000, 0) == 3'600'000);
  BOOST_TEST(next_interval(3'600'000, 3'599'999) == 3'600'000);
  BOOST_TEST(next_interval(3'600'000, 3'600'000) == 7'200'000);
  BOOST_TEST(next_interval(7, -1) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::dsl
