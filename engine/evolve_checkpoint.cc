// The fold of a checkpoint:
//
//   (none) --run.continued--> the run as the event has it: who reads this generation begins here
//   open   --run.continued--> the same, whatever it was made of before
//
// Both give equal runs: nothing of the run before is kept, only that it was this one is checked.
#include <optional>
#include <utility>
#include <vector>

#include "engine/event_visit.h"
#include "engine/fold.h"

namespace pawl::engine {
namespace {

// Gives each payload of the event the digest that it has in it; without digests, takes away those
// that payloads bring along from the events they came in.
class DigestKeeper {
 public:
  explicit DigestKeeper(const std::vector<Digest>* digests) : digests_(digests) {}
  template <class T>
  void operator()(const char*, T& x) {
    keep(&x);
  }

 private:
  template <class T>
  void keep(T* x) {
    if constexpr (Reflected<T>) T::fields(*x, *this);
  }
  template <class T>
  void keep(std::optional<T>* x) {
    if (*x) keep(&**x);
  }
  template <class T>
  void keep(std::vector<T>* x) {
    for (T& item : *x) keep(&item);
  }
  void keep(Payload* x) {
    x->digest.reset();
    if (digests_ != nullptr && x->length > 0) x->digest = (*digests_)[at_];
    ++at_;
  }

  const std::vector<Digest>* digests_;
  std::size_t at_ = 0;
};

template <class T>
std::vector<Shared<T>> shared(std::vector<T> items) {
  std::vector<Shared<T>> all;
  for (T& item : items) all.emplace_back(std::move(item));
  return all;
}

template <class T>
std::vector<T> plain(const std::vector<Shared<T>>& items) {
  std::vector<T> all;
  for (const Shared<T>& item : items) all.push_back(*item);
  return all;
}

Shared<std::vector<Variable>> variables(std::vector<NamedPayload> vars) {
  std::vector<Variable> all;
  for (NamedPayload& x : vars) all.push_back({std::move(x.name), std::move(x.value)});
  return all.empty() ? Shared<std::vector<Variable>>() : Shared(std::move(all));
}

template <class T>
Shared<std::vector<T>> shared_list(std::vector<T> items) {
  return items.empty() ? Shared<std::vector<T>>() : Shared<std::vector<T>>(std::move(items));
}

}  // namespace

bool fold(Fold& f, const RunContinued& e) {
  const CheckpointParts& parts = *e.parts;
  const bool begins = f.run.frames.empty();
  const bool reads_on = f.run.generation + 1 == e.generation && f.run.uid() == parts.identity.uid;
  const bool follows = e.before.v > 0 && f.run.seq == e.before.next();
  if (!(begins || reads_on) || !follows) return false;
  if (e.generation < 2 || is_closed(parts.status)) return false;
  RunContinued kept = e;
  RunContinued::fields(kept, DigestKeeper(&f.digests));
  CheckpointParts& x = kept.parts.edit();
  Run next;
  next.identity = Shared<RunIdentity>(std::move(x.identity));
  next.status = x.status;
  next.paused_from = x.paused_from;
  next.generation = e.generation;
  next.seq = f.run.seq;
  next.hash = f.run.hash;
  next.last_entry = f.run.last_entry;
  next.started_at = x.started_at;
  next.updated_at = f.time;
  next.start_at = x.start_at;
  next.on_error_taken = x.on_error_taken;
  next.on_timeout_taken = x.on_timeout_taken;
  next.on_cancel_taken = x.on_cancel_taken;
  for (CheckpointFrame& c : x.frames) {
    Frame frame{std::move(c.path), std::move(c.state), c.visit,
                c.entered_at,      c.entered_seq,      variables(std::move(c.vars))};
    next.frames.push_back(std::move(frame));
  }
  next.visits = shared_list(std::move(x.visits));
  next.timers = std::move(x.armed);
  next.steps = shared(std::move(x.steps));
  next.incidents = shared(std::move(x.incidents));
  next.signals = shared_list(std::move(x.signals));
  next.held = shared_list(std::move(x.held));
  next.outcomes = shared_list(std::move(x.outcomes));
  next.seen = shared_list(std::move(x.seen));
  next.last_step = x.last_step;
  next.last_timer = x.last_timer;
  next.last_incident = x.last_incident;
  next.last_signal = x.last_signal;
  next.checkpoint = next.seq;
  next.state_bytes = count_state_bytes(next);
  f.run = std::move(next);
  return run_problem(f.run).empty();
}

RunContinued checkpoint_of(const Run& run) {
  RunContinued e;
  e.generation = run.generation + 1;
  e.before = run.seq;
  e.before_hash = run.hash;
  CheckpointParts& x = e.parts.edit();
  x.identity = *run.identity;
  x.status = run.status;
  x.paused_from = run.paused_from;
  x.started_at = run.started_at;
  x.start_at = run.start_at;
  x.on_error_taken = run.on_error_taken;
  x.on_timeout_taken = run.on_timeout_taken;
  x.on_cancel_taken = run.on_cancel_taken;
  for (const Frame& f : run.frames) {
    CheckpointFrame frame{f.path, f.state, f.visit, f.entered_at, f.entered_seq, {}};
    for (const Variable& variable : *f.vars) frame.vars.push_back({variable.name, variable.value});
    x.frames.push_back(std::move(frame));
  }
  x.visits = *run.visits;
  x.armed = run.timers;
  x.steps = plain(run.steps);
  x.incidents = plain(run.incidents);
  x.signals = *run.signals;
  x.held = *run.held;
  x.outcomes = *run.outcomes;
  x.seen = *run.seen;
  x.last_step = run.last_step;
  x.last_timer = run.last_timer;
  x.last_incident = run.last_incident;
  x.last_signal = run.last_signal;
  RunContinued::fields(e, DigestKeeper(nullptr));
  return e;
}

}  // namespace pawl::engine
