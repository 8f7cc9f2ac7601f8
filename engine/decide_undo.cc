// Undos, as decided:
//
//   a step with an undo completes --undo.recorded--> counts      (when = "started": from its first
//                                                                hand-out on)
//   compensate: the newest that counts is scheduled --completed--> the next ... none left: next
//                                                   --failed-----> an incident, which holds the
//                                                   rest
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/limits.h"
#include "engine/decider.h"

namespace pawl::engine {

bool Decider::plan_undo(const dsl::Undo& undo, const std::string& place, std::uint32_t visit,
                        EvalScope* s, UndoRecorded* planned, Error* error) {
  if (run_->tree->undos.size() >= limits::kUndosMax) {
    *error = {"sys.too_big",
              absl::StrCat("more than ", limits::kUndosMax, " undos of this run are recorded"),
              {}};
    return false;
  }
  PlannedTask planned_task;
  if (!plan_task(*undo.task, *s, {place, "undo"}, StepRole::undo, &planned_task, error)) {
    return false;
  }
  TaskScheduled& task = planned_task.event;
  if (!undo.task->key) {
    task.key = idempotency_key(*run_, at_, {place, ""}, visit, "undo");
  }
  planned->frame = at_;
  planned->place = place;
  planned->name = undo.name.value_or("");
  planned->type = std::move(task.type);
  planned->queue = std::move(task.queue);
  planned->key = std::move(task.key);
  planned->input = std::move(task.input);
  return true;
}

void Decider::record(UndoRecorded planned) {
  planned.undo = run_->tree->last_undo + 1;
  emit(std::move(planned));
}

void Decider::run_compensate() {
  const RecordedUndo* newest = nullptr;
  for (const auto& undo : run_->tree->undos) {
    if (undo->frame != at_ || undo->since.v == 0) continue;
    if (undo->runs.v != 0) return;  // one after the other
    // Of two that count since the same event the later one is newer.
    if (newest == nullptr || newest->since <= undo->since) newest = &*undo;
  }
  if (newest == nullptr) {
    const dsl::State& state = current_state();
    if (state.next) go(*state.next, Cause::next);
    return;
  }
  TaskScheduled task;
  task.frame = at_;
  task.role = StepRole::undo;
  task.state = newest->place;
  task.handler = "undo";
  task.firing = newest->id;
  task.type = newest->type;
  task.queue = newest->queue;
  task.key = newest->key;
  task.input = newest->input;
  Step step;
  step.role = StepRole::undo;
  step.state = newest->place;
  const dsl::TaskSpec* spec = find_task_spec(definition(), step);
  PAWL_CHECK(spec != nullptr);
  const bool has_priority = spec->priority && spec->priority->is_literal();
  task.priority = has_priority ? spec->priority->literal.as_int() : limits::kTaskPriorityDefault;
  Raised raised;
  std::vector<TaskLimit> limits;
  if (!plan_limits(*spec, scope(), &limits, &raised.error)) return raise(std::move(raised));
  schedule({std::move(task), std::move(limits)}, *spec);
}

}  // namespace pawl::engine
