// The invariants of a run, checked after every fold in tests and when a snapshot is read.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/fold.h"
#include "engine/run.h"

namespace pawl::engine {
namespace {

template <class List, class Key>
bool ascending(const List& list, Key key) {
  return std::adjacent_find(list.begin(), list.end(), [&key](const auto& a, const auto& b) {
           return !(key(a) < key(b));
         }) == list.end();
}

std::string order_problem(const Run& run) {
  if (!ascending(run.timers, [](const Timer& t) { return t.id; })) return "timers out of order";
  if (!ascending(run.steps, [](const auto& s) { return s->id; })) return "steps out of order";
  if (!ascending(run.incidents, [](const auto& i) { return i->id; })) {
    return "incidents out of order";
  }
  if (!ascending(*run.signals, [](const WaitingSignal& s) { return s.number; })) {
    return "signals out of order";
  }
  if (!ascending(*run.visits, [](const Visit& x) { return std::tie(x.path, x.name); })) {
    return "visits out of order";
  }
  for (const Frame& f : run.frames) {
    if (!ascending(*f.vars, [](const Variable& x) { return std::string_view(x.name); })) {
      return "variables out of order";
    }
  }
  return "";
}

std::string number_problem(const Run& run) {
  if (!run.timers.empty() && run.timers.back().id > run.last_timer) return "timer not numbered";
  if (!run.steps.empty() && run.steps.back()->id > run.last_step) return "step not numbered";
  if (!run.incidents.empty() && run.incidents.back()->id > run.last_incident) {
    return "incident not numbered";
  }
  if (!run.signals->empty() && run.signals->back().number > run.last_signal) {
    return "signal not numbered";
  }
  return "";
}

bool owner_exists(const Run& run, const Timer& timer) {
  switch (timer.kind) {
    case TimerKind::task_queue:
    case TimerKind::task_attempt:
    case TimerKind::task_total:
    case TimerKind::task_retry: {
      const Step* step = run.step(StepId(static_cast<std::uint32_t>(timer.owner)));
      return step != nullptr && step->status != StepStatus::withdrawn;
    }
    case TimerKind::incident_again:
      return run.incident(IncidentId(static_cast<std::uint32_t>(timer.owner))) != nullptr;
    case TimerKind::signal_expiry:
      return std::any_of(run.signals->begin(), run.signals->end(),
                         [&](const WaitingSignal& s) { return s.number == timer.owner; });
    default:
      return run.frame(timer.frame) != nullptr;
  }
}

std::string step_problem(const Run& run, const Step& step) {
  const bool wanted = step.status != StepStatus::withdrawn;
  if (wanted && run.frame(step.frame) == nullptr) return "step without a frame";
  if (step.not_counted > step.attempt) return "step counts more returns than attempts";
  const bool held = std::any_of(run.held->begin(), run.held->end(),
                                [&](const HeldOutcome& h) { return h.step == step.id; });
  if (held != (step.status == StepStatus::held)) return "held outcome and step disagree";
  const bool handed_out = step.status == StepStatus::started || step.status == StepStatus::held;
  if (handed_out && step.attempt == 0) return "step started without an attempt";
  return "";
}

std::string generation_problem(const Run& run) {
  Generation last;
  for (const Generation& g : *run.older) {
    const bool follows =
        g.number > last.number && g.first_entry > last.last_entry && g.first_seq > last.last_seq;
    if (!follows || g.last_entry < g.first_entry || g.last_seq < g.first_seq) {
      return "generations out of order";
    }
    last = g;
  }
  if (last.number == 0) return "";
  if (last.number >= run.generation) return "an older generation that is not older";
  const bool follows = run.first_entry > last.last_entry && run.checkpoint > last.last_seq;
  return follows ? "" : "its generation begins before the last one ended";
}

std::string permit_problem(const Run& run) {
  const RunPermits& permits = *run.tree->permits;
  if (!ascending(permits.tasks, [](const auto& x) { return x->step; })) {
    return "limited tasks out of order";
  }
  if (!ascending(permits.spares, [](const auto& x) { return x->permit; })) {
    return "spare permits out of order";
  }
  for (const auto& task : permits.tasks) {
    const Step* step = run.step(task->step);
    if (step == nullptr || task->limits.empty()) return "limits without their task";
    const bool out = step->status == StepStatus::started || step->status == StepStatus::withdrawn;
    const bool needs = step->status == StepStatus::limited || step->status == StepStatus::queued;
    if ((task->first > 0) != (out || needs)) return "permits of a task that needs none";
    if (task->waits() != (step->status == StepStatus::limited)) return "limited task miscounted";
    if (task->granted > task->limits.size()) return "more permits than limits";
    const std::size_t last = task->first + task->limits.size() - 1;
    if (task->first > 0 && last > permits.last) return "permit not numbered";
  }
  for (const auto& spare : permits.spares) {
    if (spare->permit == 0 || spare->permit > permits.last) return "permit not numbered";
    if (task_of_permit(permits, spare->permit) != nullptr) return "spare permit in use";
  }
  return "";
}

std::string tree_problem(const Run& run) {
  const RunTree& tree = *run.tree;
  if (!ascending(tree.frames, [](const auto& x) { return x->id; })) return "frames out of order";
  if (!ascending(tree.gathers, [](const auto& x) { return x->frame; })) {
    return "gathers out of order";
  }
  if (!ascending(tree.undos, [](const auto& x) { return x->id; })) return "undos out of order";
  if (!ascending(tree.calls, [](const auto& x) { return x->id; })) return "calls out of order";
  if (!tree.frames.empty() && tree.frames.back()->id > tree.last_frame) return "frame not numbered";
  if (!tree.undos.empty() && tree.undos.back()->id > tree.last_undo) return "undo not numbered";
  if (!tree.calls.empty() && tree.calls.back()->id > tree.last_call) return "call not numbered";
  for (const auto& inner : tree.frames) {
    if (inner->id == 0 || inner->parent >= inner->id || run.frame(inner->parent) == nullptr) {
      return "frame without a parent";
    }
    const Gather* gather = run.gather(inner->parent);
    if (inner->role != FrameRole::flow && (gather == nullptr || inner->index >= gather->count)) {
      return "branch or item of nothing";
    }
  }
  for (const auto& gather : tree.gathers) {
    if (run.frame(gather->frame) == nullptr) return "gather without a frame";
    std::uint32_t open = 0, completed = 0, failed = 0;
    for (const auto& inner : tree.frames) open += inner->parent == gather->frame ? 1 : 0;
    for (const auto& chunk : gather->chunks) {
      for (const Gathered& x : chunk->items) ++(x.failed ? failed : completed);
    }
    if (open != gather->open || completed != gather->completed || failed != gather->failed) {
      return "gathered items miscounted";
    }
    if (gather->next > gather->count) return "gather past its items";
    const bool list = gather->items.value.kind() == dsl::Kind::list || gather->items.length == 0;
    if (gather->map && !list) return "map of no list";
  }
  for (const auto& undo : tree.undos) {
    if (run.frame(undo->frame) == nullptr) return "undo without a frame";
    if (undo->runs.v != 0 && run.step(undo->runs) == nullptr) return "undo without its step";
  }
  if (run.closed() && !(tree.frames.empty() && tree.gathers.empty() && tree.undos.empty())) {
    return "open machines in a closed run";
  }
  return "";
}

}  // namespace

std::string run_problem(const Run& run) {
  if (run.seq.v == 0) return "no event";
  if (run.frames.empty()) return "no frame";
  if (std::string problem = order_problem(run); !problem.empty()) return problem;
  if (std::string problem = number_problem(run); !problem.empty()) return problem;
  if (std::string problem = generation_problem(run); !problem.empty()) return problem;
  if (std::string problem = tree_problem(run); !problem.empty()) return problem;
  if (std::string problem = permit_problem(run); !problem.empty()) return problem;
  for (const Timer& timer : run.timers) {
    if (!owner_exists(run, timer)) return absl::StrCat("timer ", timer.id.v, " without an owner");
    if (timer.interval_ms < 0) return "timer with a negative interval";
  }
  for (const auto& step : run.steps) {
    if (std::string problem = step_problem(run, *step); !problem.empty()) return problem;
    if (step->status == StepStatus::limited &&
        find_limited(*run.tree->permits, step->id) == nullptr) {
      return "limited step without limits";
    }
    if (run.closed() && step->status != StepStatus::withdrawn) return "open step in a closed run";
  }
  for (const auto& incident : run.incidents) {
    const bool of_step = incident->stage == IncidentStage::step;
    const Step* step = run.step(incident->step);
    if (of_step && (step == nullptr || step->status != StepStatus::incident)) {
      return "incident without its step";
    }
  }
  if (run.closed() && !(run.timers.empty() && run.incidents.empty() && run.signals->empty())) {
    return "open work in a closed run";
  }
  if (run.closed() != run.closed_at.has_value()) return "closed without a time";
  if (run.status != RunStatus::paused && !run.held->empty()) return "held outcome while running";
  if (count_state_bytes(run) != run.state_bytes) return "state bytes miscounted";
  return "";
}

}  // namespace pawl::engine
