// A run begins anew as it was after an earlier event, in a new generation:
//
//   open, closed --reset--> as the past has it, with numbers that no other step, timer or incident
//                           of the run ever had
//
// What was done since stays done: nothing is undone, and what it has recorded to be undone is
// forgotten with it. A task that a worker had then is queued once more; the answer of whoever has
// it now, or had it, is for a step that nobody wants any more. The times that timers had left go on
// from now.
//
// A run that was called since is cancelled as if its state had been left. One whose end the past
// waits for must not have ended: nobody could say how, any more. Signals that were acknowledged
// since and wait still are not lost: they are offered at once to what takes them now.
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/digest.h"
#include "base/limits.h"
#include "engine/decider.h"
#include "engine/event_bytes.h"

namespace pawl::engine {
namespace {

bool is_of_task(TimerKind kind) {
  return kind == TimerKind::task_queue || kind == TimerKind::task_attempt ||
         kind == TimerKind::task_total || kind == TimerKind::task_retry;
}

// What the past waits for of other runs and can't be had any more: "" or a sentence.
std::string lost_call(const Run& present, const Run& past) {
  for (const auto& call : past.tree->calls) {
    if (call->status == CallStatus::cancelling) continue;
    const OpenCall* now = present.call(call->id);
    if (now == nullptr || now->status == CallStatus::cancelling) {
      return absl::StrCat("after that event it waited for `", call->run,
                          "`, whose answer has been taken since: name an event before it was "
                          "asked, or after it answered");
    }
  }
  return "";
}

// Makes a past run's parts those of a generation that follows the present.
class Rewinding {
 public:
  Rewinding(const Run& present, const Run& past, const dsl::Definition& definition, TimeMs now)
      : present_(present), past_(past), definition_(definition), now_(now), x_(parts_of(past)) {}

  CheckpointParts take() {
    count_on();
    visit_again();
    renumber_steps();
    renumber_incidents();
    renumber_timers();
    merge_calls();
    keep_in_hand();
    keep_signals();
    return std::move(x_);
  }

  // After take(): those of tasks that workers have stay, the others are spare; tasks of the past
  // ask anew.
  PermitsCarried permits() const {
    const RunPermits& before = *present_.tree->permits;
    PermitsCarried e;
    e.last = before.last;
    for (const auto& spare : before.spares) e.spares.push_back(*spare);
    for (const auto& task : before.tasks) {
      const StepStatus status = present_.step(task->step)->status;
      if (status == StepStatus::started || status == StepStatus::withdrawn) {
        e.tasks.push_back(*task);
        continue;
      }
      for (SparePermit& spare : spares_of(*task)) e.spares.push_back(std::move(spare));
    }
    std::sort(e.spares.begin(), e.spares.end(),
              [](const SparePermit& a, const SparePermit& b) { return a.permit < b.permit; });
    for (const auto& task : past_.tree->permits->tasks) {
      const auto step = steps_.find(task->step);
      if (step == steps_.end()) continue;
      LimitedTask& again = e.tasks.emplace_back(LimitedTask{step->second, task->limits, 0, 0});
      if (task->first == 0) continue;
      again.first = e.last + 1;
      e.last += static_cast<std::uint32_t>(again.limits.size());
    }
    return e;
  }

 private:
  // Whatever is numbered from now on, or remembered of answers, is so after the present.
  void count_on() {
    x_.last_step = present_.last_step;
    x_.last_timer = present_.last_timer;
    x_.last_incident = present_.last_incident;
    x_.last_signal = present_.last_signal;
    x_.last_frame = present_.tree->last_frame;
    x_.last_undo = present_.tree->last_undo;
    x_.last_call = present_.tree->last_call;
    x_.caller = present_.tree->caller;
    x_.outcomes = *present_.outcomes;
    x_.seen = *present_.seen;
  }

  // Tasks that workers have count as running until they answer or their leases end.
  void keep_in_hand() {
    std::vector<Step> in_hand;
    for (const auto& step : present_.steps) {
      if (step->status != StepStatus::started && step->status != StepStatus::withdrawn) continue;
      Step& kept = in_hand.emplace_back(*step);
      kept.status = StepStatus::withdrawn;
      kept.input = Payload();
      kept.progress = Payload();
    }
    x_.steps.insert(x_.steps.begin(), std::make_move_iterator(in_hand.begin()),
                    std::make_move_iterator(in_hand.end()));
  }

