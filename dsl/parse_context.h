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
  std::vector<std::string> limits;
  std::optional<Retry> retry;
  TaskTimeouts timeouts;
};

// [limit.NAME]
struct LimitEntry {
  Place place;
  bool used = false;
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

// [flow.NAME], and which flows it runs.
struct FlowEntry {
  Place place;
  bool used = false;
  std::map<std::string, Place, std::less<>> runs;
};

// What belongs to one machine, and is another's while that is parsed.
struct MachineContext {
  std::vector<std::string> state_names;
  std::map<std::string, Place, std::less<>> state_places;
  // States with mistakes: what leads out is unknown.
  std::set<std::string> states_in_doubt;
  Fields vars;                 // declared under its [vars]
  bool vars_declared = false;  // there is a [vars]
  Environment base;            // input, vars, run, items: in scope everywhere
  std::string flow;            // its name; "" at the root
  bool nested = false;         // not the root
  bool inline_state = false;   // one state in a branch or a map: it leads nowhere
};

struct ParseContext : MachineContext {
  DiagnosticList* diagnostics;
  std::map<std::string, SignalEntry, std::less<>> signals;
  std::map<std::string, RetryEntry, std::less<>> retries;
  Retry default_retry;
  std::map<std::string, TaskDefaults, std::less<>> tasks;
  std::map<std::string, LimitEntry, std::less<>> limits;
  std::map<std::string, FlowEntry, std::less<>> flows;
  std::set<std::string> undo_names;      // declared by an `undo`
  std::map<std::string, Place> forgets;  // named by a `forget`
  bool run_is_bounded = false;           // its timeout or a root timer ends every wait
  std::uint16_t feature_level = 1;       // of what the definition uses
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
