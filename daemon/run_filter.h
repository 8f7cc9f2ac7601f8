// Lists of runs: which are wanted, in what order, and where a page ends.
//
// Order: newest start first, over all groups; ties by uid. A position is that order's key, so a
// page goes on where the last ended whatever was started or closed meanwhile: no run that exists
// throughout the paging is missed or repeated.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/call.h"
#include "engine/run.h"
#include "engine/run_filter.h"
#include "node/node.h"

namespace pawl::daemon {

struct RunPosition {
  TimeMs started_at;
  RunUid uid;
  friend auto operator<=>(const RunPosition&, const RunPosition&) = default;

  std::string text() const;
  static bool parse(std::string_view text, RunPosition* out);
};

// Goes through the runs of all groups, newest start first, beginning after a position. Runs that
// rest are not woken.
class RunWalk {
 public:
  RunWalk(const node::Node& node, const std::optional<RunPosition>& after);
  // Goes to the next run, or the first; false at the end.
  bool next();
  const engine::RunSummary& summary() const { return at_->summary; }
  RunPosition position() const { return {at_->summary.started_at, {at_->group, at_->run}}; }
  // The run itself; made of what is kept if it rests.
  std::shared_ptr<const engine::Run> run() const;

 private:
  struct Part {
    GroupId group;
    const engine::RunStore* runs;
    Index run;  // to be given out, or being so; 0: no more
    engine::RunSummary summary;
    engine::KeptRun kept;
  };
  void go(Part* part, Index before);

  std::vector<Part> parts_;
  Part* at_ = nullptr;
};

// A list's parameters as a filter.
struct RunFilter : engine::RunFilter {
  // False if a parameter is malformed; `query` says which.
  bool read(const Call& call, QueryReader& query);
};

}  // namespace pawl::daemon
