// What the states of a definition are made of: values that may hold expressions, tasks with their
// retries and undos, handlers and catches. See definition.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

// [limit.NAME]: so many tasks at once, or in a window of time, of all runs of the cluster whose
// tasks name it and whose `key` has the same value.
struct LimitSpec {
  std::string name;
  std::uint32_t concurrency = 0;  // 0: any number
  std::uint32_t rate = 0;         // hand-outs in any `window_ms`; 0: any number
  std::int64_t window_ms = 0;
  std::optional<Template> key;  // evaluates to a string, in the root's scope; absent: ""
  int line = 0;
};

struct TaskSpec;

// What undoes a step, once that has completed.
struct Undo {
  std::shared_ptr<const TaskSpec> task;  // without an undo of its own
  std::optional<std::string> name;
  bool when_started = false;  // recorded at the first hand-out, not at completion
};

struct TaskSpec {
  std::string type;
  Template queue;  // evaluates to a string
  Template with;   // null literal if absent
  std::optional<Template> key;
  std::optional<Template> priority;  // evaluates to an int, 1 to 5; higher first; absent 3
  std::vector<std::string> limits;   // of [limit.NAME], sorted: each attempt needs a permit of all
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

}  // namespace pawl::dsl
