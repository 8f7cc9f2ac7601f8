#include "rehearsal/coverage.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "codecs/json.h"
#include "dsl/graph.h"

namespace pawl::rehearsal {
namespace {

bool begins(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// A label with or without " if" behind it.
bool reads(std::string_view label, std::string_view wanted) {
  return begins(label, wanted) &&
         (label.size() == wanted.size() || label.substr(wanted.size()) == " if");
}

bool takes(const dsl::Catch& entry, const std::string& type) {
  return std::any_of(entry.errors.begin(), entry.errors.end(), [&](const std::string& pattern) {
    if (pattern.empty() || pattern.back() != '*') return pattern == type;
    return begins(type, std::string_view(pattern).substr(0, pattern.size() - 1));
  });
}

// What the last event that may have led out of a state says of how.
void note_cause(const engine::Event& event, engine::Cause* cause, std::string* detail) {
  if (const auto* signal = std::get_if<engine::SignalReceived>(&event)) {
    *cause = engine::Cause::signal;
    *detail = signal->name;
  } else if (const auto* timer = std::get_if<engine::TimerFired>(&event)) {
    using engine::TimerKind;
    const bool handler = timer->kind == TimerKind::after || timer->kind == TimerKind::every ||
                         timer->kind == TimerKind::root_after ||
                         timer->kind == TimerKind::root_every;
    *cause = handler ? engine::Cause::timer : engine::Cause::next;
    detail->clear();
  } else if (std::holds_alternative<engine::TaskCompleted>(event) ||
             std::holds_alternative<engine::StateEntered>(event)) {
    *cause = engine::Cause::next;
  } else if (std::holds_alternative<engine::TaskFailed>(event)) {
    *cause = engine::Cause::caught;
  } else if (const auto* left = std::get_if<engine::FlowLeft>(&event)) {
    const bool good = left->how == engine::FlowEnd::completed;
    *cause = good ? engine::Cause::next : engine::Cause::caught;
    if (left->error) *detail = left->error->type;
  } else if (const auto* call = std::get_if<engine::CallEnded>(&event)) {
    *cause =
        call->status == engine::RunStatus::completed || call->status == engine::RunStatus::running
            ? engine::Cause::next
            : engine::Cause::caught;
    detail->clear();
  } else if (const auto* answer = std::get_if<engine::SignalAnswered>(&event)) {
    *cause = answer->error ? engine::Cause::caught : engine::Cause::next;
    detail->clear();
  }
}

bool among(const std::vector<CoveredEdge>& edges, const dsl::GraphEdge& edge) {
  return std::any_of(edges.begin(), edges.end(), [&](const CoveredEdge& other) {
    return other.edge.from == edge.from && other.edge.to == edge.to &&
           other.edge.label == edge.label;
  });
}

// Marks the edges; false if there are none.
bool mark(CoveredMachine* machine, const std::string& from, const std::string& to,
          std::string_view label) {
  bool any = false;
  for (CoveredEdge& edge : machine->edges) {
    if (edge.edge.from != from || edge.edge.to != to || !reads(edge.edge.label, label)) continue;
    edge.taken = any = true;
  }
  return any;
}

// All edges of a machine, those that read the same apart.
std::vector<dsl::GraphEdge> all_edges(const dsl::Definition& definition,
                                      const CoveredMachine& machine) {
  return machine.place.empty() ? dsl::graph_edges(definition) : dsl::edges_of(*machine.flow);
}

// Marks the edge of the `at`th branch with a next among those whose label begins with `prefix`.
void mark_nth(const dsl::Definition& definition, CoveredMachine* machine, const std::string& from,
              std::string_view prefix, std::size_t at) {
  for (const dsl::GraphEdge& edge : all_edges(definition, *machine)) {
    if (edge.from != from || !begins(edge.label, prefix)) continue;
    if (at-- > 0) continue;
    for (CoveredEdge& covered : machine->edges) {
      covered.taken |= covered.edge.from == edge.from && covered.edge.to == edge.to &&
                       covered.edge.label == edge.label;
    }
    return;
  }
}

}  // namespace

Coverage::Coverage(std::shared_ptr<const dsl::Definition> definition)
    : definition_(std::move(definition)) {
  add_machine("", definition_->root);
  for (const dsl::Flow& flow : definition_->flows) add_machine(flow.name, flow);
}

void Coverage::add_machine(std::string place, const dsl::Flow& flow) {
  machines_.push_back({place, &flow, {}, {}});
  CoveredMachine& machine = machines_.back();
  for (const dsl::State& state : flow.states) {
    machine.states.push_back({dsl::place_of_state(place, state)});
  }
  for (dsl::GraphEdge& edge : all_edges(*definition_, machine)) {
    if (!among(machine.edges, edge)) machine.edges.push_back({std::move(edge)});
  }
  const auto add_inline = [&](const dsl::State& state, const dsl::Machine& inner,
                              const std::string& branch) {
    if (inner.inline_state == nullptr) return;
    add_machine(dsl::place_of_machine(place, state, inner, branch), *inner.inline_state);
  };
  for (const dsl::State& state : flow.states) {
    if (state.map != nullptr) add_inline(state, state.map->body, "do");
    if (!state.parallel) continue;
    for (const dsl::ParallelBranch& branch : state.parallel->branches) {
      add_inline(state, branch.machine, branch.name);
    }
  }
}

Coverage::Place* Coverage::find(std::uint32_t frame) {
  for (auto& [id, place] : frames_) {
    if (id == frame) return &place;
  }
  return nullptr;
}

void Coverage::begin(const engine::FlowEntered& entered) {
  for (CoveredMachine& machine : machines_) {
    if (machine.place == entered.machine) frames_.push_back({entered.frame, {&machine, ""}});
  }
}

void Coverage::enter(const engine::StateEntered& entered) {
  Place* place = find(entered.frame);
  if (place == nullptr) return;
  // An inline state is called after its place in the run: "each[3]".
  const dsl::State* state = place->machine->flow->find(entered.state);
  const std::string name = state != nullptr ? state->name : entered.state;
  take({place->machine, place->state, name, entered.cause, entered.detail});
  place->state = name;
  // What was within the state before is gone: frames of later numbers are never its enclosers.
  if (entered.frame == 0) frames_.resize(1, {0, {&machines_.front(), ""}});
}

void Coverage::leave(std::uint32_t frame, engine::Cause cause, const std::string& detail) {
  static const std::string end = "end";
  Place* place = find(frame);
  if (place == nullptr) return;
  const dsl::State* last = place->machine->flow->find(place->state);
  const bool itself = last != nullptr && last->verb == dsl::Verb::end;
  if (!itself) take({place->machine, place->state, end, cause, detail});
}

void Coverage::add(const std::vector<HistoryEvent>& history) {
  frames_.assign(1, {0, {&machines_.front(), ""}});
  std::string detail;
  engine::Cause cause = engine::Cause::start;
  for (const HistoryEvent& item : history) {
    if (const auto* begun = std::get_if<engine::FlowEntered>(&item.event)) {
      begin(*begun);
    } else if (const auto* entered = std::get_if<engine::StateEntered>(&item.event)) {
      enter(*entered);
    } else if (const auto* left = std::get_if<engine::FlowLeft>(&item.event)) {
      if (left->how == engine::FlowEnd::completed) leave(left->frame, cause, detail);
      std::erase_if(frames_, [&](const auto& frame) { return frame.first == left->frame; });
    } else if (const auto* closed = std::get_if<engine::RunClosed>(&item.event)) {
      if (closed->status == engine::RunStatus::completed) leave(0, cause, detail);
    }
    note_cause(item.event, &cause, &detail);
  }
}

void Coverage::take(const Taken& taken) {
  CoveredMachine* machine = taken.machine;
  for (std::size_t i = 0; i < machine->states.size(); ++i) {
    const bool entered = machine->flow->states[i].name == taken.to;
    machine->states[i].entered |= entered;
  }
  static const std::string root;
  switch (taken.cause) {
    case engine::Cause::start:
      mark(machine, root, taken.to, "start");
      return;
    case engine::Cause::next:
      return take_next(taken);
    case engine::Cause::signal:
      return take_handler(taken, "on " + taken.detail);
    case engine::Cause::timer:
      return take_timer(taken);
    case engine::Cause::caught:
      return take_catch(taken);
    case engine::Cause::on_error:
    case engine::Cause::on_timeout:
    case engine::Cause::on_cancel:
      mark(machine, root, taken.to, enum_name(taken.cause));
      return;
    case engine::Cause::move:
      mark(machine, taken.from, taken.to, "move");
  }
}

// What a `raise` gives has no event of its own before the entry: then it was a catch.
void Coverage::take_next(const Taken& taken) {
  bool any = false;
  for (const char* label : {"next", "if", "otherwise"}) {
    any |= mark(taken.machine, taken.from, taken.to, label);
  }
  if (!any) take_catch(taken);
}

// The state's own handler takes a signal before the root's.
void Coverage::take_handler(const Taken& taken, std::string_view label) {
  if (!mark(taken.machine, taken.from, taken.to, label)) mark(taken.machine, "", taken.to, label);
}

// "after.0", "root.every.1": which of the handlers it was. Without: any that leads there.
void Coverage::take_timer(const Taken& taken) {
  std::string_view name = taken.detail;
  const bool of_root = begins(name, "root.");
  if (of_root) name.remove_prefix(5);
  const bool every = begins(name, "every.");
  const std::size_t dot = name.rfind('.');
  std::size_t at = 0;
  const dsl::State* state = taken.machine->flow->find(taken.from);
  const bool known = dot != std::string_view::npos &&
                     absl::SimpleAtoi(std::string(name.substr(dot + 1)), &at) &&
                     (of_root || state != nullptr);
  if (!known) {
    for (CoveredEdge& edge : taken.machine->edges) {
      const bool timer = begins(edge.edge.label, "after ") || begins(edge.edge.label, "every ");
      edge.taken |= timer && edge.edge.to == taken.to &&
                    (edge.edge.from == taken.from || edge.edge.from.empty());
    }
    return;
  }
  const std::vector<dsl::TimerHandler>& handlers =
      of_root ? (every ? definition_->every : definition_->after)
              : (every ? state->every : state->after);
  // Branches with a `next` are the edges, in their order.
  std::size_t edge = 0;
  for (std::size_t i = 0; i < handlers.size(); ++i) {
    for (const dsl::Branch& branch : handlers[i].branches) {
      if (!branch.next) continue;
      if (i == at && *branch.next == taken.to) {
        mark_nth(*definition_, taken.machine, of_root ? "" : taken.from,
                 every ? "every " : "after ", edge);
      }
      ++edge;
    }
  }
}

void Coverage::take_catch(const Taken& taken) {
  const dsl::State* state = taken.machine->flow->find(taken.from);
  if (state == nullptr) return;
  for (std::size_t i = 0; i < state->catches.size(); ++i) {
    const dsl::Catch& entry = state->catches[i];
    if (entry.next != taken.to || !(taken.detail.empty() || takes(entry, taken.detail))) continue;
    return mark_nth(*definition_, taken.machine, taken.from, "catch", i);
  }
}

namespace {

// Where a transition is from, as people read it.
std::string from_text(const CoveredMachine& machine, const dsl::GraphEdge& edge) {
  if (machine.place.empty()) return edge.from.empty() ? "(any)" : edge.from;
  return dsl::place_of_state(machine.place, *machine.flow->find(edge.from));
}

struct Counts {
  std::uint64_t states = 0, entered = 0, edges = 0, taken = 0;
};

Counts count(const Coverage& coverage) {
  Counts counts;
  for (const CoveredMachine& machine : coverage.machines()) {
    counts.states += machine.states.size();
    counts.edges += machine.edges.size();
    for (const CoveredState& state : machine.states) counts.entered += state.entered ? 1 : 0;
    for (const CoveredEdge& edge : machine.edges) counts.taken += edge.taken ? 1 : 0;
  }
  return counts;
}

}  // namespace

std::string coverage_text(const Coverage& coverage, const std::string& workflow) {
  std::string states, edges;
  for (const CoveredMachine& machine : coverage.machines()) {
    for (const CoveredState& state : machine.states) {
      if (!state.entered) absl::StrAppend(&states, "  never entered: ", state.place, "\n");
    }
    for (const CoveredEdge& covered : machine.edges) {
      if (covered.taken) continue;
      absl::StrAppend(&edges, "  never taken: ", from_text(machine, covered.edge), " -> ",
                      covered.edge.to, " (", covered.edge.label, ")\n");
    }
  }
  const Counts counts = count(coverage);
  return absl::StrCat(workflow, ": ", counts.entered, " of ", counts.states, " states, ",
                      counts.taken, " of ", counts.edges, " transitions\n", states, edges);
}

void append_coverage(const Coverage& coverage, const std::string& workflow, std::string* out) {
  codecs::JsonWriter w(out);
  const Counts counts = count(coverage);
  w.begin_object().field("workflow", workflow).plain_key("states").begin_object();
  w.field("of", counts.states).plain_key("missed").begin_array();
  for (const CoveredMachine& machine : coverage.machines()) {
    for (const CoveredState& state : machine.states) {
      if (!state.entered) w.string(state.place);
    }
  }
  w.end_array().end_object().plain_key("transitions").begin_object();
  w.field("of", counts.edges).plain_key("missed").begin_array();
  for (const CoveredMachine& machine : coverage.machines()) {
    for (const CoveredEdge& covered : machine.edges) {
      if (covered.taken) continue;
      w.begin_object();
      if (!machine.place.empty()) w.field("machine", machine.place);
      w.field("from", covered.edge.from).field("to", covered.edge.to);
      w.field("label", covered.edge.label).end_object();
    }
  }
  w.end_array().end_object().end_object();
}

}  // namespace pawl::rehearsal
