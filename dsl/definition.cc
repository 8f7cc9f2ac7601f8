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

}  // namespace pawl::dsl
