#include "dsl/checker.h"

#include <algorithm>

#include "base/limits.h"
#include "dsl/checker_state.h"
#include "dsl/suggest.h"

namespace pawl::dsl {
namespace {

using Base = Type::Base;

// Types are values too; these are their names.
bool is_type_name(std::string_view name) {
  constexpr std::string_view kNames[] = {"bool",
                                         "int",
                                         "uint",
                                         "double",
                                         "string",
                                         "bytes",
                                         "list",
                                         "map",
                                         "null_type",
                                         "type",
                                         "google.protobuf.Timestamp",
                                         "google.protobuf.Duration",
                                         "optional_type"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

std::string_view first_segment(std::string_view name) { return name.substr(0, name.find('.')); }

}  // namespace

Type Checker::error(NodeId id, std::string message, std::string hint) {
  if (out_.errors.size() < static_cast<std::size_t>(limits::kDiagnosticsMax)) {
    out_.errors.push_back({node(id).offset, node(id).length, std::move(message), std::move(hint)});
  }
  return Type::of(Base::error);
}

Checked Checker::run() {
  out_.type = check(tree_.root);
  for (const std::string& name : tree_.variables) out_.variables.emplace_back(first_segment(name));
  std::sort(out_.variables.begin(), out_.variables.end());
  out_.variables.erase(std::unique(out_.variables.begin(), out_.variables.end()),
                       out_.variables.end());
  std::stable_sort(out_.errors.begin(), out_.errors.end(),
                   [](const auto& a, const auto& b) { return a.offset < b.offset; });
  tree_.result_needs_check = needs_result_check(out_.type);
  return std::move(out_);
}

// False if the result can only be a small value, or part of a variable just as it is.
bool Checker::needs_result_check(const Type& type) const {
  switch (type.base) {
    case Base::null:
    case Base::boolean:
    case Base::int64:
    case Base::uint64:
    case Base::float64:
    case Base::number:
    case Base::timestamp:
    case Base::duration:
      return !options_.check;
    default:
      break;
  }
  return std::any_of(tree_.nodes.begin(), tree_.nodes.end(), [](const Node& n) {
    const bool plain = n.op == Op::variable || n.op == Op::select || n.op == Op::index ||
                       (n.op == Op::constant && n.value.kind() != Kind::type);
    return !plain || n.optional;
  });
}

Type Checker::check(NodeId id) {
  switch (node(id).op) {
    case Op::constant:
      return type_of_constant(node(id).value);
    case Op::identifier:
      return identifier(id);
    case Op::select:
      return select(id);
    case Op::has:
      select(id);
      return Type::of(Base::boolean);
    case Op::index:
      return index(id);
    case Op::call:
      return call(id);
    case Op::list:
      return list(id);
    case Op::map:
      return map(id);
    case Op::logical_and:
    case Op::logical_or:
      return logical(id);
    case Op::logical_not:
    case Op::negate:
      return negation(id);
    case Op::conditional:
      return conditional(id);
    case Op::add:
    case Op::subtract:
    case Op::multiply:
    case Op::divide:
    case Op::modulo:
      return arithmetic(id);
    case Op::equal:
    case Op::not_equal:
      return equality(id);
    case Op::less:
    case Op::less_equal:
    case Op::greater:
    case Op::greater_equal:
      return ordering(id);
    case Op::in:
      return membership(id);
    case Op::bind:
      return bind(id);
    case Op::opt_map:
    case Op::opt_flat_map:
      return optional_body(id);
    case Op::all:
    case Op::exists:
    case Op::exists_one:
    case Op::map_list:
    case Op::filter:
    case Op::transform_map:
    case Op::transform_map_entry:
    case Op::sort_by:
      return comprehension(id);
    case Op::variable:
    case Op::local:
    case Op::or_optional:
    case Op::or_value:
      break;  // made by the checker, so met once only
  }
  return Type::of(Base::dyn);
}

const Checker::Local* Checker::find_local(std::string_view name) const {
  for (auto it = locals_.rbegin(); it != locals_.rend(); ++it) {
    if (it->name == name) return &*it;
  }
  return nullptr;
}

std::int32_t Checker::push_local(const std::string& name, Type type) {
  locals_.push_back({name, std::move(type)});
  tree_.local_slots = std::max(tree_.local_slots, static_cast<int>(locals_.size()));
  return static_cast<std::int32_t>(locals_.size() - 1);
}

std::int32_t Checker::slot_of_variable(const std::string& name) {
  const auto it = std::find(tree_.variables.begin(), tree_.variables.end(), name);
  const auto slot = static_cast<std::int32_t>(it - tree_.variables.begin());
  if (it == tree_.variables.end()) tree_.variables.push_back(name);
  return slot;
}

Type Checker::variable(NodeId id, const std::string& name, const Type& type) {
  node(id).op = Op::variable;
  node(id).slot = slot_of_variable(name);
  node(id).name = name;
  return type;
}

Type Checker::identifier(NodeId id) {
  const std::string name = node(id).name;
  if (!node(id).absolute) {
    if (const Local* local = find_local(name)) {
      node(id).op = Op::local;
      node(id).slot = static_cast<std::int32_t>(local - locals_.data());
      return local->type;
    }
  }
  if (const std::optional<Meaning> meaning = meaning_of(name, node(id).absolute)) {
    return become(id, *meaning);
  }
  if (!options_.check) return variable(id, name, Type::of(Base::dyn));
  std::vector<std::string_view> known;
  if (!node(id).absolute) {
    for (const Local& local : locals_) known.push_back(local.name);
  }
  for (const auto& [variable, type] : environment_) known.push_back(variable);
  std::string hint = did_you_mean(name, known);
  if (hint.empty() && !known.empty()) {
    hint = "known here: ";
    for (std::size_t i = 0; i < known.size(); ++i) {
      hint.append(i > 0 ? ", " : "").append(known[i]);
    }
  }
  return error(id, "unknown variable `" + name + "`", hint);
}

std::optional<std::string> Checker::dotted_name(NodeId id) const {
  const Node& n = tree_.nodes[id];
  if (n.op == Op::identifier) return n.name;
  if (n.op != Op::select || n.optional || tree_.nodes[n.children[0]].grouped) return std::nullopt;
  std::optional<std::string> name = dotted_name(n.children[0]);
  if (name) name->append(".").append(n.value.as_string());
  return name;
}

// Of x.y.z: whether a dot stands before it.
bool Checker::is_absolute(NodeId id) const {
  const Node* n = &tree_.nodes[id];
  while (n->op == Op::select) n = &tree_.nodes[n->children[0]];
  return n->absolute;
}

std::optional<Checker::Meaning> Checker::meaning_of(const std::string& name, bool absolute) const {
  for (std::string space = absolute ? std::string() : options_.container;;) {
    const std::string full = space.empty() ? name : space + "." + name;
    if (const auto it = environment_.find(full); it != environment_.end()) {
      return Meaning{full, it->second, false};
    }
    if (is_type_name(full)) return Meaning{full, Type::of(Base::type), true};
    if (space.empty()) return std::nullopt;
    const std::size_t dot = space.rfind('.');
    space.resize(dot == std::string::npos ? 0 : dot);
  }
}

// Makes a name, dotted or not, the variable or the constant that it means.
Type Checker::become(NodeId id, const Meaning& meaning) {
  node(id).children.clear();
  if (!meaning.is_type) return variable(id, meaning.name, meaning.type);
  node(id).op = Op::constant;
  node(id).value = Value::type(meaning.name);
  return meaning.type;
}

bool Checker::begins_with_variable(NodeId id) const {
  const Node* n = &tree_.nodes[id];
  while (n->op == Op::select) n = &tree_.nodes[n->children[0]];
  if (n->op != Op::identifier) return true;
  if (!n->absolute && find_local(n->name) != nullptr) return true;
  const std::optional<Meaning> meaning = meaning_of(n->name, n->absolute);
  return meaning && !meaning->is_type;
}

// A variable or a type whose name has dots. The longest name wins, being met first.
bool Checker::resolve_dotted(NodeId id, Type* type) {
  if (node(id).op != Op::select) return false;
  const std::optional<std::string> name = dotted_name(id);
  if (!name) return false;
  const bool absolute = is_absolute(id);
  if (!absolute && find_local(first_segment(*name)) != nullptr) return false;
  const std::optional<Meaning> meaning = meaning_of(*name, absolute);
  if (!meaning || (meaning->is_type && begins_with_variable(id))) return false;
  *type = become(id, *meaning);
  return true;
}

Type Checker::select(NodeId id) {
  Type type;
  if (resolve_dotted(id, &type)) return type;
  const NodeId operand = node(id).children[0];
  const Type of = check(operand);
  return field(id, of, node(id).value.as_string(), node(id).optional);
}

// The type of one field of a value of type `operand`.
Type Checker::field(NodeId id, const Type& operand, const std::string& name, bool optional) {
  if (!options_.check || is_dyn(operand)) return Type::of(Base::dyn);
  if (operand.base != Base::map) {
    return error(id, "a value of type " + to_string(operand) + " has no field `" + name + "`");
  }
  Type type = element_of(operand);
  if (operand.fields) {
    const auto it = operand.fields->find(name);
    if (it != operand.fields->end()) {
      type = it->second;
    } else if (!operand.open) {
      std::vector<std::string_view> names;
      for (const auto& [known, ignored] : *operand.fields) names.push_back(known);
      return error(id, "there is no field `" + name + "` here", did_you_mean(name, names));
    }
  }
  return optional ? Type::of(Base::dyn) : type;
}

Type Checker::index(NodeId id) {
  const Type operand = check(node(id).children[0]);
  const NodeId key_id = node(id).children[1];
  const Type key = check(key_id);
  const bool optional = node(id).optional;
  if (!options_.check || is_dyn(operand)) return Type::of(Base::dyn);
  if (operand.base == Base::list) {
    if (!is_dyn(key) && (!is_numeric(key) || key.base == Base::float64)) {
      return error(key_id, "a list's index is an int, this is " + to_string(key));
    }
    return optional ? Type::of(Base::dyn) : element_of(operand);
  }
  if (operand.base != Base::map) {
    return error(id, "a value of type " + to_string(operand) + " has no elements to index");
  }
  if (!comparable(key, key_of(operand))) {
    return error(key_id, "the map's keys are of type " + to_string(key_of(operand)) + ", this is " +
                             to_string(key));
  }
  const Node& literal = node(key_id);
  if (operand.fields && literal.op == Op::constant && literal.value.kind() == Kind::string) {
    return field(id, operand, literal.value.as_string(), optional);
  }
  return optional || operand.fields ? Type::of(Base::dyn) : element_of(operand);
}

Type Checker::list(NodeId id) {
  std::optional<Type> element;
  for (std::size_t i = 0; i < node(id).children.size(); ++i) {
    Type type = check(node(id).children[i]);
    if (!node(id).optional_entries.empty() && node(id).optional_entries[i]) type = Type{};
    element = element ? join(*element, type) : type;
  }
  return list_of(element.value_or(Type{}));
}

Type Checker::map(NodeId id) {
  std::optional<Type> key, element;
  for (std::size_t i = 0; i < node(id).children.size(); i += 2) {
    const NodeId key_id = node(id).children[i];
    const Type k = check(key_id);
    Type v = check(node(id).children[i + 1]);
    const bool allowed = is_dyn(k) || k.base == Base::boolean || k.base == Base::string ||
                         k.base == Base::int64 || k.base == Base::uint64;
    if (options_.check && !allowed && k.base != Base::number) {
      error(key_id, "a map's key is a string, int, uint or bool, this is " + to_string(k));
    }
    if (!node(id).optional_entries.empty() && node(id).optional_entries[i / 2]) v = Type{};
    key = key ? join(*key, k) : k;
    element = element ? join(*element, v) : v;
  }
  return map_of(key.value_or(Type{}), element.value_or(Type{}));
}

Type Checker::bind(NodeId id) {
  const Type value = check(node(id).children[0]);
  node(id).slot = push_local(node(id).name, value);
  Type body = check(node(id).children[1]);
  pop_locals(1);
  return body;
}

Type Checker::optional_body(NodeId id) {
  const NodeId target = node(id).children[0];
  const Type type = check(target);
  if (options_.check && !is_dyn(type)) {
    error(target, "this needs an optional, it is " + to_string(type));
  }
  node(id).slot = push_local(node(id).name, Type{});
  check(node(id).children[1]);
  pop_locals(1);
  return Type{};
}

Type Checker::comprehension(NodeId id) {
  const NodeId range_id = node(id).children[0];
  Type range = check(range_id);
  const bool sort = node(id).op == Op::sort_by;
  if (options_.check && !is_dyn(range) && range.base != Base::list &&
      (range.base != Base::map || sort)) {
    error(range_id, std::string("this needs a list") + (sort ? "" : " or a map") + ", it is " +
                        to_string(range));
    range = Type{};
  }
  const bool is_map = range.base == Base::map;
  const bool two = !node(id).name2.empty();
  const Type element = range.fields ? Type{} : element_of(range);
  const Type position = is_map ? key_of(range) : Type::of(is_dyn(range) ? Base::dyn : Base::int64);
  node(id).slot = push_local(node(id).name, two || is_map ? position : element);
  if (two) node(id).slot2 = push_local(node(id).name2, element);
  if (node(id).children.size() == 3) {
    const NodeId filter = node(id).children[2];
    need_bool(filter, check(filter), "a filter");
  }
  const NodeId body_id = node(id).children[1];
  const Type body = check(body_id);
  pop_locals(two ? 2 : 1);
  const Op op = node(id).op;
  if (op == Op::all || op == Op::exists || op == Op::exists_one || op == Op::filter) {
    need_bool(body_id, body, "a condition");
  }
  return comprehension_result(node(id), range, body);
}

Type Checker::comprehension_result(const Node& n, const Type& range, const Type& body) {
  switch (n.op) {
    case Op::map_list:
      return list_of(body);
    case Op::filter:
      return range.base == Base::map ? list_of(key_of(range))
                                     : (is_dyn(range) ? list_of({}) : range);
    case Op::sort_by:
      return is_dyn(range) ? list_of({}) : range;
    case Op::transform_map: {
      Type key = range.base == Base::map ? key_of(range) : Type::of(Base::int64);
      if (is_dyn(range)) key = Type{};
      return map_of(std::move(key), body);
    }
    case Op::transform_map_entry:
      return body.base == Base::map ? map_of(key_of(body), element_of(body)) : map_of({}, {});
    default:
      return Type::of(Base::boolean);
  }
}

Checked check(Expression* expression, const Environment& environment,
              const CompileOptions& options) {
  return Checker(expression, environment, options).run();
}

}  // namespace pawl::dsl
