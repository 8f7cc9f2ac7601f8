#include "base/limits.h"
#include "dsl/checker.h"
#include "dsl/expression_tree.h"
#include "dsl/fold.h"
#include "dsl/parser.h"
#include "dsl/utf8.h"

namespace pawl::dsl {

Compiled compile_with(std::string_view text, const Environment& environment,
                      const CompileOptions& options) {
  Compiled out;
  out.type = Type::of(Type::Base::error);
  if (text.size() > limits::kExpressionBytesMax) {
    out.errors.push_back(
        {0,
         1,
         "the expression is longer than " + std::to_string(limits::kExpressionBytesMax) + " bytes",
         {}});
    return out;
  }
  if (!is_utf8(text)) {
    out.errors.push_back({0, text.size(), "the expression is not UTF-8", {}});
    return out;
  }
  auto expression = std::make_shared<Expression>();
  expression->additions = options.additions;
  ExpressionError wrong;
  if (!parse(text, expression.get(), &wrong)) {
    out.errors.push_back(std::move(wrong));
    return out;
  }
  Checked checked = check(expression.get(), environment, options);
  out.type = std::move(checked.type);
  out.errors = std::move(checked.errors);
  out.variables = std::move(checked.variables);
  if (out.errors.empty() && options.fold) fold_constants(expression.get());
  if (out.errors.empty()) out.expression = std::move(expression);
  return out;
}

Compiled compile(std::string_view text, const Environment& environment) {
  return compile_with(text, environment, CompileOptions{});
}

}  // namespace pawl::dsl
