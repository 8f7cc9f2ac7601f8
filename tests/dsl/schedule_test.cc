// What a [schedule.NAME] becomes: its values, its defaults, the order. What is refused is in
// tests/scripts/dsl/schedules.txt.

#include <boost/test/unit_test.hpp>

#include "dsl/definition.h"

namespace pawl::dsl {
namespace {

std::shared_ptr<const Definition> parsed(const std::string& schedules) {
  const ParsedDefinition out =
      parse_definition("dsl = 1\nname = \"x\"\n" + schedules + "[state.a]\nend = \"completed\"\n");
  BOOST_REQUIRE(out.definition);
  return out.definition;
}

BOOST_AUTO_TEST_SUITE(schedules)

BOOST_AUTO_TEST_CASE(all_of_it) {
  const auto definition = parsed(
      "[schedule.z]\nevery = \"90s\"\n"
      "[schedule.a]\ncron = \"30 4 * * MON-FRI\"\ntz = \"Europe/Berlin\"\njitter = \"5m\"\n"
      "overlap = \"buffer_all\"\nmissed = \"none\"\nid = \"= string(schedule.at)\"\n"
      "with = { n = 1 }\nenabled = false\n"
      "[schedule.m]\ncron = \"@hourly\"\nmissed = \"all\"\ncatchup = \"1h\"\n");
  BOOST_REQUIRE_EQUAL(definition->schedules.size(), 3U);
  const Schedule& a = definition->schedules[0];
  BOOST_TEST(a.name == "a");
  BOOST_REQUIRE(a.cron);
  BOOST_TEST(a.cron->hours == 1U << 4);
  BOOST_TEST(static_cast<int>(a.cron->weekdays) == 0x3e);
  BOOST_TEST(a.zone == "Europe/Berlin");
  BOOST_TEST(a.jitter_ms == 300'000);
  BOOST_CHECK(a.overlap == Overlap::buffer_all && a.missed == Missed::none && !a.enabled);
  BOOST_CHECK(a.id && a.id->form == Template::Form::expression);
  BOOST_CHECK(a.with.is_literal() && a.with.literal.field("n")->as_int() == 1);
  BOOST_TEST(a.line == 5);
  const Schedule& m = definition->schedules[1];
  BOOST_CHECK(m.cron && m.cron->every_hour() && m.missed == Missed::all);
  BOOST_TEST(m.catchup_ms == 3'600'000);
  const Schedule& z = definition->schedules[2];
  BOOST_CHECK(!z.cron && z.every_ms == 90'000);
}

BOOST_AUTO_TEST_CASE(what_is_left_out) {
  const Schedule s = parsed("[schedule.s]\ncron = \"@daily\"\n")->schedules.at(0);
  BOOST_TEST(s.zone == "UTC");
  BOOST_CHECK(s.overlap == Overlap::skip && s.missed == Missed::latest && s.enabled && !s.id);
  BOOST_TEST(s.jitter_ms == 0);
  BOOST_TEST(s.catchup_ms == 7LL * 24 * 3'600'000);
  BOOST_CHECK(s.with.is_literal() && s.with.literal.is_null());
  BOOST_TEST(parsed("")->schedules.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::dsl
