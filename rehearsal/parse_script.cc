// How workers answer: `task."TYPE"`.
#include <algorithm>

#include "dsl/parse_value.h"
#include "rehearsal/json_form.h"
#include "rehearsal/parse_scope.h"

namespace pawl::rehearsal {
namespace {

using dsl::TomlNode;

// What a result and a condition may read.
dsl::Environment answer_environment() {
  dsl::Environment environment;
  environment.emplace("with", dsl::Type());
  environment.emplace("attempt", dsl::Type::of(dsl::Type::Base::int64));
  return environment;
}

engine::Error parse_error(const TomlNode& node, Answer* answer, ParseScope* scope) {
  engine::Error error;
  dsl::TableReader table(node, "`error`", scope->diagnostics);
  if (const TomlNode* x = table.need("type", "error = { type = \"card.declined\" }")) {
    error.type = dsl::read_string(*x, scope->diagnostics).value_or("");
  }
  if (const TomlNode* x = table.take("message")) {
    error.message = dsl::read_string(*x, scope->diagnostics).value_or("");
  }
  if (const TomlNode* x = table.take("data")) {
    error.data = read_value(*x, scope).value_or(dsl::Value());
  }
  if (const TomlNode* x = table.take("retryable")) {
    answer->retryable = dsl::read_boolean(*x, scope->diagnostics);
  }
  table.finish();
  return error;
}

// `lost = true`
bool read_flag(const TomlNode* node, ParseScope* scope) {
  if (node == nullptr) return false;
  const bool on = dsl::read_boolean(*node, scope->diagnostics).value_or(true);
  if (!on) scope->diagnostics->error(node->place, dsl::quoted(node->key) + " is true or absent");
  return true;
}

void parse_kind(const TomlNode& node, dsl::TableReader* table, Answer* answer, ParseScope* scope) {
  const dsl::Environment environment = answer_environment();
  int kinds = 0;
  if (const TomlNode* x = table->take("result")) {
    ++kinds;
    answer->result = dsl::parse_template(*x, environment, nullptr, scope->context);
  }
  if (const TomlNode* x = table->take("error")) {
    ++kinds;
    answer->kind = Answer::Kind::error;
    answer->error = parse_error(*x, answer, scope);
  }
  if (read_flag(table->take("lost"), scope)) {
    ++kinds;
    answer->kind = Answer::Kind::lost;
  }
  if (read_flag(table->take("never"), scope)) {
    ++kinds;
    answer->kind = Answer::Kind::never;
  }
  if (kinds == 1 || !table->is_table()) return;
  scope->diagnostics->error(node.mark(), "an answer has one of `result`, `error`, `lost`, `never`",
                            "result = {} answers with an empty object, `\"= null\"` with nothing");
}

Answer parse_answer(const TomlNode& node, ParseScope* scope) {
  Answer answer;
  dsl::TableReader table(node, "an answer", scope->diagnostics);
  parse_kind(node, &table, &answer, scope);
  if (const TomlNode* x = table.take("after")) {
    answer.after_ms = dsl::read_duration_ms(*x, scope->diagnostics).value_or(0);
    if (answer.kind == Answer::Kind::never) {
      scope->diagnostics->error(x->place, "`after` has no meaning beside `never`");
    }
  }
  if (const TomlNode* x = table.take("if")) {
    answer.condition = dsl::parse_condition(*x, answer_environment(), scope->context);
  }
  if (const TomlNode* x = table.take("expect_with")) answer.expect_with = read_value(*x, scope);
  if (const TomlNode* x = table.take("times")) {
    answer.times = dsl::read_integer(*x, 1, INT32_MAX, scope->diagnostics);
  }
  table.finish();
  return answer;
}

}  // namespace

TaskScript parse_task_script(const TomlNode& node, ParseScope* scope) {
  TaskScript script;
  script.type = node.key;
  check_known(node, node.key, "task", scope->task_types, scope);
  if (!node.is(TomlNode::Kind::list)) {
    script.answers.push_back(parse_answer(node, scope));
    return script;
  }
  for (const TomlNode& child : node.children) {
    script.answers.push_back(parse_answer(child, scope));
    Answer& answer = script.answers.back();
    // One entry a hand-out; one with a condition is for all that it holds of.
    if (!answer.times && !answer.condition && node.children.size() > 1) answer.times = 1;
  }
  if (node.children.empty()) {
    scope->diagnostics->error(node.place, "an empty list answers nothing");
  }
  return script;
}

}  // namespace pawl::rehearsal
