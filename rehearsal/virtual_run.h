// A run as the daemon would have it, without one: commands are decided by the engine, what they
// decide is kept as the run's history, and time is a number that goes on when it is told to.
//
// Retries come in the middle of their jitter: every decision gets the same seed, whose first number
// is a half. So a test's times can be written down.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dsl/definition.h"
#include "engine/decide.h"
#include "engine/run.h"
#include "rehearsal/test_case.h"

namespace pawl::rehearsal {

// Random(kMiddleSeed).unit() is within a millionth of 0.5.
inline constexpr std::uint64_t kMiddleSeed = 1'144'774;

struct HistoryEvent {
  engine::Event event;
  TimeMs at;
};

class VirtualRun {
 public:
  VirtualRun(std::shared_ptr<const dsl::Definition> definition, TimeMs now)
      : definition_(std::move(definition)), now_(now) {}

  // Both return what the engine decided; unless it was refused it has happened.
  engine::Decision start(const engine::Start& command, const Sender& sender);
  engine::Decision send(const engine::Command& command, const Sender& sender);

  // Null until it was started.
  const engine::Run* run() const { return run_.get(); }
  const dsl::Definition& definition() const { return *definition_; }
  const std::vector<HistoryEvent>& history() const { return history_; }
  TimeMs now() const { return now_; }

  // More has happened than a test may make happen (limits::kRehearsal...).
  bool exhausted() const;

  // The next timer that will fire; none while the run is paused.
  std::optional<TimeMs> next_timer() const;
  // Time never goes back.
  void set_now(TimeMs now) { now_ = std::max(now_, now); }
  // Fires what is due now; false if nothing could.
  bool fire_timers();

 private:
  engine::Context context(const Sender& sender) const;
  void keep(const engine::Decision& decision);
  // Begins the generations that are due.
  void continue_as_new();

  std::shared_ptr<const dsl::Definition> definition_;
  TimeMs now_;
  std::shared_ptr<engine::Run> run_;
  std::vector<HistoryEvent> history_;
  std::uint64_t bytes_ = 0;  // of the history
};

}  // namespace pawl::rehearsal
