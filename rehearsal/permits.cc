#include "rehearsal/permits.h"

#include <vector>

#include "base/check.h"
#include "base/limits_permits.h"
#include "engine/decide_limits.h"

namespace pawl::rehearsal {
namespace {

engine::PermitAsk ask_of(const engine::Run& run, const engine::LimitedTask& task) {
  const engine::TaskLimit& limit = task.limits[task.granted];
  engine::PermitAsk ask;
  ask.permit = {run.uid(), task.first + task.granted};
  ask.concurrency = limit.concurrency;
  ask.rate = limit.rate;
  ask.window_ms = limit.window_ms;
  ask.priority = run.step(task.step)->priority;
  ask.run = run.id();
  return ask;
}

}  // namespace

std::optional<TimeMs> Permits::next_grant() const {
  if (rows_.by_due().empty()) return std::nullopt;
  return rows_.by_due().begin()->first;
}

bool Permits::work() {
  if (run_->run() == nullptr || run_->exhausted()) return false;
  const engine::Run& run = *run_->run();
  engine::LimitDecision decision(rows_, run_->now());
  std::vector<engine::Command> answers;
  for (const auto& spare : run.tree->permits->spares) {
    decision.give_back({spare->limit, spare->key}, {run.uid(), spare->permit});
    answers.push_back(engine::DropPermit{spare->permit});
  }
  for (const auto& task : run.tree->permits->tasks) {
    if (!task->waits()) continue;
    const engine::TaskLimit& limit = task->limits[task->granted];
    decision.ask({limit.limit, limit.key}, ask_of(run, *task));
  }
  decision.grant_due(limits::kPermitsPerEntryMax);
  for (const engine::LimitChange& change : decision.changes()) {
    const bool fits = rows_.apply(change, run_->now());
    PAWL_CHECK(fits);
    if (change.what != engine::LimitChange::What::granted) continue;
    answers.push_back(
        engine::TakePermit{change.ask.permit.number, change.limit.first, change.limit.second});
  }
  for (const engine::Command& answer : answers) run_->send(answer, {});
  return !answers.empty();
}

}  // namespace pawl::rehearsal
