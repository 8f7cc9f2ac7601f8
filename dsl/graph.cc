#include "dsl/graph.h"

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

  // What applies to the whole run.
  void add_root(const Definition& definition) {
    add_handlers("", definition.on, definition.after, definition.every);
    if (definition.on_error) add("", *definition.on_error, "on_error");
    if (definition.on_timeout) add("", *definition.on_timeout, "on_timeout");
    if (definition.on_cancel) add("", *definition.on_cancel, "on_cancel");
  }

  std::vector<GraphEdge> take() { return std::move(edges_); }

 private:
  std::vector<GraphEdge> edges_;
};

const char* end_text(EndStatus status) {
  switch (status) {
    case EndStatus::completed:
      return "end completed";
    case EndStatus::failed:
      return "end failed";
    case EndStatus::cancelled:
      return "end cancelled";
  }
  return "end";
}

// The text of a literal, or "(computed)".
std::string text_of(const Template& text) {
  const bool known = text.is_literal() && text.literal.kind() == Kind::string;
  return known ? std::string(text.literal.as_string()) : "(computed)";
}

std::string what_of(const State& state) {
  switch (state.verb) {
    case Verb::task:
      return "task " + state.task->type;
    case Verb::sleep:
      return state.sleep->until ? "sleep until a moment"
                                : "sleep " + delay_text(state.sleep->duration);
    case Verb::choose:
      return "choose";
    case Verb::set:
      return "set";
    case Verb::raise:
      return "raise " + text_of(state.raise->type);
    case Verb::end:
      return end_text(state.end->status);
    case Verb::flow:
      return "flow " + state.flow;
    case Verb::parallel:
      return state.parallel->join == state.parallel->branches.size()
                 ? "parallel"
                 : "parallel, " + std::to_string(state.parallel->join) + " of " +
                       std::to_string(state.parallel->branches.size());
    case Verb::map:
      return "for each " + state.map->as;
    case Verb::call:
      return "call " + state.call->workflow;
    case Verb::send:
      return "send " + text_of(state.send->signal);
    case Verb::compensate:
      return "compensate";
    case Verb::continue_as_new:
      return "continue";
    case Verb::none:
      return "";
  }
  return "";
}

GraphFlow graph_of(const Definition& definition, const Flow& flow);

GraphFlow graph_of(const Definition& definition, const Machine& machine, std::string name) {
  const Flow* named = definition.flow(machine.flow);
  if (machine.inline_state == nullptr && named == nullptr) return {};
  GraphFlow out =
      graph_of(definition, machine.inline_state == nullptr ? *named : *machine.inline_state);
  out.name = std::move(name);
  return out;
}

// What a state runs within itself.
std::vector<GraphFlow> flows_of(const Definition& definition, const State& state) {
  std::vector<GraphFlow> out;
  if (state.verb == Verb::flow) out.push_back(graph_of(definition, {state.flow, {}}, state.flow));
  if (state.map != nullptr) out.push_back(graph_of(definition, state.map->body, state.map->as));
  if (!state.parallel) return out;
  for (const ParallelBranch& branch : state.parallel->branches) {
    out.push_back(graph_of(definition, branch.machine, branch.name));
  }
  return out;
}

GraphFlow graph_of(const Definition& definition, const Flow& flow) {
  GraphFlow out;
  out.name = flow.name;
  out.start = flow.start;
  EdgeList edges;
  for (const State& state : flow.states) {
    edges.add_state(state);
    out.states.push_back(
        {state.name, what_of(state), state.verb == Verb::end, flows_of(definition, state)});
  }
  out.edges = edges.take();
  return out;
}

}  // namespace

Graph graph_of(const Definition& definition) {
  Graph out;
  out.name = definition.name;
  out.root = graph_of(definition, definition.root);
  EdgeList notes;
  notes.add_root(definition);
  for (const GraphEdge& note : notes.take()) out.notes.push_back(note.label + ": " + note.to);
  return out;
}

std::vector<GraphEdge> edges_of(const Flow& machine) {
  EdgeList edges;
  for (const State& state : machine.states) edges.add_state(state);
  return edges.take();
}

std::vector<GraphEdge> graph_edges(const Definition& definition) {
  EdgeList edges;
  edges.add("", definition.root.start, "start");
  edges.add_root(definition);
  for (const State& state : definition.root.states) edges.add_state(state);
  return edges.take();
}

}  // namespace pawl::dsl
