// Scheduling tasks and their hand-outs, as decided:
//
//   (none)  --a task state is entered, a handler with a task fires--> queued
//   queued  --hand-out--> started (attempt n + 1)   paused, closed: nothing_to_do
//   started --returned--> queued
#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/digest.h"
#include "engine/decider.h"
#include "engine/namespace.h"

namespace pawl::engine {

std::string key_path(const Run& run, std::uint32_t frame) {
  const InnerFrame* inner = run.inner(frame);
  if (inner == nullptr) return "";
  const Frame& parent = *run.frame(inner->parent);
  const std::string within =
      inner->role == FrameRole::item ? absl::StrCat("[", inner->index, "]") : "/" + inner->name;
  return absl::StrCat(key_path(run, inner->parent), "/", parent.state, ":", parent.visit, within);
}

std::string idempotency_key(const Run& run, std::uint32_t frame, const HandlerPlace& place,
                            std::uint32_t firing, std::string_view what) {
  std::string bytes;
  ByteWriter writer(&bytes);
  writer.str(to_string(run.uid()));
  writer.str(key_path(run, frame));
  writer.str(place.state);
  writer.str(place.handler);
  writer.varint(firing);
  writer.str(what);
  return to_hex(digest(bytes)).substr(0, 32);
}

namespace {

const dsl::TaskSpec* task_of(const std::vector<dsl::Branch>& branches, std::size_t at) {
  return at < branches.size() && branches[at].task ? &*branches[at].task : nullptr;
}

const dsl::TaskSpec* task_of_signal(const dsl::SignalHandler* handler, std::size_t branch) {
  return handler == nullptr ? nullptr : task_of(handler->branches, branch);
}

const dsl::TaskSpec* task_of_timer(const std::vector<dsl::TimerHandler>& handlers,
                                   std::string_view index, std::size_t branch) {
  std::size_t at = 0;
  if (!absl::SimpleAtoi(absl::string_view(index.data(), index.size()), &at)) return nullptr;
  return at < handlers.size() ? task_of(handlers[at].branches, branch) : nullptr;
}

const dsl::SignalHandler* root_handler(const dsl::Definition& definition, std::string_view name) {
  for (const dsl::SignalHandler& h : definition.on) {
    if (h.signal == name) return &h;
  }
  return nullptr;
}

bool take_prefix(std::string_view* text, std::string_view prefix) {
  if (text->substr(0, prefix.size()) != prefix) return false;
  text->remove_prefix(prefix.size());
  return true;
}

}  // namespace

// Handlers are named "on.SIGNAL#BRANCH", "after.INDEX#BRANCH", "every.INDEX#BRANCH"; those of the
// root have no state.
const dsl::TaskSpec* find_task_spec(const dsl::Definition& definition, const Step& step) {
  const dsl::State* state = dsl::find_state(definition, step.state);
  if (step.role == StepRole::state) {
    return state != nullptr && state->task ? &*state->task : nullptr;
  }
  if (step.role == StepRole::undo) {
    if (state == nullptr) return nullptr;
    const auto& undo = state->call != nullptr ? state->call->undo
                       : state->task          ? state->task->undo
                                              : std::optional<dsl::Undo>();
    return undo ? undo->task.get() : nullptr;
  }
  const bool root = step.state.empty();
  if (!root && state == nullptr) return nullptr;
  std::string_view text = step.handler;
  const std::size_t hash = text.rfind('#');
  if (hash == std::string_view::npos) return nullptr;
  std::size_t branch = 0;
  if (!absl::SimpleAtoi(step.handler.substr(hash + 1), &branch)) return nullptr;
  text = text.substr(0, hash);
  if (take_prefix(&text, "on.")) {
    return task_of_signal(root ? root_handler(definition, text) : state->handler(text), branch);
  }
  if (take_prefix(&text, "after.")) {
    return task_of_timer(root ? definition.after : state->after, text, branch);
  }
  if (take_prefix(&text, "every.")) {
    return task_of_timer(root ? definition.every : state->every, text, branch);
  }
  return nullptr;
}

const dsl::TaskSpec& Decider::spec_of(const Step& step) const {
  const dsl::TaskSpec* spec = find_task_spec(definition(), step);
  PAWL_CHECK(spec != nullptr);
  return *spec;
}

bool Decider::plan_task(const dsl::TaskSpec& spec, const EvalScope& s, const HandlerPlace& place,
                        StepRole role, PlannedTask* task, Error* error) {
  TaskScheduled* planned = &task->event;
  if (role == StepRole::handler && !incident_room()) {
    *error = {"sys.too_big", "too many incidents and handler tasks are open", {}};
    return false;
  }
  if (run_->steps.size() >= limits::kOpenTasksMax) {
    *error = {"sys.too_big", "too many tasks of this run are open", {}};
    return false;
  }
  dsl::Value input, priority;
  if (!evaluate_template(spec.with, s, "with", &budget_, &input, error)) return false;
  if (spec.with_schema) {
    std::vector<dsl::SchemaError> errors;
    input = dsl::apply_schema(*spec.with_schema, input, "with", &errors);
    if (!errors.empty()) {
      *error = expression_error(errors[0].path, spec.with.line, errors[0].message);
      return false;
    }
  }
  if (!fits(input, "with", 0, error)) return false;
  if (!evaluate_string(spec.queue, s, "queue", &budget_, &planned->queue, error)) return false;
  if (planned->queue.empty() || planned->queue.size() > limits::kNameBytesMax) {
    *error = expression_error("queue", spec.queue.line, "is empty or too long");
    return false;
  }
  planned->queue = qualified_like(run_->id(), planned->queue);
  const std::string place_name = place.state + "!" + place.handler;
  planned->frame = at_;
  planned->firing =
      role == StepRole::handler ? run_->visits_of(at_, place_name) + 1 : run_->frame(at_)->visit;
  if (!spec.key) {
    planned->key =
        idempotency_key(*run_, at_, place, planned->firing, role == StepRole::undo ? "undo" : "do");
  } else if (!evaluate_string(*spec.key, s, "key", &budget_, &planned->key, error)) {
    return false;
  } else if (planned->key.size() > limits::kIdempotencyKeyBytesMax) {
    *error = expression_error("key", spec.key->line, "is too long");
    return false;
  }
  planned->priority = limits::kTaskPriorityDefault;
  if (spec.priority) {
    if (!evaluate_template(*spec.priority, s, "priority", &budget_, &priority, error)) return false;
    if (priority.kind() != dsl::Kind::int64 || priority.as_int() < limits::kTaskPriorityMin ||
        priority.as_int() > limits::kTaskPriorityMax) {
      *error = expression_error("priority", spec.priority->line,
                                "is " + priority.debug_string() + ", not an int from 1 to 5");
      return false;
    }
    planned->priority = priority.as_int();
  }
  planned->role = role;
  planned->state = place.state;
  planned->handler = place.handler;
  planned->type = spec.type;
  planned->input = Payload::of(std::move(input));
  return plan_limits(spec, s, &task->limits, error);
}

void Decider::schedule(PlannedTask task, const dsl::TaskSpec& spec) {
  TaskScheduled planned = std::move(task.event);
  planned.step = run_->last_step.next();
  planned.lease_ms = spec.timeouts.heartbeat_ms.value_or(limits::kLeaseMsDefault);
  planned.heartbeat = spec.timeouts.heartbeat_ms.has_value();
  planned.queue_ms = spec.timeouts.queue_ms;
  planned.attempt_ms = spec.timeouts.attempt_ms;
  if (planned.queue_ms) {
    planned.timers.push_back(
        timer(TimerKind::task_queue, planned.step.v, after_ms(*planned.queue_ms)));
  }
  if (spec.timeouts.total_ms) {
    planned.timers.push_back(
        timer(TimerKind::task_total, planned.step.v, after_ms(*spec.timeouts.total_ms)));
  }
  emit(std::move(planned));
  if (task.limits.empty()) return;
  const std::uint32_t permit = run_->tree->permits->last + 1;
  emit(TaskLimited{run_->last_step, permit, std::move(task.limits)});
}

std::vector<Timer> Decider::queue_timers(const Step& step) {
  std::vector<Timer> timers;
  if (step.queue_ms) {
    timers.push_back(timer(TimerKind::task_queue, step.id.v, after_ms(*step.queue_ms)));
  }
  return timers;
}

void Decider::apply(const HandOut& command) {
  const Step* step = run_->step(command.step);
  if (run_->status != RunStatus::running || step == nullptr || step->status != StepStatus::queued) {
    return refuse(Refusal::nothing_to_do, "the task is not queued");
  }
  at_ = step->frame;
  TaskStarted e;
  e.step = step->id;
  e.attempt = step->attempt + 1;
  e.worker = command.worker;
  e.poll_key = command.poll_key;
  e.lease_ms = step->lease_ms;
  if (step->attempt_ms) {
    e.timers.push_back(timer(TimerKind::task_attempt, step->id.v, after_ms(*step->attempt_ms)));
  }
  emit(std::move(e));
}

// The step that this attempt has started and is to have no longer. Null if there is none: refused,
// or, if the run no longer wants it, released.
const Step* Decider::take_back(StepId id, std::uint32_t attempt) {
  const Step* step = run_->step(id);
  if (step == nullptr || step->attempt != attempt) {
    refuse(Refusal::nothing_to_do, "the task is not with this attempt");
    return nullptr;
  }
  if (step->status == StepStatus::started) return step;
  if (step->status == StepStatus::withdrawn) {
    emit(TaskReleased{step->id});
  } else {
    refuse(Refusal::nothing_to_do, "the task is not started");
  }
  return nullptr;
}

void Decider::apply(const ReturnTask& command) {
  const Step* step = take_back(command.step, command.attempt);
  if (step == nullptr) return;
  at_ = step->frame;
  emit(TaskReturned{step->id, command.attempt, queue_timers(*step)});
}

}  // namespace pawl::engine
