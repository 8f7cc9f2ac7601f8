// Signals, as decided:
//
//   sent --a handler's branch holds (innermost first, the root's own last)--> taken: save, task,
//                                                                              next
//   sent --nobody, `buffer`--> buffered --offered at every entry--> taken    --expiry--> gone
//   sent --nobody------------> refused, with what is accepted now
//   sent --the run is paused-> held until it resumes
//   sent again, same dedupe id--> duplicate
#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/decider.h"
#include "engine/fold.h"
#include "engine/waiting.h"

namespace pawl::engine {

bool Decider::may_send(const dsl::SignalSpec& spec) const {
  if (spec.groups.empty()) return true;
  const auto has = [](const auto& list, const auto& x) {
    return std::find(list.begin(), list.end(), x) != list.end();
  };
  for (const std::string& group : spec.groups) {
    if (has(context_.actor_groups, group)) return true;
    for (const std::uint32_t gid : context_.actor.gids) {
      if (group == std::to_string(gid)) return true;
    }
  }
  return false;
}

bool Decider::check_signal(const Signal& command, const dsl::SignalSpec& spec,
                           dsl::Value* payload) {
  const auto no = [this](Refusal why, std::string detail) {
    refuse(why, std::move(detail));
    return false;
  };
  if (!may_send(spec)) {
    return no(Refusal::signal_forbidden,
              "signal `" + command.name + "` is for members of other groups");
  }
  if (command.expect_seq && *command.expect_seq != run_->seq) {
    return no(Refusal::wrong_seq, absl::StrCat("the run is at seq ", run_->seq.v));
  }
  if (command.expect_state) {
    const std::vector<std::string> states = run_->states();
    if (std::find(states.begin(), states.end(), *command.expect_state) == states.end()) {
      return no(Refusal::wrong_state, "the run is in `" + run_->state() + "`");
    }
  }
  *payload = command.payload;
  std::string why;
  if (!storable(*payload, &why)) return no(Refusal::too_big, "the payload " + why);
  if (command.dedupe_id.size() > limits::kDedupeIdBytesMax) {
    return no(Refusal::too_big, "the dedupe id is too long");
  }
  if (!spec.payload) return true;
  std::vector<dsl::SchemaError> errors;
  *payload = dsl::apply_schema(*spec.payload, *payload, "", &errors);
  if (!errors.empty()) {
    const std::string path = errors[0].path.empty() ? "the payload" : "`" + errors[0].path + "`";
    return no(Refusal::payload_invalid, path + " " + errors[0].message);
  }
  return true;
}

bool Decider::root_handlers_act() const {
  if (run_->state().empty()) return false;
  const dsl::State* state = definition().root.find(run_->state());
  return state != nullptr && state->verb != dsl::Verb::compensate && state->verb != dsl::Verb::end;
}

// What the machine encloses comes first: by the names of branches, the indexes of items.
void Decider::find_taker_within(std::uint32_t frame, const std::string& name,
                                const dsl::Value& payload, const Actor& actor, Taker* taker) {
  std::vector<const InnerFrame*> within;
  for (const auto& inner : run_->tree->frames) {
    if (inner->parent == frame && inner->id != frame) within.push_back(&*inner);
  }
  std::sort(within.begin(), within.end(), [](const InnerFrame* a, const InnerFrame* b) {
    return std::tie(a->index, a->id) < std::tie(b->index, b->id);
  });
  for (const InnerFrame* inner : within) {
    find_taker_within(inner->id, name, payload, actor, taker);
    if (taker->handler != nullptr) return;
  }
  const At at(this, frame);
  if (run_->frame(frame)->state.empty()) return;
  const auto try_handler = [&](const dsl::SignalHandler* handler, bool root) {
    if (handler == nullptr || taker->handler != nullptr) return;
    EvalScope s = scope();
    s.set_signal(payload, actor);
    const dsl::Branch* branch = nullptr;
    taker->failed = !choose_branch(handler->branches, s, &branch, &taker->error);
    if (branch == nullptr && !taker->failed) return;
    taker->handler = handler;
    taker->branch = branch;
    taker->root = root;
    taker->frame = frame;
  };
  try_handler(current_state().handler(name), false);
  if (frame != 0 || !root_handlers_act()) return;
  for (const dsl::SignalHandler& handler : definition().on) {
    if (handler.signal == name) try_handler(&handler, true);
  }
}

Decider::Taker Decider::find_taker(const std::string& name, const dsl::Value& payload,
                                   const Actor& actor) {
  Taker taker;
  if (run_->status != RunStatus::running || run_->state().empty()) return taker;
  find_taker_within(0, name, payload, actor, &taker);
  return taker;
}

void Decider::deliver(const Taker& taker, const std::string& name, const Payload& payload,
                      const Actor& actor) {
  at_ = taker.frame;
  Raised raised;
  raised.stage = IncidentStage::signal;
  raised.name = name;
  raised.kept = payload;
  raised.actor = actor;
  if (taker.failed) {
    raised.error = taker.error;
    return raise(std::move(raised));
  }
  EvalScope s = scope();
  s.set_signal(payload.value, actor);
  const std::ptrdiff_t branch = taker.branch - taker.handler->branches.data();
  const HandlerPlace place{taker.root ? "" : current_place(),
                           absl::StrCat("on.", name, "#", branch)};
  if (!take_branch(*taker.branch, &s, place, Cause::signal, name, &raised.error)) {
    raise(std::move(raised));
  }
}

void Decider::apply(const Signal& command) {
  if (!command.dedupe_id.empty()) {
    const auto hash = seen_hash(*run_, command.dedupe_id);
    const bool seen = std::any_of(run_->seen->begin(), run_->seen->end(), [&](const SeenSignal& x) {
      return x.id == hash && x.at.v >= context_.now.v - limits::kRememberedMs;
    });
    if (seen) {
      decision_.duplicate = true;
      return;
    }
  }
  if (run_->closed()) return refuse(Refusal::run_closed, "the run is closed");
  const auto accepted = [this] { return accepted_signals(*run_, definition()); };
  const dsl::SignalSpec* spec = definition().signal(command.name);
  if (spec == nullptr) {
    decision_.accepted = accepted();
    return refuse(Refusal::signal_unknown, "the workflow has no signal `" + command.name + "`");
  }
  dsl::Value payload;
  if (!check_signal(command, *spec, &payload)) return;
  if (run_->status == RunStatus::paused) {
    return store_signal(command, std::move(payload), SignalFate::held, std::nullopt);
  }
  const Taker taker = find_taker(command.name, payload, context_.actor);
  if (taker.handler != nullptr) {
    if (!incident_room()) {
      return refuse(Refusal::signal_buffer_full, "the run has too many incidents");
    }
    SignalReceived e = received(command, std::move(payload), SignalFate::taken);
    const Payload kept = e.payload;
    emit(std::move(e));
    deliver(taker, command.name, kept, context_.actor);
    return settle();
  }
  if (spec->buffer_ms) {
    return store_signal(command, std::move(payload), SignalFate::buffered, spec->buffer_ms);
  }
  decision_.accepted = accepted();
  const std::string where =
      run_->state().empty() ? "before the run begins" : "in state `" + run_->state() + "`";
  refuse(Refusal::signal_not_accepted, "nothing takes signal `" + command.name + "` " + where);
}

SignalReceived Decider::received(const Signal& command, dsl::Value payload, SignalFate fate) const {
  SignalReceived e;
  e.number = run_->last_signal + 1;
  e.name = command.name;
  e.payload = Payload::of(std::move(payload));
  e.dedupe_id = command.dedupe_id;
  e.actor = context_.actor;
  e.fate = fate;
  return e;
}

void Decider::store_signal(const Signal& command, dsl::Value payload, SignalFate fate,
                           std::optional<std::int64_t> buffer_ms) {
  if (run_->signals->size() >= limits::kBufferedSignalsMax) {
    return refuse(Refusal::signal_buffer_full, "the run has too many waiting signals");
  }
  Error error;
  if (!fits(payload, "the payload", 0, &error)) return refuse(Refusal::too_big, error.message);
  SignalReceived e = received(command, std::move(payload), fate);
  if (buffer_ms) {
    e.timers.push_back(timer(TimerKind::signal_expiry, e.number, after_ms(*buffer_ms)));
  }
  emit(std::move(e));
}

// In the order they came. One that nobody takes stays and does not hold up those behind it.
void Decider::offer_waiting() {
  const std::uint32_t entered = at_;
  const std::vector<WaitingSignal> waiting = *run_->signals;
  for (const WaitingSignal& signal : waiting) {
    if (signal.held) continue;
    offer(signal);
    at_ = entered;
    if (!stays()) return;
  }
}

bool Decider::offer(const WaitingSignal& signal) {
  const Taker taker = find_taker(signal.name, signal.payload.value, signal.actor);
  if (taker.handler == nullptr || !incident_room()) return false;
  emit(SignalTaken{signal.number});
  deliver(taker, signal.name, signal.payload, signal.actor);
  return true;
}

// A retry of an incident that kept the signal: offered to whoever takes it now.
void Decider::redeliver(const std::string& name, const Payload& payload, const Actor& actor) {
  const Taker taker = find_taker(name, payload.value, actor);
  if (taker.handler != nullptr) deliver(taker, name, payload, actor);
}

}  // namespace pawl::engine
