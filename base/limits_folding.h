// The bounds of what is evaluated when an expression is compiled (dsl/fold.cc).
#pragma once

#include <cstddef>
#include <cstdint>

namespace pawl::limits {

inline constexpr std::int64_t kFoldingCostMax = 2'000;    // steps, of one expression
inline constexpr std::size_t kFoldedBytesMax = 2 * 1024;  // of a part that becomes a constant

}  // namespace pawl::limits
