#include "dsl/check_graph.h"

#include <algorithm>

namespace pawl::dsl {
namespace {

bool is_automatic(const State& state) {
  return state.verb == Verb::choose || state.verb == Verb::set;
}

bool changes_variables(const State& state) {
  return !state.set.empty() || std::any_of(state.choose.begin(), state.choose.end(),
                                           [](const Branch& b) { return !b.save.empty(); });
}

using Names = std::vector<std::string>;

void add_branches(const std::vector<Branch>& branches, Names* out) {
  for (const Branch& branch : branches) {
    if (branch.next) out->push_back(*branch.next);
  }
}

void add_handlers(const std::vector<SignalHandler>& on, const std::vector<TimerHandler>& after,
                  const std::vector<TimerHandler>& every, Names* out) {
  for (const SignalHandler& handler : on) add_branches(handler.branches, out);
  for (const TimerHandler& timer : after) add_branches(timer.branches, out);
  for (const TimerHandler& timer : every) add_branches(timer.branches, out);
}

// Where the verb leads by itself.
Names steps_of(const State& state) {
  Names out;
  if (state.next) out.push_back(*state.next);
  add_branches(state.choose, &out);
  return out;
}

Names exits_of(const State& state) {
  Names out = steps_of(state);
  add_handlers(state.on, state.after, state.every, &out);
  for (const Catch& entry : state.catches) out.push_back(entry.next);
  out.insert(out.end(), state.moves.begin(), state.moves.end());
  return out;
}

class GraphCheck {
 public:
  GraphCheck(const Definition& definition, const Flow& flow, const ParseContext& context)
      : definition_(definition),
        flow_(flow),
        context_(context),
        diagnostics_(context.diagnostics) {}

  void run() {
    check_reachable();
    check_exits();
    check_endless();
    check_unchanging_cycles();
  }

 private:
  // -1 for "end" and for names that do not exist (reported already).
  int index_of(const std::string& name) const {
    const State* state = flow_.find(name);
    return state != nullptr ? static_cast<int>(state - flow_.states.data()) : -1;
  }

  Place place_of(const State& state) const {
    const auto it = context_.state_places.find(state.name);
    return it != context_.state_places.end() ? it->second : Place();
  }

  bool is_root() const { return &flow_ == &definition_.root; }

  Names root_exits() const {
    Names out;
    if (!is_root()) return out;
    add_handlers(definition_.on, definition_.after, definition_.every, &out);
    return out;
  }

  void check_reachable() {
    Names open = root_exits();
    open.push_back(flow_.start);
    for (const auto* name :
         {&definition_.on_error, &definition_.on_timeout, &definition_.on_cancel}) {
      if (*name && is_root()) open.push_back(**name);
    }
    std::vector<bool> reached(flow_.states.size());
    while (!open.empty()) {
      const int i = index_of(open.back());
      open.pop_back();
      if (i < 0 || reached[static_cast<std::size_t>(i)]) continue;
      reached[static_cast<std::size_t>(i)] = true;
      const State& state = flow_.states[static_cast<std::size_t>(i)];
      // Its mistakes come first: they may be why something else seems unreachable.
      if (context_.states_in_doubt.contains(state.name)) return;
      const Names exits = exits_of(state);
      open.insert(open.end(), exits.begin(), exits.end());
    }
    for (std::size_t i = 0; i < reached.size(); ++i) {
      if (reached[i]) continue;
      diagnostics_->error(place_of(flow_.states[i]),
                          "nothing leads to the state " + quoted(flow_.states[i].name),
                          "name it in a `next`, in `moves` or as `start`, or remove it");
    }
  }

  // At run time only waiting states can be stuck; the other verbs need a `next`, which the parser
  // checks. A flow that waits for ever may be left by what encloses it: one that none of its states
  // leads out of is told of by a warning.
  void check_exits() {
    const bool root_leads_out =
        !root_exits().empty() || (definition_.timeout_ms && definition_.on_timeout);
    for (const State& state : flow_.states) {
      if (state.verb != Verb::none || root_leads_out || !exits_of(state).empty() ||
          context_.states_in_doubt.contains(state.name)) {
        continue;
      }
      if (is_root()) {
        diagnostics_->error(place_of(state), "nothing leads out of the state " + quoted(state.name),
                            "give it a verb, a handler with `next`, or end = \"completed\"");
      } else {
        diagnostics_->warning(place_of(state),
                              "nothing in this flow leads out of the state " + quoted(state.name),
                              "give it a verb or a handler with `next`");
      }
    }
  }

