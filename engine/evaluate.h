// Evaluating templates and conditions within the budget of one decision. What goes wrong is an
// Error of type sys.expr or sys.too_big, for whoever takes errors in the run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/limits.h"
#include "dsl/definition.h"
#include "dsl/expression.h"
#include "engine/command.h"

namespace pawl::engine {

// Evaluator steps a decision may still use.
struct CostBudget {
  std::int64_t left = limits::kDecisionCostMax;
};

// `where` names the place in messages, e.g. "save.total". True, or `error` is set.
bool evaluate_template(const dsl::Template& t, const dsl::Scope& scope, std::string_view where,
                       CostBudget* budget, dsl::Value* value, Error* error);
// A missing condition holds. The expression must give a bool.
bool evaluate_condition(const dsl::Expression* condition, const dsl::Scope& scope, int line,
                        CostBudget* budget, bool* holds, Error* error);
// A duration (or its text, as in "90s") in ms, rounded up; not negative.
bool evaluate_duration_ms(const dsl::Template& t, const dsl::Scope& scope, std::string_view where,
                          CostBudget* budget, std::int64_t* ms, Error* error);
// A timestamp (or its RFC 3339 text).
bool evaluate_time(const dsl::Template& t, const dsl::Scope& scope, std::string_view where,
                   CostBudget* budget, TimeMs* time, Error* error);
bool evaluate_string(const dsl::Template& t, const dsl::Scope& scope, std::string_view where,
                     CostBudget* budget, std::string* text, Error* error);

// May be stored as one payload: not too large, not nested too deeply.
bool storable(const dsl::Value& value, std::string* why);

Error expression_error(std::string_view where, int line, std::string_view message);

}  // namespace pawl::engine
