// Tasks: their specification in a state or a handler, [task."TYPE"], retry policies, timeouts,
// undo.
#pragma once

#include <optional>

#include "dsl/parse_context.h"
#include "dsl/parse_table.h"

namespace pawl::dsl {

// [retry.NAME]; keys that are absent are `defaults`'.
Retry parse_retry_policy(const TomlNode& node, const Retry& defaults, DiagnosticList* diagnostics);

// `retry = "NAME"` or an inline table; nothing after a mistake.
std::optional<Retry> parse_retry(const TomlNode& node, ParseContext* context);

// `timeout = { queue, attempt, total, heartbeat }` over `timeouts`.
void parse_timeouts(const TomlNode& node, TaskTimeouts* timeouts, DiagnosticList* diagnostics);

// [task."TYPE"].
TaskDefaults parse_task_defaults(const TomlNode& node, ParseContext* context);

// `undo = { task, ... }` of a step whose result has this type.
Undo parse_undo(const TomlNode& node, const Environment& environment, const Type& result,
                ParseContext* context);

// A task's keys (task, queue, with, key, priority, limits, retry, timeout, and undo if it may have
// one) from a state's, a handler's or an undo's table; `type` is the node of its `task` key.
TaskSpec parse_task(const TomlNode& type, bool may_undo, TableReader* table,
                    const Environment& environment, ParseContext* context);

}  // namespace pawl::dsl
