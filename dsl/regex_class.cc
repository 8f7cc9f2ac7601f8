#include "dsl/regex_class.h"

#include <algorithm>

namespace pawl::dsl {
namespace {

constexpr std::uint32_t kRuneMax = 0x10'ffff;

struct Named {
  std::string_view name;
  std::string_view pairs;  // first and last of each range
};

// ASCII, as in RE2.
constexpr Named kPosix[] = {
    {"alnum", "09AZaz"}, {"alpha", "AZaz"}, {"blank", "\t\t  "},  {"digit", "09"},
    {"graph", "!~"},     {"lower", "az"},   {"print", " ~"},      {"punct", "!/:@[`{~"},
    {"space", "\t\r  "}, {"upper", "AZ"},   {"word", "09AZaz__"}, {"xdigit", "09AFaf"},
};

void append_pairs(std::string_view pairs, Regex::Ranges* out) {
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    out->emplace_back(static_cast<unsigned char>(pairs[i]),
                      static_cast<unsigned char>(pairs[i + 1]));
  }
}

}  // namespace

void normalise(Regex::Ranges* ranges) {
  std::sort(ranges->begin(), ranges->end());
  Regex::Ranges joined;
  for (const auto& [first, last] : *ranges) {
    if (!joined.empty() && first <= joined.back().second + 1) {
      joined.back().second = std::max(joined.back().second, last);
    } else {
      joined.emplace_back(first, last);
    }
  }
  *ranges = std::move(joined);
}

Regex::Ranges complement(Regex::Ranges ranges) {
  normalise(&ranges);
  Regex::Ranges out;
  std::uint32_t next = 0;
  for (const auto& [first, last] : ranges) {
    if (first > next) out.emplace_back(next, first - 1);
    next = last + 1;
  }
  if (next <= kRuneMax) out.emplace_back(next, kRuneMax);
  return out;
}

void fold_ascii_case(Regex::Ranges* ranges) {
  const std::size_t n = ranges->size();
  const auto add_shifted = [&](std::size_t i, std::uint32_t low, std::uint32_t high, int shift) {
    const std::uint32_t first = std::max((*ranges)[i].first, low);
    const std::uint32_t last = std::min((*ranges)[i].second, high);
    if (first <= last) {
      ranges->emplace_back(static_cast<std::uint32_t>(static_cast<int>(first) + shift),
                           static_cast<std::uint32_t>(static_cast<int>(last) + shift));
    }
  };
  for (std::size_t i = 0; i < n; ++i) {
    add_shifted(i, 'A', 'Z', 'a' - 'A');
    add_shifted(i, 'a', 'z', 'A' - 'a');
  }
  normalise(ranges);
}

bool append_perl_class(char letter, Regex::Ranges* out) {
  Regex::Ranges ranges;
  switch (letter) {
    case 'd':
    case 'D':
      append_pairs("09", &ranges);
      break;
    case 's':
    case 'S':
      append_pairs("\t\n\f\r  ", &ranges);
      break;
    case 'w':
    case 'W':
      append_pairs("09AZaz__", &ranges);
      break;
    default:
      return false;
  }
  if (letter < 'a') ranges = complement(std::move(ranges));
  out->insert(out->end(), ranges.begin(), ranges.end());
  return true;
}

bool append_posix_class(std::string_view name, Regex::Ranges* out) {
  const bool negated = !name.empty() && name.front() == '^';
  if (negated) name.remove_prefix(1);
  for (const Named& known : kPosix) {
    if (known.name != name) continue;
    Regex::Ranges ranges;
    append_pairs(known.pairs, &ranges);
    if (negated) ranges = complement(std::move(ranges));
    out->insert(out->end(), ranges.begin(), ranges.end());
    return true;
  }
  return false;
}

bool contains(const Regex::Ranges& ranges, std::uint32_t rune) {
  if (ranges.size() == 1) return rune >= ranges[0].first && rune <= ranges[0].second;
  const auto it =
      std::upper_bound(ranges.begin(), ranges.end(), rune,
                       [](std::uint32_t r, const auto& range) { return r < range.first; });
  return it != ranges.begin() && rune <= std::prev(it)->second;
}

}  // namespace pawl::dsl
