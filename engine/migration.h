// What a run becomes by another version of its workflow. Every part of it that is under way must
// find its place there, or a sentence says why it does not:
//
//   states     by their names, or by what [migrate.state] says; the verb must be of the same kind,
//              unless it is still to be done (an incident of the entry or of the verb itself)
//   machines   within states: the same branches, flows by what the new state runs
//   tasks      open ones stay as they were scheduled; what is to become of their outcome must be
//              said by a task of the same type in the same place
//   undos      recorded ones stay as they are; likewise
//   timers     those that wait as long as before keep their time; others count from the entry of
//              the state, or from the run's start; those that are no more are gone
//   variables  stay, and must fit their new types; input and waiting signals likewise
//
// Pure; decide_migrate.cc makes an event of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dsl/definition.h"
#include "engine/event_checkpoint.h"
#include "engine/run.h"

namespace pawl::engine {

struct Migration {
  CheckpointParts parts;             // of the next generation, if there are no reasons
  std::vector<std::string> reasons;  // why it can't be moved: all that were found
};

// `from` is what the run goes by, `to` what it is to go by from `now` on, as `version`.
Migration migrate(const Run& run, const dsl::Definition& from, const dsl::Definition& to,
                  std::uint32_t version, TimeMs now);

// Whether [migrate] of `to` takes runs of this version: by its revision or its hash.
bool takes_runs_of(const dsl::Definition& to, const dsl::Definition& from, const Digest& stored);

}  // namespace pawl::engine
