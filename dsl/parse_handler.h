// What leads out of a state without its verb: signals, timers, errors; and the branches of all of
// them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dsl/parse_context.h"

namespace pawl::dsl {

// The name of a state that exists, or "end". After a mistake it is the closest one, so that the
// mistake is reported once and not again as an unreachable state.
std::optional<std::string> parse_next(const TomlNode& node, ParseContext* context);

// `on`: handlers by signal, sorted by name.
std::vector<SignalHandler> parse_on(const TomlNode& node, ParseContext* context);

// `after` or `every`: a table by duration, sorted by it, or a list of computed ones.
std::vector<TimerHandler> parse_timers(const TomlNode& node, ParseContext* context);

// `catch`: a list of entries, or one. Of a map `failed` is in scope.
std::vector<Catch> parse_catches(const TomlNode& node, bool of_map, ParseContext* context);

// `choose`: a list of branches, the last without `if`.
std::vector<Branch> parse_choose(const TomlNode& node, ParseContext* context);

}  // namespace pawl::dsl
