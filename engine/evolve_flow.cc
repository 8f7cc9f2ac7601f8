// Folds of machines within machines:
//
//   (none) --flow.entered--> a machine in its parent's state, begun by state.entered
//   open --flow.left, or its parent leaves its state--> gone with all that is within
//   (none) --parallel.started, map.started--> what is gathered of branches or items
//        --flow.left of one of them--> one more that completed, or failed
//        --map.retried--> those that did not complete are to be begun again
//        --the state is left--> gone
#include <algorithm>

#include "base/limits.h"
#include "engine/fold.h"

namespace pawl::engine {
namespace {

// Tasks of handlers outlive what they fired in.
void hand_on_handlers(Fold& f, std::uint32_t frame) {
  Run& run = f.run;
  for (auto& step : run.steps) {
    if (step->frame == frame && step->role == StepRole::handler) step.edit().frame = 0;
  }
  for (auto& incident : run.incidents) {
    if (incident->frame == frame) incident.edit().frame = 0;
  }
  std::erase_if(run.timers, [frame](const Timer& t) {
    return t.frame == frame && (t.kind == TimerKind::after || t.kind == TimerKind::every ||
                                t.kind == TimerKind::sleep || t.kind == TimerKind::gather);
  });
  for (Timer& t : run.timers) {
    if (t.frame == frame) t.frame = 0;
  }
}

void pass_undos(Fold& f, std::uint32_t from, std::uint32_t to) {
  const auto of = [from](const auto& undo) { return undo->frame == from; };
  const auto& all = f.run.tree->undos;
  if (std::none_of(all.begin(), all.end(), of)) return;
  for (auto& undo : f.run.tree.edit().undos) {
    if (undo->frame == from) undo.edit().frame = to;
  }
}

void drop_gather(Fold& f, std::uint32_t frame) {
  const Gather* gather = f.run.gather(frame);
  if (gather == nullptr) return;
  f.shrink(gather->items.length);
  for (const auto& chunk : gather->chunks) {
    for (const Gathered& x : chunk->items) f.shrink(x.result.length + x.error.detail.length);
  }
  std::erase_if(f.run.tree.edit().gathers, [frame](const auto& g) { return g->frame == frame; });
}

void drop_calls(Fold& f, std::uint32_t frame) {
  std::vector<std::uint32_t> ids;
  for (const auto& call : f.run.tree->calls) {
    if (call->frame == frame && call->status != CallStatus::cancelling) ids.push_back(call->id);
  }
  for (const std::uint32_t id : ids) f.drop_call(id);
}

void add_gathered(Gather* gather, Gathered item) {
  ++(item.failed ? gather->failed : gather->completed);
  const std::size_t chunk = item.index / limits::kGatherChunk;
  if (gather->chunks.size() <= chunk) gather->chunks.resize(chunk + 1);
  std::vector<Gathered>& items = gather->chunks[chunk].edit().items;
  const auto at =
      std::lower_bound(items.begin(), items.end(), item.index,
                       [](const Gathered& x, std::uint32_t wanted) { return x.index < wanted; });
  items.insert(at, std::move(item));
}

Gather new_gather(Fold& f, std::uint32_t frame) {
  drop_gather(f, frame);
  Gather gather;
  gather.frame = frame;
  return gather;
}

void add_gather(Fold& f, Gather gather) {
  auto& all = f.run.tree.edit().gathers;
  const auto at =
      std::lower_bound(all.begin(), all.end(), gather.frame,
                       [](const auto& x, std::uint32_t wanted) { return x->frame < wanted; });
  all.insert(at, Shared<Gather>(std::move(gather)));
}

}  // namespace

Frame* Fold::edit_frame(std::uint32_t id) {
  if (id == 0) return run.frames.empty() ? nullptr : &run.frames.front();
  InnerFrame* inner = edit_inner(id);
  return inner == nullptr ? nullptr : &inner->frame;
}

InnerFrame* Fold::edit_inner(std::uint32_t id) {
  if (run.inner(id) == nullptr) return nullptr;
  auto& all = run.tree.edit().frames;
  const auto at =
      std::lower_bound(all.begin(), all.end(), id,
                       [](const auto& x, std::uint32_t wanted) { return x->id < wanted; });
  return &at->edit();
}

Gather* Fold::edit_gather(std::uint32_t frame) {
  if (run.gather(frame) == nullptr) return nullptr;
  for (auto& gather : run.tree.edit().gathers) {
    if (gather->frame == frame) return &gather.edit();
  }
  return nullptr;
}

// From the newest on, so that what a machine leaves behind is its parent's before that one goes.
void Fold::clear_inner(std::uint32_t frame) {
  std::vector<std::uint32_t> within;
  const auto& all = run.tree->frames;
  const bool any = std::any_of(all.begin(), all.end(),
                               [frame](const auto& inner) { return inner->parent == frame; });
  for (const auto& inner : all) {
    if (any && inner->id > frame && run.within(inner->id, frame)) within.push_back(inner->id);
  }
  for (auto id = within.rbegin(); id != within.rend(); ++id) remove_inner(*id);
  drop_gather(*this, frame);
  drop_calls(*this, frame);
}

void Fold::remove_inner(std::uint32_t frame) {
  const InnerFrame* inner = run.inner(frame);
  if (inner == nullptr) return;
  const std::uint32_t parent = inner->parent;
  leave_state(*this, frame);
  hand_on_handlers(*this, frame);
  pass_undos(*this, frame, parent);
  inner = run.inner(frame);
  shrink(inner->result.length);
  for (const Variable& x : *inner->frame.vars) shrink(x.value.length);
  std::erase_if(run.tree.edit().frames, [frame](const auto& x) { return x->id == frame; });
}

bool fold(Fold& f, const FlowEntered& e) {
  const Frame* parent = f.run.frame(e.parent);
  if (parent == nullptr || parent->state.empty()) return false;
  if (e.frame != f.run.tree->last_frame + 1) return false;
  if (e.role != FrameRole::flow) {
    Gather* gather = f.edit_gather(e.parent);
    if (gather == nullptr || e.index >= gather->count) return false;
    const auto again = std::find(gather->again.begin(), gather->again.end(), e.index);
    if (again != gather->again.end()) {
      gather->again.erase(again);
    } else if (gather->next == e.index) {
      ++gather->next;
    } else {
      return false;
    }
    ++gather->open;
  }
  InnerFrame inner;
  inner.id = e.frame;
  inner.parent = e.parent;
  inner.role = e.role;
  inner.name = e.name;
  inner.index = e.index;
  inner.machine = e.machine;
  inner.keeps_result = e.keeps_result;
  inner.frame.path = e.path;
  RunTree& tree = f.run.tree.edit();
  tree.last_frame = e.frame;
  tree.frames.emplace_back(std::move(inner));
  return f.set_vars(e.frame, e.vars, 0);
}

bool fold(Fold& f, const FlowLeft& e) {
  const InnerFrame* inner = f.run.inner(e.frame);
  if (inner == nullptr) return false;
  const std::uint32_t parent = inner->parent, index = inner->index;
  const bool gathered = inner->role != FrameRole::flow;
  f.remove_inner(e.frame);
  if (!gathered) return true;
  Gather* gather = f.edit_gather(parent);
  if (gather == nullptr || gather->open == 0) return false;
  --gather->open;
  if (e.how == FlowEnd::cancelled) return true;
  Gathered item;
  item.index = index;
  item.failed = e.how == FlowEnd::failed;
  item.result = f.keep(e.result, 0);
  if (item.failed && e.error) {
    item.error = *e.error;
    item.error.detail = f.keep(e.error->detail, 1);
  }
  f.grow(item.result.length + item.error.detail.length);
  add_gathered(gather, std::move(item));
  return true;
}

bool fold(Fold& f, const ParallelStarted& e) {
  if (f.run.frame(e.frame) == nullptr || e.join > e.count) return false;
  Gather gather = new_gather(f, e.frame);
  gather.count = e.count;
  gather.join = e.join;
  add_gather(f, std::move(gather));
  return true;
}

bool fold(Fold& f, const MapStarted& e) {
  if (f.run.frame(e.frame) == nullptr) return false;
  Gather gather = new_gather(f, e.frame);
  gather.map = true;
  gather.items = f.keep(e.items, 0);
  gather.count = e.count;
  gather.most = e.most;
  gather.batch = e.batch;
  gather.tolerate = e.tolerate;
  f.grow(gather.items.length);
  add_gather(f, std::move(gather));
  return true;
}

bool fold(Fold& f, const MapRetried& e) {
  Gather* gather = f.edit_gather(e.frame);
  if (gather == nullptr || !gather->map || gather->open > 0) return false;
  std::vector<bool> completed(gather->next);
  for (auto& chunk : gather->chunks) {
    std::erase_if(chunk.edit().items, [&](const Gathered& x) {
      if (x.failed) f.shrink(x.result.length + x.error.detail.length);
      return x.failed;
    });
    for (const Gathered& x : chunk->items) completed[x.index] = true;
  }
  // As if they had never been: no chunk is empty that has none behind it.
  while (!gather->chunks.empty() && gather->chunks.back()->items.empty()) gather->chunks.pop_back();
  gather->failed = 0;
  gather->again.clear();
  for (std::uint32_t i = 0; i < gather->next; ++i) {
    if (!completed[i]) gather->again.push_back(i);
  }
  return true;
}

bool fold(Fold& f, const ResultKept& e) {
  InnerFrame* inner = f.edit_inner(e.frame);
  if (inner == nullptr || !inner->keeps_result) return false;
  f.shrink(inner->result.length);
  inner->result = f.keep(e.result, 0);
  f.grow(inner->result.length);
  return true;
}

}  // namespace pawl::engine
