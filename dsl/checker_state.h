// The checker as a class, shared by checker.cc (names, literals, macros), checker_operators.cc and
// checker_calls.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/checker.h"
#include "dsl/functions.h"
#include "dsl/types.h"

namespace pawl::dsl {

class Checker {
 public:
  Checker(Expression* expression, const Environment& environment, const CompileOptions& options)
      : tree_(*expression), environment_(environment), options_(options) {}

  Checked run();

 private:
  // A variable of a macro.
  struct Local {
    std::string name;
    Type type;
  };

  Type check(NodeId id);
  Type check_children(NodeId id);

  // checker.cc
  Type identifier(NodeId id);
  Type select(NodeId id);
  Type index(NodeId id);
  Type list(NodeId id);
  Type map(NodeId id);
  Type comprehension(NodeId id);
  Type comprehension_result(const Node& node, const Type& range, const Type& body);
  Type bind(NodeId id);
  Type optional_body(NodeId id);
  Type field(NodeId id, const Type& operand, const std::string& name, bool optional);
  bool resolve_dotted(NodeId id, Type* type);
  Type variable(NodeId id, const std::string& name, const Type& type);
  // The variable or type that a name means in the container: its full name and type.
  struct Meaning {
    std::string name;
    Type type;
    bool is_type = false;  // a type as a value
  };
  std::optional<Meaning> meaning_of(const std::string& name, bool absolute) const;
  Type become(NodeId id, const Meaning& meaning);
  bool is_absolute(NodeId id) const;
  std::int32_t slot_of_variable(const std::string& name);
  std::int32_t push_local(const std::string& name, Type type);
  void pop_locals(std::size_t count) { locals_.resize(locals_.size() - count); }
  const Local* find_local(std::string_view name) const;
  bool needs_result_check(const Type& type) const;

  // checker_operators.cc
  Type logical(NodeId id);
  Type conditional(NodeId id);
  Type negation(NodeId id);
  Type arithmetic(NodeId id);
  Type equality(NodeId id);
  Type ordering(NodeId id);
  Type membership(NodeId id);
  void need_bool(NodeId id, const Type& type, std::string_view whose);
  Type wrong_operands(NodeId id, const Type& a, const Type& b, std::string hint = {});

  // checker_calls.cc
  Type call(NodeId id);
  bool resolve_namespace(NodeId id);
  bool resolve_in_container(Node* call, const std::string& name, bool absolute) const;
  Type unknown_function(NodeId id);
  Type wrong_arguments(NodeId id, const std::vector<Type>& types);
  Type result_of(const Overload& overload, const std::vector<Type>& types);
  void mark_conversions(Node* node, const std::vector<Type>& types);
  void compile_pattern(NodeId id);
  bool fold(NodeId id, Type* type);

  // "a.b.c" of a chain of plain selections from a name; nullopt for anything else.
  std::optional<std::string> dotted_name(NodeId id) const;
  // The name a chain of selections begins with is a variable or a local one.
  bool begins_with_variable(NodeId id) const;

  Type error(NodeId id, std::string message, std::string hint = {});

  Node& node(NodeId id) { return tree_.nodes[id]; }

  Expression& tree_;
  const Environment& environment_;
  const CompileOptions& options_;
  std::vector<Local> locals_;  // by slot, innermost last
  Checked out_;
};

}  // namespace pawl::dsl
