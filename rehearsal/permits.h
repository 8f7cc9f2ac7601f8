// The limits of a run in a test (engine/permit.h), as the cluster would keep them: its own tasks
// wait for one another, and for the windows of rates. Nobody else holds a permit.
#pragma once

#include <optional>

#include "engine/limit_rows.h"
#include "rehearsal/virtual_run.h"

namespace pawl::rehearsal {

class Permits {
 public:
  // `run` must outlive this.
  explicit Permits(VirtualRun* run) : run_(run) {}

  // Answers what is due now; false if there was nothing.
  bool work();
  // When the next permit is due by itself.
  std::optional<TimeMs> next_grant() const;

 private:
  VirtualRun* run_;
  engine::LimitRows rows_;
};

}  // namespace pawl::rehearsal
