// Timestamps and durations. A time zone is a fixed offset or a name of the tz database.
#include "dsl/functions.h"
#include "dsl/time_text.h"
#include "dsl/zone.h"

namespace pawl::dsl {
namespace {

bool same(Call& call) { return call.give(call[0]); }

bool timestamp_of_string(Call& call) {
  Timestamp t;
  if (!parse_timestamp(call[0].as_string(), &t)) {
    return call.fail("the text is no timestamp (RFC 3339, year 1 to 9999)");
  }
  return call.give(Value::timestamp(t));
}

bool timestamp_of_int(Call& call) {
  const Timestamp t{call[0].as_int(), 0};
  if (!in_range(t)) return call.fail("the timestamp is out of range (year 1 to 9999)");
  return call.give(Value::timestamp(t));
}

bool duration_of_string(Call& call) {
  Duration d;
  const std::string& text = call[0].as_string();
  const bool foreign = !call.meter->additions() && text.find_first_of("dw") != std::string::npos;
  if (foreign || !parse_duration(text, &d)) {
    return call.fail("the text is no duration (like \"1h30m\", within 292 years)");
  }
  return call.give(Value::duration(d));
}

bool string_of_timestamp(Call& call) {
  return call.give(Value::string(to_string(call[0].as_timestamp())));
}

bool string_of_duration(Call& call) {
  return call.give(Value::string(to_string(call[0].as_duration())));
}

using Part = std::int64_t (*)(const Civil&);

std::int64_t year(const Civil& c) { return c.year; }
std::int64_t month(const Civil& c) { return c.month - 1; }
std::int64_t date(const Civil& c) { return c.day; }
std::int64_t day_of_month(const Civil& c) { return c.day - 1; }
std::int64_t day_of_year(const Civil& c) { return c.day_of_year - 1; }
std::int64_t day_of_week(const Civil& c) { return c.day_of_week; }
std::int64_t hours(const Civil& c) { return c.hour; }
std::int64_t minutes(const Civil& c) { return c.minute; }
std::int64_t seconds(const Civil& c) { return c.second; }

// The second argument, if there is one, in seconds east of UTC at the timestamp.
bool read_zone(Call& call, int* offset) {
  if (call.count < 2) return true;
  const std::string& zone = call[1].as_string();
  if (parse_offset(zone, offset)) return true;
  if (zone_offset(zone, call[0].as_timestamp().seconds, offset)) return true;
  return call.fail("unknown time zone '" + zone.substr(0, 64) +
                   "': it is a name like \"Europe/Paris\" or an offset like \"+02:00\"");
}

template <Part kPart>
bool part(Call& call) {
  int offset = 0;
  return read_zone(call, &offset) &&
         call.give(Value::int64(kPart(civil_of(call[0].as_timestamp(), offset))));
}

bool milliseconds(Call& call) {
  int offset = 0;
  return read_zone(call, &offset) &&
         call.give(Value::int64(call[0].as_timestamp().nanos / 1'000'000));
}

template <std::int64_t kSeconds>
bool total(Call& call) {
  return call.give(Value::int64(call[0].as_duration().seconds / kSeconds));
}

// Within the second, as for timestamps; not the whole duration.
bool duration_milliseconds(Call& call) {
  return call.give(Value::int64(call[0].as_duration().nanos / 1'000'000));
}

constexpr Overload kFunctions[] = {
    {"timestamp", false, "T", 'T', same},
    {"timestamp", false, "S", 'T', timestamp_of_string},
    {"timestamp", false, "I", 'T', timestamp_of_int},
    {"duration", false, "R", 'R', same},
    {"duration", false, "S", 'R', duration_of_string},
    {"string", false, "T", 'S', string_of_timestamp},
    {"string", false, "R", 'S', string_of_duration},
    {"getFullYear", true, "T", 'I', part<year>},
    {"getFullYear", true, "TS", 'I', part<year>},
    {"getMonth", true, "T", 'I', part<month>},
    {"getMonth", true, "TS", 'I', part<month>},
    {"getDate", true, "T", 'I', part<date>},
    {"getDate", true, "TS", 'I', part<date>},
    {"getDayOfMonth", true, "T", 'I', part<day_of_month>},
    {"getDayOfMonth", true, "TS", 'I', part<day_of_month>},
    {"getDayOfYear", true, "T", 'I', part<day_of_year>},
    {"getDayOfYear", true, "TS", 'I', part<day_of_year>},
    {"getDayOfWeek", true, "T", 'I', part<day_of_week>},
    {"getDayOfWeek", true, "TS", 'I', part<day_of_week>},
    {"getHours", true, "T", 'I', part<hours>},
    {"getHours", true, "TS", 'I', part<hours>},
    {"getHours", true, "R", 'I', total<3600>},
    {"getMinutes", true, "T", 'I', part<minutes>},
    {"getMinutes", true, "TS", 'I', part<minutes>},
    {"getMinutes", true, "R", 'I', total<60>},
    {"getSeconds", true, "T", 'I', part<seconds>},
    {"getSeconds", true, "TS", 'I', part<seconds>},
    {"getSeconds", true, "R", 'I', total<1>},
    {"getMilliseconds", true, "T", 'I', milliseconds},
    {"getMilliseconds", true, "TS", 'I', milliseconds},
    {"getMilliseconds", true, "R", 'I', duration_milliseconds},
};

}  // namespace

std::span<const Overload> time_functions() { return kFunctions; }

}  // namespace pawl::dsl
