#include "rehearsal/answers.h"

#include <algorithm>

#include "absl/strings/str_replace.h"
#include "base/check.h"
#include "base/limits.h"
#include "rehearsal/json_form.h"

namespace pawl::rehearsal {
namespace {

class AnswerScope : public dsl::Scope {
 public:
  explicit AnswerScope(const Question& question)
      : with_(question.with),
        attempt_(dsl::Value::int64(question.attempt)),
        run_(dsl::Value::string(question.run)) {}
  const dsl::Value* find(std::string_view name) const override {
    return name == "with"      ? &with_
           : name == "attempt" ? &attempt_
           : name == "run"     ? &run_
                               : nullptr;
  }

 private:
  dsl::Value with_, attempt_, run_;
};

}  // namespace

Answers::Answers(const std::vector<AnswerScript>& scripts, std::string unknown)
    : scripts_(scripts), unknown_(std::move(unknown)) {
  for (const AnswerScript& script : scripts) used_.emplace_back(script.answers.size(), 0);
}

void Answers::fail(std::string message, std::string hint) {
  if (!failure_) failure_ = {std::move(message), std::move(hint), {}, {}};
}

bool Answers::knows(const std::string& type) const {
  return std::any_of(scripts_.begin(), scripts_.end(),
                     [&](const AnswerScript& script) { return script.type == type; });
}

const Answer* Answers::choose(const Question& question) {
  for (std::size_t i = 0; i < scripts_.size(); ++i) {
    if (scripts_[i].type != question.type) continue;
    const Answer* answer = pick(i, question);
    if (answer == nullptr || !answer->expect_with || same(*answer->expect_with, question.with)) {
      return answer;
    }
    fail(question.who + " was given another input than `expect_with` says");
    failure_->expected = answer->expect_with;
    failure_->actual = question.with;
    return nullptr;
  }
  fail("nobody answers " + question.who, absl::StrReplaceAll(unknown_, {{"TYPE", question.type}}));
  return nullptr;
}

const Answer* Answers::pick(std::size_t script, const Question& question) {
  const std::vector<Answer>& answers = scripts_[script].answers;
  for (std::size_t k = 0; k < answers.size(); ++k) {
    const Answer& answer = answers[k];
    if (answer.times && used_[script][k] >= *answer.times) continue;
    dsl::Value holds = dsl::Value::boolean(true);
    if (answer.condition != nullptr && !evaluate(*answer.condition, question, &holds)) {
      return nullptr;
    }
    if (holds.kind() != dsl::Kind::boolean) {
      fail("the `if` of an answer to " + question.who + " is no bool");
      return nullptr;
    }
    if (!holds.as_bool()) continue;
    ++used_[script][k];
    return &answer;
  }
  fail("no answer is left for " + question.who,
       "a list answers one after the other; `times = N` lets an answer repeat, and a single one "
       "answers all");
  return nullptr;
}

bool Answers::evaluate(const dsl::Expression& expression, const Question& question,
                       dsl::Value* value) {
  const AnswerScope scope(question);
  dsl::Evaluation done = dsl::evaluate(expression, scope, limits::kExpressionCostMax);
  if (!done.ok) fail("the answer to " + question.who + ": " + done.error);
  *value = json_form(done.value);
  return done.ok;
}

std::optional<dsl::Value> Answers::result(const Answer& answer, const Question& question) {
  dsl::Value value;
  if (!fill(answer.result, question, &value)) return std::nullopt;
  return value;
}

bool Answers::fill(const dsl::Template& result, const Question& question, dsl::Value* value) {
  dsl::List items;
  dsl::Map fields;
  switch (result.form) {
    case dsl::Template::Form::literal:
      *value = json_form(result.literal);
      return true;
    case dsl::Template::Form::expression:
      return evaluate(*result.expression, question, value);
    case dsl::Template::Form::list:
      for (const dsl::Template& item : result.items) {
        if (!fill(item, question, &items.emplace_back())) return false;
      }
      *value = dsl::Value::list(std::move(items));
      return true;
    case dsl::Template::Form::map:
      for (const dsl::TemplateField& field : result.fields) {
        fields.emplace_back(dsl::Value::string(field.first), dsl::Value());
        if (!fill(field.second, question, &fields.back().second)) return false;
      }
      *value = dsl::Value::map(std::move(fields));
      return true;
  }
  PAWL_UNREACHABLE();
}

}  // namespace pawl::rehearsal
