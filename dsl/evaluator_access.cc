// Selecting and indexing, plain and optional, and literals of lists and maps.
#include "dsl/evaluator.h"

namespace pawl::dsl {
namespace {

std::string no_key(const Value& key) { return "no such key: " + key.debug_string().substr(0, 120); }

// The position in a list a key means; false if it is no whole number. A negative one is out of
// range of every list.
bool position_of(const Value& key, std::int64_t* out) {
  switch (key.kind()) {
    case Kind::int64:
      *out = key.as_int();
      return true;
    case Kind::uint64:
      *out = key.as_uint() > static_cast<std::uint64_t>(INT64_MAX)
                 ? INT64_MAX
                 : static_cast<std::int64_t>(key.as_uint());
      return true;
    case Kind::float64: {
      const double x = key.as_double();
      if (!(x > -9e15 && x < 9e15) || x != static_cast<double>(static_cast<std::int64_t>(x))) {
        return false;
      }
      *out = static_cast<std::int64_t>(x);
      return true;
    }
    default:
      return false;
  }
}

bool is_key(Kind kind) {
  return kind == Kind::string || kind == Kind::int64 || kind == Kind::uint64 ||
         kind == Kind::boolean;
}

}  // namespace

// The element or entry of a list or map; null, and the reason failed, if there is none.
const Value* Evaluator::lookup(const Value& operand, const Value& key) {
  if (operand.kind() == Kind::map) {
    const Value* found = find_key(operand.as_map(), key);
    return found != nullptr ? found : fail(no_key(key));
  }
  std::int64_t position = 0;
  if (operand.kind() != Kind::list) {
    return fail("no such overload: " + std::string(type_name(operand.kind())) +
                " has no fields or elements");
  }
  if (!position_of(key, &position)) {
    return fail("no such overload: list[" + std::string(type_name(key.kind())) + "]");
  }
  const List& list = operand.as_list();
  if (position < 0 || static_cast<std::uint64_t>(position) >= list.size()) {
    return fail("index " + std::to_string(position) + " is out of range of a list of " +
                std::to_string(list.size()));
  }
  return &list[static_cast<std::size_t>(position)];
}

// What is not there gives none; an optional operand is looked into.
const Value* Evaluator::optional_access(const Value& operand, const Value& key, Value* slot) {
  const Value* inside = operand.kind() == Kind::optional ? operand.as_optional() : &operand;
  const Value* found = nullptr;
  if (inside != nullptr) {
    if (inside->kind() == Kind::map) {
      found = find_key(inside->as_map(), key);
    } else if (inside->kind() == Kind::list) {
      std::int64_t position = 0;
      if (!position_of(key, &position)) return lookup(*inside, key);
      const bool there =
          position >= 0 && static_cast<std::uint64_t>(position) < inside->as_list().size();
      if (there) found = &inside->as_list()[static_cast<std::size_t>(position)];
    } else {
      return lookup(*inside, key);
    }
  }
  if (found != nullptr && !meter_.charge_copy(*found)) return nullptr;
  *slot = Value::optional(found == nullptr ? nullptr : std::make_shared<const Value>(*found));
  return slot;
}

const Value* Evaluator::select(const Node& n, Value* slot) {
  Value made;
  const Value* operand = eval(n.children[0], &made);
  if (operand == nullptr) return nullptr;
  if (n.optional || operand->kind() == Kind::optional)
    return optional_access(*operand, n.value, slot);
  if (operand->kind() != Kind::map) {
    return fail("no such overload: " + std::string(type_name(operand->kind())) + " has no field `" +
                n.value.as_string() + "`");
  }
  const Value* found = operand->field(n.value.as_string());
  if (found == nullptr) return fail("no such key: '" + n.value.as_string() + "'");
  return operand == &made ? give(*found, slot) : found;
}

const Value* Evaluator::has(const Node& n) {
  Value made;
  const Value* operand = eval(n.children[0], &made);
  if (operand == nullptr) return nullptr;
  if (operand->kind() == Kind::optional) {
    operand = operand->as_optional();
    if (operand == nullptr) return truth_value(false);
  }
  if (operand->kind() != Kind::map) {
    return fail("no such overload: " + std::string(type_name(operand->kind())) + " has no field `" +
                n.value.as_string() + "`");
  }
  return truth_value(operand->field(n.value.as_string()) != nullptr);
}

const Value* Evaluator::index(const Node& n, Value* slot) {
  Value made, made_key;
  const Value* operand = eval(n.children[0], &made);
  if (operand == nullptr) return nullptr;
  const Value* key = eval(n.children[1], &made_key);
  if (key == nullptr) return nullptr;
  if (n.optional || operand->kind() == Kind::optional) return optional_access(*operand, *key, slot);
  const Value* found = lookup(*operand, *key);
  if (found == nullptr) return nullptr;
  return operand == &made ? give(*found, slot) : found;
}

// The value of entry `i` of a literal; *value is null for an optional entry that is none.
bool Evaluator::entry(const Node& n, std::size_t i, const Value** value, Value* slot) {
  if (n.optional_entries.empty() || !n.optional_entries[i]) return true;
  if ((*value)->kind() != Kind::optional) {
    return meter_.fail("an entry marked with ? must be an optional, this is " +
                       std::string(type_name((*value)->kind())));
  }
  const Value* inside = (*value)->as_optional();
  if (inside == nullptr) {
    *value = nullptr;
    return true;
  }
  if (!meter_.charge_copy(*inside)) return false;
  // By way of a copy: the slot may own what is inside.
  Value copy = *inside;
  *slot = std::move(copy);
  *value = slot;
  return true;
}

const Value* Evaluator::list(const Node& n, Value* slot) {
  List out;
  out.reserve(n.children.size());
  for (std::size_t i = 0; i < n.children.size(); ++i) {
    Value made;
    const Value* element = eval(n.children[i], &made);
    if (element == nullptr || !entry(n, i, &element, &made)) return nullptr;
    if (element != nullptr && !push(element, &made, &out)) return nullptr;
  }
  *slot = Value::list(std::move(out));
  return slot;
}

const Value* Evaluator::map(const Node& n, Value* slot) {
  Map out;
  out.reserve(n.children.size() / 2);
  for (std::size_t i = 0; i < n.children.size(); i += 2) {
    Value made_key, made;
    const Value* key = eval(n.children[i], &made_key);
    if (key == nullptr) return nullptr;
    if (!is_key(key->kind())) {
      return fail("a map's key is a string, int, uint or bool, this is " +
                  std::string(type_name(key->kind())));
    }
    const Value* value = eval(n.children[i + 1], &made);
    if (value == nullptr || !entry(n, i / 2, &value, &made)) return nullptr;
    if (value == nullptr) continue;
    if (!meter_.charge_copy(*key) || !meter_.charge_copy(*value)) return nullptr;
    out.emplace_back(*key, *value);
  }
  return finish_map(std::move(out), slot);
}

const Value* Evaluator::finish_map(Map entries, Value* slot) {
  const std::size_t count = entries.size();
  if (!meter_.make_items(count)) return nullptr;
  *slot = Value::map(std::move(entries));
  if (slot->as_map().size() != count) return fail("the map has the same key twice");
  return slot;
}

}  // namespace pawl::dsl
