#include "dsl/cron.h"

#include <algorithm>
#include <array>
#include <bit>

#include "dsl/time_text.h"
#include "dsl/zone.h"

namespace pawl::dsl {
namespace {

constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 86'400;
// 29 February of one weekday, over a turn of a century, is what comes most rarely: after 40 years.
constexpr int kYearsMax = 41;
// A clock is never turned by more (lines that islands cross: a day).
constexpr std::int64_t kShiftMax = 26 * kHour;

struct Field {
  std::string_view name;
  int min, max;
  std::string_view names;  // of three letters each, the first is `names_from`
  int names_from;
};

constexpr std::array<Field, 5> kFields = {{
    {"minute", 0, 59, "", 0},
    {"hour", 0, 23, "", 0},
    {"day of the month", 1, 31, "", 0},
    {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec", 1},
    {"day of the week", 0, 7, "sunmontuewedthufrisat", 0},
}};

constexpr std::pair<std::string_view, std::string_view> kMacros[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

// One field after the other; the text between is where messages point.
class CronParser {
 public:
  CronParser(std::string_view text, CronError* error) : text_(text), error_(error) {}

  bool run(Cron* out) {
    std::array<std::uint64_t, 5> sets{};
    std::array<bool, 5> any{};
    for (std::size_t i = 0; i < kFields.size(); ++i) {
      skip_blanks();
      if (at_ == text_.size()) {
        return fail(0, text_.size(),
                    "a cron expression has five fields, this one has " + std::to_string(i),
                    "minute, hour, day of the month, month, day of the week: \"30 4 * * MON\"");
      }
      any[i] = text_[at_] == '*';
      if (!field(kFields[i], &sets[i])) return false;
    }
    skip_blanks();
    if (at_ != text_.size()) {
      return fail(at_, text_.size() - at_, "a cron expression has five fields, this one has more",
                  "there are no seconds and no years");
    }
    out->minutes = sets[0];
    out->hours = static_cast<std::uint32_t>(sets[1]);
    out->days = static_cast<std::uint32_t>(sets[2]);
    out->months = static_cast<std::uint16_t>(sets[3]);
    out->weekdays = static_cast<std::uint8_t>((sets[4] | sets[4] >> 7) & 0x7f);
    out->any_day = any[2];
    out->any_weekday = any[4];
    return ever_comes(*out) || fail(0, text_.size(), "this date never comes",
                                    "none of these months has one of these days");
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  bool accept(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool fail(std::size_t offset, std::size_t length, std::string message, std::string hint) {
    *error_ = {offset, std::max<std::size_t>(length, 1), std::move(message), std::move(hint)};
    return false;
  }
  static std::string range_text(const Field& field) {
    return std::to_string(field.min) + " to " + std::to_string(field.max) +
           (field.names.empty() ? "" : ", or a name of three letters");
  }

  bool field(const Field& field, std::uint64_t* set) {
    do {
      if (!part(field, set)) return false;
    } while (accept(','));
    if (at_ == text_.size() || is_blank(text_[at_])) return true;
    return wrong_value(field, at_);
  }

  bool part(const Field& field, std::uint64_t* set) {
    const std::size_t start = at_;
    int first = field.min, last = field.max;
    bool range = accept('*');
    // 7 is Sunday once more, and `*` has it once.
    if (range && field.max == 7) last = 6;
    if (!range) {
      if (!value(field, &first)) return false;
      last = first;
      if (accept('-')) {
        range = true;
        if (!value(field, &last)) return false;
        // A week may end with Sunday.
        if (field.max == 7 && last == 0 && first > 0) last = 7;
      }
    }
    if (last < first) {
      return fail(start, at_ - start, "this range runs backwards",
                  "make two of it, with a comma between them");
    }
    int step = 1;
    const std::size_t slash = at_;
    if (accept('/')) {
      if (!range) {
        return fail(start, at_ - start, "a step needs a range",
                    "write " + std::to_string(first) + "-" + std::to_string(field.max) + "/...");
      }
      if (!number(&step) || step < 1 || step > field.max) {
        return fail(slash, at_ - slash, "a step is a number from 1 to " + std::to_string(field.max),
                    "");
      }
    }
    for (int i = first; i <= last; i += step) *set |= std::uint64_t{1} << i;
    return true;
  }

  bool number(int* out) {
    const std::size_t start = at_;
    *out = 0;
    while (at_ < text_.size() && is_digit(text_[at_])) {
      *out = std::min(*out * 10 + (text_[at_++] - '0'), 1000);
    }
    return at_ > start;
  }

  bool value(const Field& field, int* out) {
    const std::size_t start = at_;
    if (number(out)) {
      return (*out >= field.min && *out <= field.max) || wrong_value(field, start);
    }
    std::string word;
    for (std::size_t i = at_; i < text_.size() && is_letter(text_[i]); ++i) word += lower(text_[i]);
    const std::size_t found = word.size() == 3 ? field.names.find(word) : std::string_view::npos;
    if (found == std::string_view::npos || found % 3 != 0) return wrong_value(field, start);
    at_ += word.size();
    *out = field.names_from + static_cast<int>(found / 3);
    return true;
  }

  bool wrong_value(const Field& field, std::size_t start) {
    std::size_t end = start;
    while (end < text_.size() && !is_blank(text_[end]) && text_[end] != ',') ++end;
    std::string message = "the " + std::string(field.name) + " is " + range_text(field);
    return fail(start, end - start, std::move(message),
                "lists, ranges and steps: 1,15  MON-FRI  */10; there is no ?, L, W or #");
  }

  static bool ever_comes(const Cron& cron) {
    if (!cron.any_day && !cron.any_weekday) return true;  // a weekday comes in any month
    constexpr int kDays[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (int month = 1; month <= 12; ++month) {
      const std::uint64_t days = (std::uint64_t{2} << kDays[month - 1]) - 1;
      if ((cron.months >> month & 1) != 0 && (cron.days & days) != 0) return true;
    }
    return false;
  }

  std::string_view text_;
  CronError* error_;
  std::size_t at_ = 0;
};

// --- on the clock's face: seconds since 1970 as if the zone were UTC ---

bool is_day(const Cron& cron, const Civil& date) {
  if ((cron.months >> date.month & 1) == 0) return false;
  const bool day = (cron.days >> date.day & 1) != 0;
  const bool weekday = (cron.weekdays >> date.day_of_week & 1) != 0;
  return cron.any_day || cron.any_weekday ? day && weekday : day || weekday;
}

// The lowest bit of `set` from `from` on, or -1.
int next_bit(std::uint64_t set, int from) {
  const std::uint64_t rest = from > 63 ? 0 : set >> from << from;
  return rest == 0 ? -1 : std::countr_zero(rest);
}

std::int64_t floor_to(std::int64_t x, std::int64_t unit) { return x - ((x % unit) + unit) % unit; }

// The first time from `wall` on that the fields match.
std::optional<std::int64_t> next_wall(const Cron& cron, std::int64_t wall) {
  wall = floor_to(wall + kMinute - 1, kMinute);
  const std::int64_t first_day = floor_to(wall, kDay);
  for (std::int64_t day = first_day; day < first_day + kYearsMax * 366 * kDay; day += kDay) {
    if (day > kTimestampSecondsMax) return std::nullopt;
    const Civil date = civil_of({day, 0}, 0);
    if (!is_day(cron, date)) continue;
    int hour = day == first_day ? static_cast<int>((wall - day) / kHour) : 0;
    int minute = day == first_day ? static_cast<int>((wall - day) % kHour / kMinute) : 0;
    for (hour = next_bit(cron.hours, hour); hour >= 0; hour = next_bit(cron.hours, hour + 1)) {
      const bool same = day == first_day && hour == (wall - day) / kHour;
      minute = next_bit(cron.minutes, same ? minute : 0);
      if (minute >= 0) return day + hour * kHour + minute * kMinute;
      minute = 0;
    }
  }
  return std::nullopt;
}

// --- between the clock's face and moments ---

class Clock {
 public:
  explicit Clock(std::string_view zone) : zone_(zone) {}

  bool known() const {
    int offset = 0;
    return zone_offset(zone_, 0, &offset);
  }
  std::int64_t offset(std::int64_t moment) const {
    int offset = 0;
    zone_offset(zone_, moment, &offset);
    return offset;
  }
  // The first moment in (from, to] with another offset than `from`; they are not further apart
  // than that there can be one change between them, and there is one.
  std::int64_t change(std::int64_t from, std::int64_t to) const {
    const std::int64_t before = offset(from);
    while (to - from > 1) {
      const std::int64_t middle = from + (to - from) / 2;
      (offset(middle) == before ? from : to) = middle;
    }
    return to;
  }
  // When the clocks show `wall` first; in a gap the first moment after it.
  std::int64_t moment(std::int64_t wall) const {
    const std::int64_t low = wall - kShiftMax, high = wall + kShiftMax;
    const std::int64_t before = offset(low), after = offset(high);
    if (offset(wall - before) == before) return wall - before;
    if (offset(wall - after) == after) return wall - after;
    return change(low, high);
  }

 private:
  std::string_view zone_;
};

// Every hour: whenever the clocks show it. One stretch of the same offset after the other.
std::optional<std::int64_t> next_of_every_hour(const Cron& cron, const Clock& clock,
                                               std::int64_t from) {
  for (;;) {
    const std::int64_t offset = clock.offset(from);
    const std::optional<std::int64_t> wall = next_wall(cron, from + offset);
    if (!wall) return std::nullopt;
    const std::int64_t moment = *wall - offset;
    std::int64_t day = from;
    while (day < moment && clock.offset(std::min(day + kDay, moment)) == offset) day += kDay;
    if (day >= moment) return moment;
    from = clock.change(day, std::min(day + kDay, moment));
  }
}

// Some hours: each time on the clock once. Where the clocks change nearby, those that could still
// come are looked at from before the change on.
std::optional<std::int64_t> next_of_some_hours(const Cron& cron, const Clock& clock,
                                               std::int64_t after) {
  const std::int64_t offset = clock.offset(after);
  const bool quiet = clock.offset(after - 2 * kShiftMax) == offset &&
                     clock.offset(after + 2 * kShiftMax) == offset;
  std::int64_t wall = after + offset + (quiet ? 1 : -kShiftMax);
  for (;;) {
    const std::optional<std::int64_t> next = next_wall(cron, wall);
    if (!next) return std::nullopt;
    const std::int64_t moment = clock.moment(*next);
    if (moment > after) return moment;
    wall = *next + 1;
  }
}

}  // namespace

bool parse_cron(std::string_view text, Cron* out, CronError* error) {
  const std::size_t first = std::min(text.find_first_not_of(" \t"), text.size());
  const std::string_view word = text.substr(first, text.find_last_not_of(" \t") + 1 - first);
  if (!word.starts_with('@')) return CronParser(text, error).run(out);
  for (const auto& [name, meaning] : kMacros) {
    if (word == name) return CronParser(meaning, error).run(out);
  }
  *error = {first, word.size(), "there is no such name for a cron expression",
            "@yearly @annually @monthly @weekly @daily @midnight @hourly; an interval is `every`"};
  return false;
}

std::optional<std::int64_t> next_firing(const Cron& cron, std::string_view zone,
                                        std::int64_t after) {
  const Clock clock(zone);
  if (!clock.known()) return std::nullopt;
  return cron.every_hour() ? next_of_every_hour(cron, clock, after + 1)
                           : next_of_some_hours(cron, clock, after);
}

std::int64_t next_interval(std::int64_t every, std::int64_t after) {
  return floor_to(after, every) + every;
}

}  // namespace pawl::dsl
