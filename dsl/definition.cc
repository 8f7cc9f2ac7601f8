#include "dsl/definition.h"

#include <algorithm>

namespace pawl::dsl {

const SignalHandler* State::handler(std::string_view signal) const {
  const auto it = std::lower_bound(
      on.begin(), on.end(), signal,
      [](const SignalHandler& h, std::string_view name) { return h.signal < name; });
  return it != on.end() && it->signal == signal ? &*it : nullptr;
}

const State* Flow::find(std::string_view state) const {
  if (inline_state) return &states.front();
  const auto it = std::lower_bound(
      by_name.begin(), by_name.end(), state,
      [this](std::uint32_t i, std::string_view name) { return states[i].name < name; });
  return it != by_name.end() && states[*it].name == state ? &states[*it] : nullptr;
}

const SignalSpec* Definition::signal(std::string_view signal_name) const {
  const auto it = std::lower_bound(
      signals.begin(), signals.end(), signal_name,
      [](const SignalSpec& s, std::string_view wanted) { return s.name < wanted; });
  return it != signals.end() && it->name == signal_name ? &*it : nullptr;
}

const Flow* Definition::flow(std::string_view flow_name) const {
  const auto it =
      std::lower_bound(flows.begin(), flows.end(), flow_name,
                       [](const Flow& f, std::string_view wanted) { return f.name < wanted; });
  return it != flows.end() && it->name == flow_name ? &*it : nullptr;
}

std::string_view enum_name(Overlap overlap) {
  switch (overlap) {
    case Overlap::skip:
      return "skip";
    case Overlap::buffer_one:
      return "buffer_one";
    case Overlap::buffer_all:
      return "buffer_all";
    case Overlap::cancel_other:
      return "cancel_other";
    case Overlap::terminate_other:
      return "terminate_other";
    case Overlap::allow_all:
      return "allow_all";
  }
  return "";
}

std::string_view enum_name(Missed missed) {
  switch (missed) {
    case Missed::latest:
      return "latest";
    case Missed::all:
      return "all";
    case Missed::none:
      return "none";
  }
  return "";
}

const LimitSpec* Definition::limit(std::string_view limit_name) const {
  const auto it =
      std::lower_bound(limits.begin(), limits.end(), limit_name,
                       [](const LimitSpec& x, std::string_view wanted) { return x.name < wanted; });
  return it != limits.end() && it->name == limit_name ? &*it : nullptr;
}

const Schedule* Definition::schedule(std::string_view schedule_name) const {
  const auto it =
      std::lower_bound(schedules.begin(), schedules.end(), schedule_name,
                       [](const Schedule& x, std::string_view wanted) { return x.name < wanted; });
  return it != schedules.end() && it->name == schedule_name ? &*it : nullptr;
}

namespace {

// The inline flow that the state runs in its branch, or null.
const Flow* inline_flow(const State& state, std::string_view branch) {
  if (state.map != nullptr) return branch == "do" ? state.map->body.inline_state.get() : nullptr;
  if (!state.parallel) return nullptr;
  for (const ParallelBranch& b : state.parallel->branches) {
    if (b.name == branch) return b.machine.inline_state.get();
  }
  return nullptr;
}

}  // namespace

const Flow* Definition::machine(std::string_view place) const {
  const std::size_t colon = place.find(':');
  const Flow* at = place.substr(0, colon).empty() ? &root : flow(place.substr(0, colon));
  if (colon == std::string_view::npos || at == nullptr) return at;
  std::string_view rest = place.substr(colon + 1);
  const State* state = at->find(rest.substr(0, rest.find('/')));
  for (std::size_t slash = rest.find('/'); slash != std::string_view::npos;
       slash = rest.find('/')) {
    rest = rest.substr(slash + 1);
    at = state == nullptr ? nullptr : inline_flow(*state, rest.substr(0, rest.find('/')));
    if (at == nullptr) return nullptr;
    state = &at->states.front();
  }
  return at->inline_state ? at : nullptr;
}

std::string place_of_machine(std::string_view place, const State& state, const Machine& machine,
                             std::string_view branch) {
  if (machine.inline_state == nullptr) return machine.flow;
  std::string out = place_of_state(place, state);
  if (out.find(':') == std::string::npos) out.insert(0, ":");
  out += '/';
  out += branch;
  return out;
}

std::string place_of_state(std::string_view place, const State& state) {
  if (place.empty()) return state.name;
  std::string out(place);
  if (out.find('/') == std::string::npos) out += ':' + state.name;
  return out;
}

const State* find_state(const Definition& definition, std::string_view place) {
  const std::size_t colon = place.find(':');
  if (colon == std::string_view::npos) return definition.root.find(place);
  const bool is_inline = place.find('/') != std::string_view::npos;
  const Flow* flow = definition.machine(is_inline ? place : place.substr(0, colon));
  return flow == nullptr ? nullptr : flow->find(place.substr(colon + 1));
}

}  // namespace pawl::dsl
