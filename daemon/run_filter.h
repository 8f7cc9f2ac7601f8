// Lists of runs: which are wanted, in what order, and where a page ends.
//
// Order: newest start first, over all groups; ties by uid. A position is that order's key, so a
// page goes on where the last ended whatever was started or closed meanwhile: no run that exists
// throughout the paging is missed or repeated.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/call.h"
#include "engine/run.h"
#include "node/node.h"

namespace pawl::daemon {

struct RunPosition {
  TimeMs started_at;
  RunUid uid;
  friend auto operator<=>(const RunPosition&, const RunPosition&) = default;

  static RunPosition of(const engine::Run& run) { return {run.started_at, run.uid()}; }
  std::string text() const;
  static bool parse(std::string_view text, RunPosition* out);
};

// Goes through the runs of all groups, newest start first, beginning after a position.
class RunWalk {
 public:
  RunWalk(const node::Node& node, const std::optional<RunPosition>& after);
  // Null at the end.
  const engine::Run* next();

 private:
  using Runs = absl::btree_map<Index, std::shared_ptr<engine::Run>>;
  struct Part {
    const Runs* runs;
    Runs::const_iterator next;  // one past the run to be given out
  };
  std::vector<Part> parts_;
};

// A run's status, "open" or "closed".
bool is_status(std::string_view text);

struct RunFilter {
  std::optional<std::string> workflow, status, state, id_prefix;
  std::optional<TimeMs> started_after, started_before, closed_after, closed_before;
  std::vector<std::pair<std::string, std::string>> tags;

  // False if a parameter is malformed; `query` says which.
  bool read(const Call& call, QueryReader& query);
  bool matches(const engine::Run& run) const;
};

}  // namespace pawl::daemon
