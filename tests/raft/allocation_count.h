// Counts what this program allocates. A file of its own, so that the compiler cannot inline one
// half of a new and delete pair and mistake the other for a mismatch.
#pragma once

#include <cstdint>

namespace pawl::raft {

// Calls of operator new so far.
std::uint64_t allocation_count();

}  // namespace pawl::raft
