// Walks a checked tree. Each step answers with a pointer: to a value that exists anyway (a
// variable, a literal, an element of one), which costs no copy, or to the caller's slot, in which
// it has put a new value. Null is a failure; the meter has the message.
#pragma once

#include <memory>

#include "dsl/expression_tree.h"
#include "dsl/meter.h"

namespace pawl::dsl {

class Evaluator {
 public:
  Evaluator(const Expression& expression, const Scope& scope, std::int64_t cost_max);

  // The result may live in the slot or in what the scope gave.
  const Value* run(Value* slot) { return eval(tree_.root, slot); }
  // The same of a part of the tree.
  const Value* run(NodeId id, Value* slot) { return eval(id, slot); }
  Meter& meter() { return meter_; }

 private:
  enum class Truth : std::uint8_t { no, yes, failed };
  enum class Turn : std::uint8_t { next, stop, failed };  // of a loop

  // evaluator.cc
  const Value* eval(NodeId id, Value* slot);
  const Value* macro(const Node& n, Value* slot);
  const Value* negation(const Node& n, Value* slot);
  const Value* variable(const Node& n);
  Truth truth(NodeId id);
  const Value* logical(const Node& n);
  const Value* logical_not(const Node& n);
  const Value* conditional(const Node& n, Value* slot);
  const Value* compare(const Node& n);
  const Value* equality(const Node& n);
  const Value* arithmetic(const Node& n, Value* slot);
  const Value* membership(const Node& n);
  const Value* call(const Node& n, Value* slot);
  const Value* no_overload(const Node& n, const Value* const* arguments);
  const Value* give(const Value& value, Value* slot);

  // evaluator_access.cc
  const Value* select(const Node& n, Value* slot);
  const Value* has(const Node& n);
  const Value* index(const Node& n, Value* slot);
  const Value* lookup(const Value& operand, const Value& key);
  const Value* optional_access(const Value& operand, const Value& key, Value* slot);
  const Value* list(const Node& n, Value* slot);
  const Value* map(const Node& n, Value* slot);
  bool entry(const Node& n, std::size_t i, const Value** value, Value* slot);
  const Value* finish_map(Map entries, Value* slot);

  // evaluator_macros.cc
  template <class Body>
  bool each(const Node& n, const Value& range, Body body);
  const Value* quantifier(const Node& n);
  const Value* exists_one(const Node& n);
  const Value* map_list(const Node& n, Value* slot);
  const Value* filter(const Node& n, Value* slot);
  const Value* transform_map(const Node& n, Value* slot);
  const Value* sort_by(const Node& n, Value* slot);
  const Value* bind(const Node& n, Value* slot);
  const Value* optional_macro(const Node& n, Value* slot);
  const Value* optional_or(const Node& n, Value* slot);
  bool push(const Value* value, Value* slot, List* out);

  const Value* fail(std::string message) {
    meter_.fail(std::move(message));
    return nullptr;
  }

  const Expression& tree_;
  const Scope& scope_;
  Meter meter_;
  const Value* few_[8];
  std::unique_ptr<const Value*[]> many_;  // in place of few_, if they don't suffice
  const Value** variables_;               // by slot; null: not asked for yet
  const Value** locals_;                  // by slot
};

// The two bools, for results that need no slot.
const Value* truth_value(bool x);

}  // namespace pawl::dsl
