// Where the parts of one version of a workflow are in another one: states by their names or by what
// [migrate.state] says, timers by how long they wait.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/definition.h"
#include "engine/event_parts.h"

namespace pawl::engine {

class PlaceMap {
 public:
  // Both must outlive this; `to` has a [migrate].
  PlaceMap(const dsl::Definition& from, const dsl::Definition& to) : from_(from), to_(to) {}

  // What a state of the root is called in `to`, whether or not there is such a state.
  std::string root_state(std::string_view name) const;
  // The same of a state's place (dsl::place_of_state); "" stays "".
  std::string place(std::string_view place) const;
  // The same of a handler's name, "after.0#1", in the state at this place of `from` ("": the
  // root's). Nothing if no such timer is left.
  std::optional<std::string> handler(std::string_view place, std::string_view name) const;
  // The same of a timer's position in the state that was `before` and is `after`; null: the root's.
  std::optional<std::uint64_t> timer(TimerKind kind, const dsl::State* before,
                                     const dsl::State* after, std::uint64_t owner) const;

 private:
  const dsl::Definition& from_;
  const dsl::Definition& to_;
};

// The handlers of a kind of timers: of the state, or null: of the root.
const std::vector<dsl::TimerHandler>& handlers_of(TimerKind kind, const dsl::Definition& definition,
                                                  const dsl::State* state);

// The position in `to` of what waits as long as that at `owner` of `from` does. Of several the
// first is the first; those whose time is computed are known by their order alone.
std::optional<std::uint64_t> counterpart(const std::vector<dsl::TimerHandler>& from,
                                         std::uint64_t owner,
                                         const std::vector<dsl::TimerHandler>& to);

}  // namespace pawl::engine
