#include "engine/evolve.h"

#include <algorithm>
#include <optional>

#include "base/digest.h"
#include "base/limits.h"
#include "engine/fold.h"

namespace pawl::engine {
namespace {

// Steps and incidents, in lists sorted by id.
template <class List, class Id>
auto position(List& list, Id id) {
  const auto at = std::lower_bound(list.begin(), list.end(), id,
                                   [](const auto& x, Id wanted) { return x->id < wanted; });
  return at != list.end() && (*at)->id == id ? at : list.end();
}

}  // namespace

bool evolve(Run* run, const Event& event, TimeMs time, HashScratch* scratch) {
  const bool first = run->seq.v == 0;
  const std::optional<GenerationBegun> checkpoint = generation_begun(event);
  if (first && checkpoint) {
    run->seq = checkpoint->before;
    run->hash = checkpoint->before_hash;
  }
  if (checkpoint) {
    if (run->seq != checkpoint->before || run->hash != checkpoint->before_hash) return false;
  } else if (first != std::holds_alternative<RunStarted>(event)) {
    return false;
  }
  const bool late =
      std::holds_alternative<TaskReleased>(event) ||
      std::holds_alternative<RunDataDeleted>(event) || std::holds_alternative<CallEnded>(event) ||
      std::holds_alternative<CallAccepted>(event) || std::holds_alternative<CallerTold>(event) ||
      std::holds_alternative<RunRenewed>(event) || std::holds_alternative<PermitReturned>(event);
  if (!first && run->closed() && !late) return false;
  run->seq = run->seq.next();
  EventContext context{first ? Salt() : run->identity->salt, run->seq, time};
  run->hash = chain_event(run->hash, event, context, scratch);
  run->updated_at = time;
  run->history_bytes += scratch->bytes.size() + scratch->payload_bytes;
  Fold f{*run, time, scratch->payloads};
  return std::visit([&f](const auto& e) { return fold(f, e); }, event);
}

Payload Fold::keep(const Payload& payload, std::size_t ordinal) const {
  Payload kept = payload;
  if (kept.length > 0) kept.digest = digests[ordinal];
  return kept;
}

bool Fold::arm(const std::vector<Timer>& timers) {
  for (const Timer& timer : timers) {
    if (timer.id != run.last_timer.next() || timer.interval_ms < 0) return false;
    run.last_timer = timer.id;
    run.timers.push_back(timer);
  }
  return true;
}

void Fold::disarm(TimerKind kind, std::uint64_t owner) {
  std::erase_if(run.timers, [&](const Timer& t) { return t.kind == kind && t.owner == owner; });
}

bool Fold::set_vars(std::uint32_t frame, const std::vector<NamedPayload>& vars,
                    std::size_t ordinal) {
  if (run.frame(frame) == nullptr) return false;
  if (vars.empty()) return true;
  std::vector<Variable>& all = edit_frame(frame)->vars.edit();
  for (const NamedPayload& x : vars) {
    auto at = std::lower_bound(
        all.begin(), all.end(), x.name,
        [](const Variable& v, const std::string& wanted) { return v.name < wanted; });
    if (at == all.end() || at->name != x.name) at = all.insert(at, Variable{x.name, {}});
    shrink(at->value.length);
    at->value = keep(x.value, ordinal++);
    grow(at->value.length);
  }
  return true;
}

bool Fold::count_visit(std::uint32_t frame, std::string_view name, std::uint32_t count) {
  InnerFrame* inner = edit_inner(frame);
  if (frame > 0 && inner == nullptr) return false;
  std::vector<Visit>& all = inner == nullptr ? run.visits.edit() : inner->visits.edit();
  auto at =
      std::lower_bound(all.begin(), all.end(), name,
                       [](const Visit& x, std::string_view wanted) { return x.name < wanted; });
  if (at == all.end() || at->name != name) at = all.insert(at, Visit{"", std::string(name), 0});
  return ++at->count == count;
}

Step* Fold::edit_step(StepId id) {
  const auto at = position(run.steps, id);
  return at == run.steps.end() ? nullptr : &at->edit();
}

void Fold::remove_step(StepId id) {
  const auto at = position(run.steps, id);
  if (at == run.steps.end()) return;
  shrink((*at)->input.length + (*at)->progress.length);
  const StepRole role = (*at)->role;
  run.steps.erase(at);
  disarm_step(id);
  drop_held(id);
  if (role == StepRole::undo) end_undo(*this, id, /*done=*/false);
  drop_undos_of(*this, id);
  forget_limits(*this, id);
}

void Fold::disarm_step(StepId id) {
  disarm(TimerKind::task_queue, id.v);
  disarm(TimerKind::task_attempt, id.v);
  disarm(TimerKind::task_total, id.v);
  disarm(TimerKind::task_retry, id.v);
}

void Fold::withdraw(StepId id) {
  const Step* step = run.step(id);
  if (step == nullptr || step->status == StepStatus::withdrawn) return;
  if (step->status != StepStatus::started) return remove_step(id);
  disarm_step(id);
  if (step->role == StepRole::undo) end_undo(*this, id, /*done=*/false);
  Step* withdrawn = edit_step(id);
  shrink(withdrawn->input.length + withdrawn->progress.length);
  withdrawn->input = Payload();
  withdrawn->progress = Payload();
  withdrawn->status = StepStatus::withdrawn;
}

void Fold::drop_held(StepId id) {
  const bool any = std::any_of(run.held->begin(), run.held->end(),
                               [id](const HeldOutcome& h) { return h.step == id; });
  if (!any) return;
  std::erase_if(run.held.edit(), [&](const HeldOutcome& h) {
    if (h.step != id) return false;
    shrink(h.result.length + h.error.detail.length);
    return true;
  });
}

void Fold::remember(StepId step, std::uint32_t attempt, const ErrorRecord* error,
                    std::uint32_t ordinal) {
  std::vector<RememberedOutcome>& all = run.outcomes.edit();
  std::erase_if(all, [&](const RememberedOutcome& x) {
    const bool old = x.at.v < time.v - limits::kRememberedMs;
    return old || (x.step == step && x.attempt == attempt);
  });
  if (all.size() >= limits::kOutcomesRememberedMax) all.erase(all.begin());
  RememberedOutcome outcome;
  outcome.step = step;
  outcome.attempt = attempt;
  outcome.failed = error != nullptr;
  outcome.seq = run.seq;
  outcome.ordinal = ordinal;
  outcome.digest = digests[ordinal];
  if (error != nullptr) outcome.error_type = error->type;
  outcome.at = time;
  all.push_back(std::move(outcome));
}

bool Fold::remove_incident(IncidentId id) {
  const auto at = position(run.incidents, id);
  if (at == run.incidents.end()) return false;
  shrink((*at)->error.detail.length + (*at)->kept.length);
  run.incidents.erase(at);
  disarm(TimerKind::incident_again, id.v);
  return true;
}

bool Fold::take_signal(std::uint64_t number) {
  const auto has = [number](const WaitingSignal& s) { return s.number == number; };
  if (std::none_of(run.signals->begin(), run.signals->end(), has)) return false;
  std::vector<WaitingSignal>& all = run.signals.edit();
  const auto at = std::find_if(all.begin(), all.end(), has);
  shrink(at->payload.length);
  all.erase(at);
  disarm(TimerKind::signal_expiry, number);
  return true;
}

namespace {

std::uint64_t count_tree_bytes(const RunTree& tree) {
  std::uint64_t bytes = 0;
  for (const auto& inner : tree.frames) {
    bytes += inner->result.length;
    for (const Variable& x : *inner->frame.vars) bytes += x.value.length;
  }
  for (const auto& gather : tree.gathers) {
    bytes += gather->items.length;
    for (const auto& chunk : gather->chunks) {
      for (const Gathered& x : chunk->items) bytes += x.result.length + x.error.detail.length;
    }
  }
  for (const auto& undo : tree.undos) bytes += undo->input.length;
  for (const auto& call : tree.calls) bytes += call->payload_bytes();
  return bytes;
}

}  // namespace

std::uint64_t count_state_bytes(const Run& run) {
  std::uint64_t bytes = run.identity->input.length + run.output->length;
  if (run.error.get()) bytes += run.error.get()->detail.length;
  for (const Frame& f : run.frames) {
    for (const Variable& x : *f.vars) bytes += x.value.length;
  }
  for (const auto& s : run.steps) bytes += s->input.length + s->progress.length;
  for (const auto& i : run.incidents) bytes += i->error.detail.length + i->kept.length;
  for (const WaitingSignal& s : *run.signals) bytes += s.payload.length;
  for (const HeldOutcome& h : *run.held) bytes += h.result.length + h.error.detail.length;
  return bytes + count_tree_bytes(*run.tree);
}

std::array<unsigned char, 16> seen_hash(const Run& run, std::string_view dedupe_id) {
  const Digest d =
      digest(dedupe_id,
             {reinterpret_cast<const char*>(run.identity->salt.bytes.data()), sizeof(Salt::bytes)});
  std::array<unsigned char, 16> hash;
  std::copy_n(d.begin(), hash.size(), hash.begin());
  return hash;
}

}  // namespace pawl::engine
