// Permits of tasks with limits, as decided (permit.h):
//
//   limited --granted, one after the other--> queued
//   spare ----the limit's group knows-------> gone
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/limits_permits.h"
#include "engine/decider.h"
#include "engine/namespace.h"

namespace pawl::engine {

// In the order of the limits' names. Their keys are what they are when the task is scheduled, for
// all its attempts.
bool Decider::plan_limits(const dsl::TaskSpec& spec, const EvalScope& s,
                          std::vector<TaskLimit>* planned, Error* error) {
  if (spec.limits.empty()) return true;
  const EvalScope of_root(*run_, 0, context_.now);
  const EvalScope& root = at_ == 0 ? s : of_root;  // with what a handler is about to save
  std::size_t bytes = 0;
  for (const std::string& name : spec.limits) {
    const dsl::LimitSpec* limit = definition().limit(name);
    PAWL_CHECK(limit != nullptr);
    TaskLimit& one = planned->emplace_back();
    one.limit = qualified_like(run_->workflow(), name);
    one.concurrency = limit->concurrency;
    one.rate = limit->rate;
    one.window_ms = limit->window_ms;
    const std::string where = absl::StrCat("limit.", name, ".key");
    if (limit->key && !evaluate_string(*limit->key, root, where, &budget_, &one.key, error)) {
      return false;
    }
    if (one.key.size() > limits::kLimitKeyBytesMax) {
      *error = expression_error(where, limit->key->line, "is too long");
      return false;
    }
    bytes += permit_bytes(one.limit, one.key);
  }
  if (permit_bytes(*run_->tree->permits) + bytes > limits::kRunPermitBytesMax) {
    *error = {"sys.too_big",
              absl::StrCat("what the run has of permits would take more than ",
                           limits::kRunPermitBytesMax, " bytes"),
              {}};
    return false;
  }
  return true;
}

void Decider::apply(const TakePermit& command) {
  const LimitedTask* task = task_of_permit(*run_->tree->permits, command.permit);
  const std::uint32_t next = task == nullptr ? 0 : task->first + task->granted;
  const auto is_of_it = [&] {
    const TaskLimit& limit = task->limits[command.permit - task->first];
    return limit.limit == command.limit && limit.key == command.key;
  };
  if (task == nullptr || command.permit > next || !is_of_it()) {
    return refuse(Refusal::nothing_to_do, "the run does not want this permit any more");
  }
  if (command.permit == next) emit(PermitGranted{command.permit});
}

void Decider::apply(const DropPermit& command) {
  for (const auto& spare : run_->tree->permits->spares) {
    if (spare->permit == command.permit) return emit(PermitReturned{command.permit});
  }
  refuse(Refusal::nothing_to_do, "the run does not give this permit back");
}

std::optional<PermitsCarried> carried_permits(const RunPermits& before, const Run& after) {
  if (is_empty(before)) return std::nullopt;
  PermitsCarried e;
  e.last = before.last;
  for (const auto& spare : before.spares) e.spares.push_back(*spare);
  for (const auto& task : before.tasks) {
    if (after.step(task->step) != nullptr) {
      e.tasks.push_back(*task);
      continue;
    }
    for (SparePermit& spare : spares_of(*task)) e.spares.push_back(std::move(spare));
  }
  std::sort(e.spares.begin(), e.spares.end(),
            [](const SparePermit& a, const SparePermit& b) { return a.permit < b.permit; });
  return e;
}

void Decider::carry(const RunPermits& before) {
  if (std::optional<PermitsCarried> e = carried_permits(before, *run_)) emit(std::move(*e));
}

}  // namespace pawl::engine
