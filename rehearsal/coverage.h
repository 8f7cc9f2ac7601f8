// Which states and transitions of a definition its tests have taken. Transitions are the edges of
// its graph (dsl::graph_edges); those that read the same and lead to the same place are one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/definition.h"
#include "rehearsal/virtual_run.h"

namespace pawl::rehearsal {

struct CoveredEdge {
  dsl::GraphEdge edge;
  bool taken = false;
};
struct CoveredState {
  std::string name;
  bool entered = false;
};

class Coverage {
 public:
  explicit Coverage(std::shared_ptr<const dsl::Definition> definition);

  // Counts what this history has taken.
  void add(const std::vector<HistoryEvent>& history);

  const std::vector<CoveredState>& states() const { return states_; }
  const std::vector<CoveredEdge>& edges() const { return edges_; }

 private:
  // What led to the entry of `to` from `from`.
  struct Taken {
    const std::string& from;
    const std::string& to;
    engine::Cause cause;
    const std::string& detail;
  };
  void take(const Taken& taken);
  void take_handler(const Taken& taken, std::string_view label);
  void take_timer(const Taken& taken);
  void take_catch(const Taken& taken);
  // Marks the edges; false if there are none.
  bool mark(const std::string& from, const std::string& to, std::string_view label);
  // The edge of the `at`th branch with a next among those whose label begins with `prefix`.
  void mark_nth(const std::string& from, std::string_view prefix, std::size_t at);

  std::shared_ptr<const dsl::Definition> definition_;
  std::vector<CoveredState> states_;
  std::vector<CoveredEdge> edges_;
};

// What no test has taken, a line each, behind a line that counts.
std::string coverage_text(const Coverage& coverage, const std::string& workflow);
// {"workflow", "states": {"of", "missed": [NAME]}, "transitions": {"of", "missed": [EDGE]}}
void append_coverage(const Coverage& coverage, const std::string& workflow, std::string* out);

}  // namespace pawl::rehearsal
