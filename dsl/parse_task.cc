#include "dsl/parse_task.h"

#include <algorithm>

#include "base/feature_level.h"
#include "dsl/parse_limit.h"
#include "dsl/parse_schema.h"
#include "dsl/parse_value.h"

namespace pawl::dsl {
namespace {

Template literal_string(std::string text) {
  Template out;
  out.literal = Value::string(std::move(text));
  return out;
}

// A queue's name, or an expression that gives one.
Template parse_queue(const TomlNode& node, const Environment& environment, ParseContext* context) {
  Template queue = parse_template_of(node, environment, SchemaType::string, context);
  if (queue.is_literal() && queue.literal.kind() == Kind::string) {
    check_name(queue.literal.as_string(), node.place, "a queue", context->diagnostics);
  }
  return queue;
}

// A task whose type declares required fields of `with`, and that has none.
void check_missing_with(const TomlNode& type, const TaskSpec& task, DiagnosticList* diagnostics) {
  if (!task.with_schema || !task.with_schema->fields) return;
  for (const auto& [name, schema] : task.with_schema->fields->items) {
    if (schema.optional || schema.default_value) continue;
    diagnostics->error(type.place, "tasks of type " + quoted(task.type) + " need `with`",
                       "[task.\"" + task.type + "\"] declares the field " + quoted(name));
    return;
  }
}

}  // namespace

TaskDefaults parse_task_defaults(const TomlNode& node, ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  TableReader table(node, "[task.\"TYPE\"]", diagnostics);
  TaskDefaults out;
  out.place = node.mark();
  if (const TomlNode* x = table.take("with")) out.with = parse_shape(*x, context);
  if (const TomlNode* x = table.take("result")) out.result = parse_shape(*x, context);
  if (const TomlNode* x = table.take("queue")) out.queue = parse_queue(*x, context->base, context);
  if (const TomlNode* x = table.take("limits")) out.limits = parse_task_limits(*x, context);
  if (const TomlNode* x = table.take("retry")) out.retry = parse_retry(*x, context);
  if (const TomlNode* x = table.take("timeout")) parse_timeouts(*x, &out.timeouts, diagnostics);
  if (const TomlNode* x = table.take("doc")) read_string(*x, diagnostics);
  table.finish();
  return out;
}

Undo parse_undo(const TomlNode& node, const Environment& environment, const Type& result,
                ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  TableReader table(node, "`undo`", diagnostics);
  Undo undo;
  if (const TomlNode* x = table.take("when")) {
    undo.when_started =
        read_choice<bool>(*x, {{"completed", false}, {"started", true}}, diagnostics)
            .value_or(false);
  }
  if (const TomlNode* x = table.take("name")) {
    undo.name = read_name(*x, "an undo", diagnostics);
    if (undo.name) context->undo_names.insert(*undo.name);
  }
  Environment scope = environment;
  if (!undo.when_started) scope["result"] = result;
  TaskSpec task;
  if (const TomlNode* x = table.need("task")) {
    task = parse_task(*x, /*may_undo=*/false, &table, scope, context);
  } else {
    for (const char* key : {"queue", "with", "key", "priority", "limits", "retry", "timeout"}) {
      table.take(key);
    }
  }
  if (task.priority && !task.priority->is_literal()) {
    diagnostics->warning(node.find("priority")->place,
                         "the `priority` of an undo is a number: this one counts as 3",
                         "what it could be computed from is gone when the undo is carried out");
  }
  undo.task = std::make_shared<const TaskSpec>(std::move(task));
  table.finish();
  context->feature_level = std::max(context->feature_level, kFlowLevel);
  return undo;
}

TaskSpec parse_task(const TomlNode& type, bool may_undo, TableReader* table,
                    const Environment& environment, ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  TaskSpec task;
  task.type = read_name(type, "a task type", diagnostics).value_or("");
  const auto it = context->tasks.find(task.type);
  TaskDefaults* defaults = it != context->tasks.end() ? &it->second : nullptr;
  task.queue = literal_string("default");
  task.retry = context->default_retry;
  if (defaults != nullptr) {
    defaults->used = true;
    task.with_schema = defaults->with;
    task.result_schema = defaults->result;
    if (defaults->queue) task.queue = *defaults->queue;
    task.limits = defaults->limits;
    if (defaults->retry) task.retry = *defaults->retry;
    task.timeouts = defaults->timeouts;
  }
  if (const TomlNode* x = table->take("queue")) task.queue = parse_queue(*x, environment, context);
  if (const TomlNode* x = table->take("with")) {
    const Schema* schema = task.with_schema ? &*task.with_schema : nullptr;
    task.with = parse_template(*x, environment, schema, context);
  } else {
    check_missing_with(type, task, diagnostics);
  }
  if (const TomlNode* x = table->take("key")) {
    task.key = parse_template_of(*x, environment, SchemaType::string, context);
  }
  if (const TomlNode* x = table->take("priority")) {
    task.priority = parse_template_of(*x, environment, SchemaType::int64, context);
    const Value& literal = task.priority->literal;
    if (task.priority->is_literal() && literal.kind() == Kind::int64 &&
        (literal.as_int() < limits::kTaskPriorityMin ||
         literal.as_int() > limits::kTaskPriorityMax)) {
      diagnostics->error(x->place, "`priority` must be from 1 to 5",
                         "5 is handed out first, 1 last; without it a task has 3");
    }
  }
  if (const TomlNode* x = table->take("limits")) task.limits = parse_task_limits(*x, context);
  if (!task.limits.empty()) {
    context->feature_level = std::max(context->feature_level, kPermitLevel);
  }
  if (const TomlNode* x = table->take("retry")) {
    task.retry = parse_retry(*x, context).value_or(task.retry);
  }
  if (const TomlNode* x = table->take("timeout")) parse_timeouts(*x, &task.timeouts, diagnostics);
  if (const TomlNode* x = may_undo ? table->take("undo") : nullptr) {
    const Type result = task.result_schema ? type_of(*task.result_schema) : Type();
    task.undo = parse_undo(*x, environment, result, context);
  }
  return task;
}

}  // namespace pawl::dsl
