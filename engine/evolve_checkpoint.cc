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
  const bool reads_on = f.run.generation + 1 == e.generation && f.run.uid() == e.identity.uid;
  const bool begins = f.run.frames.empty();
  if (!begins && !reads_on) return false;
  if (e.generation < 2 || e.before.v == 0 || is_closed(e.status) || f.run.seq != e.before.next())
    return false;
  RunContinued kept = e;
  RunContinued::fields(kept, DigestKeeper(&f.digests));
  Run next;
  next.identity = Shared<RunIdentity>(std::move(kept.identity));
  next.status = e.status;
  next.paused_from = e.paused_from;
  next.generation = e.generation;
  next.seq = f.run.seq;
  next.hash = f.run.hash;
  next.last_entry = f.run.last_entry;
  next.started_at = e.started_at;
  next.updated_at = f.time;
  next.start_at = e.start_at;
  next.on_error_taken = e.on_error_taken;
  next.on_timeout_taken = e.on_timeout_taken;
  next.on_cancel_taken = e.on_cancel_taken;
  for (CheckpointFrame& x : kept.frames) {
    Frame frame{std::move(x.path), std::move(x.state), x.visit,
                x.entered_at,      x.entered_seq,      variables(std::move(x.vars))};
    next.frames.push_back(std::move(frame));
  }
  next.visits = shared_list(std::move(kept.visits));
  next.timers = std::move(kept.armed);
  next.steps = shared(std::move(kept.steps));
  next.incidents = shared(std::move(kept.incidents));
  next.signals = shared_list(std::move(kept.signals));
  next.held = shared_list(std::move(kept.held));
  next.outcomes = shared_list(std::move(kept.outcomes));
  next.seen = shared_list(std::move(kept.seen));
  next.last_step = e.last_step;
  next.last_timer = e.last_timer;
  next.last_incident = e.last_incident;
  next.last_signal = e.last_signal;
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
  e.identity = *run.identity;
  e.status = run.status;
  e.paused_from = run.paused_from;
  e.started_at = run.started_at;
  e.start_at = run.start_at;
  e.on_error_taken = run.on_error_taken;
  e.on_timeout_taken = run.on_timeout_taken;
  e.on_cancel_taken = run.on_cancel_taken;
  for (const Frame& x : run.frames) {
    CheckpointFrame frame{x.path, x.state, x.visit, x.entered_at, x.entered_seq, {}};
    for (const Variable& variable : *x.vars) frame.vars.push_back({variable.name, variable.value});
    e.frames.push_back(std::move(frame));
  }
  e.visits = *run.visits;
  e.armed = run.timers;
  e.steps = plain(run.steps);
  e.incidents = plain(run.incidents);
  e.signals = *run.signals;
  e.held = *run.held;
  e.outcomes = *run.outcomes;
  e.seen = *run.seen;
  e.last_step = run.last_step;
  e.last_timer = run.last_timer;
  e.last_incident = run.last_incident;
  e.last_signal = run.last_signal;
  RunContinued::fields(e, DigestKeeper(nullptr));
  return e;
}

}  // namespace pawl::engine