  // Those that came since and wait for someone to take them; buffered ones expire when they would.
  void keep_signals() {
    for (const WaitingSignal& signal : *present_.signals) {
      if (signal.number <= past_.last_signal) continue;
      x_.signals.push_back(signal);
      for (Timer timer : present_.timers) {
        if (timer.kind != TimerKind::signal_expiry || timer.owner != signal.number) continue;
        timer.id = x_.last_timer = x_.last_timer.next();
        timer.fire_at = std::max(timer.fire_at, now_);
        x_.armed.push_back(timer);
      }
    }
  }

  // The state the root is in counts as entered once more: what is called after its visit, here and
  // in the machines within, has a name that was not used before.
  void visit_again() {
    std::map<std::pair<std::string, std::string>, std::uint32_t> counts;
    for (const Visit& visit : x_.visits) counts[{visit.path, visit.name}] = visit.count;
    for (const Visit& visit : *present_.visits) {
      std::uint32_t& count = counts[{visit.path, visit.name}];
      count = std::max(count, visit.count);
    }
    CheckpointFrame& root = x_.frames.front();
    if (!root.state.empty()) root.visit = ++counts[{"", root.state}];
    x_.visits.clear();
    for (const auto& [place, count] : counts) {
      x_.visits.push_back({place.first, place.second, count});
    }
  }

  void renumber_steps() {
    std::erase_if(x_.steps, [](const Step& s) { return s.status == StepStatus::withdrawn; });
    for (Step& step : x_.steps) {
      const StepId old = step.id;
      step.id = steps_[old] = x_.last_step = x_.last_step.next();
      if (step.role != StepRole::undo) rename(&step);
      if (step.status == StepStatus::started) queue_again(&step, old);
    }
    for (HeldOutcome& held : x_.held) held.step = steps_.at(held.step);
    for (Incident& incident : x_.incidents) {
      if (incident.stage == IncidentStage::step) incident.step = steps_.at(incident.step);
    }
    std::erase_if(x_.undos, [this](const RecordedUndo& undo) {
      return undo.waits_for.v > 0 && !steps_.contains(undo.waits_for);
    });
    for (RecordedUndo& undo : x_.undos) {
      if (undo.waits_for.v > 0) undo.waits_for = steps_.at(undo.waits_for);
      if (undo.runs.v > 0) undo.runs = steps_.at(undo.runs);
    }
  }

  // A key of the definition's own is kept; so is that of an undo, which is done once at most.
  void rename(Step* step) const {
    const dsl::TaskSpec* spec = find_task_spec(definition_, *step);
    if (spec == nullptr || spec->key) return;
    std::string bytes;
    ByteWriter writer(&bytes);
    writer.str(step->key);
    writer.varint(present_.generation + 1);
    step->key = to_hex(digest(bytes)).substr(0, 32);
  }

  // As if it had been returned: without using an attempt.
  void queue_again(Step* step, StepId old) {
    step->status = StepStatus::queued;
    step->worker.clear();
    step->poll_key.clear();
    step->started_at = TimeMs();
    step->queued_at = now_;
    ++step->not_counted;
    std::erase_if(x_.armed, [old](const Timer& t) {
      return t.owner == old.v && t.kind == TimerKind::task_attempt;
    });
    if (!step->queue_ms) return;
    Timer timer;
    timer.kind = TimerKind::task_queue;
    timer.frame = step->frame;
    timer.owner = old.v;
    timer.fire_at = TimeMs(past_.updated_at.v + *step->queue_ms);
    x_.armed.push_back(timer);
  }

  void renumber_incidents() {
    for (Incident& incident : x_.incidents) {
      const IncidentId old = incident.id;
      incident.id = incidents_[old.v] = x_.last_incident = x_.last_incident.next();
    }
  }

  void renumber_timers() {
    std::erase_if(x_.armed, [this](const Timer& t) {
      return is_of_task(t.kind) && !steps_.contains(StepId(static_cast<std::uint32_t>(t.owner)));
    });
    for (Timer& timer : x_.armed) {
      timer.id = x_.last_timer = x_.last_timer.next();
      if (is_of_task(timer.kind)) {
        timer.owner = steps_.at(StepId(static_cast<std::uint32_t>(timer.owner))).v;
      } else if (timer.kind == TimerKind::incident_again) {
        timer.owner = incidents_.at(static_cast<std::uint32_t>(timer.owner)).v;
      }
      // A start that was put off has a time of its own.
      if (timer.kind == TimerKind::start) continue;
      const std::int64_t left = timer.fire_at.v - past_.updated_at.v;
      timer.fire_at = TimeMs(now_.v + std::max<std::int64_t>(left, 0));
    }
  }

