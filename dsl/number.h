// Numbers of different kinds side by side, and doubles as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dsl/value.h"

namespace pawl::dsl {

enum class Ordering : std::uint8_t { less, equal, greater, unordered /* a NaN, or no number */ };

inline bool is_number(Kind kind) {
  return kind == Kind::int64 || kind == Kind::uint64 || kind == Kind::float64;
}

// As CEL's == and < do: next to a double an int or uint in its range is rounded to a double first
// (the conformance suite's "lossy" comparisons), so this is no total order past 2^53.
Ordering compare_numbers(const Value& a, const Value& b);

// By mathematical value, neither side rounded: for keys of maps, sorting and bounds.
Ordering compare_exactly(const Value& a, const Value& b);

// The shortest decimal text that reads back as the same double; "NaN", "Infinity", "-Infinity".
std::string format_double(double x);

// All of `text` as a decimal floating-point number ("1.5", "-84.32e7", "Infinity", "nan"); false
// otherwise.
bool parse_double(std::string_view text, double* out);

}  // namespace pawl::dsl
