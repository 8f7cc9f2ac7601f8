// The syntax tree of an expression: nodes in one vector, children by index. The parser makes it,
// the checker resolves names, slots and overloads in place, the evaluator only reads it. For dsl/
// alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/expression.h"
#include "dsl/value.h"

namespace pawl::dsl {

class Regex;
struct Overload;  // functions.h

enum class Op : std::uint8_t {
  constant,     // value; folded_cost: of the steps it stands for
  identifier,   // name; only until the checker has made it one of the next two, or a constant
  variable,     // slot: into Expression::variables
  local,        // slot: a variable of a macro
  select,       // children: operand; value: the field's name
  has,          // the same, asks whether it is there
  index,        // children: operand, index
  call,         // children: target (if with_target), arguments
  list,         // children: elements
  map,          // children: key, value, key, value ...
  logical_and,  // children: two or more
  logical_or,   // children: two or more
  logical_not,
  negate,
  conditional,  // children: condition, then, else
  add,
  subtract,
  multiply,
  divide,
  modulo,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  // Macros. children: range, body[, filter]; name (and name2): the variables.
  all,
  exists,
  exists_one,
  map_list,  // also transformList
  filter,
  transform_map,
  transform_map_entry,
  sort_by,
  bind,     // children: value, body
  opt_map,  // children: optional, body
  opt_flat_map,
  or_optional,  // x.or(y); children: x, y
  or_value,     // x.orValue(y)
};

using NodeId = std::uint32_t;

struct Node {
  Op op = Op::constant;
  bool optional = false;     // .?field and [?index]
  bool with_target = false;  // target.name(...)
  bool absolute = false;     // .name: neither a macro's variable nor in the container
  bool grouped = false;      // (a.b): its name ends at the parenthesis
  std::uint16_t height = 1;  // of the subtree
  std::uint32_t offset = 0;  // in the text, bytes
  std::uint32_t length = 0;
  std::uint32_t to_double =
      0;  // bit i: an int as argument i becomes a double (static type `number`)
  std::int64_t folded_cost = 0;
  std::int32_t slot = -1;   // of name
  std::int32_t slot2 = -1;  // of name2
  std::vector<NodeId> children;
  std::vector<bool>
      optional_entries;  // of a list or map literal: `?` before the entry; empty: none
  std::string name;
  std::string name2;
  Value value;
  std::vector<const Overload*> overloads;  // of a call: those with its name and number of arguments
  std::shared_ptr<const Regex> regex;      // of matches() with a literal pattern
};

class Expression {
 public:
  std::vector<Node> nodes;
  NodeId root = 0;
  std::vector<std::string> variables;  // by slot
  int local_slots = 0;
  // The language reference's additions have a meaning (CompileOptions::additions).
  bool additions = true;
  // The result may hold what must not leave: a type, an optional, something large or deep.
  bool result_needs_check = true;
};

struct CompileOptions {
  // False: only what can't be evaluated at all is an error; names and types are checked when
  // evaluated. Some conformance cases need that.
  bool check = true;
  // False: the specification alone. Arithmetic mixes no kinds of numbers, durations take neither d
  // nor w.
  bool additions = true;
  // Where names are looked up first: x in "a.b" is a.b.x, else a.x, else x (langdef.md, "Name
  // Resolution"). A definition's expressions have none.
  std::string container;
  // False: nothing is evaluated ahead (fold.h); for comparisons.
  bool fold = true;
};

Compiled compile_with(std::string_view text, const Environment& environment,
                      const CompileOptions& options);

// The result of an expression may leave it: it holds no type and no optional, and is neither too
// large nor too deep. If not, `why` says so.
bool may_leave(const Value& value, std::string* why);

// evaluate() for tests: the result may be a type or an optional.
Evaluation evaluate_raw(const Expression& expression, const Scope& scope, std::int64_t cost_max);

}  // namespace pawl::dsl
