// A checked, immutable workflow definition: what a deployed TOML file means. The engine's `decide`
// reads it; `evolve` never does. Everything an expression could get wrong statically has been
// checked against the schemas. Names are resolved: a `next` names a state that exists.
//
// The language reference is docs/dsl.md. A nested flow has the same shape as the root, so the
// language's later verbs add to Verb and to State, and nothing here moves.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/limits.h"
#include "dsl/cron.h"
#include "dsl/diagnostic.h"
#include "dsl/expression.h"
#include "dsl/schema.h"
#include "dsl/value.h"

namespace pawl::dsl {

struct TemplateField;

// A TOML value whose leaves may be CEL ("= ..."): evaluated when it is needed.
struct Template {
  enum class Form : std::uint8_t { literal, expression, list, map };
  Form form = Form::literal;
  Value literal;  // Form::literal; a whole constant subtree is one literal
  std::shared_ptr<const Expression> expression;
  std::vector<Template> items;        // Form::list
  std::vector<TemplateField> fields;  // Form::map, in key order
  int line = 0;                       // where it stands, for messages at run time

  bool is_literal() const { return form == Form::literal; }
};

struct TemplateField {
  std::string first;  // the key
  Template second;
};

// `save.x = ...` and `set.x = ...`: a variable and its new value.
struct Assignment {
  std::string variable;
  Template value;
};

enum class Exhausted : std::uint8_t { automatic, incident, fail };

// A retry policy; the defaults are those of "default".
struct Retry {
  int attempts = 5;  // hand-outs in all; 1 = no retry
  std::int64_t initial_ms = 1000;
  double factor = 2.0;
  std::int64_t interval_ms_max = 60'000;
  double jitter = 0.2;             // +- this share of the interval
  std::vector<std::string> never;  // error types that are not retried: exact, or prefixes and '*'
  Exhausted exhausted = Exhausted::automatic;
  std::optional<std::int64_t> again_ms;  // an incident retries by itself after this
};

struct TaskTimeouts {
  std::optional<std::int64_t> queue_ms;      // scheduled -> handed out
  std::optional<std::int64_t> attempt_ms;    // handed out -> outcome
  std::optional<std::int64_t> total_ms;      // first scheduled -> outcome, all attempts
  std::optional<std::int64_t> heartbeat_ms;  // the lease; absent: 30 s
};

struct Undo {
  std::string task;
  std::optional<std::string> name;
  Template queue;
  Template with;
  bool when_started = false;  // recorded at the first hand-out, not at completion
  Retry retry;
  TaskTimeouts timeouts;
};

struct TaskSpec {
  std::string type;
  Template queue;  // evaluates to a string
  Template with;   // null literal if absent
  std::optional<Template> key;
  std::optional<Template> priority;  // evaluates to an int; higher first; absent 0
  Retry retry;
  TaskTimeouts timeouts;
  std::optional<Undo> undo;
  std::optional<Schema> with_schema;    // of [task."TYPE"].with
  std::optional<Schema> result_schema;  // of [task."TYPE"].result
};

// One outcome of a handler or a choose: the first whose condition holds is taken.
struct Branch {
  std::shared_ptr<const Expression> condition;  // null: always
  std::optional<std::string> next;              // a state, or "end"; absent: stay
  std::vector<Assignment> save;
  std::optional<TaskSpec> task;  // handlers only: runs beside the state
  int line = 0;
};

// `on.SIGNAL`
struct SignalHandler {
  std::string signal;
  std::vector<Branch> branches;
};

// `after."48h"`, `every."30s"` or a computed one; the position in its list names it in events.
struct TimerHandler {
  Template delay;  // evaluates to a duration
  std::vector<Branch> branches;
};

struct Catch {
  std::vector<std::string> errors;  // exact types, or prefixes ending in '*'
  std::string next;
  std::vector<Assignment> save;
};

enum class Verb : std::uint8_t { none, task, sleep, choose, set, raise, end };

struct Sleep {
  Template duration;  // evaluates to a duration; or, if `until`, to a timestamp
  bool until = false;
};

struct Raise {
  Template type;     // evaluates to a string
  Template message;  // evaluates to a string; null literal if absent
  Template data;
};

enum class EndStatus : std::uint8_t { completed, failed, cancelled };

struct End {
  EndStatus status = EndStatus::completed;
  Template output;
  std::optional<Raise> error;  // type, message, data of a failed run
};

struct State {
  std::string name;
  std::string doc;
  Verb verb = Verb::none;
  std::optional<TaskSpec> task;  // Verb::task
  std::vector<Assignment> save;  // of the task's result
  std::optional<Sleep> sleep;    // Verb::sleep
  std::vector<Branch> choose;    // Verb::choose
  std::vector<Assignment> set;   // on entry, before the verb; alone it is Verb::set
  std::optional<Raise> raise;    // Verb::raise
  std::optional<End> end;        // Verb::end
  std::optional<std::string> next;
  std::vector<SignalHandler> on;
  std::vector<TimerHandler> after;
  std::vector<TimerHandler> every;
  std::vector<Catch> catches;
  std::vector<std::string> moves;  // states a client may move the run to from here
  int line = 0;

  const SignalHandler* handler(std::string_view signal) const;
};

// A machine: the root, or a nested flow.
struct Flow {
  std::string name;  // "" is the root
  std::string start;
  std::vector<State> states;  // in the order of the file
  Fields vars;                // types and first values (Schema::default_value)

  // Binary search over by_name.
  const State* find(std::string_view state) const;
  std::vector<std::uint32_t> by_name;  // positions in `states`, sorted by name; made by the parser
};

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

// [schedule.NAME]; its full name is WORKFLOW.NAME.
struct Schedule {
  std::string name;
  std::optional<Cron> cron;
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

struct Definition {
  std::string name;
  int dsl = 1;
  std::string doc;
  std::string revision;   // the author's own name of this version; may be empty
  std::string text;       // as deployed
  std::string canonical;  // comments and layout removed, keys sorted: what the hash covers
  Digest hash{};

  Flow root;
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
  std::vector<Schedule> schedules;  // sorted by name

  const SignalSpec* signal(std::string_view name) const;
};

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
