// What lists and indexes need of a run, read off its bytes (run.h, encode_run) without making it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "base/ids.h"
#include "engine/event_parts.h"
#include "engine/run_parts.h"

namespace pawl::engine {

// The views are into the bytes.
struct RunGlance {
  std::string_view id, workflow, state;
  std::uint32_t version = 0;
  RunUid uid;
  RunStatus status = RunStatus::scheduled;
  TimeMs started_at, updated_at;
  std::optional<TimeMs> closed_at;
  absl::InlinedVector<Timer, 2> timers;
  Index last_entry, first_entry;
  std::uint64_t state_bytes = 0;
  std::vector<Generation> older;
  bool has_steps = false, has_incidents = false, has_tree = false;

  bool closed() const { return is_closed(status); }
};

// False if they are not those of a run; that they are well formed is not the same as that the run
// keeps its rules (run_problem).
bool glance_at(std::string_view run_bytes, RunGlance* glance);

}  // namespace pawl::engine
