// Folds of a run's life:
//
//   (none)    --run.started, no start_at--> running
//   (none)    --run.started, start_at-----> scheduled
//   scheduled --run.activated-------------> running
//   scheduled, running --run.paused-------> paused
//   paused    --run.resumed---------------> what it was
//   scheduled, running, paused --run.closed--> completed, failed, cancelled, terminated
//   completed, failed, cancelled, terminated --run.data_deleted--> data_deleted
#include "engine/fold.h"

namespace pawl::engine {
namespace {

// False if there is a value whose digest is not known, which the fold of its event would have kept.
bool scrub_kept(Payload* payload) {
  if (payload->length == 0) return true;
  if (!payload->digest) return false;
  payload->value = dsl::Value();
  payload->cold = false;
  payload->scrubbed = true;
  return true;
}

}  // namespace

bool fold(Fold& f, const RunStarted& e) {
  RunIdentity identity;
  identity.uid = {e.group, e.index};
  identity.id = e.id;
  identity.workflow = e.workflow;
  identity.version = e.version;
  identity.definition = e.definition;
  identity.salt = e.salt;
  identity.input = f.keep(e.input, 0);
  identity.tags = e.tags;
  identity.started_by = e.actor;
  f.grow(e.input.length);
  f.run.identity = Shared<RunIdentity>(std::move(identity));
  f.run.generation = e.generation;
  f.run.status = e.start_at ? RunStatus::scheduled : RunStatus::running;
  f.run.start_at = e.start_at;
  f.run.started_at = f.time;
  f.run.frames.emplace_back();
  return f.set_vars(0, e.vars, 1) && f.arm(e.timers);
}

bool fold(Fold& f, const RunActivated& e) {
  if (f.run.status != RunStatus::scheduled) return false;
  f.run.status = RunStatus::running;
  f.run.started_at = f.time;
  f.disarm(TimerKind::start, 0);
  return f.arm(e.timers);
}

bool fold(Fold& f, const RunPaused&) {
  if (f.run.status == RunStatus::paused) return false;
  f.run.paused_from = f.run.status;
  f.run.status = RunStatus::paused;
  return true;
}

bool fold(Fold& f, const RunResumed&) {
  if (f.run.status != RunStatus::paused) return false;
  f.run.status = f.run.paused_from;
  f.run.paused_from = RunStatus::running;
  return true;
}

bool fold(Fold&, const RunCancelRequested&) { return true; }

bool fold(Fold& f, const RunMoved& e) {
  const Frame* frame = f.run.frame(e.frame);
  return frame != nullptr && frame->state == e.from;
}

bool fold(Fold& f, const RunClosed& e) {
  if (!is_closed(e.status) || e.status == RunStatus::data_deleted) return false;
  Run& run = f.run;
  if (!is_empty(*run.tree)) f.clear_inner(0);
  if (!f.run.tree->undos.empty()) {
    for (const auto& undo : run.tree->undos) f.shrink(undo->input.length);
    run.tree.edit().undos.clear();
  }
  run.status = e.status;
  run.paused_from = RunStatus::running;
  run.closed_at = f.time;
  run.closed_reason = e.reason;
  while (!run.incidents.empty()) f.remove_incident(run.incidents.front()->id);
  for (std::size_t i = run.steps.size(); i-- > 0;) f.withdraw(run.steps[i]->id);
  while (!run.signals->empty()) f.take_signal(run.signals->front().number);
  run.timers.clear();
  if (e.output.length > 0) {
    run.output = Shared<Payload>(f.keep(e.output, 0));
    f.grow(e.output.length);
  }
  if (e.error) {
    ErrorRecord error = *e.error;
    error.detail = f.keep(error.detail, 1);
    f.grow(error.detail.length);
    run.error = Shared<std::optional<ErrorRecord>>(std::move(error));
  }
  return true;
}

// What a closed run has left: its input, variables, output and error. A task that a worker still
// has was withdrawn, and lost its input then.
bool fold(Fold& f, const RunDataDeleted&) {
  Run& run = f.run;
  if (!run.closed() || run.status == RunStatus::data_deleted) return false;
  run.status = RunStatus::data_deleted;
  bool known = scrub_kept(&run.identity.edit().input) && scrub_kept(&run.output.edit());
  for (Frame& frame : run.frames) {
    for (Variable& variable : frame.vars.edit()) known = known && scrub_kept(&variable.value);
  }
  const std::size_t calls = run.tree->calls.size();
  for (std::size_t i = 0; i < calls; ++i) {
    f.shrink(run.tree->calls[i]->input.length);
    run.tree.edit().calls[i].edit().input = Payload();
  }
  if (run.error.get()) known = known && scrub_kept(&run.error.edit()->detail);
  return known;
}

}  // namespace pawl::engine
