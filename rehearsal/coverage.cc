#include "rehearsal/coverage.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "codecs/json.h"

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
  }
}

}  // namespace

Coverage::Coverage(std::shared_ptr<const dsl::Definition> definition)
    : definition_(std::move(definition)) {
  for (const dsl::State& state : definition_->root.states) states_.push_back({state.name});
  for (dsl::GraphEdge& edge : dsl::graph_edges(*definition_)) {
    const bool again = std::any_of(edges_.begin(), edges_.end(), [&](const CoveredEdge& other) {
      return other.edge.from == edge.from && other.edge.to == edge.to &&
             other.edge.label == edge.label;
    });
    if (!again) edges_.push_back({std::move(edge)});
  }
}

void Coverage::add(const std::vector<HistoryEvent>& history) {
  static const std::string end = "end";
  std::string state, detail;
  engine::Cause cause = engine::Cause::start;
  for (const HistoryEvent& item : history) {
    if (const auto* entered = std::get_if<engine::StateEntered>(&item.event)) {
      if (entered->frame == 0) {
        take({state, entered->state, entered->cause, entered->detail});
        state = entered->state;
      }
    } else if (const auto* closed = std::get_if<engine::RunClosed>(&item.event)) {
      const dsl::State* last = definition_->root.find(state);
      const bool itself = last != nullptr && last->verb == dsl::Verb::end;
      if (!itself && closed->status == engine::RunStatus::completed) {
        take({state, end, cause, detail});
      }
    }
    note_cause(item.event, &cause, &detail);
  }
}

void Coverage::take(const Taken& taken) {
  for (CoveredState& state : states_) state.entered |= state.name == taken.to;
  static const std::string root;
  switch (taken.cause) {
    case engine::Cause::start:
      mark(root, taken.to, "start");
      return;
    case engine::Cause::next:
      for (const char* label : {"next", "if", "otherwise"}) mark(taken.from, taken.to, label);
      return;
    case engine::Cause::signal:
      return take_handler(taken, "on " + taken.detail);
    case engine::Cause::timer:
      return take_timer(taken);
    case engine::Cause::caught:
      return take_catch(taken);
    case engine::Cause::on_error:
    case engine::Cause::on_timeout:
    case engine::Cause::on_cancel:
      mark(root, taken.to, enum_name(taken.cause));
      return;
    case engine::Cause::move:
      mark(taken.from, taken.to, "move");
      return;
    default:  // of a later verb: all that leads there
      for (CoveredEdge& edge : edges_) {
        edge.taken |= edge.edge.from == taken.from && edge.edge.to == taken.to;
      }
  }
}

bool Coverage::mark(const std::string& from, const std::string& to, std::string_view label) {
  bool any = false;
  for (CoveredEdge& edge : edges_) {
    if (edge.edge.from != from || edge.edge.to != to || !reads(edge.edge.label, label)) continue;
    edge.taken = any = true;
  }
  return any;
}

// The state's own handler takes a signal before the root's.
void Coverage::take_handler(const Taken& taken, std::string_view label) {
  if (!mark(taken.from, taken.to, label)) mark("", taken.to, label);
}

// "after.0", "root.every.1": which of the handlers it was. Without: any that leads there.
void Coverage::take_timer(const Taken& taken) {
  std::string_view name = taken.detail;
  const bool of_root = begins(name, "root.");
  if (of_root) name.remove_prefix(5);
  const bool every = begins(name, "every.");
  const std::size_t dot = name.rfind('.');
  std::size_t at = 0;
  const dsl::State* state = definition_->root.find(taken.from);
  const bool known = dot != std::string_view::npos &&
                     absl::SimpleAtoi(std::string(name.substr(dot + 1)), &at) &&
                     (of_root || state != nullptr);
  if (!known) {
    for (CoveredEdge& edge : edges_) {
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
        mark_nth(of_root ? "" : taken.from, every ? "every " : "after ", edge);
      }
      ++edge;
    }
  }
}

void Coverage::mark_nth(const std::string& from, std::string_view prefix, std::size_t at) {
  std::vector<dsl::GraphEdge> all = dsl::graph_edges(*definition_);
  for (const dsl::GraphEdge& edge : all) {
    if (edge.from != from || !begins(edge.label, prefix)) continue;
    if (at-- > 0) continue;
    for (CoveredEdge& covered : edges_) {
      covered.taken |= covered.edge.from == edge.from && covered.edge.to == edge.to &&
                       covered.edge.label == edge.label;
    }
    return;
  }
}

void Coverage::take_catch(const Taken& taken) {
  const dsl::State* state = definition_->root.find(taken.from);
  if (state == nullptr) return;
  for (std::size_t i = 0; i < state->catches.size(); ++i) {
    const dsl::Catch& entry = state->catches[i];
    if (entry.next != taken.to || !(taken.detail.empty() || takes(entry, taken.detail))) continue;
    return mark_nth(taken.from, "catch", i);
  }
}

std::string coverage_text(const Coverage& coverage, const std::string& workflow) {
  std::size_t entered = 0, taken = 0;
  std::string missed;
  for (const CoveredState& state : coverage.states()) {
    entered += state.entered ? 1 : 0;
    if (!state.entered) absl::StrAppend(&missed, "  never entered: ", state.name, "\n");
  }
  for (const CoveredEdge& covered : coverage.edges()) {
    taken += covered.taken ? 1 : 0;
    const dsl::GraphEdge& edge = covered.edge;
    if (covered.taken) continue;
    absl::StrAppend(&missed, "  never taken: ", edge.from.empty() ? "(any)" : edge.from, " -> ",
                    edge.to, " (", edge.label, ")\n");
  }
  return absl::StrCat(workflow, ": ", entered, " of ", coverage.states().size(), " states, ", taken,
                      " of ", coverage.edges().size(), " transitions\n", missed);
}

void append_coverage(const Coverage& coverage, const std::string& workflow, std::string* out) {
  codecs::JsonWriter w(out);
  w.begin_object().field("workflow", workflow).plain_key("states").begin_object();
  w.field("of", std::uint64_t{coverage.states().size()}).plain_key("missed").begin_array();
  for (const CoveredState& state : coverage.states()) {
    if (!state.entered) w.string(state.name);
  }
  w.end_array().end_object().plain_key("transitions").begin_object();
  w.field("of", std::uint64_t{coverage.edges().size()}).plain_key("missed").begin_array();
  for (const CoveredEdge& covered : coverage.edges()) {
    if (covered.taken) continue;
    w.begin_object().field("from", covered.edge.from).field("to", covered.edge.to);
    w.field("label", covered.edge.label).end_object();
  }
  w.end_array().end_object().end_object();
}

}  // namespace pawl::rehearsal
