// Which runs are wanted: of a list of runs, or of a batch (batch.h). All that is given must hold.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "engine/packed_run.h"
#include "engine/run.h"

namespace pawl::engine {

// A run's status, "open" or "closed".
bool is_status_filter(std::string_view text);

struct RunFilter {
  // The workflow and the prefix as they are kept (namespace.h).
  std::optional<std::string> workflow, status, state, id_prefix;
  std::optional<TimeMs> started_after, started_before, closed_after, closed_before;
  std::vector<std::pair<std::string, std::string>> tags;

  // Whose runs fit: of the namespace that the prefix is of.
  std::string_view name_space() const;
  // Nothing is given: all runs of `default` fit.
  bool empty() const { return *this == RunFilter{}; }
  // All but the id and the tags.
  bool fits(const RunSummary& run) const;
  // The id and the tags.
  bool matches(const Run& run) const;
  friend bool operator==(const RunFilter&, const RunFilter&) = default;
};

}  // namespace pawl::engine