  // Those the past waits for are as they are now; of the others nobody wants to hear any more.
  void merge_calls() {
    x_.calls.clear();
    for (const auto& call : present_.tree->calls) {
      const OpenCall* then = past_.call(call->id);
      OpenCall kept = *call;
      if (then == nullptr || then->status == CallStatus::cancelling) {
        if (kept.is_signal || !kept.wait || !kept.cancels || kept.held) continue;
        kept.status = CallStatus::cancelling;
        kept.frame = 0;
      }
      x_.calls.push_back(std::move(kept));
    }
  }

  const Run& present_;
  const Run& past_;
  const dsl::Definition& definition_;
  TimeMs now_;
  CheckpointParts x_;
  std::map<StepId, StepId> steps_;                 // by what they were
  std::map<std::uint32_t, IncidentId> incidents_;  // likewise
};

}  // namespace

void Decider::apply(const Reset& command) {
  PAWL_CHECK(command.past != nullptr && command.past->uid() == run_->uid());
  const Run& past = *command.past;
  if (run_->status == RunStatus::data_deleted) {
    return refuse(Refusal::reset_impossible, "the run's data is deleted");
  }
  if (past.seq != command.to) {
    return refuse(Refusal::reset_impossible,
                  absl::StrCat("event ", command.to.v,
                               " is one of several that came of one cause, and the run can only "
                               "go on behind the last of them: that is event ",
                               past.seq.v));
  }
  if (past.closed()) {
    return refuse(Refusal::reset_impossible,
                  "the run was closed after that event: name one before it closed");
  }
  if (std::string lost = lost_call(*run_, past); !lost.empty()) {
    return refuse(Refusal::reset_impossible, std::move(lost));
  }
  Rewinding rewinding(*run_, past, definition(), context_.now);
  CheckpointParts parts = rewinding.take();
  PermitsCarried permits = rewinding.permits();
  if (parts.signals.size() > limits::kBufferedSignalsMax) {
    return refuse(
        Refusal::too_big,
        absl::StrCat("with those that came since then ", parts.signals.size(),
                     " signals would wait, at most ", limits::kBufferedSignalsMax, " may"));
  }
  RunRenewed renewed = renewal_of(*run_, std::move(parts), Renewal::reset);
  renewed.reason = command.reason;
  renewed.actor = context_.actor;
  std::string bytes;
  encode_event(Event(permits), {}, EventForm::stored, &bytes);
  if (!renewal_fits(renewed, bytes.size())) return;
  emit(std::move(renewed));
  emit(RunReset{command.to});
  if (permits.last > 0) emit(std::move(permits));
  take_up_waiting();
}

bool Decider::renewal_fits(const RunRenewed& renewed, std::size_t permits) {
  std::string bytes;
  encode_event(Event(renewed), {}, EventForm::stored, &bytes);
  const std::size_t whole = bytes.size() + permits;
  if (whole <= limits::kCheckpointBytesMax) return true;
  refuse(Refusal::too_big,
         absl::StrCat("all that the run would hold takes ", whole, " bytes, at most ",
                      limits::kCheckpointBytesMax, " are allowed"));
  return false;
}

// What came while nobody took it, or was held by a pause: what other runs said, then signals in
// their order.
void Decider::take_up_waiting() {
  if (run_->status == RunStatus::paused) return;
  const std::vector<Shared<OpenCall>> calls = run_->tree->calls;
  for (const auto& call : calls) {
    const OpenCall* held = run_->call(call->id);
    if (held == nullptr || !held->held || run_->closed()) continue;
    end_held_call(OpenCall(*held));
    settle();
  }
  const std::vector<WaitingSignal> signals = *run_->signals;
  for (const WaitingSignal& signal : signals) {
    const auto same = [&signal](const WaitingSignal& x) { return x.number == signal.number; };
    if (run_->closed() || std::none_of(run_->signals->begin(), run_->signals->end(), same))
      continue;
    at_ = 0;
    if (signal.held) {
      replay_signal(signal);
    } else {
      offer(signal);
    }
    settle();
  }
}

}  // namespace pawl::engine
