#include "dsl/macros.h"

namespace pawl::dsl {
namespace {

// target.NAME(variables..., arguments...) -> op
struct Macro {
  std::string_view name;
  Op op;
  std::size_t variables;
  std::size_t arguments;  // after the variables; the last is the body, one before it a filter
};

constexpr Macro kMacros[] = {
    {"all", Op::all, 1, 1},
    {"all", Op::all, 2, 1},
    {"exists", Op::exists, 1, 1},
    {"exists", Op::exists, 2, 1},
    {"exists_one", Op::exists_one, 1, 1},
    {"exists_one", Op::exists_one, 2, 1},
    {"existsOne", Op::exists_one, 1, 1},
    {"existsOne", Op::exists_one, 2, 1},
    {"map", Op::map_list, 1, 1},
    {"map", Op::map_list, 1, 2},
    {"filter", Op::filter, 1, 1},
    {"transformList", Op::map_list, 2, 1},
    {"transformList", Op::map_list, 2, 2},
    {"transformMap", Op::transform_map, 2, 1},
    {"transformMap", Op::transform_map, 2, 2},
    {"transformMapEntry", Op::transform_map_entry, 2, 1},
    {"transformMapEntry", Op::transform_map_entry, 2, 2},
    {"sortBy", Op::sort_by, 1, 1},
    {"optMap", Op::opt_map, 1, 1},
    {"optFlatMap", Op::opt_flat_map, 1, 1},
};

class Expander {
 public:
  Expander(const std::vector<Node>& nodes, Node* out, ExpressionError* error)
      : nodes_(nodes), out_(out), error_(error) {}

  Expansion with_target(const Macro& macro, NodeId target, const std::vector<NodeId>& arguments) {
    out_->op = macro.op;
    if (!variable(macro, arguments, 0, &out_->name)) return Expansion::wrong;
    if (macro.variables == 2) {
      if (!variable(macro, arguments, 1, &out_->name2)) return Expansion::wrong;
      if (out_->name == out_->name2) {
        return wrong(arguments[1], "the two variables need different names");
      }
    }
    out_->children = {target, arguments.back()};
    if (macro.arguments == 2) out_->children.push_back(arguments[macro.variables]);
    return Expansion::done;
  }

  // No function has a macro's name, so a call that does not fit is a mistake.
  Expansion wrong_count(const Macro& macro, NodeId target) {
    const std::string name(macro.name);
    wrong(target, "wrong number of arguments for ." + name + "() here");
    error_->hint = name + (macro.variables == 2 ? "(key, value, ...)" : "(name, ...)") +
                   " declares a variable and takes an expression with it";
    return Expansion::wrong;
  }

  Expansion bind(const std::vector<NodeId>& arguments) {
    constexpr Macro kBind = {"cel.bind", Op::bind, 1, 2};
    if (!variable(kBind, arguments, 0, &out_->name)) return Expansion::wrong;
    out_->op = Op::bind;
    out_->children = {arguments[1], arguments[2]};
    return Expansion::done;
  }

  Expansion has(const std::vector<NodeId>& arguments) {
    const Node& argument = nodes_[arguments[0]];
    if (argument.op != Op::select) {
      return wrong(arguments[0], "has() needs a field, like has(x.y)");
    }
    out_->op = Op::has;
    out_->optional = argument.optional;
    out_->value = argument.value;
    out_->children = argument.children;
    return Expansion::done;
  }

 private:
  Expansion wrong(NodeId node, std::string message) {
    *error_ = {nodes_[node].offset, nodes_[node].length, std::move(message), {}};
    return Expansion::wrong;
  }

  bool variable(const Macro& macro, const std::vector<NodeId>& arguments, std::size_t i,
                std::string* name) {
    const Node& node = nodes_[arguments[i]];
    if (node.op != Op::identifier || node.absolute) {
      wrong(arguments[i], "argument " + std::to_string(i + 1) + " of " + std::string(macro.name) +
                              "() must be a simple name: the variable it declares");
      return false;
    }
    *name = node.name;
    return true;
  }

  const std::vector<Node>& nodes_;
  Node* out_;
  ExpressionError* error_;
};

}  // namespace

Expansion expand_macro(const std::vector<Node>& nodes, std::string_view name,
                       std::optional<NodeId> target, const std::vector<NodeId>& arguments,
                       Node* out, ExpressionError* error) {
  Expander expander(nodes, out, error);
  if (!target) {
    return name == "has" && arguments.size() == 1 ? expander.has(arguments) : Expansion::none;
  }
  const Node& on = nodes[*target];
  if (name == "bind" && arguments.size() == 3 && on.op == Op::identifier && on.name == "cel") {
    return expander.bind(arguments);
  }
  const Macro* near = nullptr;
  for (const Macro& macro : kMacros) {
    if (macro.name != name) continue;
    if (macro.variables + macro.arguments == arguments.size()) {
      return expander.with_target(macro, *target, arguments);
    }
    if (near == nullptr) near = &macro;
  }
  return near == nullptr ? Expansion::none : expander.wrong_count(*near, *target);
}

}  // namespace pawl::dsl
