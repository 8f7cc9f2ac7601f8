// Runs whose payloads are not in memory. A cold run keeps everything but the values of its large
// payloads: their lengths and digests stay, so events fold into it, hashes chain and snapshots are
// written without them; the values lie in the journal, which is the history. Before a cold run is
// decided on or shown, it is loaded: its history is folded again, and must give the same hash.
//
//   resident --(unload)--> cold --(history folded, hashes equal)--> resident
//
// Which runs are cold is each box's own affair: no event, no snapshot and no hash depends on it.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/run.h"

namespace pawl::engine {

// A closed run with at least this many bytes of payloads becomes cold once its end has been
// answered.
inline constexpr std::uint64_t kColdBytesMin = 4096;

// Some payload's value is not in memory.
bool is_cold(const Run& run);

// The run without the values of its input, variables and output.
std::shared_ptr<Run> without_values(const Run& run);

// `loaded` is `known` with its values: what a loaded run must be to take the place of a cold one.
bool is_same_run(const Run& known, const Run& loaded);

}  // namespace pawl::engine
