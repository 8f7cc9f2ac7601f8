// What the parts of a test file's parser share: where messages go, and the names that the
// definition knows.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/parse_context.h"
#include "dsl/parse_table.h"
#include "rehearsal/test_case.h"

namespace pawl::rehearsal {

struct ParseScope {
  dsl::DiagnosticList* diagnostics;
  const dsl::Definition* definition;
  dsl::ParseContext* context;                                       // for values with expressions
  std::vector<std::string> states, signals, task_types, workflows;  // `workflows`: those it calls
};

// Reports a name that is not among `known`: "the definition has no state `x`".
void check_known(const dsl::TomlNode& node, std::string_view name, std::string_view what,
                 const std::vector<std::string>& known, ParseScope* scope);

// A value as JSON carries it; a string that begins with '=' is an expression without variables.
std::optional<dsl::Value> read_value(const dsl::TomlNode& node, ParseScope* scope);
// The entries of a table.
std::vector<NamedValue> read_values(const dsl::TomlNode& node, ParseScope* scope);
std::optional<TimeMs> read_time(const dsl::TomlNode& node, ParseScope* scope);

// Whom answers are for: `task."TYPE"`, `call."WORKFLOW"`, `send."SIGNAL"`.
enum class Asker { task, call, send };
// One answer, or a list of them.
AnswerScript parse_answer_script(const dsl::TomlNode& node, Asker asker, ParseScope* scope);
// An item of `step`; nothing after a mistake.
std::optional<Step> parse_step(const dsl::TomlNode& node, ParseScope* scope);
// `refused = true`, or the type of the problem; nothing if there is no node.
std::optional<std::string> parse_refused(const dsl::TomlNode* node, ParseScope* scope);
// `actor = { box, uid, gids, groups }`
Sender parse_sender(const dsl::TomlNode& node, ParseScope* scope);
// `expect`, of a test or a step.
Expectation parse_expectation(const dsl::TomlNode& node, ParseScope* scope);

}  // namespace pawl::rehearsal
