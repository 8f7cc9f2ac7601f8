#include "dsl/arithmetic.h"
#include "dsl/checker_state.h"

namespace pawl::dsl {
namespace {

using Base = Type::Base;

bool is(const Type& type, Base base) { return is_dyn(type) || type.base == base; }

// The type of a + b, a * b ... of two numbers; nullopt if they don't mix.
std::optional<Type> number_result(Op op, const Type& a, const Type& b) {
  if (a.base == Base::uint64 || b.base == Base::uint64) {
    if (a.base != b.base) return std::nullopt;
    return a;
  }
  if (op == Op::modulo) {
    const bool whole = a.base != Base::float64 && b.base != Base::float64;
    return whole ? std::optional(Type::of(Base::int64)) : std::nullopt;
  }
  if (a.base == Base::float64 || b.base == Base::float64) return Type::of(Base::float64);
  return Type::of(a.base == Base::number || b.base == Base::number ? Base::number : Base::int64);
}

std::optional<Type> time_result(Op op, const Type& a, const Type& b) {
  const bool at = a.base == Base::timestamp, bt = b.base == Base::timestamp;
  if (op == Op::add && !(at && bt)) return Type::of(at || bt ? Base::timestamp : Base::duration);
  if (op == Op::subtract && !bt) return Type::of(at ? Base::timestamp : Base::duration);
  if (op == Op::subtract && at && bt) return Type::of(Base::duration);
  return std::nullopt;
}

bool is_time(const Type& t) { return t.base == Base::timestamp || t.base == Base::duration; }

std::optional<Type> arithmetic_result(Op op, const Type& a, const Type& b) {
  if (is_numeric(a) && is_numeric(b)) return number_result(op, a, b);
  if (is_time(a) && is_time(b)) return time_result(op, a, b);
  if (op != Op::add || a.base != b.base) return std::nullopt;
  if (a.base == Base::string || a.base == Base::bytes) return a;
  if (a.base == Base::list) return join(a, b);
  return std::nullopt;
}

// Whether one operand that is known rules the operator out, whatever the other is.
bool never_operand(Op op, const Type& t) {
  if (is_dyn(t) || is_numeric(t)) return false;
  if (is_time(t)) return op != Op::add && op != Op::subtract;
  return op != Op::add || (t.base != Base::string && t.base != Base::bytes && t.base != Base::list);
}

}  // namespace

void Checker::need_bool(NodeId id, const Type& type, std::string_view whose) {
  if (!options_.check || is(type, Base::boolean)) return;
  error(id, std::string(whose) + " must be bool, this is " + to_string(type));
}

Type Checker::wrong_operands(NodeId id, const Type& a, const Type& b, std::string hint) {
  return error(id,
               "no such overload: " + to_string(a) + " " + std::string(symbol_of(node(id).op)) +
                   " " + to_string(b),
               std::move(hint));
}

Type Checker::logical(NodeId id) {
  const std::string whose = "an operand of " + std::string(symbol_of(node(id).op));
  for (std::size_t i = 0; i < node(id).children.size(); ++i) {
    const NodeId operand = node(id).children[i];
    need_bool(operand, check(operand), whose);
  }
  return Type::of(Base::boolean);
}

Type Checker::conditional(NodeId id) {
  const NodeId condition = node(id).children[0];
  need_bool(condition, check(condition), "the condition before `?`");
  const Type yes = check(node(id).children[1]);
  const Type no = check(node(id).children[2]);
  return join(yes, no);
}

Type Checker::negation(NodeId id) {
  const NodeId operand = node(id).children[0];
  Type type = check(operand);
  if (node(id).op == Op::logical_not) {
    need_bool(operand, type, "the operand of !");
    return Type::of(Base::boolean);
  }
  if (options_.check && !is_dyn(type) && (!is_numeric(type) || type.base == Base::uint64)) {
    return error(id, "no such overload: -" + to_string(type));
  }
  return type;
}

Type Checker::arithmetic(NodeId id) {
  const Type a = check(node(id).children[0]);
  const Type b = check(node(id).children[1]);
  const Op op = node(id).op;
  if (!options_.check) return Type{};
  if (is_dyn(a) || is_dyn(b)) {
    return never_operand(op, a) || never_operand(op, b) ? wrong_operands(id, a, b) : Type{};
  }
  const bool mixed = is_numeric(a) && is_numeric(b) && a.base != b.base;
  const bool known = a.base != Base::number && b.base != Base::number;
  if (mixed && known && !options_.additions) return wrong_operands(id, a, b);
  if (const std::optional<Type> result = arithmetic_result(op, a, b)) return *result;
  std::string hint;
  if (op == Op::add && (a.base == Base::string || b.base == Base::string)) {
    hint = "convert with string(...)";
  } else if (is_numeric(a) && is_numeric(b)) {
    hint = op == Op::modulo ? "% needs whole numbers: convert with int(...)"
                            : "convert one side: uint(...) or int(...)";
  }
  return wrong_operands(id, a, b, std::move(hint));
}

Type Checker::equality(NodeId id) {
  const Type a = check(node(id).children[0]);
  const Type b = check(node(id).children[1]);
  if (options_.check && !comparable(a, b)) wrong_operands(id, a, b, "these can never be equal");
  return Type::of(Base::boolean);
}

Type Checker::ordering(NodeId id) {
  const Type a = check(node(id).children[0]);
  const Type b = check(node(id).children[1]);
  if (options_.check && !ordered(a, b)) wrong_operands(id, a, b);
  return Type::of(Base::boolean);
}

Type Checker::membership(NodeId id) {
  const Type element = check(node(id).children[0]);
  const Type range = check(node(id).children[1]);
  if (options_.check && !is_dyn(range)) {
    const bool fits = (range.base == Base::list && comparable(element, element_of(range))) ||
                      (range.base == Base::map && comparable(element, key_of(range)));
    if (!fits) {
      const bool text = range.base == Base::string;
      wrong_operands(id, element, range, text ? "write text.contains(part)" : "");
    }
  }
  return Type::of(Base::boolean);
}

}  // namespace pawl::dsl
