// Timestamps and durations: their ranges, arithmetic, calendar and text. Only the proleptic
// Gregorian calendar in UTC or at a fixed offset; named zones are in zone.h. The text forms'
// declarations (parse_duration, to_string, ...) are in expression.h.
#pragma once

#include <cstdint>
#include <string_view>

#include "dsl/expression.h"
#include "dsl/value.h"

namespace pawl::dsl {

// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
inline constexpr std::int64_t kTimestampSecondsMin = -62'135'596'800;
inline constexpr std::int64_t kTimestampSecondsMax = 253'402'300'799;

bool in_range(Timestamp t);
// Fits an int64 of nanoseconds, and the signs agree.
bool in_range(Duration d);

// Total nanoseconds; d must be in range.
std::int64_t to_nanos(Duration d);
Duration duration_of_nanos(std::int64_t nanos);

// False if the result is out of range.
bool add(Timestamp t, Duration d, Timestamp* out);
bool subtract(Timestamp t, Duration d, Timestamp* out);
bool subtract(Timestamp a, Timestamp b, Duration* out);
bool add(Duration a, Duration b, Duration* out);
bool subtract(Duration a, Duration b, Duration* out);

// A moment on the calendar.
struct Civil {
  std::int64_t year = 0;
  int month = 0;        // 1..12
  int day = 0;          // 1..31
  int day_of_year = 0;  // 1..366
  int day_of_week = 0;  // 0 is Sunday
  int hour = 0, minute = 0, second = 0;
};
// `offset_seconds` east of UTC.
Civil civil_of(Timestamp t, int offset_seconds);
// Days since 1970-01-01 of a date of the proleptic Gregorian calendar.
std::int64_t days_of(std::int64_t year, int month, int day);

// "UTC", "Z", "+02:00", "-9:30", "02:00" -> seconds east of UTC; false on anything else.
bool parse_offset(std::string_view text, int* seconds);

}  // namespace pawl::dsl
