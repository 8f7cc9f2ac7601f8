#include <algorithm>

#include "dsl/checker_state.h"
#include "dsl/regex.h"
#include "dsl/suggest.h"

namespace pawl::dsl {
namespace {

using Base = Type::Base;

// "contains(string)": a signature for a message, without the target.
std::string signature(const Overload& o) {
  std::string out(o.name);
  out.push_back('(');
  const std::size_t first = o.with_target ? 1 : 0;
  for (std::size_t i = first; i < o.arguments.size(); ++i) {
    if (o.arguments[i] == '+') {
      out += ", ...";
      continue;
    }
    if (i > first) out += ", ";
    out += o.arguments[i] == 'L'   ? "list"
           : o.arguments[i] == 'M' ? "map"
           : o.arguments[i] == 'O' ? "optional"
                                   : to_string(type_of_letter(o.arguments[i]));
  }
  out.push_back(')');
  return out;
}

}  // namespace

// math.floor(x): a function of a namespace, unless `math` is a variable. In the container `math` it
// is floor(x) as well.
bool Checker::resolve_namespace(NodeId id) {
  Node& n = node(id);
  if (!n.with_target) return resolve_in_container(&n, n.name, n.absolute);
  if (begins_with_variable(n.children[0])) return false;
  const std::optional<std::string> space = dotted_name(n.children[0]);
  const bool absolute = is_absolute(n.children[0]);
  if (!space || !resolve_in_container(&n, *space + "." + n.name, absolute)) return false;
  n.with_target = false;
  n.children.erase(n.children.begin());
  return true;
}

// Gives the call the full name of the first function that `name` means in the container.
bool Checker::resolve_in_container(Node* call, const std::string& name, bool absolute) const {
  for (std::string space = absolute ? std::string() : options_.container;;) {
    const std::string full = space.empty() ? name : space + "." + name;
    if (!overloads_of(full, false).empty()) {
      call->name = full;
      return true;
    }
    if (space.empty()) return false;
    const std::size_t dot = space.rfind('.');
    space.resize(dot == std::string::npos ? 0 : dot);
  }
}

Type Checker::unknown_function(NodeId id) {
  const Node& n = node(id);
  std::string name = n.name;
  if (n.with_target && !begins_with_variable(n.children[0])) {
    const std::optional<std::string> space = dotted_name(n.children[0]);
    const auto names = function_names(false);
    const bool known_space = space && std::any_of(names.begin(), names.end(), [&](auto known) {
                               return known.starts_with(*space + ".");
                             });
    const std::string full = space.value_or("") + "." + name;
    const std::string hint = did_you_mean(full, names);
    if (known_space || !hint.empty()) return error(id, "unknown function `" + full + "`", hint);
  }
  for (std::size_t i = 0; i < node(id).children.size(); ++i) check(node(id).children[i]);
  std::string hint = did_you_mean(name, function_names(n.with_target));
  if (!overloads_of(name, !n.with_target).empty()) {
    hint = n.with_target ? "call it as " + name + "(...)" : "call it as x." + name + "(...)";
  } else if (name == "has") {
    hint = "has() needs one field, like has(x.y)";
  }
  return error(id, "unknown function `" + name + "`", hint);
}

Type Checker::wrong_arguments(NodeId id, const std::vector<Type>& types) {
  const Node& n = node(id);
  std::string given;
  for (std::size_t i = n.with_target ? 1 : 0; i < types.size(); ++i) {
    given += (given.empty() ? "" : ", ") + to_string(types[i]);
  }
  std::string call = n.name + "(" + given + ")";
  if (n.with_target) call = to_string(types[0]) + "." + call;
  std::string known;
  for (const Overload* o : overloads_of(n.name, n.with_target)) {
    const std::string target =
        o->with_target
            ? to_string(type_of_letter(o->arguments[0] == 'O' ? 'A' : o->arguments[0])) + "."
            : "";
    known += (known.empty() ? "it takes " : ", ") + target + signature(*o);
  }
  return error(id, "no such overload: " + call, known);
}

Type Checker::result_of(const Overload& overload, const std::vector<Type>& types) {
  switch (overload.result) {
    case '0':
      return is_dyn(types[0]) ? list_of({}) : types[0];
    case 'e':
      return types[0].base == Base::list ? element_of(types[0]) : Type{};
    default:
      return type_of_letter(overload.result);
  }
}

// An argument whose static type is `number` may turn out an int where only a double will do.
void Checker::mark_conversions(Node* n, const std::vector<Type>& types) {
  if (!options_.additions) return;
  for (std::size_t i = 0; i < types.size() && i < 32; ++i) {
    if (types[i].base != Base::number) continue;
    const bool only_double = std::all_of(n->overloads.begin(), n->overloads.end(),
                                         [&](const Overload* o) { return o->argument(i) == 'D'; });
    if (only_double) n->to_double |= 1U << i;
  }
}

void Checker::compile_pattern(NodeId id) {
  const NodeId pattern = node(id).children[1];
  const Node& literal = node(pattern);
  if (literal.op != Op::constant || literal.value.kind() != Kind::string) return;
  RegexError wrong;
  node(id).regex = Regex::compile(literal.value.as_string(), &wrong);
  if (node(id).regex != nullptr || !options_.check) return;
  error(pattern, "bad pattern at byte " + std::to_string(wrong.offset) + ": " + wrong.message);
}

// duration("1h") and timestamp("...") of a literal are made once, and a mistake in it is found now.
bool Checker::fold(NodeId id, Type* type) {
  const Node& n = node(id);
  if (!options_.check || (n.name != "duration" && n.name != "timestamp") ||
      n.children.size() != 1) {
    return false;
  }
  const NodeId literal = n.children[0];
  if (node(literal).op != Op::constant || n.overloads.size() != 1) return false;
  Meter meter(INT64_MAX, options_.additions);
  Value result;
  const Value* argument = &node(literal).value;
  Call call{&argument, 1, &result, &meter, nullptr};
  if (!n.overloads[0]->run(call)) {
    error(literal, meter.error());
    return false;
  }
  node(id).op = Op::constant;
  node(id).children.clear();
  node(id).value = std::move(result);
  *type = type_of_constant(node(id).value);
  return true;
}

Type Checker::call(NodeId id) {
  if (node(id).with_target && node(id).children.size() == 2 &&
      (node(id).name == "or" || node(id).name == "orValue")) {
    node(id).op = node(id).name == "or" ? Op::or_optional : Op::or_value;
    check(node(id).children[0]);
    check(node(id).children[1]);
    return Type{};
  }
  resolve_namespace(id);
  const std::vector<const Overload*> named = overloads_of(node(id).name, node(id).with_target);
  if (named.empty() && options_.check) return unknown_function(id);
  std::vector<Type> types;
  for (std::size_t i = 0; i < node(id).children.size(); ++i) {
    types.push_back(check(node(id).children[i]));
  }
  std::optional<Type> result;
  for (const Overload* o : named) {
    if (!o->takes(types.size())) continue;
    bool fits = true;
    for (std::size_t i = 0; i < types.size() && fits && options_.check; ++i) {
      fits = letter_accepts(o->argument(i), types[i]);
    }
    if (!fits) continue;
    node(id).overloads.push_back(o);
    const Type given = result_of(*o, types);
    result = result ? join(*result, given) : given;
  }
  if (!options_.check) return Type{};
  if (!result) return wrong_arguments(id, types);
  mark_conversions(&node(id), types);
  if (node(id).name == "matches") compile_pattern(id);
  fold(id, &*result);
  return *result;
}

}  // namespace pawl::dsl
