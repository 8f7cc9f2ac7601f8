// The timers of a run that goes on by another version (migration.h): what its handlers wait for
// then. Those of tasks, incidents, signals and sleeps stay as they are.
#pragma once

#include <string>
#include <vector>

#include "engine/evaluate.h"
#include "engine/event_checkpoint.h"
#include "engine/place_map.h"
#include "engine/run.h"

namespace pawl::engine {

class MigratedTimers {
 public:
  // All must outlive this. `version` is what reasons call the new one.
  MigratedTimers(const Run& run, const dsl::Definition& from, const dsl::Definition& to,
                 const PlaceMap& places, std::string version, TimeMs now);

  // Of the state that the machine is in.
  void of_state(std::uint32_t frame, const dsl::State& before, const dsl::State& after);
  // The run's timeout and the root's handlers.
  void of_root();
  // Replaces what is armed; adds why something could not be.
  void take(CheckpointParts* parts, std::vector<std::string>* reasons);

 private:
  struct Part {
    TimerKind kind;
    std::uint32_t frame = 0;
    const dsl::State* before = nullptr;  // null: the root's
    const dsl::State* after = nullptr;
    TimeMs since;                // when the handlers' times began
    bool literals_only = false;  // the others come with the retry of the entry
  };
  void handlers(const Part& part);
  void handler(const Part& part, std::uint64_t position, const dsl::Template& delay);
  const Timer* armed(TimerKind kind, std::uint32_t frame, std::uint64_t owner) const;
  void timeout();

  const Run& run_;
  const dsl::Definition& from_;
  const dsl::Definition& to_;
  const PlaceMap& places_;
  const std::string version_;
  const TimeMs now_;
  CostBudget budget_;
  std::vector<Timer> kept_, fresh_;  // fresh ones without numbers
  std::vector<std::string> reasons_;
};

}  // namespace pawl::engine
