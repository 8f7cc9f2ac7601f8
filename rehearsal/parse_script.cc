// How workers and other runs answer: `task."TYPE"`, `call."WORKFLOW"`, `send."SIGNAL"`.
#include <algorithm>

#include "dsl/parse_value.h"
#include "rehearsal/json_form.h"
#include "rehearsal/parse_scope.h"

namespace pawl::rehearsal {
namespace {

using dsl::TomlNode;

// What a result and a condition may read.
dsl::Environment answer_environment(Asker asker) {
  dsl::Environment environment;
  environment.emplace("with", dsl::Type());
  if (asker == Asker::task) {
    environment.emplace("attempt", dsl::Type::of(dsl::Type::Base::int64));
  } else {
    environment.emplace("run", dsl::Type::of(dsl::Type::Base::string));
  }
  return environment;
}

engine::Error parse_error(const TomlNode& node, Asker asker, Answer* answer, ParseScope* scope) {
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
  if (const TomlNode* x = asker == Asker::task ? table.take("retryable") : nullptr) {
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

constexpr const char* kKinds[] = {
    "an answer has one of `result`, `error`, `lost`, `never`",
    "an answer has one of `result`, `error`, `refused`, `cancelled`, `never`",
    "an answer has one of `taken`, `refused`, `never`"};

void parse_kind(const TomlNode& node, Asker asker, dsl::TableReader* table, Answer* answer,
                ParseScope* scope) {
  const dsl::Environment environment = answer_environment(asker);
  int kinds = 0;
  if (const TomlNode* x = asker != Asker::send ? table->take("result") : nullptr) {
    ++kinds;
    answer->result = dsl::parse_template(*x, environment, nullptr, scope->context);
  }
  if (const TomlNode* x = asker != Asker::send ? table->take("error") : nullptr) {
    ++kinds;
    answer->kind = Answer::Kind::error;
    answer->error = parse_error(*x, asker, answer, scope);
  }
  if (const TomlNode* x = asker != Asker::task ? table->take("refused") : nullptr) {
    ++kinds;
    answer->kind = Answer::Kind::refused;
    answer->why = dsl::read_string(*x, scope->diagnostics).value_or("");
  }
  const auto take_flag = [&](bool known, const char* key, Answer::Kind kind) {
    if (!known || !read_flag(table->take(key), scope)) return;
    ++kinds;
    answer->kind = kind;
  };
  take_flag(asker == Asker::send, "taken", Answer::Kind::result);
  take_flag(asker == Asker::task, "lost", Answer::Kind::lost);
  take_flag(asker == Asker::call, "cancelled", Answer::Kind::cancelled);
  take_flag(true, "never", Answer::Kind::never);
  if (kinds == 1 || !table->is_table()) return;
  scope->diagnostics->error(node.mark(), kKinds[static_cast<int>(asker)],
                            asker == Asker::send
                                ? "without an answer a signal is taken"
                                : "result = {} answers with an empty object, `\"= null\"` with "
                                  "nothing");
}

Answer parse_answer(const TomlNode& node, Asker asker, ParseScope* scope) {
  Answer answer;
  dsl::TableReader table(node, "an answer", scope->diagnostics);
  parse_kind(node, asker, &table, &answer, scope);
  if (const TomlNode* x = table.take("after")) {
    answer.after_ms = dsl::read_duration_ms(*x, scope->diagnostics).value_or(0);
    if (answer.kind == Answer::Kind::never) {
      scope->diagnostics->error(x->place, "`after` has no meaning beside `never`");
    }
  }
  if (const TomlNode* x = table.take("if")) {
    answer.condition = dsl::parse_condition(*x, answer_environment(asker), scope->context);
  }
  if (const TomlNode* x = table.take("expect_with")) answer.expect_with = read_value(*x, scope);
  if (const TomlNode* x = table.take("times")) {
    answer.times = dsl::read_integer(*x, 1, INT32_MAX, scope->diagnostics);
  }
  table.finish();
  return answer;
}

}  // namespace

AnswerScript parse_answer_script(const TomlNode& node, Asker asker, ParseScope* scope) {
  AnswerScript script;
  script.type = node.key;
  // Which signals are sent an expression may say.
  if (asker == Asker::task) check_known(node, node.key, "task", scope->task_types, scope);
  if (asker == Asker::call) check_known(node, node.key, "call of", scope->workflows, scope);
  if (!node.is(TomlNode::Kind::list)) {
    script.answers.push_back(parse_answer(node, asker, scope));
    return script;
  }
  for (const TomlNode& child : node.children) {
    script.answers.push_back(parse_answer(child, asker, scope));
    Answer& answer = script.answers.back();
    // One entry a time; one with a condition is for all that it holds of.
    if (!answer.times && !answer.condition && node.children.size() > 1) answer.times = 1;
  }
  if (node.children.empty()) {
    scope->diagnostics->error(node.place, "an empty list answers nothing");
  }
  return script;
}

}  // namespace pawl::rehearsal
