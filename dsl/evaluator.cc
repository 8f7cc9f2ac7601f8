#include "dsl/evaluator.h"

#include <absl/container/inlined_vector.h>

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "dsl/arithmetic.h"
#include "dsl/functions.h"
#include "dsl/number.h"

namespace pawl::dsl {
namespace {

const Value kTrue = Value::boolean(true);
const Value kFalse = Value::boolean(false);

bool holds(Op op, Ordering order) {
  switch (op) {
    case Op::less:
      return order == Ordering::less;
    case Op::less_equal:
      return order == Ordering::less || order == Ordering::equal;
    case Op::greater:
      return order == Ordering::greater;
    default:
      return order == Ordering::greater || order == Ordering::equal;
  }
}

}  // namespace

const Value* truth_value(bool x) { return x ? &kTrue : &kFalse; }

Evaluator::Evaluator(const Expression& expression, const Scope& scope, std::int64_t cost_max)
    : tree_(expression), scope_(scope), meter_(cost_max, expression.additions) {
  const std::size_t variables = tree_.variables.size();
  const std::size_t count = variables + static_cast<std::size_t>(tree_.local_slots);
  variables_ = few_;
  if (count > std::size(few_)) {
    many_ = std::make_unique<const Value*[]>(count);
    variables_ = many_.get();
  }
  std::fill_n(variables_, count, nullptr);
  locals_ = variables_ + variables;
}

const Value* Evaluator::give(const Value& value, Value* slot) {
  if (!meter_.charge_copy(value)) return nullptr;
  *slot = value;
  return slot;
}

const Value* Evaluator::eval(NodeId id, Value* slot) {
  const Node& n = tree_.nodes[id];
  if (!meter_.charge(1 + n.folded_cost)) return nullptr;
  switch (n.op) {
    case Op::constant:
      return &n.value;
    case Op::variable:
      return variable(n);
    case Op::local:
      return locals_[static_cast<std::size_t>(n.slot)];
    case Op::select:
      return select(n, slot);
    case Op::has:
      return has(n);
    case Op::index:
      return index(n, slot);
    case Op::call:
      return call(n, slot);
    case Op::list:
      return list(n, slot);
    case Op::map:
      return map(n, slot);
    case Op::logical_and:
    case Op::logical_or:
      return logical(n);
    case Op::logical_not:
      return logical_not(n);
    case Op::negate:
      return negation(n, slot);
    case Op::conditional:
      return conditional(n, slot);
    case Op::add:
    case Op::subtract:
    case Op::multiply:
    case Op::divide:
    case Op::modulo:
      return arithmetic(n, slot);
    case Op::equal:
    case Op::not_equal:
      return equality(n);
    case Op::less:
    case Op::less_equal:
    case Op::greater:
    case Op::greater_equal:
      return compare(n);
    case Op::in:
      return membership(n);
    default:
      return macro(n, slot);
  }
}

// What binds variables of its own or leaves operands unevaluated.
const Value* Evaluator::macro(const Node& n, Value* slot) {
  switch (n.op) {
    case Op::all:
    case Op::exists:
      return quantifier(n);
    case Op::exists_one:
      return exists_one(n);
    case Op::map_list:
      return map_list(n, slot);
    case Op::filter:
      return filter(n, slot);
    case Op::transform_map:
    case Op::transform_map_entry:
      return transform_map(n, slot);
    case Op::sort_by:
      return sort_by(n, slot);
    case Op::bind:
      return bind(n, slot);
    case Op::opt_map:
    case Op::opt_flat_map:
      return optional_macro(n, slot);
    case Op::or_optional:
    case Op::or_value:
      return optional_or(n, slot);
    default:
      PAWL_UNREACHABLE();  // an identifier: the checker leaves none
  }
}

const Value* Evaluator::logical_not(const Node& n) {
  const Truth t = truth(n.children[0]);
  return t == Truth::failed ? nullptr : truth_value(t == Truth::no);
}

const Value* Evaluator::conditional(const Node& n, Value* slot) {
  const Truth t = truth(n.children[0]);
  return t == Truth::failed ? nullptr : eval(n.children[t == Truth::yes ? 1 : 2], slot);
}

const Value* Evaluator::negation(const Node& n, Value* slot) {
  Value operand;
  const Value* x = eval(n.children[0], &operand);
  return x != nullptr && negate(*x, &meter_, slot) ? slot : nullptr;
}

const Value* Evaluator::variable(const Node& n) {
  const Value*& known = variables_[static_cast<std::size_t>(n.slot)];
  if (known == nullptr) known = scope_.find(n.name);
  if (known == nullptr) return fail("there is no `" + n.name + "` here");
  return known;
}

Evaluator::Truth Evaluator::truth(NodeId id) {
  Value slot;
  const Value* v = eval(id, &slot);
  if (v == nullptr) return Truth::failed;
  if (v->kind() == Kind::boolean) return v->as_bool() ? Truth::yes : Truth::no;
  fail("no such overload: " + std::string(type_name(v->kind())) + " where a bool is needed");
  return Truth::failed;
}

// One operand may decide whatever the others do, failing included; so a failure is kept until all
// have been asked (langdef.md, "Logical Operators").
const Value* Evaluator::logical(const Node& n) {
  const Truth decides = n.op == Op::logical_and ? Truth::no : Truth::yes;
  bool failed = false;
  std::string first_error;
  for (const NodeId child : n.children) {
    const Truth t = truth(child);
    if (t == decides) return truth_value(t == Truth::yes);
    if (t != Truth::failed) continue;
    if (meter_.fatal()) return nullptr;
    if (!failed) first_error = std::move(meter_.error());
    failed = true;
  }
  if (failed) return fail(std::move(first_error));
  return truth_value(decides == Truth::no);
}

const Value* Evaluator::compare(const Node& n) {
  Value left, right;
  const Value* a = eval(n.children[0], &left);
  if (a == nullptr) return nullptr;
  const Value* b = eval(n.children[1], &right);
  if (b == nullptr) return nullptr;
  Ordering order = Ordering::equal;
  if (!metered_order(*a, *b, &meter_, &order)) return nullptr;
  return truth_value(holds(n.op, order));
}

const Value* Evaluator::equality(const Node& n) {
  Value left, right;
  const Value* a = eval(n.children[0], &left);
  if (a == nullptr) return nullptr;
  const Value* b = eval(n.children[1], &right);
  if (b == nullptr) return nullptr;
  bool equal = false;
  if (!metered_equal(*a, *b, &meter_, &equal)) return nullptr;
  return truth_value(equal == (n.op == Op::equal));
}

const Value* Evaluator::arithmetic(const Node& n, Value* slot) {
  Value left, right;
  const Value* a = eval(n.children[0], &left);
  if (a == nullptr) return nullptr;
  const Value* b = eval(n.children[1], &right);
  if (b == nullptr) return nullptr;
  return calculate(n.op, *a, *b, &meter_, slot) ? slot : nullptr;
}

const Value* Evaluator::membership(const Node& n) {
  Value left, right;
  const Value* element = eval(n.children[0], &left);
  if (element == nullptr) return nullptr;
  const Value* range = eval(n.children[1], &right);
  if (range == nullptr) return nullptr;
  if (range->kind() == Kind::map)
    return truth_value(find_key(range->as_map(), *element) != nullptr);
  if (range->kind() != Kind::list) {
    return fail("no such overload: " + std::string(type_name(element->kind())) + " in " +
                std::string(type_name(range->kind())));
  }
  for (const Value& x : range->as_list()) {
    bool equal = false;
    if (!metered_equal(*element, x, &meter_, &equal)) return nullptr;
    if (equal) return truth_value(true);
  }
  return truth_value(false);
}

const Value* Evaluator::no_overload(const Node& n, const Value* const* arguments) {
  std::string given;
  for (std::size_t i = n.with_target ? 1 : 0; i < n.children.size(); ++i) {
    given += (given.empty() ? "" : ", ") + std::string(type_name(arguments[i]->kind()));
  }
  const std::string target =
      n.with_target ? std::string(type_name(arguments[0]->kind())) + "." : std::string();
  return fail("no such overload: " + target + n.name + "(" + given + ")");
}

const Value* Evaluator::call(const Node& n, Value* slot) {
  absl::InlinedVector<Value, 3> slots(n.children.size());
  absl::InlinedVector<const Value*, 3> arguments(n.children.size());
  for (std::size_t i = 0; i < n.children.size(); ++i) {
    arguments[i] = eval(n.children[i], &slots[i]);
    if (arguments[i] == nullptr) return nullptr;
    if (i < 32 && (n.to_double >> i & 1) != 0 && arguments[i]->kind() == Kind::int64) {
      slots[i] = Value::float64(static_cast<double>(arguments[i]->as_int()));
      arguments[i] = &slots[i];
    }
  }
  for (const Overload* overload : n.overloads) {
    bool fits = true;
    for (std::size_t i = 0; i < arguments.size() && fits; ++i) {
      fits = letter_fits(overload->argument(i), arguments[i]->kind());
    }
    if (!fits) continue;
    Call call{arguments.data(), arguments.size(), slot, &meter_, n.regex.get()};
    return overload->run(call) ? slot : nullptr;
  }
  return no_overload(n, arguments.data());
}

Evaluation evaluate_raw(const Expression& expression, const Scope& scope, std::int64_t cost_max) {
  Evaluation out;
  const Node& root = expression.nodes[expression.root];
  if (root.op == Op::constant && root.folded_cost < cost_max) {
    out.ok = true;
    out.value = root.value;
    out.cost = 1 + root.folded_cost;
    return out;
  }
  Evaluator evaluator(expression, scope, cost_max);
  Value slot;
  const Value* result = evaluator.run(&slot);
  out.cost = evaluator.meter().cost();
  out.ok = result != nullptr;
  if (result == nullptr)
    out.error = std::move(evaluator.meter().error());
  else if (result == &slot)
    out.value = std::move(slot);
  else
    out.value = *result;
  return out;
}

Evaluation evaluate(const Expression& expression, const Scope& scope, std::int64_t cost_max) {
  Evaluation out = evaluate_raw(expression, scope, cost_max);
  if (!out.ok || !expression.result_needs_check || may_leave(out.value, &out.error)) return out;
  out.ok = false;
  out.value = Value();
  return out;
}

}  // namespace pawl::dsl
