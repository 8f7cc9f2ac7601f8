#include "dsl/expression.h"
#include "dsl/expression_tree.h"

#include <boost/test/unit_test.hpp>
#include <chrono>

#include "base/limits.h"
#include "tests/dsl/expression_scope.h"

namespace pawl::dsl {
namespace {

Evaluation run(std::string_view text, std::int64_t cost_max = limits::kExpressionCostMax) {
  const Compiled compiled = compile(text, sample_environment());
  if (!compiled.expression) {
    BOOST_FAIL(text.substr(0, 200) << ": " << compiled.errors[0].message);
  }
  return evaluate(*compiled.expression, SampleScope(), cost_max);
}

std::string compile_error(std::string_view text) {
  const Compiled compiled = compile(text, sample_environment());
  return compiled.errors.empty() ? "" : compiled.errors[0].message;
}

std::string type(std::string_view text) {
  return to_string(compile(text, sample_environment()).type);
}

std::string repeat(std::string_view s, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += s;
  return out;
}

BOOST_AUTO_TEST_CASE(types_are_inferred) {
  BOOST_TEST(type("1") == "int");
  BOOST_TEST(type("1 + 1.5") == "double");
  BOOST_TEST(type("input.total") == "number");
  BOOST_TEST(type("input.total + 1") == "number");
  BOOST_TEST(type("input.total > 1") == "bool");
  BOOST_TEST(type("input.items") == "list(map(string, dyn))");
  BOOST_TEST(type("input.items.map(i, i.qty)") == "list(int)");
  BOOST_TEST(type("input.items.map(i, i.qty).sum()") == "int");
  BOOST_TEST(type("input.items[0].sku") == "string");
  BOOST_TEST(type("{'a': 1}") == "map(string, int)");
  BOOST_TEST(type("{'a': 1, 'b': 'x'}") == "map(string, dyn)");
  BOOST_TEST(type("at - at") == "duration");
  BOOST_TEST(type("at + wait") == "timestamp");
  BOOST_TEST(type("vars.whatever") == "dyn");
  BOOST_TEST(type("'a,b'.split(',')") == "list(string)");
  BOOST_TEST(type("true ? 1 : 'a'") == "dyn");
  BOOST_TEST(type("true ? 1 : 2.5") == "number");
  BOOST_TEST(type("[1].filter(x, x > 0)") == "list(int)");
  BOOST_TEST(type("type(1)") == "type");
  BOOST_TEST(type("nope") == "dyn");
}

BOOST_AUTO_TEST_CASE(free_variables_are_listed) {
  const auto names = [](std::string_view text) {
    std::string out;
    for (const std::string& name : compile(text, sample_environment()).variables) out += name + " ";
    return out;
  };
  BOOST_TEST(names("signal.ok && input.total > 1 && input.total < 5") == "input signal ");
  BOOST_TEST(names("[1].map(x, x)") == "");
  BOOST_TEST(names("[1].map(x, x + vars.count)") == "vars ");
}

BOOST_AUTO_TEST_CASE(all_mistakes_are_reported_in_the_order_of_the_text) {
  const std::string text = "inputt.a + 1 > 2 && input.totl > 3 && 'a' + 1 == 'b' && foo(1)";
  const Compiled compiled = compile(text, sample_environment());
  BOOST_TEST(!compiled.expression);
  BOOST_REQUIRE(compiled.errors.size() == 4U);
  const auto piece = [&](std::size_t i) {
    return text.substr(compiled.errors[i].offset, compiled.errors[i].length);
  };
  BOOST_TEST(piece(0) == "inputt");
  BOOST_TEST(compiled.errors[0].hint == "did you mean `input`?");
  BOOST_TEST(piece(1) == "input.totl");
  BOOST_TEST(compiled.errors[1].hint == "did you mean `total`?");
  BOOST_TEST(piece(2) == "'a' + 1");
  BOOST_TEST(piece(3) == "foo(1)");
}

BOOST_AUTO_TEST_CASE(nesting_is_limited_before_the_stack_is) {
  const std::string deep = "nested more than 64 levels";
  for (const char* open : {"(", "[", "{1:", "-", "!", "f(", "a[", "true?1:", "[1].map(x,", "x.f(",
                           "has(", "1+(", "a.b["}) {
    const int n = static_cast<int>(limits::kExpressionBytesMax / std::string_view(open).size());
    const std::string message = compile_error(repeat(open, n));
    BOOST_TEST(message.find(deep) != std::string::npos, open << ": " << message);
  }
  BOOST_TEST(compile_error(repeat("(", 100'000)).find("longer than") != std::string::npos);
  BOOST_TEST(compile_error("any" + repeat(".a", 100)).find(deep) != std::string::npos);
  BOOST_TEST(compile_error("any" + repeat("[0]", 100)).find(deep) != std::string::npos);
  BOOST_TEST(compile_error("1" + repeat(" + 1", 100)).find(deep) != std::string::npos);
  BOOST_TEST(compile_error("1" + repeat(" + 1", 60)) == "");
  BOOST_TEST(compile_error(repeat("(", 60) + "1" + repeat(")", 60)) == "");
}

BOOST_AUTO_TEST_CASE(long_rows_of_conditions_are_flat) {
  BOOST_TEST(run("true" + repeat(" && true", 800)).value.as_bool());
  BOOST_TEST(!run("false" + repeat(" || false", 700)).value.as_bool());
}

BOOST_AUTO_TEST_CASE(parts_are_limited_in_number) {
  BOOST_TEST(compile_error("[" + repeat("1,", 4090) + "]").find("more than 4096 parts") ==
             std::string::npos);
  BOOST_TEST(compile_error("[" + repeat("1,", 4095) + "]") == "");
  BOOST_TEST(compile_error("[" + repeat("1+", 4) + repeat("-1,", 2700) + "]") == "");
}

BOOST_AUTO_TEST_CASE(text_must_be_utf8) {
  BOOST_TEST(compile_error("'\xff'") == "the expression is not UTF-8");
}

// A part that is evaluated when compiled costs what it did, so a limit is met where it was; what
// fails then fails when it is evaluated, if it is.
BOOST_AUTO_TEST_CASE(folding_changes_neither_cost_nor_failures) {
  for (const std::string_view text :
       {"[1, 2, 3].map(n, n * 2).size() + vars.count", "vars.count in [1, 2, 3]",
        "duration('1h') + duration('5m')", "'a' + 'b' + input.order_id",
        "true || 1 / 0 == vars.count", "[1].exists(n, n == 1 / 0) || true"}) {
    CompileOptions unfolded;
    unfolded.fold = false;
    const Compiled as_it_is = compile_with(text, sample_environment(), unfolded);
    const Compiled folded = compile(text, sample_environment());
    BOOST_REQUIRE(as_it_is.expression && folded.expression);
    const Evaluation a = evaluate(*as_it_is.expression, SampleScope(), limits::kExpressionCostMax);
    const Evaluation b = evaluate(*folded.expression, SampleScope(), limits::kExpressionCostMax);
    BOOST_TEST(a.ok, text);
    BOOST_TEST(a.value.identical(b.value), text);
    BOOST_TEST(a.cost == b.cost, text);
    const Evaluation stopped = evaluate(*folded.expression, SampleScope(), b.cost - 1);
    BOOST_TEST(stopped.error == "cost limit exceeded", text);
  }
  BOOST_TEST(run("1 / 0 + vars.count").error == "division by zero");
  BOOST_TEST(run("vars.count == 0 ? 1 / 0 : 2").ok);
  BOOST_TEST(run("[[1], [2]].map(l, l.map(n, n + vars.count))").ok);
  BOOST_TEST(run("optional.of(1)").error == "the result holds an optional: use orValue(...)");
}

BOOST_AUTO_TEST_CASE(cost_is_limited_and_nothing_absorbs_it) {
  const std::string loop =
      "lists.range(1000).all(a, lists.range(1000).all(b, lists.range(1000).all(c, a + b + c >= "
      "0)))";
  for (const std::string& text : {loop, loop + " || true", "true || false ? " + loop + " : false",
                                  "[1].exists(x, " + loop + ") || true"}) {
    const Evaluation e = run(text, 10'000);
    BOOST_TEST(!e.ok);
    BOOST_TEST(e.error == "cost limit exceeded");
    BOOST_TEST(e.cost < 20'000);
  }
  BOOST_TEST(run("1 + 1", 3).ok);
  BOOST_TEST(!run("1 + 1", 2).ok);
}

BOOST_AUTO_TEST_CASE(memory_is_limited) {
  std::string doubled = "'0123456789abcdef'";
  for (int i = 0; i < 30; ++i) doubled = "cel.bind(s, " + doubled + ", s + s)";
  BOOST_TEST(run(doubled).error == "the result is larger than 262144 bytes");

  std::string wide = "[1, 1]";
  for (int i = 0; i < 30; ++i) wide = "cel.bind(l, " + wide + ", l + l)";
  BOOST_TEST(run(wide).error == "the result has more than 262144 elements");

  // Small in memory, being shared, and without end when written out or compared.
  std::string shared = "[1, 1]";
  for (int i = 0; i < 28; ++i) shared = "cel.bind(l, " + shared + ", [l, l])";
  BOOST_TEST(run(shared).error == "the result is larger than 262144 bytes");
  BOOST_TEST(run("cel.bind(z, " + shared + ", z == z)").error == "cost limit exceeded");
  BOOST_TEST(!run("'%s'.format([" + shared + "])").ok);
  BOOST_TEST(!run(shared + ".flatten(60)").ok);

  // One large text, copied over and over.
  std::string text = "'0123456789abcdef'";
  for (int i = 0; i < 13; ++i) text = "cel.bind(s, " + text + ", s + s)";
  BOOST_TEST(run("cel.bind(t, " + text + ", lists.range(1000).map(i, t)).size()").error ==
             "cost limit exceeded");
  BOOST_TEST(run("cel.bind(t, " + text + ", t.replace('', t)).size()").error ==
             "the result is larger than 262144 bytes");
  BOOST_TEST(run("cel.bind(t, " + text + ", t.split('')).size()").value.as_int() == 131'072);
  BOOST_TEST(!run("lists.range(1000).map(i, 'a').join(" + text + ").size()").ok);
}

BOOST_AUTO_TEST_CASE(a_result_is_no_deeper_than_a_value_may_be) {
  std::string deep = "[1]";
  for (int i = 0; i < 20; ++i) deep = "cel.bind(l, " + deep + ", [[[[l]]]])";
  BOOST_TEST(run(deep).error == "the result is nested more than 64 levels deep");
}

BOOST_AUTO_TEST_CASE(slow_searches_are_charged) {
  std::string text = "'aaaaaaaaaaaaaaaa'";
  for (int i = 0; i < 13; ++i) text = "cel.bind(s, " + text + ", s + s)";
  const auto begin = std::chrono::steady_clock::now();
  BOOST_TEST(run("cel.bind(t, " + text + ", (t + 'b').lastIndexOf('b' + t)) < 0").error ==
             "cost limit exceeded");
  run("cel.bind(t, " + text + ", t.contains(t.substring(1) + 'b'))");
  run("cel.bind(t, " + text + ", t.matches('(a?){100}(a?){100}b'))");
  run("cel.bind(t, " + text + ", [t, t, t, t, t + 'b'].sort())");
  BOOST_TEST(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() < 5.0);
}

BOOST_AUTO_TEST_CASE(results_that_can_not_be_stored_are_refused) {
  BOOST_TEST(run("[type(1)]").error == "the result holds a type, which can't be stored");
  BOOST_TEST(run("int").error == "the result holds a type, which can't be stored");
  BOOST_TEST(run("{'a': optional.of(1)}").error ==
             "the result holds an optional: use orValue(...)");
  BOOST_TEST(run("input.items").ok);
}

BOOST_AUTO_TEST_CASE(a_pattern_in_the_text_is_checked_when_compiled) {
  BOOST_TEST(compile_error("'a'.matches('[')") == "bad pattern at byte 1: missing `]`");
  BOOST_TEST(run("'a'.matches('[' + ']')").error == "bad pattern: missing `]`");
}

BOOST_AUTO_TEST_CASE(an_expression_is_evaluated_by_several_scopes) {
  struct One : Scope {
    Value v;
    const Value* find(std::string_view name) const override { return name == "any" ? &v : nullptr; }
  };
  const Compiled compiled = compile("any + 1", sample_environment());
  One scope;
  scope.v = Value::int64(1);
  BOOST_TEST(evaluate(*compiled.expression, scope, 100).value.as_int() == 2);
  scope.v = Value::float64(1.5);
  BOOST_TEST(evaluate(*compiled.expression, scope, 100).value.as_double() == 2.5);
  scope.v = Value::string("a");
  BOOST_TEST(evaluate(*compiled.expression, scope, 100).error == "no such overload: string + int");
}

}  // namespace
}  // namespace pawl::dsl
