// Folds of permits:
//
//   queued  --task.limited-----------------------> limited
//   limited --permit.granted, the last one-------> queued
//   backoff, incident --task.requeued------------> limited, with new permits  (evolve_task.cc)
//   its attempt is over, or the task is gone-----> its permits are spare
//   spare   --permit.returned--------------------> gone
#include <algorithm>
#include <utility>

#include "engine/fold.h"

namespace pawl::engine {
namespace {

// Null if the step has no limits.
LimitedTask* edit_limited(Fold& f, StepId step) {
  if (find_limited(*f.run.tree->permits, step) == nullptr) return nullptr;
  std::vector<Shared<LimitedTask>>& all = f.run.tree.edit().permits.edit().tasks;
  const auto at =
      std::find_if(all.begin(), all.end(), [step](const auto& x) { return x->step == step; });
  return &at->edit();
}

void spare_all(RunPermits* permits, LimitedTask* task) {
  std::vector<Shared<SparePermit>>& spares = permits->spares;
  for (SparePermit& spare : spares_of(*task)) {
    const auto behind =
        std::upper_bound(spares.begin(), spares.end(), spare.permit,
                         [](std::uint32_t wanted, const auto& x) { return wanted < x->permit; });
    spares.insert(behind, Shared(std::move(spare)));
  }
  task->first = 0;
  task->granted = 0;
}

void number_anew(RunPermits* permits, LimitedTask* task) {
  task->first = permits->last + 1;
  task->granted = 0;
  permits->last += static_cast<std::uint32_t>(task->limits.size());
}

}  // namespace

void give_permits_back(Fold& f, StepId step) {
  LimitedTask* task = edit_limited(f, step);
  if (task != nullptr) spare_all(&f.run.tree.edit().permits.edit(), task);
}

void forget_limits(Fold& f, StepId step) {
  give_permits_back(f, step);
  if (edit_limited(f, step) == nullptr) return;
  std::erase_if(f.run.tree.edit().permits.edit().tasks,
                [step](const auto& x) { return x->step == step; });
}

bool limit_again(Fold& f, StepId step) {
  LimitedTask* task = edit_limited(f, step);
  if (task == nullptr) return false;
  number_anew(&f.run.tree.edit().permits.edit(), task);
  return true;
}

bool fold(Fold& f, const TaskLimited& e) {
  Step* step = f.edit_step(e.step);
  if (step == nullptr || step->status != StepStatus::queued || e.limits.empty()) return false;
  if (e.permit != f.run.tree->permits->last + 1) return false;
  if (find_limited(*f.run.tree->permits, e.step) != nullptr) return false;
  step->status = StepStatus::limited;
  RunPermits& permits = f.run.tree.edit().permits.edit();
  LimitedTask task{e.step, e.limits, 0, 0};
  number_anew(&permits, &task);
  const auto behind =
      std::upper_bound(permits.tasks.begin(), permits.tasks.end(), e.step,
                       [](StepId wanted, const auto& x) { return wanted < x->step; });
  permits.tasks.insert(behind, Shared(std::move(task)));
  return true;
}

bool fold(Fold& f, const PermitGranted& e) {
  const LimitedTask* known = task_of_permit(*f.run.tree->permits, e.permit);
  if (known == nullptr || e.permit != known->first + known->granted) return false;
  Step* step = f.edit_step(known->step);
  if (step == nullptr || step->status != StepStatus::limited) return false;
  LimitedTask* task = edit_limited(f, step->id);
  ++task->granted;
  if (task->waits()) return true;
  step->status = StepStatus::queued;
  step->queued_at = f.time;
  return true;
}

bool fold(Fold& f, const PermitReturned& e) {
  const auto is = [&e](const auto& x) { return x->permit == e.permit; };
  const std::vector<Shared<SparePermit>>& spares = f.run.tree->permits->spares;
  if (std::none_of(spares.begin(), spares.end(), is)) return false;
  std::erase_if(f.run.tree.edit().permits.edit().spares, is);
  return true;
}

bool fold(Fold& f, const PermitsCarried& e) {
  const bool begins = f.run.checkpoint.v > 0 && f.run.seq.v <= f.run.checkpoint.v + 2;
  if (!begins || !is_empty(*f.run.tree->permits) || e.last == 0) return false;
  RunPermits permits;
  permits.last = e.last;
  for (const LimitedTask& task : e.tasks) {
    Step* step = f.edit_step(task.step);
    if (step == nullptr) return false;
    if (task.waits()) {
      if (step->status != StepStatus::queued) return false;
      step->status = StepStatus::limited;
    }
    permits.tasks.emplace_back(task);
  }
  for (const SparePermit& spare : e.spares) permits.spares.emplace_back(spare);
  f.run.tree.edit().permits = Shared<RunPermits>(std::move(permits));
  return run_problem(f.run).empty();
}

}  // namespace pawl::engine
