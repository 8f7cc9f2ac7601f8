// What the parts of a definition's parser share: where messages go, and the names that may be used.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dsl/definition.h"
#include "dsl/diagnostic_list.h"
#include "dsl/toml_tree.h"

namespace pawl::dsl {

// [task."TYPE"]: what every use of the type starts from.
struct TaskDefaults {
  Place place;
  bool used = false;
  std::optional<Schema> with;
  std::optional<Schema> result;
  std::optional<Template> queue;
  std::optional<Retry> retry;
  TaskTimeouts timeouts;
};

struct RetryEntry {
  Place place;
  bool used = false;
  Retry retry;
};

struct SignalEntry {
  Place place;
  bool handled = false;
  SignalSpec spec;
};

struct ParseContext {
  DiagnosticList* diagnostics;
  std::vector<std::string> state_names;
  std::map<std::string, Place, std::less<>> state_places;
  std::map<std::string, SignalEntry, std::less<>> signals;
  std::map<std::string, RetryEntry, std::less<>> retries;
  Retry default_retry;
  std::map<std::string, TaskDefaults, std::less<>> tasks;
  Fields vars;                  // declared under [vars]
  bool vars_declared = false;   // there is a [vars]
  bool run_is_bounded = false;  // its timeout or a root timer ends every wait
  Environment base;             // input, vars, run: in scope everywhere
  // States with mistakes, or verbs of a later part of the language: what leads out is unknown.
  std::set<std::string> states_in_doubt;
};

// The base environment and one more name.
Environment with_name(const ParseContext& context, std::string_view name, Type type);
// A map with exactly these fields.
Type map_of(std::map<std::string, Type> fields);
// error: {type, message, data, attempt}, in scope of a catch.
Type error_type();
// actor: {box, uid, gids}, beside `signal`.
Type actor_type();
// schedule: {at, last_at}, in scope of a schedule's `id` and `with`.
Type schedule_type();
// run: {id, uid, workflow, version, generation, started_at, now}.
Type run_type();

}  // namespace pawl::dsl
