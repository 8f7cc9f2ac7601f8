#include "dsl/zone.h"

#include <iterator>

#include "dsl/time_text.h"

namespace pawl::dsl {
namespace {

// The moment each year when clocks change: on the `week`th `weekday` (0 is Sunday; week 5 is the
// last) of a month, so many seconds after its midnight (as in POSIX's TZ, it may be before it or
// days later).
struct Change {
  int month, week, weekday, seconds;
};

// What holds from a zone's last transition on. Without summer time both offsets are the same.
struct Rule {
  int standard, summer;  // seconds east of UTC
  Change begin, end;     // of summer, the first in standard time and the second in summer time
};

// Words from `first` to the next zone's: the offset in 1970 in half minutes, then for each
// transition
//   back << 15 | quarters of an hour since the one before (the first: since 1970)
//   if that is 0: seconds, in two words, the high one first
//   if not `back`: the new offset in half minutes; `back` is the return to the offset before the
//   last
struct Zone {
  std::uint16_t first;
  std::uint8_t rule;
};

// kNames, kNameAt and kZoneOfName (sorted by name), kRules, kZones (and an end), kWords.
#include "dsl/zone_table.inc"

constexpr unsigned kBack = 0x8000;
constexpr int kQuarter = 900;
constexpr int kHalfMinute = 30;

// The number of a zone, or -1.
int find_zone(std::string_view name) {
  std::size_t low = 0, high = std::size(kNameAt);
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    const std::string_view there(kNames + kNameAt[middle]);
    if (there == name) return kZoneOfName[middle];
    if (there < name)
      low = middle + 1;
    else
      high = middle;
  }
  return -1;
}

std::int64_t moment_of(const Change& change, std::int64_t year) {
  const std::int64_t first = days_of(year, change.month, 1);
  const std::int64_t next = change.month == 12 ? first + 31 : days_of(year, change.month + 1, 1);
  const std::int64_t weekday = ((first + 4) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
  std::int64_t day = first + (change.weekday - weekday + 7) % 7 + 7 * (change.week - 1);
  while (day >= next) day -= 7;
  return day * 86'400 + change.seconds;
}

int offset_by_rule(const Rule& rule, std::int64_t moment) {
  if (rule.standard == rule.summer) return rule.standard;
  const std::int64_t year = civil_of({moment, 0}, 0).year;
  const std::int64_t begin = moment_of(rule.begin, year) - rule.standard;
  const std::int64_t end = moment_of(rule.end, year) - rule.summer;
  // In the south summer goes over the turn of the year.
  const bool summer =
      begin < end ? moment >= begin && moment < end : moment >= begin || moment < end;
  return summer ? rule.summer : rule.standard;
}

int offset_of_word(std::uint16_t word) { return static_cast<std::int16_t>(word) * kHalfMinute; }

}  // namespace

std::vector<std::string> zone_names() {
  std::vector<std::string> out;
  for (const auto at : kNameAt) out.emplace_back(kNames + at);
  return out;
}

bool zone_offset(std::string_view name, std::int64_t moment, int* offset) {
  const int number = find_zone(name);
  if (number < 0) return false;
  const Zone& zone = kZones[number];
  const std::uint16_t* word = kWords + zone.first;
  const std::uint16_t* end = kWords + kZones[number + 1].first;
  int before_last = offset_of_word(*word++);
  *offset = before_last;
  std::int64_t at = 0;
  while (word != end) {
    const unsigned head = *word++;
    const bool back = (head & kBack) != 0;
    std::int64_t delta = std::int64_t{head & (kBack - 1)} * kQuarter;
    if (delta == 0) {
      delta = std::int64_t{word[0]} << 16 | word[1];
      word += 2;
    }
    const int next = back ? before_last : offset_of_word(*word++);
    at += delta;
    if (moment < at) return true;
    before_last = *offset;
    *offset = next;
  }
  // A zone without a transition since 1970 has its rule from the beginning.
  if (moment >= at) *offset = offset_by_rule(kRules[zone.rule], moment);
  return true;
}

}  // namespace pawl::dsl
