// The bounds of one decision of a run (engine/decide.h), beside those of its bytes and its
// expressions in limits.h.
#pragma once

#include <cstddef>

namespace pawl::limits {

// Events. Past it a state that is entered does no more (sys.loop).
inline constexpr std::size_t kDecisionEventsMax = 8'000;

}  // namespace pawl::limits
