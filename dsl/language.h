// The language's tables and keys as data, in the order in which `pawl fmt` writes them: what each
// key holds and what it is for. The formatter's order and the JSON Schema come from here. The
// parser asks for its keys itself; tests/dsl/language_test.cc probes it with every word it knows,
// so that a key is in both or in neither.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace pawl::dsl {

enum class TableKind : std::uint8_t {
  root,
  fields,     // [input]: names and their schemas
  field,      // the long form of a schema
  shape,      // a long form or a table of fields: which one only its content tells
  variables,  // [vars]
  signals,
  signal,
  retries,
  retry,
  limits,
  limit,
  task_types,
  schedules,
  schedule,
  task_type,
  timeouts,  // of a task
  states,
  state,
  signal_handlers,  // by signal
  timers,           // by duration
  computed_timer,
  handler,
  handler_task,
  catch_entry,
  choose_branch,
  undo,
  flows,
  flow,
  branches,  // of a `parallel`, by name
  send,
  anew,  // a `continue`
  sleep_until,
  raise,
  id,
  retention,
  history,
  migrate,
  migrated_states,  // of it: old names and new ones
  assignments,      // of `save` and `set`
  payload,          // any table: data
};

// What a key holds.
enum class Form : std::uint8_t {
  text,
  state_name,           // of a state, or "end"
  condition,            // always an expression
  data,                 // anything; strings that begin with `=` are expressions
  text_or_expression,   // text
  whole_or_expression,  // an integer
  time_or_expression,   // a timestamp
  duration,
  delay,  // a duration, or an expression
  bytes,  // 65536, "64KB"
  boolean,
  whole,  // an integer from `min` to `max`
  number,
  choice,       // one of `choices`
  texts,        // a list of strings, or one
  state_names,  // a list
  list,         // of anything
  table,        // of `table`
  tables,       // a list of them, none to many
  table_or_tables,
  text_or_table,
  delay_or_table,
  table_or_timers,  // of `table`, or a list of computed timers
  type,             // a type's name
  schema,           // a type's name or a field's table
  shape,            // a type's name or a table of `shape`
  variable,         // a type's name, a long form or a first value
};

struct KeyRule {
  std::string_view key;
  Form form = Form::data;
  std::string_view doc;
  TableKind table = TableKind::payload;  // of the forms that hold tables
  bool required = false;
  std::string_view choices = {};  // Form::choice: separated by blanks
  double min = 0;                 // Form::whole, Form::number
  double max = 0;
};

struct TableRule {
  TableKind kind;
  std::string_view name;  // as a word: of its definition in the JSON Schema
  std::string_view doc;
  std::span<const KeyRule> keys;
  // What keys of the author's own choice hold, if he may choose.
  std::optional<KeyRule> others;

  // The rule of a key, `others` included; null if there can be none.
  const KeyRule* find(std::string_view key) const;
  // Where the key stands in `keys`; their number if it is not one of them.
  std::size_t rank(std::string_view key) const;
};

// The verbs of a state: at most one of these.
std::span<const std::string_view> verb_keys();

const TableRule& table_rule(TableKind kind);
std::span<const TableRule> table_rules();

}  // namespace pawl::dsl
