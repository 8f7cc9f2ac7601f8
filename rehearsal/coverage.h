// Which states and transitions of a definition its tests have taken. Transitions are the edges of
// its graph, in all of its machines: the root, named flows, the inline states of branches and maps.
// Those that read the same and lead to the same place are one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsl/definition.h"
#include "rehearsal/virtual_run.h"

namespace pawl::rehearsal {

struct CoveredEdge {
  dsl::GraphEdge edge;
  bool taken = false;
};
struct CoveredState {
  std::string place;  // in the definition: "STATE" at the root, "FLOW:STATE", ":STATE/do" inline
  bool entered = false;
};
struct CoveredMachine {
  std::string place;
  const dsl::Flow* flow;
  std::vector<CoveredState> states;  // as in the flow
  std::vector<CoveredEdge> edges;
};

class Coverage {
 public:
  explicit Coverage(std::shared_ptr<const dsl::Definition> definition);

  // Counts what this history has taken.
  void add(const std::vector<HistoryEvent>& history);

  // The root first; what a machine runs inline stands behind it, named flows at the end.
  const std::vector<CoveredMachine>& machines() const { return machines_; }

 private:
  // A machine of the run: where it is.
  struct Place {
    CoveredMachine* machine;
    std::string state;
  };
  // What led to the entry of `to` from `from`.
  struct Taken {
    CoveredMachine* machine;
    const std::string& from;
    const std::string& to;
    engine::Cause cause;
    const std::string& detail;
  };
  void add_machine(std::string place, const dsl::Flow& flow);
  void begin(const engine::FlowEntered& entered);
  void enter(const engine::StateEntered& entered);
  // The machine came to its end by itself, if it stands in no `end` state.
  void leave(std::uint32_t frame, engine::Cause cause, const std::string& detail);
  Place* find(std::uint32_t frame);

  void take(const Taken& taken);
  void take_next(const Taken& taken);
  void take_handler(const Taken& taken, std::string_view label);
  void take_timer(const Taken& taken);
  void take_catch(const Taken& taken);

  std::shared_ptr<const dsl::Definition> definition_;
  std::vector<CoveredMachine> machines_;
  std::vector<std::pair<std::uint32_t, Place>> frames_;  // of the history that is counted
};

// What no test has taken, a line each, behind a line that counts.
std::string coverage_text(const Coverage& coverage, const std::string& workflow);
// {"workflow", "states": {"of", "missed": [PLACE]}, "transitions": {"of", "missed": [EDGE]}}; an
// EDGE is {"from", "to", "label"}, of a nested machine with its place as "machine".
void append_coverage(const Coverage& coverage, const std::string& workflow, std::string* out);

}  // namespace pawl::rehearsal
