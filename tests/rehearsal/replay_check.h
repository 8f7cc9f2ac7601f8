// A history that the engine has just made is decided the same when it is decided again.
#pragma once

#include <memory>
#include <vector>

#include "dsl/definition.h"
#include "rehearsal/replay.h"
#include "rehearsal/virtual_run.h"

namespace pawl::rehearsal {

// As the API would show it, read again.
Recording record(const std::vector<HistoryEvent>& history,
                 std::shared_ptr<const dsl::Definition> original = nullptr);

// Requires that a replay by its own definition finds all of it the same. What comes behind deleted
// data is left out.
void check_replay(std::vector<HistoryEvent> history,
                  std::shared_ptr<const dsl::Definition> definition);

}  // namespace pawl::rehearsal
