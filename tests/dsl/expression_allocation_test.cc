// Expressions over scalars, which guards of transitions mostly are, allocate nothing when
// evaluated.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "dsl/expression.h"
#include "tests/dsl/expression_scope.h"
#include "tests/raft/allocation_count.h"

namespace pawl::dsl {
namespace {

std::uint64_t allocations_of(std::string_view text) {
  const Compiled compiled = compile(text, sample_environment());
  if (!compiled.expression) BOOST_FAIL(text << ": " << compiled.errors[0].message);
  const SampleScope scope;
  // Once before: what the scope makes of itself is not counted.
  BOOST_REQUIRE_MESSAGE(evaluate(*compiled.expression, scope, limits::kExpressionCostMax).ok, text);
  const std::uint64_t before = raft::allocation_count();
  const bool ok = evaluate(*compiled.expression, scope, limits::kExpressionCostMax).ok;
  const std::uint64_t after = raft::allocation_count();
  BOOST_TEST(ok, text);
  return after - before;
}

BOOST_AUTO_TEST_CASE(scalars_allocate_nothing) {
  for (const std::string_view text :
       {"input.total > 1000 && signal.ok", "(vars.count + 1) * 2 - 3 % 2",
        "input.total * 1.5 / 2.0", "has(input.note) ? 1 : 2",
        "input.order_id == 'o-1' || !signal.ok", "size(input.items) > 1",
        "input.items.exists(i, i.qty > 2)", "input.items.all(k, v, v.qty > k - 1)",
        "input.items[1].qty == 1", "math.greatest(vars.count, 7, 3)", "at + wait > at",
        "at.getHours('Europe/Berlin') >= 10", "wait.getSeconds()", "int(input.total) / 7",
        "input.order_id.startsWith('o') && input.order_id.size() == 3",
        "cel.bind(n, vars.count, n * n)", "'kilo' < 'mega'"}) {
    BOOST_TEST(allocations_of(text) == 0U, text);
  }
}

// What no variable changes is there already.
BOOST_AUTO_TEST_CASE(constants_are_made_once) {
  for (const std::string_view text :
       {"input.order_id in ['o-1', 'a text that has more letters than fit into a string itself']",
        "input.items.exists(i, i.qty in [1, 2, 3].map(n, n * 2))",
        "at > timestamp('2020-01-01T00:00:00Z') + duration('5m')",
        "{'a': [1]}['a'].all(n, n < vars.count)", "lists.range(10).exists(n, n == vars.count)",
        "[1, 2, 3].size() > vars.count ? [4] : [5]"}) {
    BOOST_TEST(allocations_of(text) == 0U, text);
  }
}

BOOST_AUTO_TEST_CASE(what_is_made_anew_is_counted) {
  BOOST_TEST(allocations_of("[vars.count]") > 0U);
  BOOST_TEST(allocations_of("input.order_id + ' has more letters than fit into a string itself'") >
             0U);
}

}  // namespace
}  // namespace pawl::dsl
