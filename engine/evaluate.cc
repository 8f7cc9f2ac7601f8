#include "engine/evaluate.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pawl::engine {
namespace {

using dsl::Kind;
using dsl::Template;
using dsl::Value;

absl::string_view view(std::string_view s) { return {s.data(), s.size()}; }

bool nests_at_most(const Value& value, int depth) {
  if (value.kind() == Kind::list) {
    if (depth == 0) return false;
    return std::all_of(value.as_list().begin(), value.as_list().end(),
                       [depth](const Value& x) { return nests_at_most(x, depth - 1); });
  }
  if (value.kind() == Kind::map) {
    if (depth == 0) return false;
    return std::all_of(value.as_map().begin(), value.as_map().end(),
                       [depth](const auto& x) { return nests_at_most(x.second, depth - 1); });
  }
  return true;
}

bool evaluate_expression(const dsl::Expression& expression, const dsl::Scope& scope,
                         std::string_view where, int line, CostBudget* budget, Value* value,
                         Error* error) {
  const dsl::Evaluation evaluation =
      dsl::evaluate(expression, scope, std::min(budget->left, limits::kExpressionCostMax));
  budget->left = std::max<std::int64_t>(0, budget->left - evaluation.cost);
  if (!evaluation.ok) {
    *error = expression_error(where, line, evaluation.error);
    return false;
  }
  *value = evaluation.value;
  return true;
}

bool evaluate_list(const Template& t, const dsl::Scope& scope, std::string_view where,
                   CostBudget* budget, Value* value, Error* error) {
  dsl::List items;
  items.reserve(t.items.size());
  for (const Template& item : t.items) {
    if (!evaluate_template(item, scope, where, budget, &items.emplace_back(), error)) return false;
  }
  *value = Value::list(std::move(items));
  return true;
}

bool evaluate_map(const Template& t, const dsl::Scope& scope, std::string_view where,
                  CostBudget* budget, Value* value, Error* error) {
  dsl::Map map;
  map.reserve(t.fields.size());
  for (const auto& [name, field] : t.fields) {
    auto& entry = map.emplace_back(Value::string(name), Value());
    const std::string place = absl::StrCat(view(where), ".", name);
    if (!evaluate_template(field, scope, place, budget, &entry.second, error)) return false;
  }
  *value = Value::map(std::move(map));
  return true;
}

}  // namespace

Error expression_error(std::string_view where, int line, std::string_view message) {
  std::string text(where);
  if (line > 0) absl::StrAppend(&text, " (line ", line, ")");
  absl::StrAppend(&text, ": ", view(message));
  return {"sys.expr", std::move(text), {}};
}

bool evaluate_template(const Template& t, const dsl::Scope& scope, std::string_view where,
                       CostBudget* budget, Value* value, Error* error) {
  switch (t.form) {
    case Template::Form::literal:
      *value = t.literal;
      return true;
    case Template::Form::expression:
      return evaluate_expression(*t.expression, scope, where, t.line, budget, value, error);
    case Template::Form::list:
      return evaluate_list(t, scope, where, budget, value, error);
    case Template::Form::map:
      return evaluate_map(t, scope, where, budget, value, error);
  }
  return false;
}

bool evaluate_condition(const dsl::Expression* condition, const dsl::Scope& scope, int line,
                        CostBudget* budget, bool* holds, Error* error) {
  *holds = true;
  if (condition == nullptr) return true;
  Value value;
  if (!evaluate_expression(*condition, scope, "if", line, budget, &value, error)) return false;
  if (value.kind() != Kind::boolean) {
    *error = expression_error("if", line, "is not a bool but " + value.debug_string());
    return false;
  }
  *holds = value.as_bool();
  return true;
}

bool evaluate_duration_ms(const Template& t, const dsl::Scope& scope, std::string_view where,
                          CostBudget* budget, std::int64_t* ms, Error* error) {
  Value value;
  if (!evaluate_template(t, scope, where, budget, &value, error)) return false;
  dsl::Duration duration;
  if (value.kind() == Kind::duration) {
    duration = value.as_duration();
  } else if (value.kind() != Kind::string || !dsl::parse_duration(value.as_string(), &duration)) {
    *error = expression_error(where, t.line, "is not a duration but " + value.debug_string());
    return false;
  }
  if (duration < dsl::Duration{}) {
    *error = expression_error(where, t.line, "is a negative duration");
    return false;
  }
  *ms = duration.seconds * 1000 + (duration.nanos + 999'999) / 1'000'000;
  return true;
}

bool evaluate_time(const Template& t, const dsl::Scope& scope, std::string_view where,
                   CostBudget* budget, TimeMs* time, Error* error) {
  Value value;
  if (!evaluate_template(t, scope, where, budget, &value, error)) return false;
  dsl::Timestamp at;
  if (value.kind() == Kind::timestamp) {
    at = value.as_timestamp();
  } else if (value.kind() != Kind::string || !dsl::parse_timestamp(value.as_string(), &at)) {
    *error = expression_error(where, t.line, "is not a timestamp but " + value.debug_string());
    return false;
  }
  *time = TimeMs(at.seconds * 1000 + (at.nanos + 999'999) / 1'000'000);
  return true;
}

bool evaluate_string(const Template& t, const dsl::Scope& scope, std::string_view where,
                     CostBudget* budget, std::string* text, Error* error) {
  Value value;
  if (!evaluate_template(t, scope, where, budget, &value, error)) return false;
  if (value.kind() != Kind::string) {
    *error = expression_error(where, t.line, "is not a string but " + value.debug_string());
    return false;
  }
  *text = value.as_string();
  return true;
}

bool storable(const Value& value, std::string* why) {
  if (!nests_at_most(value, limits::kValueDepthMax)) {
    *why = absl::StrCat("is nested more than ", limits::kValueDepthMax, " deep");
    return false;
  }
  const std::size_t size = value.encoded_size();
  if (size > limits::kValueBytesMax) {
    *why = absl::StrCat("has ", size, " bytes, at most ", limits::kValueBytesMax, " are allowed");
    return false;
  }
  return true;
}

}  // namespace pawl::engine
