// The states and what leads where, for graph exports.

#include "dsl/definition.h"

namespace pawl::dsl {
namespace {

// "24h" as people write it; a computed delay has no such text.
std::string delay_text(const Template& delay) {
  if (!delay.is_literal() || delay.literal.kind() != Kind::duration) return "(computed)";
  const Duration d = delay.literal.as_duration();
  if (d.nanos != 0) return to_string(d);
  constexpr std::pair<std::int64_t, char> kUnits[] = {
      {86'400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
  for (const auto& [seconds, unit] : kUnits) {
    // "48h" says more than "2d", and "36h" can't be said in days.
    if (unit == 'd' && d.seconds < 7 * seconds) continue;
    if (d.seconds % seconds == 0) return std::to_string(d.seconds / seconds) + unit;
  }
  return to_string(d);
}

class EdgeList {
 public:
  void add(const std::string& from, const std::string& to, std::string label) {
    edges_.push_back({from, to, std::move(label)});
  }

  void add_branches(const std::string& from, const std::vector<Branch>& branches,
                    const std::string& label) {
    for (const Branch& branch : branches) {
      if (branch.next) add(from, *branch.next, branch.condition ? label + " if" : label);
    }
  }

  void add_handlers(const std::string& from, const std::vector<SignalHandler>& on,
                    const std::vector<TimerHandler>& after,
                    const std::vector<TimerHandler>& every) {
    for (const SignalHandler& handler : on) {
      add_branches(from, handler.branches, "on " + handler.signal);
    }
    for (const TimerHandler& timer : after) {
      add_branches(from, timer.branches, "after " + delay_text(timer.delay));
    }
    for (const TimerHandler& timer : every) {
      add_branches(from, timer.branches, "every " + delay_text(timer.delay));
    }
  }

  void add_state(const State& state) {
    if (state.next) add(state.name, *state.next, "next");
    for (const Branch& branch : state.choose) {
      if (branch.next) add(state.name, *branch.next, branch.condition ? "if" : "otherwise");
    }
    add_handlers(state.name, state.on, state.after, state.every);
    for (const Catch& entry : state.catches) {
      std::string label = "catch";
      for (const std::string& error : entry.errors) label += " " + error;
      add(state.name, entry.next, std::move(label));
    }
    for (const std::string& to : state.moves) add(state.name, to, "move");
  }

  std::vector<GraphEdge> take() { return std::move(edges_); }

 private:
  std::vector<GraphEdge> edges_;
};

}  // namespace

std::vector<GraphEdge> graph_edges(const Definition& definition) {
  EdgeList edges;
  edges.add("", definition.root.start, "start");
  edges.add_handlers("", definition.on, definition.after, definition.every);
  if (definition.on_error) edges.add("", *definition.on_error, "on_error");
  if (definition.on_timeout) edges.add("", *definition.on_timeout, "on_timeout");
  if (definition.on_cancel) edges.add("", *definition.on_cancel, "on_cancel");
  for (const State& state : definition.root.states) edges.add_state(state);
  return edges.take();
}

}  // namespace pawl::dsl
