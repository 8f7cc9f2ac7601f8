// Folds of undos:
//
//   (none) --undo.recorded--> counts, or waits for its step's first hand-out
//   waits --task.started--> counts          waits --the step goes--> gone
//   counts --task.scheduled, role undo--> is carried out --task.completed--> gone
//   counts, is carried out --its state is left--> counts for the encloser
//   any --undos.forgotten, or another of its name--> gone
#include <algorithm>

#include "engine/fold.h"

namespace pawl::engine {
namespace {

template <class Which>
void drop(Fold& f, const Which& which) {
  const auto& all = f.run.tree->undos;
  const auto matches = [&which](const auto& undo) { return which(*undo); };
  if (std::none_of(all.begin(), all.end(), matches)) return;
  for (const auto& undo : all) {
    if (which(*undo)) f.shrink(undo->input.length);
  }
  std::erase_if(f.run.tree.edit().undos, matches);
}

}  // namespace

bool fold(Fold& f, const UndoRecorded& e) {
  if (f.run.frame(e.frame) == nullptr || e.undo != f.run.tree->last_undo + 1) return false;
  if (!e.name.empty()) {
    drop(f, [&e](const RecordedUndo& x) { return x.frame == e.frame && x.name == e.name; });
  }
  RecordedUndo undo;
  undo.id = e.undo;
  undo.frame = e.frame;
  undo.place = e.place;
  undo.name = e.name;
  undo.waits_for = e.step;
  if (e.step.v == 0) undo.since = f.run.seq;
  undo.type = e.type;
  undo.queue = e.queue;
  undo.key = e.key;
  undo.input = f.keep(e.input, 0);
  f.grow(undo.input.length);
  RunTree& tree = f.run.tree.edit();
  tree.last_undo = e.undo;
  tree.undos.emplace_back(std::move(undo));
  return true;
}

bool fold(Fold& f, const UndosForgotten& e) {
  const std::size_t before = f.run.tree->undos.size();
  drop(f, [&e](const RecordedUndo& x) {
    return std::find(e.undos.begin(), e.undos.end(), x.id) != e.undos.end();
  });
  return f.run.tree->undos.size() + e.undos.size() == before;
}

void count_undos_of(Fold& f, StepId step) {
  const auto& all = f.run.tree->undos;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i]->waits_for != step) continue;
    RecordedUndo& undo = f.run.tree.edit().undos[i].edit();
    undo.since = f.run.seq;
    undo.waits_for = StepId();
  }
}

void drop_undos_of(Fold& f, StepId step) {
  drop(f, [step](const RecordedUndo& x) { return x.waits_for == step; });
}

bool begin_undo(Fold& f, std::uint32_t id, StepId step) {
  const auto& all = f.run.tree->undos;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i]->id != id) continue;
    if (all[i]->since.v == 0 || all[i]->runs.v != 0) return false;
    f.run.tree.edit().undos[i].edit().runs = step;
    return true;
  }
  return false;
}

void end_undo(Fold& f, StepId step, bool done) {
  if (done) return drop(f, [step](const RecordedUndo& x) { return x.runs == step; });
  const auto& all = f.run.tree->undos;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i]->runs == step) f.run.tree.edit().undos[i].edit().runs = StepId();
  }
}

}  // namespace pawl::engine
