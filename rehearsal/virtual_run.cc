#include "rehearsal/virtual_run.h"

#include "base/check.h"
#include "base/limits.h"

namespace pawl::rehearsal {

engine::Context VirtualRun::context(const Sender& sender) const {
  engine::Context context;
  context.now = now_;
  context.seed = kMiddleSeed;
  context.actor = sender.actor;
  context.actor_groups = sender.groups;
  context.definition = definition_.get();
  context.run_groups = 1;
  return context;
}

void VirtualRun::keep(const engine::Decision& decision) {
  if (decision.events.empty()) return;
  const std::uint64_t before = run_ == nullptr ? 0 : run_->history_bytes;
  run_ = decision.after;
  // A generation that has just begun counts from nothing.
  bytes_ += run_->history_bytes > before ? run_->history_bytes - before : 0;
  for (const engine::Event& event : decision.events) history_.push_back({event, now_});
}

engine::Decision VirtualRun::start(const engine::Start& command, const Sender& sender) {
  PAWL_CHECK(run_ == nullptr);
  const RunUid uid{GroupId(1), Index(1)};
  engine::Decision decision = engine::decide_start(uid, command, context(sender));
  keep(decision);
  if (!decision.events.empty()) continue_as_new();
  return decision;
}

// As the node does after every entry (node/checkpoint.cc). One that begins with the next `continue`
// goes on and on.
void VirtualRun::continue_as_new() {
  while (!exhausted() && engine::wants_checkpoint(*run_, *definition_)) {
    const engine::Decision decision = engine::decide(*run_, engine::Checkpoint{}, context({}));
    if (decision.events.empty()) return;
    keep(decision);
  }
}

engine::Decision VirtualRun::send(const engine::Command& command, const Sender& sender) {
  PAWL_CHECK(run_ != nullptr);
  engine::Decision decision = engine::decide(*run_, command, context(sender));
  keep(decision);
  if (!decision.events.empty()) continue_as_new();
  return decision;
}

std::optional<TimeMs> VirtualRun::next_timer() const {
  if (run_ == nullptr || run_->closed() || run_->status == engine::RunStatus::paused) {
    return std::nullopt;
  }
  return run_->earliest_timer();
}

bool VirtualRun::exhausted() const {
  return history_.size() > limits::kRehearsalEventsMax || bytes_ > limits::kRehearsalBytesMax;
}

bool VirtualRun::fire_timers() { return !send(engine::FireTimers{}, {}).events.empty(); }

}  // namespace pawl::rehearsal
