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
      return timer.frame < run.frames.size();
  }
}

std::string step_problem(const Run& run, const Step& step) {
  if (step.frame >= run.frames.size()) return "step without a frame";
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

}  // namespace

std::string run_problem(const Run& run) {
  if (run.seq.v == 0) return "no event";
  if (run.frames.empty()) return "no frame";
  if (std::string problem = order_problem(run); !problem.empty()) return problem;
  if (std::string problem = number_problem(run); !problem.empty()) return problem;
  if (std::string problem = generation_problem(run); !problem.empty()) return problem;
  for (const Timer& timer : run.timers) {
    if (!owner_exists(run, timer)) return absl::StrCat("timer ", timer.id.v, " without an owner");
    if (timer.interval_ms < 0) return "timer with a negative interval";
  }
  for (const auto& step : run.steps) {
    if (std::string problem = step_problem(run, *step); !problem.empty()) return problem;
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
