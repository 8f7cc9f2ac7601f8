// The fold of a checkpoint:
//
//   (none) --run.continued, run.renewed--> the run as the event has it: who reads this generation
//                                          begins here
//   open   --run.continued, run.renewed--> the same, whatever it was made of before
//   closed --run.renewed--> the same: it is open again
//
// Both give equal runs: nothing of the run before is kept, only that it was this one is checked.
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/limits.h"
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

namespace {

Frame frame_of(CheckpointFrame c) {
  return Frame{std::move(c.path), std::move(c.state), c.visit,
               c.entered_at,      c.entered_seq,      variables(std::move(c.vars))};
}

CheckpointFrame checkpoint_of(const Frame& f) {
  CheckpointFrame frame{f.path, f.state, f.visit, f.entered_at, f.entered_seq, {}};
  for (const Variable& variable : *f.vars) frame.vars.push_back({variable.name, variable.value});
  return frame;
}

Shared<RunTree> tree_of(CheckpointParts* x) {
  RunTree tree;
  for (CheckpointInner& c : x->inner) {
    tree.frames.emplace_back(InnerFrame{
        c.id, c.parent, c.role, std::move(c.name), c.index, std::move(c.machine), c.keeps_result,
        std::move(c.result), frame_of(std::move(c.frame)), shared_list(std::move(c.visits))});
  }
  for (CheckpointGather& c : x->gathers) {
    Gather gather{c.frame, c.map,       std::move(c.items), c.count, c.next,  std::move(c.again),
                  c.open,  c.completed, c.failed,           c.most,  c.batch, c.tolerate,
                  c.join,  {}};
    for (Gathered& item : c.gathered) {
      const std::size_t chunk = item.index / limits::kGatherChunk;
      if (item.index >= gather.count) continue;
      if (gather.chunks.size() <= chunk) gather.chunks.resize(chunk + 1);
      gather.chunks[chunk].edit().items.push_back(std::move(item));
    }
    tree.gathers.emplace_back(std::move(gather));
  }
  tree.undos = shared(std::move(x->undos));
  tree.calls = shared(std::move(x->calls));
  tree.caller = std::move(x->caller);
  tree.last_frame = x->last_frame;
  tree.last_undo = x->last_undo;
  tree.last_call = x->last_call;
  return is_empty(tree) ? Shared<RunTree>() : Shared<RunTree>(std::move(tree));
}

// The run made of the parts; its payloads have their digests.
Run run_of(CheckpointParts x, std::uint32_t generation, const Fold& f) {
  Run next;
  next.tree = tree_of(&x);
  next.identity = Shared<RunIdentity>(std::move(x.identity));
  next.status = x.status;
  next.paused_from = x.paused_from;
  next.generation = generation;
  next.seq = f.run.seq;
  next.hash = f.run.hash;
  next.last_entry = f.run.last_entry;
  next.started_at = x.started_at;
  next.updated_at = f.time;
  next.start_at = x.start_at;
  next.on_error_taken = x.on_error_taken;
  next.on_timeout_taken = x.on_timeout_taken;
  next.on_cancel_taken = x.on_cancel_taken;
  for (CheckpointFrame& c : x.frames) next.frames.push_back(frame_of(std::move(c)));
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
  return next;
}

// What RunContinued and RunRenewed have in common.
template <class E>
bool fold_checkpoint(Fold& f, const E& e) {
  const bool begins = f.run.frames.empty();
  const bool reads_on =
      f.run.generation + 1 == e.generation && f.run.uid() == e.parts->identity.uid;
  const bool follows = e.before.v > 0 && f.run.seq == e.before.next();
  if (!(begins || reads_on) || !follows) return false;
  if (e.generation < 2 || is_closed(e.parts->status)) return false;
  E kept = e;
  E::fields(kept, DigestKeeper(&f.digests));
  f.run = run_of(std::move(kept.parts.edit()), e.generation, f);
  return run_problem(f.run).empty();
}

template <class E>
E checkpoint_event(const Run& run, CheckpointParts parts) {
  E e;
  e.generation = run.generation + 1;
  e.before = run.seq;
  e.before_hash = run.hash;
  e.parts = Shared<CheckpointParts>(std::move(parts));
  E::fields(e, DigestKeeper(nullptr));
  return e;
}

void add_tree(const RunTree& tree, CheckpointParts* x) {
  for (const auto& inner : tree.frames) {
    x->inner.push_back({inner->id, inner->parent, inner->role, inner->name, inner->index,
                        inner->machine, inner->keeps_result, inner->result,
                        checkpoint_of(inner->frame), *inner->visits});
  }
  for (const auto& g : tree.gathers) {
    CheckpointGather gather{g->frame, g->map,      g->items,     g->count,  g->next,
                            g->again, g->open,     g->completed, g->failed, g->most,
                            g->batch, g->tolerate, g->join,      {}};
    for (const auto& chunk : g->chunks) {
      gather.gathered.insert(gather.gathered.end(), chunk->items.begin(), chunk->items.end());
    }
    x->gathers.push_back(std::move(gather));
  }
  x->undos = plain(tree.undos);
  x->calls = plain(tree.calls);
  x->caller = tree.caller;
  x->last_frame = tree.last_frame;
  x->last_undo = tree.last_undo;
  x->last_call = tree.last_call;
}

}  // namespace

bool fold(Fold& f, const RunContinued& e) { return fold_checkpoint(f, e); }

bool fold(Fold& f, const RunRenewed& e) { return fold_checkpoint(f, e); }

// It says what the event before it has made of the run.
bool fold(Fold& f, const RunReset& e) {
  return f.run.seq == f.run.checkpoint.next() && e.to.v > 0 && e.to < f.run.checkpoint;
}

CheckpointParts parts_of(const Run& run) {
  CheckpointParts x;
  x.identity = *run.identity;
  x.status = run.status;
  x.paused_from = run.paused_from;
  x.started_at = run.started_at;
  x.start_at = run.start_at;
  x.on_error_taken = run.on_error_taken;
  x.on_timeout_taken = run.on_timeout_taken;
  x.on_cancel_taken = run.on_cancel_taken;
  for (const Frame& f : run.frames) x.frames.push_back(checkpoint_of(f));
  x.visits = *run.visits;
  x.armed = run.timers;
  x.steps = plain(run.steps);
  for (Step& step : x.steps) {  // until permits.carried says what it waits for
    if (step.status == StepStatus::limited) step.status = StepStatus::queued;
  }
  x.incidents = plain(run.incidents);
  x.signals = *run.signals;
  x.held = *run.held;
  x.outcomes = *run.outcomes;
  x.seen = *run.seen;
  x.last_step = run.last_step;
  x.last_timer = run.last_timer;
  x.last_incident = run.last_incident;
  x.last_signal = run.last_signal;
  add_tree(*run.tree, &x);
  return x;
}

RunContinued checkpoint_of(const Run& run) {
  PAWL_CHECK(is_empty(*run.tree));
  return checkpoint_event<RunContinued>(run, parts_of(run));
}

RunRenewed renewal_of(const Run& run, CheckpointParts parts, Renewal why) {
  RunRenewed e = checkpoint_event<RunRenewed>(run, std::move(parts));
  e.why = why;
  return e;
}

}  // namespace pawl::engine