  // Automatic states from which only automatic states can be reached: entering one is sys.loop for
  // certain.
  void check_endless() {
    const std::size_t n = flow_.states.size();
    std::vector<bool> ends(n);
    std::vector<std::vector<std::size_t>> before(n);
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < n; ++i) {
      const State& state = flow_.states[i];
      ends[i] = !is_automatic(state);
      for (const std::string& next : steps_of(state)) {
        const int to = index_of(next);
        if (to >= 0) before[static_cast<std::size_t>(to)].push_back(i);
        if (to < 0) ends[i] = true;
      }
      ends[i] = ends[i] || steps_of(state).empty();
      if (ends[i]) open.push_back(i);
    }
    while (!open.empty()) {
      const std::size_t i = open.back();
      open.pop_back();
      for (const std::size_t from : before[i]) {
        if (ends[from]) continue;
        ends[from] = true;
        open.push_back(from);
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (ends[i]) continue;
      endless_.push_back(i);
      diagnostics_->error(place_of(flow_.states[i]),
                          "the state " + quoted(flow_.states[i].name) +
                              " leads into a loop of automatic steps that never ends",
                          "let the loop wait somewhere: a task, a sleep, a signal");
    }
  }

  // A cycle of automatic states that changes no variable decides the same each time round.
  void check_unchanging_cycles() {
    const std::size_t n = flow_.states.size();
    std::vector<bool> candidate(n);
    for (std::size_t i = 0; i < n; ++i) {
      candidate[i] = is_automatic(flow_.states[i]) && !changes_variables(flow_.states[i]) &&
                     std::find(endless_.begin(), endless_.end(), i) == endless_.end();
    }
    // 0 not seen, 1 on the path, 2 done; an edge to a state on the path closes a cycle.
    std::vector<char> seen(n);
    for (std::size_t i = 0; i < n; ++i) {
      if (candidate[i] && seen[i] == 0) walk(i, candidate, &seen);
    }
  }

  // Depth first with its own stack: a thousand states in a row must not use the thread's.
  void walk(std::size_t start, const std::vector<bool>& candidate, std::vector<char>* seen) {
    struct Frame {
      std::size_t state;
      Names steps;
      std::size_t next = 0;
    };
    std::vector<Frame> path;
    path.push_back({start, steps_of(flow_.states[start]), 0});
    (*seen)[start] = 1;
    while (!path.empty()) {
      Frame& top = path.back();
      if (top.next == top.steps.size()) {
        (*seen)[top.state] = 2;
        path.pop_back();
        continue;
      }
      const int to = index_of(top.steps[top.next++]);
      if (to < 0 || !candidate[static_cast<std::size_t>(to)]) continue;
      const auto at = static_cast<std::size_t>(to);
      if ((*seen)[at] == 1) {
        report_cycle(flow_.states[at], flow_.states[top.state]);
      } else if ((*seen)[at] == 0) {
        (*seen)[at] = 1;
        path.push_back({at, steps_of(flow_.states[at]), 0});
      }
    }
  }

  void report_cycle(const State& entry, const State& last) {
    diagnostics_->warning(
        place_of(entry),
        "automatic steps can go round from " + quoted(entry.name) + " to " + quoted(last.name) +
            " and back, and nothing changes on the way",
        "once taken the loop never ends: change a variable in it, or let it wait");
  }

  const Definition& definition_;
  const Flow& flow_;
  const ParseContext& context_;
  DiagnosticList* diagnostics_;
  std::vector<std::size_t> endless_;
};

}  // namespace

void check_graph(const Definition& definition, const Flow& flow, const ParseContext& context) {
  GraphCheck(definition, flow, context).run();
}

}  // namespace pawl::dsl
