#include "dsl/time_text.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace pawl::dsl {
namespace {

constexpr std::int64_t kBillion = 1'000'000'000;
using Wide = __int128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_leap(std::int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int days_in_month(std::int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kDays[month - 1];
}

// Exactly `n` digits at the front of `text`, taken off.
bool take_digits(std::string_view* text, std::size_t n, int* out) {
  if (text->size() < n) return false;
  int x = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (!is_digit((*text)[i])) return false;
    x = x * 10 + ((*text)[i] - '0');
  }
  text->remove_prefix(n);
  *out = x;
  return true;
}

bool take(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

// One to nine digits of a second's fraction.
bool take_fraction(std::string_view* text, std::int32_t* nanos) {
  int digits = 0;
  std::int32_t x = 0;
  while (!text->empty() && is_digit(text->front())) {
    if (++digits > 9) return false;
    x = x * 10 + (text->front() - '0');
    text->remove_prefix(1);
  }
  if (digits == 0) return false;
  for (; digits < 9; ++digits) x *= 10;
  *nanos = x;
  return true;
}

void append_padded(std::string* out, std::int64_t x, int width) {
  const std::string s = std::to_string(x);
  out->append(static_cast<std::size_t>(std::max(0, width - static_cast<int>(s.size()))), '0');
  out->append(s);
}

// ".5" for half a second; nothing for none.
void append_fraction(std::string* out, std::int64_t nanos) {
  if (nanos == 0) return;
  out->push_back('.');
  append_padded(out, nanos, 9);
  while (out->back() == '0') out->pop_back();
}

// The unit at the front of `text` in nanoseconds, taken off; 0 if there is none.
std::int64_t take_unit(std::string_view* text) {
  struct Unit {
    std::string_view name;
    std::int64_t nanos;
  };
  // Two letters before one, so that "ms" is not minutes.
  static constexpr Unit kUnits[] = {
      {"ns", 1},
      {"us", 1'000},
      {"\xc2\xb5s", 1'000},  // the micro sign
      {"\xce\xbcs", 1'000},  // the Greek letter mu
      {"ms", 1'000'000},
      {"s", kBillion},
      {"m", 60 * kBillion},
      {"h", 3600 * kBillion},
      {"d", 86'400 * kBillion},
      {"w", 7 * 86'400 * kBillion},
  };
  for (const Unit& u : kUnits) {
    if (text->substr(0, u.name.size()) == u.name) {
      text->remove_prefix(u.name.size());
      return u.nanos;
    }
  }
  return 0;
}

// "1.5h" at the front of `text`, taken off and added to `total`. What is below a nanosecond is cut.
bool take_amount(std::string_view* text, Wide* total) {
  constexpr Wide kPast = Wide{std::numeric_limits<std::int64_t>::max()} + 1;
  Wide whole = 0, fraction = 0, scale = 1;
  std::size_t digits = 0;
  for (; !text->empty() && is_digit(text->front()); text->remove_prefix(1), ++digits) {
    whole = whole * 10 + (text->front() - '0');
    if (whole > kPast) return false;
  }
  if (take(text, '.')) {
    for (; !text->empty() && is_digit(text->front()); text->remove_prefix(1), ++digits) {
      if (scale >= kBillion * kBillion) continue;  // past any effect
      fraction = fraction * 10 + (text->front() - '0');
      scale *= 10;
    }
  }
  const std::int64_t unit = take_unit(text);
  if (digits == 0 || unit == 0) return false;
  *total += whole * unit + fraction * unit / scale;
  return *total <= kPast;
}

bool parse_time_of_day(std::string_view* text, int* second_of_day, std::int32_t* nanos) {
  int hour = 0, minute = 0, second = 0;
  if (!take_digits(text, 2, &hour) || !take(text, ':') || !take_digits(text, 2, &minute) ||
      !take(text, ':') || !take_digits(text, 2, &second)) {
    return false;
  }
  if (hour > 23 || minute > 59 || second > 59) return false;
  *second_of_day = hour * 3600 + minute * 60 + second;
  return !take(text, '.') || take_fraction(text, nanos);
}

// "Z", "z" or "+hh:mm" to the end of the text.
bool parse_zone(std::string_view text, int* offset_seconds) {
  *offset_seconds = 0;
  if (text == "Z" || text == "z") return true;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return false;
  return parse_offset(text, offset_seconds);
}

}  // namespace

bool in_range(Timestamp t) {
  return t.seconds >= kTimestampSecondsMin && t.seconds <= kTimestampSecondsMax && t.nanos >= 0 &&
         t.nanos < kBillion;
}

bool in_range(Duration d) {
  if (d.nanos <= -kBillion || d.nanos >= kBillion) return false;
  if ((d.seconds > 0 && d.nanos < 0) || (d.seconds < 0 && d.nanos > 0)) return false;
  const Wide total = Wide{d.seconds} * kBillion + d.nanos;
  return total >= std::numeric_limits<std::int64_t>::min() &&
         total <= std::numeric_limits<std::int64_t>::max();
}

std::int64_t to_nanos(Duration d) {
  PAWL_CHECK(in_range(d));
  return static_cast<std::int64_t>(Wide{d.seconds} * kBillion + d.nanos);
}

Duration duration_of_nanos(std::int64_t nanos) {
  return {nanos / kBillion, static_cast<std::int32_t>(nanos % kBillion)};
}

bool add(Timestamp t, Duration d, Timestamp* out) {
  const Wide total = Wide{t.seconds} * kBillion + t.nanos + Wide{d.seconds} * kBillion + d.nanos;
  Wide seconds = total / kBillion, nanos = total % kBillion;
  if (nanos < 0) {
    nanos += kBillion;
    seconds -= 1;
  }
  if (seconds < kTimestampSecondsMin || seconds > kTimestampSecondsMax) return false;
  *out = {static_cast<std::int64_t>(seconds), static_cast<std::int32_t>(nanos)};
  return true;
}

bool subtract(Timestamp t, Duration d, Timestamp* out) {
  if (d.seconds == std::numeric_limits<std::int64_t>::min()) return false;
  return add(t, Duration{-d.seconds, -d.nanos}, out);
}

bool subtract(Timestamp a, Timestamp b, Duration* out) {
  const Wide total = Wide{a.seconds - b.seconds} * kBillion + (a.nanos - b.nanos);
  *out = {static_cast<std::int64_t>(total / kBillion), static_cast<std::int32_t>(total % kBillion)};
  return in_range(*out);
}

bool add(Duration a, Duration b, Duration* out) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(to_nanos(a), to_nanos(b), &sum)) return false;
  *out = duration_of_nanos(sum);
  return true;
}

bool subtract(Duration a, Duration b, Duration* out) {
  std::int64_t difference = 0;
  if (__builtin_sub_overflow(to_nanos(a), to_nanos(b), &difference)) return false;
  *out = duration_of_nanos(difference);
  return true;
}

// Years begin in March here, so that the leap day is the last of its year and every month's first
// day is a linear function of the month, rounded down.
std::int64_t days_of(std::int64_t year, int month, int day) {
  const std::int64_t y = month <= 2 ? year - 1 : year;
  const std::int64_t m = month <= 2 ? month + 9 : month - 3;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const std::int64_t year_of_era = y - era * 400;
  const std::int64_t day_of_year = (153 * m + 2) / 5 + day - 1;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;  // 0000-03-01 is 719468 days before the epoch
}

Civil civil_of(Timestamp t, int offset_seconds) {
  const std::int64_t local = t.seconds + offset_seconds;
  std::int64_t days = local / 86'400, rest = local % 86'400;
  if (rest < 0) {
    rest += 86'400;
    days -= 1;
  }
  const std::int64_t z = days + 719'468;
  const std::int64_t era = (z >= 0 ? z : z - 146'096) / 146'097;
  const std::int64_t day_of_era = z - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t march_day =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t m = (5 * march_day + 2) / 153;
  Civil c;
  c.day = static_cast<int>(march_day - (153 * m + 2) / 5 + 1);
  c.month = static_cast<int>(m < 10 ? m + 3 : m - 9);
  c.year = year_of_era + era * 400 + (c.month <= 2 ? 1 : 0);
  c.day_of_year = static_cast<int>(days - days_of(c.year, 1, 1)) + 1;
  c.day_of_week = static_cast<int>(((days + 4) % 7 + 7) % 7);  // 1970-01-01 was a Thursday
  c.hour = static_cast<int>(rest / 3600);
  c.minute = static_cast<int>(rest / 60 % 60);
  c.second = static_cast<int>(rest % 60);
  return c;
}

bool parse_offset(std::string_view text, int* seconds) {
  if (text == "UTC" || text == "Z") {
    *seconds = 0;
    return true;
  }
  const bool west = take(&text, '-');
  if (!west) take(&text, '+');
  int hours = 0, minutes = 0;
  if (!take_digits(&text, text.size() == 4 ? 1 : 2, &hours) || !take(&text, ':') ||
      !take_digits(&text, 2, &minutes) || !text.empty() || hours > 23 || minutes > 59) {
    return false;
  }
  *seconds = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
  return true;
}

bool parse_duration(std::string_view text, Duration* out) {
  const bool negative = take(&text, '-');
  if (!negative) take(&text, '+');
  if (text == "0") {
    *out = {};
    return true;
  }
  if (text.empty()) return false;
  Wide total = 0;
  while (!text.empty()) {
    if (!take_amount(&text, &total)) return false;
  }
  if (negative) total = -total;
  if (total > std::numeric_limits<std::int64_t>::max()) return false;
  *out = duration_of_nanos(static_cast<std::int64_t>(total));
  return true;
}

std::string to_string(Duration duration) {
  std::string out;
  if (duration.seconds < 0 || duration.nanos < 0) out.push_back('-');
  const std::int64_t seconds = duration.seconds;
  // Negated as unsigned: the lowest int64 has no positive counterpart.
  out += std::to_string(seconds < 0 ? ~static_cast<std::uint64_t>(seconds) + 1
                                    : static_cast<std::uint64_t>(seconds));
  append_fraction(&out, duration.nanos < 0 ? -std::int64_t{duration.nanos} : duration.nanos);
  out.push_back('s');
  return out;
}

bool parse_timestamp(std::string_view text, Timestamp* out) {
  int year = 0, month = 0, day = 0, second_of_day = 0, offset = 0;
  std::int32_t nanos = 0;
  if (!take_digits(&text, 4, &year) || !take(&text, '-') || !take_digits(&text, 2, &month) ||
      !take(&text, '-') || !take_digits(&text, 2, &day)) {
    return false;
  }
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
    return false;
  if (!take(&text, 'T') && !take(&text, 't')) return false;
  if (!parse_time_of_day(&text, &second_of_day, &nanos) || !parse_zone(text, &offset)) return false;
  const Timestamp t{days_of(year, month, day) * 86'400 + second_of_day - offset, nanos};
  if (!in_range(t)) return false;
  *out = t;
  return true;
}

std::string to_string(Timestamp timestamp) {
  const Civil c = civil_of(timestamp, 0);
  std::string out;
  append_padded(&out, c.year, 4);
  for (const auto& [separator, x] :
       {std::pair{'-', c.month}, std::pair{'-', c.day}, std::pair{'T', c.hour},
        std::pair{':', c.minute}, std::pair{':', c.second}}) {
    out.push_back(separator);
    append_padded(&out, x, 2);
  }
  append_fraction(&out, timestamp.nanos);
  out.push_back('Z');
  return out;
}

}  // namespace pawl::dsl
