// The canonical text and the hash over it: layout does not count, meaning does.

#include <boost/test/unit_test.hpp>
#include <string>

#include "dsl/definition.h"

namespace pawl::dsl {
namespace {

std::shared_ptr<const Definition> parse(const std::string& text) {
  const ParsedDefinition parsed = parse_definition(text);
  for (const Diagnostic& d : parsed.diagnostics) BOOST_TEST_MESSAGE(render(d, "test.toml"));
  BOOST_REQUIRE(parsed.definition != nullptr);
  return parsed.definition;
}

const std::string kHead = "dsl = 1\nname = \"x\"\n[state.a]\nend = \"completed\"\n";

std::string canonical_output(const std::string& value) {
  const std::string text = parse(kHead + "output = " + value)->canonical;
  const std::size_t at = text.find("output = ");
  BOOST_REQUIRE(at != std::string::npos);
  return text.substr(at + 9, text.find('\n', at) - at - 9);
}

BOOST_AUTO_TEST_CASE(layout_and_order_do_not_count) {
  const auto a = parse(R"(dsl = 1
name = "order"   # a comment
start = "wait"
[signal.go]
buffer = "1h"
[state.wait]
doc = "waits"
on.go = { next = "done", save.x = 1 }
after."24h".next = "done"
[state.done]
end = "completed"
)");
  const auto b = parse(R"(
'start' = 'wait'
state.done.end = '''completed'''
state.wait = { doc = "wa\u0069ts", after = { 24h = { next = "done" } }, on = { go = { save = { x = 0x1 }, next = "done" } } }
"name" = """
order"""
dsl = 1
signal = { go = { buffer = "1h" } }
)");
  BOOST_CHECK_EQUAL(a->canonical, b->canonical);
  BOOST_CHECK_EQUAL(to_hex(a->hash), to_hex(b->hash));
  BOOST_CHECK_EQUAL(a->canonical, R"(dsl = 1
name = "order"
start = "wait"
[signal.go]
buffer = "1h"
[state.done]
end = "completed"
[state.wait]
after = { 24h = { next = "done" } }
doc = "waits"
on = { go = { next = "done", save = { x = 1 } } }
)");
}

BOOST_AUTO_TEST_CASE(meaning_counts) {
  const std::string text = kHead + "output = [1, 2]\n";
  const Digest hash = parse(text)->hash;
  BOOST_CHECK(parse(kHead + "output = [2, 1]\n")->hash != hash);
  BOOST_CHECK(parse(kHead + "output = [1, 2.0]\n")->hash != hash);
  BOOST_CHECK(parse(kHead + "output = [1, \"2\"]\n")->hash != hash);
  BOOST_CHECK(parse(kHead + "output = [1, 2]\ndoc = \"new\"\n")->hash != hash);
  BOOST_CHECK(parse("# comment\n" + text)->hash == hash);
}

BOOST_AUTO_TEST_CASE(one_form_for_each_value) {
  BOOST_CHECK_EQUAL(canonical_output("0x1F"), "31");
  BOOST_CHECK_EQUAL(canonical_output("-1_000"), "-1000");
  BOOST_CHECK_EQUAL(canonical_output("9223372036854775807"), "9223372036854775807");
  BOOST_CHECK_EQUAL(canonical_output("1e3"), "1000.0");
  BOOST_CHECK_EQUAL(canonical_output("0.1"), "0.1");
  BOOST_CHECK_EQUAL(canonical_output("-0.0"), "-0.0");
  BOOST_CHECK_EQUAL(canonical_output("1e300"), canonical_output("10e299"));
  BOOST_CHECK_EQUAL(canonical_output("true"), "true");
  BOOST_CHECK_EQUAL(canonical_output("2026-11-21T10:00:00+01:00"), "2026-11-21T09:00:00Z");
  BOOST_CHECK_EQUAL(canonical_output("2026-11-21 09:00:00.500Z"), "2026-11-21T09:00:00.5Z");
  BOOST_CHECK_EQUAL(canonical_output("'a\"\\b'"), R"("a\"\\b")");
  BOOST_CHECK_EQUAL(canonical_output(R"("é\u0007\t\u007f")"), R"("é\u0007\t\u007F")");
  BOOST_CHECK_EQUAL(canonical_output("{}"), "{}");
  BOOST_CHECK_EQUAL(canonical_output("[]"), "[]");
  BOOST_CHECK_EQUAL(canonical_output("{ b = [ {}, [ 1,\n 2, ] ], a.c = 1, \"x y\" = 2 }"),
                    R"({ a = { c = 1 }, b = [{}, [1, 2]], "x y" = 2 })");
}

BOOST_AUTO_TEST_CASE(it_has_itself_as_its_canonical_text) {
  for (const std::string value :
       {"1", "1e22", "5e-324", "1.7976931348623157e308", "\"\\b\\f\\n\\r\\t\\u0000\\\\\"", "[[[]]]",
        "{ \"\" = 1, \"é\" = { \".\" = 2 } }", "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999Z"}) {
    const auto first = parse(kHead + "output = " + value);
    const auto second = parse(first->canonical);
    BOOST_CHECK_EQUAL(first->canonical, second->canonical);
    BOOST_CHECK_EQUAL(to_hex(first->hash), to_hex(second->hash));
  }
}

BOOST_AUTO_TEST_CASE(the_text_is_kept_as_deployed) {
  const std::string text = "# mine\n" + kHead;
  BOOST_CHECK_EQUAL(parse(text)->text, text);
}

}  // namespace
}  // namespace pawl::dsl
