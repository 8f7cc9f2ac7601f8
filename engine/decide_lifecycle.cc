// What operators and clients do to a whole run:
//
//   running --move, allowed by `moves`--> the state named
//   scheduled, running --pause--> paused --resume--> what it was; held inputs and timers due
//                                                    meanwhile are handled in the order of their
//                                                    times
//   open --cancel--> on_cancel's state (once), else cancelled     again: duplicate
//   open --terminate--> terminated
//   open --checkpoint, past [history]--> the same, in a new generation
//   open --checkpoint, in a `continue`--> its start, in a new generation (decide_call.cc)
//   open --checkpoint, too large for one--> incident; none is tried until it is closed
//   closed --delete data--> data_deleted     again: duplicate
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "engine/decider.h"

namespace pawl::engine {

void Decider::apply(const Move& command) {
  if (run_->closed()) return refuse(Refusal::run_closed, "the run is closed");
  if (command.seq && *command.seq != run_->seq) {
    return refuse(Refusal::wrong_seq, absl::StrCat("the run is at seq ", run_->seq.v));
  }
  if (run_->status != RunStatus::running) {
    return refuse(Refusal::wrong_state, run_->status == RunStatus::paused
                                            ? "the run is paused; resume it first"
                                            : "the run has not begun");
  }
  for (const auto& inner : run_->tree->frames) {
    if (!inner->frame.state.empty() && run_->path_of(inner->id) == command.from) at_ = inner->id;
  }
  const std::vector<std::string>& moves = current_state().moves;
  decision_.accepted = moves;
  if (at_ == 0 && command.from != run_->state()) {
    return refuse(Refusal::wrong_state, "the run is in `" + run_->state() + "`");
  }
  if (std::find(moves.begin(), moves.end(), command.to) == moves.end()) {
    return refuse(Refusal::move_not_allowed,
                  "`" + command.from + "` has no move to `" + command.to + "`");
  }
  std::vector<dsl::Assignment> given;
  for (const auto& [name, value] : command.vars) {
    if (name.empty() || name.size() > limits::kNameBytesMax) {
      return refuse(Refusal::payload_invalid, "a variable's name is empty or too long");
    }
    given.push_back({name, {}});
    given.back().value.literal = value;
  }
  std::vector<NamedPayload> vars;
  Error error;
  if (!assignments(given, scope(), "vars", &vars, &error)) {
    return refuse(error.type == "sys.too_big" ? Refusal::too_big : Refusal::payload_invalid,
                  error.message);
  }
  decision_.accepted.clear();
  emit(RunMoved{at_, run_->frame(at_)->state, command.to, command.reason, context_.actor});
  set_vars(std::move(vars));
  go(command.to, Cause::move);
  settle();
}

void Decider::apply(const Cancel& command) {
  if (run_->closed()) return refuse(Refusal::run_closed, "the run is closed");
  if (run_->on_cancel_taken) {
    decision_.duplicate = true;  // it is being cancelled; terminate asks nobody
    return;
  }
  emit(RunCancelRequested{{command.reason, context_.actor}});
  const auto& on_cancel = definition().on_cancel;
  if (on_cancel && !run_->state().empty()) {
    at_ = 0;
    go(*on_cancel, Cause::on_cancel);
    return settle();
  }
  RunClosed closed;
  closed.status = RunStatus::cancelled;
  closed.reason = command.reason;
  closed.actor = context_.actor;
  emit(std::move(closed));
}

void Decider::apply(const Terminate& command) {
  if (run_->closed()) return refuse(Refusal::run_closed, "the run is closed");
  RunClosed closed;
  closed.status = RunStatus::terminated;
  closed.reason = command.reason;
  closed.actor = context_.actor;
  emit(std::move(closed));
}

void Decider::apply(const Pause& command) {
  if (run_->closed()) return refuse(Refusal::run_closed, "the run is closed");
  if (run_->status == RunStatus::paused) {
    return refuse(Refusal::already_paused, "the run is paused already");
  }
  emit(RunPaused{{command.reason, context_.actor}});
}

void Decider::apply(const Resume& command) {
  if (run_->closed()) return refuse(Refusal::run_closed, "the run is closed");
  if (run_->status != RunStatus::paused) {
    return refuse(Refusal::run_not_paused, "the run is not paused");
  }
  emit(RunResumed{{command.reason, context_.actor}});
  replay_held();
}

void Decider::apply(const DeleteData& command) {
  if (!run_->closed()) {
    return refuse(Refusal::run_open,
                  "a run's data is deleted once it is closed: cancel or terminate it first");
  }
  if (run_->status == RunStatus::data_deleted) {
    decision_.duplicate = true;
    return;
  }
  emit(RunDataDeleted{{command.reason, context_.actor}});
}

// It has armed its timer then (await_renewal).
bool awaits_renewal(const Run& run) {
  return std::any_of(run.timers.begin(), run.timers.end(),
                     [](const Timer& t) { return t.kind == TimerKind::gather && t.frame == 0; });
}

// A `continue` does; while an incident of it is open, none is tried.
bool wants_renewal(const Run& run, const dsl::Definition& definition) {
  const dsl::State* state = definition.root.find(run.state());
  if (run.status != RunStatus::running || state == nullptr) return false;
  if (state->verb != dsl::Verb::continue_as_new) return false;
  return std::none_of(run.incidents.begin(), run.incidents.end(), [](const auto& incident) {
    return incident->frame == 0 && incident->stage != IncidentStage::step;
  });
}

bool wants_checkpoint(const Run& run, const dsl::Definition& definition) {
  if (wants_renewal(run, definition)) return true;
  const std::uint64_t events = run.seq.v - run.checkpoint.v;
  const bool past = events >= static_cast<std::uint64_t>(definition.history_events) ||
                    run.history_bytes >= static_cast<std::uint64_t>(definition.history_bytes);
  if (!past || run.closed()) return false;
  return std::none_of(run.incidents.begin(), run.incidents.end(), [](const auto& incident) {
    return incident->stage == IncidentStage::history;
  });
}

// Payloads are bounded by limits::kRunStateBytesMax, but names and actors of thousands of tasks and
// signals may add up. Then it is an incident, and not a taken error: what `catch` leads to may be
// as large, and would be asked the same again and again.
void Decider::apply(const Checkpoint&) {
  if (!wants_checkpoint(*run_, definition())) {
    return refuse(Refusal::nothing_to_do, "the history is within its bounds");
  }
  if (wants_renewal(*run_, definition())) return begin_anew();
  Event checkpoint = is_empty(*run_->tree)
                         ? Event(checkpoint_of(*run_))
                         : Event(renewal_of(*run_, parts_of(*run_), Renewal::history));
  std::string bytes;
  encode_event(checkpoint, {}, EventForm::stored, &bytes);
  const Shared<RunPermits> permits = run_->tree->permits;
  const std::size_t whole = bytes.size() + permit_bytes(*permits);
  if (whole <= limits::kCheckpointBytesMax) {
    emit(std::move(checkpoint));
    return carry(*permits);
  }
  if (!incident_room()) return refuse(Refusal::nothing_to_do, "there are too many incidents");
  Raised raised;
  raised.error = {"sys.too_big",
                  absl::StrCat("the run can't continue as new: all that it holds takes ", whole,
                               " bytes, at most ", limits::kCheckpointBytesMax, " are allowed"),
                  {}};
  raised.stage = IncidentStage::history;
  at_ = 0;
  open_incident(raised);
}

// One after the other: what other runs said; then whichever of a held outcome, a held signal and a
// due timer has the earliest time; what a client or worker sent comes before a timer of the same
// millisecond.
void Decider::replay_held() {
  const TimerId newest = run_->last_timer;
  while (!run_->closed()) {
    const HeldOutcome* outcome = run_->held->empty() ? nullptr : &run_->held->front();
    const WaitingSignal* signal = nullptr;
    for (const WaitingSignal& s : *run_->signals) {
      if (s.held && signal == nullptr) signal = &s;
    }
    if (outcome != nullptr && signal != nullptr) {
      if (outcome->seq < signal->seq) {
        signal = nullptr;
      } else {
        outcome = nullptr;
      }
    }
    const Timer* due = earliest_due(newest);
    const OpenCall* call = nullptr;
    for (const auto& open : run_->tree->calls) {
      if (open->held && call == nullptr) call = &*open;
    }
    const bool input = outcome != nullptr || signal != nullptr;
    if (!input && due == nullptr && call == nullptr) return;
    const TimeMs at = outcome != nullptr ? outcome->at : signal != nullptr ? signal->at : TimeMs();
    if (call != nullptr) {
      end_held_call(OpenCall(*call));
    } else if (due != nullptr && (!input || due->fire_at < at)) {
      fire(Timer(*due));
    } else if (outcome != nullptr) {
      replay_outcome(HeldOutcome(*outcome));
    } else {
      replay_signal(WaitingSignal(*signal));
    }
    settle();
  }
}

void Decider::end_held_call(const OpenCall& held) {
  std::optional<Error> error;
  if (held.held_error) {
    error = {held.held_error->type, held.held_error->message(), held.held_error->data()};
  }
  end_call(held.id, held.held_status, held.held_output.value, error);
}

void Decider::replay_outcome(const HeldOutcome& held) {
  switch (held.outcome) {
    case Outcome::completed:
      return complete(held.step, held.attempt, held.result.value, held.actor);
    case Outcome::failed:
      return fail(held.step, held.error, held.retryable, true, held.actor);
    case Outcome::lease_lost: {
      const ErrorRecord error = lost_lease_error(*run_->step(held.step));
      return fail(held.step, error, std::nullopt, false, {});
    }
  }
}

void Decider::replay_signal(const WaitingSignal& signal) {
  at_ = 0;
  if (offer(signal)) return;
  const dsl::SignalSpec* spec = definition().signal(signal.name);
  if (spec == nullptr || !spec->buffer_ms) return emit(SignalExpired{signal.number});
  SignalBuffered e{signal.number, {}};
  e.timers.push_back(timer(TimerKind::signal_expiry, signal.number, after_ms(*spec->buffer_ms)));
  emit(std::move(e));
}

}  // namespace pawl::engine
