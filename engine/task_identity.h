// What a task is by its place: the definition's part that a step carries out, and the key that
// stays the same for every attempt of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dsl/definition.h"
#include "engine/run.h"

namespace pawl::engine {

// Where a branch with a task stands: part of the task's identity.
struct HandlerPlace {
  std::string state;    // its place in the definition; "" of the root's own handlers
  std::string handler;  // "on.approval", "after.0", "root.every.1"
};

// The task a step runs, or null if the definition has no such place.
const dsl::TaskSpec* find_task_spec(const dsl::Definition& definition, const Step& step);

// What names a machine within a run for good: its path, with the visit of each state on it. "" of
// the root.
std::string key_path(const Run& run, std::uint32_t frame);
// hash(run uid, path, state, visit, do or undo): the same for every attempt, whoever asks.
std::string idempotency_key(const Run& run, std::uint32_t frame, const HandlerPlace& place,
                            std::uint32_t firing, std::string_view what);

}  // namespace pawl::engine
