#include "base/limits.h"
#include "dsl/evaluator.h"
#include "dsl/list_order.h"

namespace pawl::dsl {

// Runs the body once for each element with the macro's variables set; false if it failed.
template <class Body>
bool Evaluator::each(const Node& n, const Value& range, Body body) {
  const Value*& first = locals_[static_cast<std::size_t>(n.slot)];
  const bool two = n.slot2 >= 0;
  const Value* no_second = nullptr;
  const Value*& second = two ? locals_[static_cast<std::size_t>(n.slot2)] : no_second;
  if (range.kind() == Kind::list) {
    const List& list = range.as_list();
    for (std::size_t i = 0; i < list.size(); ++i) {
      const Value position = Value::int64(static_cast<std::int64_t>(i));
      first = two ? &position : &list[i];
      second = &list[i];
      const Turn turn = body();
      if (turn != Turn::next) return turn == Turn::stop;
    }
    return true;
  }
  if (range.kind() != Kind::map) {
    return meter_.fail("no such overload: " + std::string(type_name(range.kind())) +
                       " is neither list nor map");
  }
  for (const auto& [key, value] : range.as_map()) {
    first = &key;
    second = &value;
    const Turn turn = body();
    if (turn != Turn::next) return turn == Turn::stop;
  }
  return true;
}

// all() and exists(): && and || over the elements, with their tolerance of failures.
const Value* Evaluator::quantifier(const Node& n) {
  Value made;
  const Value* range = eval(n.children[0], &made);
  if (range == nullptr) return nullptr;
  const Truth decides = n.op == Op::all ? Truth::no : Truth::yes;
  bool decided = false, failed = false;
  std::string first_error;
  const bool done = each(n, *range, [&] {
    const Truth t = truth(n.children[1]);
    if (t == decides) {
      decided = true;
      return Turn::stop;
    }
    if (t != Truth::failed) return Turn::next;
    if (meter_.fatal()) return Turn::failed;
    if (!failed) first_error = std::move(meter_.error());
    failed = true;
    return Turn::next;
  });
  if (!done) return nullptr;
  if (decided) return truth_value(n.op == Op::exists);
  if (failed) return fail(std::move(first_error));
  return truth_value(n.op == Op::all);
}

const Value* Evaluator::exists_one(const Node& n) {
  Value made;
  const Value* range = eval(n.children[0], &made);
  if (range == nullptr) return nullptr;
  std::size_t count = 0;
  const bool done = each(n, *range, [&] {
    const Truth t = truth(n.children[1]);
    if (t == Truth::yes) ++count;
    return t == Truth::failed ? Turn::failed : Turn::next;
  });
  return done ? truth_value(count == 1) : nullptr;
}

// Appends what was evaluated into `slot`, or a copy of what is elsewhere.
bool Evaluator::push(const Value* value, Value* slot, List* out) {
  if (out->size() >= limits::kValueBytesMax) return meter_.make_items(out->size() + 1);
  if (value == slot) {
    out->push_back(std::move(*slot));
    return meter_.charge(1);
  }
  if (!meter_.charge_copy(*value)) return false;
  out->push_back(*value);
  return meter_.charge(1);
}

const Value* Evaluator::map_list(const Node& n, Value* slot) {
  Value made;
  const Value* range = eval(n.children[0], &made);
  if (range == nullptr) return nullptr;
  List out;
  const bool done = each(n, *range, [&] {
    if (n.children.size() == 3) {
      const Truth t = truth(n.children[2]);
      if (t != Truth::yes) return t == Truth::no ? Turn::next : Turn::failed;
    }
    Value element;
    const Value* value = eval(n.children[1], &element);
    return value != nullptr && push(value, &element, &out) ? Turn::next : Turn::failed;
  });
  if (!done) return nullptr;
  *slot = Value::list(std::move(out));
  return slot;
}

const Value* Evaluator::filter(const Node& n, Value* slot) {
  Value made;
  const Value* range = eval(n.children[0], &made);
  if (range == nullptr) return nullptr;
  List out;
  const bool done = each(n, *range, [&] {
    const Truth t = truth(n.children[1]);
    if (t != Truth::yes) return t == Truth::no ? Turn::next : Turn::failed;
    const Value* element = locals_[static_cast<std::size_t>(n.slot)];
    return push(element, nullptr, &out) ? Turn::next : Turn::failed;
  });
  if (!done) return nullptr;
  *slot = Value::list(std::move(out));
  return slot;
}

const Value* Evaluator::transform_map(const Node& n, Value* slot) {
  Value made;
  const Value* range = eval(n.children[0], &made);
  if (range == nullptr) return nullptr;
  Map out;
  const bool done = each(n, *range, [&] {
    if (n.children.size() == 3) {
      const Truth t = truth(n.children[2]);
      if (t != Truth::yes) return t == Truth::no ? Turn::next : Turn::failed;
    }
    Value result;
    const Value* value = eval(n.children[1], &result);
    if (value == nullptr || !meter_.charge_copy(*value)) return Turn::failed;
    if (n.op == Op::transform_map) {
      const Value* key = locals_[static_cast<std::size_t>(n.slot)];
      if (!meter_.charge_copy(*key)) return Turn::failed;
      out.emplace_back(*key, *value);
      return Turn::next;
    }
    if (value->kind() != Kind::map) {
      meter_.fail("transformMapEntry() needs a map for each entry");
      return Turn::failed;
    }
    for (const auto& [key, x] : value->as_map()) {
      if (!meter_.charge(1) || !meter_.charge_copy(key) || !meter_.charge_copy(x))
        return Turn::failed;
      out.emplace_back(key, x);
    }
    return Turn::next;
  });
  return done ? finish_map(std::move(out), slot) : nullptr;
}

const Value* Evaluator::sort_by(const Node& n, Value* slot) {
  Value made;
  const Value* range = eval(n.children[0], &made);
  if (range == nullptr) return nullptr;
  if (range->kind() != Kind::list) return fail("no such overload: sortBy() needs a list");
  List keys;
  const bool done = each(n, *range, [&] {
    Value key;
    const Value* value = eval(n.children[1], &key);
    return value != nullptr && push(value, &key, &keys) ? Turn::next : Turn::failed;
  });
  std::vector<std::uint32_t> order;
  const List& list = range->as_list();
  if (!done || !meter_.make_copies(list) || !sorted_order(keys, &meter_, &order)) return nullptr;
  List out;
  out.reserve(list.size());
  for (const std::uint32_t i : order) out.push_back(list[i]);
  *slot = Value::list(std::move(out));
  return slot;
}

// The result may point into what the variable holds, which ends here: so it is copied.
const Value* Evaluator::bind(const Node& n, Value* slot) {
  Value made;
  const Value* value = eval(n.children[0], &made);
  if (value == nullptr) return nullptr;
  locals_[static_cast<std::size_t>(n.slot)] = value;
  const Value* result = eval(n.children[1], slot);
  return result == nullptr || result == slot ? result : give(*result, slot);
}

const Value* Evaluator::optional_macro(const Node& n, Value* slot) {
  Value made;
  const Value* target = eval(n.children[0], &made);
  if (target == nullptr) return nullptr;
  if (target->kind() != Kind::optional) {
    return fail("no such overload: " + std::string(type_name(target->kind())) + " is no optional");
  }
  if (target->as_optional() == nullptr) {
    *slot = Value::optional(nullptr);
    return slot;
  }
  locals_[static_cast<std::size_t>(n.slot)] = target->as_optional();
  Value body;
  const Value* result = eval(n.children[1], &body);
  if (result == nullptr || !meter_.charge_copy(*result)) return nullptr;
  if (n.op == Op::opt_map) {
    *slot = Value::optional(std::make_shared<const Value>(*result));
  } else if (result->kind() == Kind::optional) {
    *slot = *result;
  } else {
    return fail("optFlatMap() needs an expression that gives an optional");
  }
  return slot;
}

const Value* Evaluator::optional_or(const Node& n, Value* slot) {
  Value made;
  const Value* target = eval(n.children[0], &made);
  if (target == nullptr) return nullptr;
  if (target->kind() != Kind::optional) {
    return fail("no such overload: " + std::string(type_name(target->kind())) + " is no optional");
  }
  const Value* inside = target->as_optional();
  if (inside != nullptr) return give(n.op == Op::or_value ? *inside : *target, slot);
  const Value* other = eval(n.children[1], slot);
  if (other != nullptr && n.op == Op::or_optional && other->kind() != Kind::optional) {
    return fail("or() needs an optional");
  }
  return other;
}

}  // namespace pawl::dsl
