// One group with one workflow, driven as the node drives it: decide, encode, decode, fold. Every
// decision is checked against the engine's promises on its way (see World::commit).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/definition.h"
#include "engine/decide.h"
#include "engine/tables.h"

namespace pawl::engine {

// 2026-01-01T00:00:00Z
inline constexpr TimeMs kEpoch{1'767'225'600'000};

// Parses; fails the test on any error.
std::shared_ptr<const dsl::Definition> parse(std::string_view toml);
// The value of a CEL expression without variables, e.g. {"total": 12}.
dsl::Value value(std::string_view cel);

// The tables' snapshot.
std::string bytes_of(const Tables& tables);

class World {
 public:
  explicit World(std::string_view toml);
  explicit World(std::shared_ptr<const dsl::Definition> parsed);

  Decision start(Start command);
  // Starts run "r" with this input.
  Decision start(std::string_view input = "{}");
  // To the run started last.
  Decision send(const Command& command);
  // Moves time on to every due timer in turn, and then to the end of `ms`.
  void advance(std::int64_t ms);

  // Signals "name" with this payload.
  Decision signal(std::string name, std::string_view payload = "null");
  // Hands out the only queued step and returns it.
  StepId hand_out(const std::string& worker = "w");
  Decision complete(StepId step, std::string_view result = "null");
  // That a permit is granted, of the limit that the run wants it of; any if it wants none.
  TakePermit permit(std::uint32_t number) const;
  Decision fail(StepId step, std::string type, std::optional<bool> retryable = std::nullopt);

  const Run& run() const { return *tables.find(index); }
  dsl::Value var(std::string_view name) const;
  Context context();

  std::shared_ptr<const dsl::Definition> definition;
  Tables tables{GroupId(1)};   // of a replica: folds every entry
  Tables decided{GroupId(1)};  // of the box that decides: takes Decision::after
  TimeMs now = kEpoch;
  Index index;
  std::vector<Event> history;  // of the run started last
  std::vector<TimeMs> times;   // of each event in it
  Actor actor{NodeId(7), 1000, {1000, 1001}};
  std::vector<std::string> actor_groups;
  std::uint64_t seed = 1;
  bool checks = true;
  bool recording = true;  // into history

  // Folds what was decided into the tables, as every replica would. Requires that
  //   - the events encode, decode, and are equal after it,
  //   - folding the decoded events gives just the run that was decided, hash included,
  //   - the chain recomputed from hashed forms, and from scrubbed events, is the run's hash,
  //   - the box that decided, which does not fold again, holds equal tables,
  //   - the tables' invariants hold, and their snapshot decodes to equal bytes.
  void commit(const Decision& decision, const Run* before);

 private:
  void check_events(const Decision& decision, const Run* before);
  void check_snapshot();
  Index next_{1};
};

}  // namespace pawl::engine
