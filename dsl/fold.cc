#include "dsl/fold.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "base/limits_folding.h"
#include "dsl/evaluator.h"

namespace pawl::dsl {
namespace {

class NoVariables : public Scope {
 public:
  const Value* find(std::string_view) const override { return nullptr; }
};

class Folding {
 public:
  explicit Folding(Expression& tree) : tree_(tree) {}

  // `bound`: the slots below it belong to macros around the node.
  void fold(NodeId id, std::int32_t bound) {
    Node& n = tree_.nodes[id];
    if (n.children.empty() && n.op != Op::list && n.op != Op::map && n.op != Op::call) return;
    if (closed(id, bound) && evaluate(id)) return;
    const std::int32_t inside = std::max({bound, n.slot + 1, n.slot2 + 1});
    for (std::size_t i = 0; i < n.children.size(); ++i) {
      // The first operand of a macro is evaluated outside of it.
      fold(n.children[i], i == 0 ? bound : inside);
    }
  }

 private:
  // Reads neither a variable nor one of the macros around it. Slots are given by depth.
  bool closed(NodeId id, std::int32_t bound) const {
    const Node& n = tree_.nodes[id];
    if (n.op == Op::variable || (n.op == Op::local && n.slot < bound)) return false;
    return std::all_of(n.children.begin(), n.children.end(),
                       [&](NodeId child) { return closed(child, bound); });
  }

  bool evaluate(NodeId id) {
    if (cost_left_ <= 0) return false;
    const NoVariables scope;
    Evaluator evaluator(tree_, scope, cost_left_);
    Value slot;
    const Value* result = evaluator.run(id, &slot);
    const std::int64_t cost = evaluator.meter().cost();
    cost_left_ -= cost;
    if (result == nullptr || !small(*result)) return false;
    Node& n = tree_.nodes[id];
    Value value = *result;
    n.value = std::move(value);
    n.op = Op::constant;
    n.folded_cost = cost - 1;
    n.children.clear();
    return true;
  }

  // Of what is shared each occurrence counts.
  static bool small(const Value& value) {
    std::size_t left = limits::kFoldedBytesMax;
    return fits(value, 0, &left);
  }
  static bool fits(const Value& value, int depth, std::size_t* left) {
    if (depth > limits::kValueDepthMax) return false;
    std::size_t bytes = 1;
    if (value.kind() == Kind::string) bytes += value.as_string().size();
    if (value.kind() == Kind::bytes) bytes += value.as_bytes().size();
    if (bytes > *left) return false;
    *left -= bytes;
    if (value.kind() == Kind::optional) {
      return value.as_optional() == nullptr || fits(*value.as_optional(), depth + 1, left);
    }
    if (value.kind() == Kind::list) {
      return std::all_of(value.as_list().begin(), value.as_list().end(),
                         [&](const Value& x) { return fits(x, depth + 1, left); });
    }
    if (value.kind() != Kind::map) return true;
    return std::all_of(value.as_map().begin(), value.as_map().end(), [&](const auto& x) {
      return fits(x.first, depth + 1, left) && fits(x.second, depth + 1, left);
    });
  }

  Expression& tree_;
  std::int64_t cost_left_ = limits::kFoldingCostMax;
};

}  // namespace

void fold_constants(Expression* tree) {
  Folding(*tree).fold(tree->root, 0);
  const Node& root = tree->nodes[tree->root];
  std::string why;
  if (root.op == Op::constant && may_leave(root.value, &why)) tree->result_needs_check = false;
}

}  // namespace pawl::dsl
