// When a schedule fires: cron expressions in a time zone, and intervals. Pure: the moment after
// which to look is an argument.
//
//   minute hour day-of-month month day-of-week      or @yearly @annually @monthly @weekly @daily
//                                                   @midnight @hourly
//   field  := part {"," part}      part := ("*" | value | value "-" value) ["/" step]
//
// Months and weekdays may be names (JAN, mon); 0 and 7 are Sunday. If both day fields are
// restricted, that is begin with anything but `*`, either of them is enough, as in Vixie's cron;
// else both must hold.
//
// Where clocks change (the rule is that of the expression's hours):
// - Some hours only ("30 2 * * *"): each time on the clock fires once. One that the clocks leave
//   out fires at the first moment after the gap, together with all others that were left out; one
//   that they show twice fires the first time.
// - Every hour ("30 * * * *"): fires whenever the clocks show it, so the intervals stay what they
//   are; twice in an hour that comes twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pawl::dsl {

struct Cron {
  // Bit n: the value n.
  std::uint64_t minutes = 0;
  std::uint32_t hours = 0;
  std::uint32_t days = 0;     // 1 to 31
  std::uint16_t months = 0;   // 1 to 12
  std::uint8_t weekdays = 0;  // 0 to 6, 0 is Sunday
  bool any_day = false;       // the field begins with `*`
  bool any_weekday = false;   // likewise

  bool every_hour() const { return hours == (1U << 24) - 1; }
};

// Where in the text (bytes), what, and what to do about it.
struct CronError {
  std::size_t offset = 0;
  std::size_t length = 0;
  std::string message;
  std::string hint;
};

// False with *error set, also for dates that never come ("0 0 31 2 *").
bool parse_cron(std::string_view text, Cron* out, CronError* error);

// The first firing after a moment, in seconds since 1970, by the clocks of a zone of the tz
// database; nothing if there is no such zone or the year 9999 is over.
std::optional<std::int64_t> next_firing(const Cron& cron, std::string_view zone,
                                        std::int64_t after);

// The first firing of an interval after a moment, both in milliseconds: intervals count from
// 1970-01-01T00:00:00Z, so that a redeploy or another box changes nothing. `every` > 0.
std::int64_t next_interval(std::int64_t every, std::int64_t after);

}  // namespace pawl::dsl
