// A checked, immutable workflow definition: what a deployed TOML file means. The engine's `decide`
// reads it; `evolve` never does. Everything an expression could get wrong statically has been
// checked against the schemas. Names are resolved: a `next` names a state that exists.
//
// The language reference is docs/dsl.md. A nested flow has the same shape as the root, so the
// language's later verbs add to Verb and to State, and nothing here moves.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/limits.h"
#include "dsl/cron.h"
#include "dsl/diagnostic.h"
#include "dsl/machine.h"
#include "dsl/schema.h"

namespace pawl::dsl {

struct SignalSpec {
  std::string name;
  std::optional<std::int64_t> buffer_ms;  // absent: not buffered
  std::optional<Schema> payload;          // absent: anything
  std::vector<std::string> groups;        // absent: any client may send it
};

enum class IdReuse : std::uint8_t { allow, failed_only, reject };
enum class IdConflict : std::uint8_t { fail, use_existing, terminate_existing };

// What a firing does while a run of the workflow is open.
enum class Overlap : std::uint8_t {
  skip,
  buffer_one,  // waits until it has closed; a further one takes its place
  buffer_all,
  cancel_other,
  terminate_other,
  allow_all,
};

// Of the firings that nobody was there for, which are made up.
enum class Missed : std::uint8_t { latest, all, none };

// As the language writes them.
std::string_view enum_name(Overlap overlap);
std::string_view enum_name(Missed missed);

// [schedule.NAME]; its full name is WORKFLOW.NAME.
struct Schedule {
  std::string name;
  std::optional<Cron> cron;
  std::string cron_text;      // as it is written
  std::int64_t every_ms = 0;  // without `cron`
  std::string zone = "UTC";   // of `cron`: a name of the tz database
  std::int64_t jitter_ms = 0;
  Overlap overlap = Overlap::skip;
  Missed missed = Missed::latest;
  std::int64_t catchup_ms = 7LL * 24 * 3600 * 1000;  // how far back those are looked for
  std::optional<Template> id;  // evaluates to a string; absent: made of its name and time
  Template with;               // the run's input
  bool enabled = true;
  int line = 0;
};

// [migrate]: of which versions this one takes runs.
struct MigrateTable {
  std::vector<std::string> from;                            // revisions, or hashes in hex
  std::vector<std::pair<std::string, std::string>> states;  // [migrate.state]: old, new; sorted
};

struct Definition {
  std::string name;
  int dsl = 1;
  std::string doc;
  std::string revision;   // the author's own name of this version; may be empty
  std::string text;       // as deployed
  std::string canonical;  // comments and layout removed, keys sorted: what the hash covers
  Digest hash{};

  Flow root;
  std::vector<Flow> flows;  // [flow.NAME], sorted by name
  // What boxes must be able to read to run it (base/feature_level.h).
  std::uint16_t feature_level = 1;
  std::optional<Fields> input;      // absent: anything
  std::vector<SignalSpec> signals;  // sorted by name
  std::optional<std::int64_t> timeout_ms;
  std::optional<std::string> on_error, on_timeout, on_cancel;
  std::vector<SignalHandler> on;    // root handlers: in every state but `end`
  std::vector<TimerHandler> after;  // counted from the run's start
  std::vector<TimerHandler> every;
  IdReuse reuse = IdReuse::allow;
  IdConflict conflict = IdConflict::fail;
  std::optional<std::int64_t> retention_ms;
  // Past either since its last checkpoint a run continues as new.
  std::int64_t history_events = limits::kHistoryEventsDefault;
  std::int64_t history_bytes = limits::kHistoryBytesDefault;
  std::vector<Schedule> schedules;      // sorted by name
  std::vector<LimitSpec> limits;        // likewise
  std::optional<MigrateTable> migrate;  // absent: it takes no runs

  const SignalSpec* signal(std::string_view name) const;
  const Flow* flow(std::string_view name) const;          // null if there is none
  const Schedule* schedule(std::string_view name) const;  // likewise
  const LimitSpec* limit(std::string_view name) const;    // likewise

  // A machine by its place: "" the root, "NAME" a named flow, "NAME:state/branch/.../do" the inline
  // state of a branch, or of a map's `do`, in that flow's state. Null if there is none.
  const Flow* machine(std::string_view place) const;
};

// The place of what `state` of the machine at `place` runs: of a named flow its name; else that of
// the inline state, `branch` being its name or "do".
std::string place_of_machine(std::string_view place, const State& state, const Machine& machine,
                             std::string_view branch);
// The place of a state: "STATE" at the root, else "PLACE:STATE"; inline, the machine's own.
std::string place_of_state(std::string_view place, const State& state);
// The state at such a place; null if there is none.
const State* find_state(const Definition& definition, std::string_view place);

struct ParsedDefinition {
  std::shared_ptr<const Definition> definition;  // null if there are errors
  std::vector<Diagnostic> diagnostics;           // errors and warnings, by position
  int suppressed = 0;                            // beyond limits::kDiagnosticsMax
};

// Parses and checks a whole file: any bytes at all may come in. Finds everything the language
// reference lists under "Errors of a definition", in one go.
ParsedDefinition parse_definition(std::string_view text);

// The states and what leads where, for graph exports.
struct GraphEdge {
  std::string from,
      to;             // `from` is empty for what applies to the whole run: its start, root handlers
  std::string label;  // "next", "on approval", "after 48h", "catch *", "move" ...
};
std::vector<GraphEdge> graph_edges(const Definition& definition);

}  // namespace pawl::dsl
