// Any bytes at all may come in as a definition.

#include <boost/test/unit_test.hpp>
#include <string>

#include "base/limits.h"
#include "dsl/definition.h"

namespace pawl::dsl {
namespace {

const std::string kGood = "dsl = 1\nname = \"x\"\n[state.a]\nend = \"completed\"\n";

std::string repeated(const std::string& text, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

// The text is refused with exactly one diagnostic; "LINE:COLUMN MESSAGE".
std::string only_error(const std::string& text) {
  const ParsedDefinition parsed = parse_definition(text);
  BOOST_CHECK(parsed.definition == nullptr);
  BOOST_REQUIRE_EQUAL(parsed.diagnostics.size(), 1U);
  const Diagnostic& d = parsed.diagnostics.front();
  BOOST_CHECK(d.severity == Severity::error);
  return std::to_string(d.line) + ":" + std::to_string(d.column) + " " + d.message;
}

bool accepted(const std::string& text) {
  const ParsedDefinition parsed = parse_definition(text);
  for (const Diagnostic& d : parsed.diagnostics) BOOST_TEST_MESSAGE(render(d, "x"));
  return parsed.definition != nullptr;
}

BOOST_AUTO_TEST_CASE(what_is_not_utf_8) {
  BOOST_CHECK_EQUAL(only_error("dsl = 1\nname = \"a\xff\"\n"), "2:10 the file is not valid UTF-8");
  BOOST_CHECK_EQUAL(only_error("# é\xc3\n"), "1:4 the file is not valid UTF-8");
  BOOST_CHECK_EQUAL(only_error("a = \"\xc0\x80\""), "1:6 the file is not valid UTF-8");
  BOOST_CHECK_EQUAL(only_error("a = \"\xed\xa0\x80\""), "1:6 the file is not valid UTF-8");
  BOOST_CHECK_EQUAL(only_error("a = \"\xf4\x90\x80\x80\""), "1:6 the file is not valid UTF-8");
  BOOST_CHECK_EQUAL(only_error("\n\n\xe2\x82"), "3:1 the file is not valid UTF-8");
}

BOOST_AUTO_TEST_CASE(a_byte_order_mark) {
  BOOST_CHECK_EQUAL(only_error("\xef\xbb\xbf" + kGood),
                    "1:1 the file begins with a byte order mark");
}

BOOST_AUTO_TEST_CASE(size) {
  std::string text = kGood + "# ";
  text.resize(limits::kDefinitionBytesMax, 'x');
  BOOST_CHECK(accepted(text));
  text += 'x';
  BOOST_CHECK_EQUAL(only_error(text),
                    "0:0 the definition is too large: at most 65536 bytes are allowed");
  text.assign(limits::kDefinitionBytesMax * std::size_t{150}, '[');
  BOOST_CHECK_EQUAL(only_error(text),
                    "0:0 the definition is too large: at most 65536 bytes are allowed");
}

BOOST_AUTO_TEST_CASE(control_characters) {
  BOOST_CHECK_EQUAL(only_error("a = \"x\x07y\""), "1:7 a control character in a string");
  BOOST_CHECK_EQUAL(only_error("# x\x1b[31m\n"), "1:4 a control character in a comment");
  BOOST_CHECK_EQUAL(only_error(std::string("a\0b = 1", 7)),
                    "1:2 a control character stands outside of any string");
  BOOST_CHECK_EQUAL(only_error("a = 1\rb = 2\n"),
                    "1:6 a control character stands outside of any string");
  BOOST_CHECK_EQUAL(only_error("a = '\x7f'"), "1:6 a control character in a string");
}

BOOST_AUTO_TEST_CASE(lines_that_end_in_cr_lf) {
  std::string text;
  for (const char c : kGood) text += c == '\n' ? "\r\n" : std::string(1, c);
  BOOST_CHECK(accepted(text));
}

BOOST_AUTO_TEST_CASE(nesting) {
  const std::string message = " more than 32 nested lists and tables";
  const std::string open = "a = ";
  BOOST_CHECK_EQUAL(only_error(open + repeated("[", 60'000)), "1:37" + message);
  BOOST_CHECK_EQUAL(only_error(open + repeated("[", 33) + repeated("]", 33)), "1:37" + message);
  BOOST_CHECK_EQUAL(only_error(open + repeated("{a=", 10'000)), "1:101" + message);
  // Below the scanner's limit, but dotted keys add levels.
  BOOST_CHECK_EQUAL(only_error("a.b.c.d.e.f.g.h.i.j = " + repeated("[", 30) + repeated("]", 30)),
                    "1:46" + message);
  const std::string deep = repeated("[", 28) + repeated("]", 28);
  BOOST_CHECK(accepted(kGood + "output.x = " + deep + "\n"));
}

BOOST_AUTO_TEST_CASE(dotted_keys) {
  const std::string message = " a dotted key of more than 32 segments";
  BOOST_CHECK_EQUAL(only_error(repeated("a.", 32'000) + "a = 1"), "1:64" + message);
  BOOST_CHECK_EQUAL(only_error("[" + repeated("a.", 32'000) + "a]"), "1:65" + message);
  BOOST_CHECK_EQUAL(only_error("x = {" + repeated("a . ", 10'000) + "a = 1}"), "1:132" + message);
  BOOST_CHECK_EQUAL(only_error(repeated("\"a\".", 12'000) + "a = 1"), "1:128" + message);
  // The size is looked at first, so that no scanner has to walk it.
  BOOST_CHECK_EQUAL(only_error(repeated("a.", 100'000) + "a = 1"),
                    "0:0 the definition is too large: at most 65536 bytes are allowed");
}

BOOST_AUTO_TEST_CASE(characters_outside_ascii) {
  const std::string message = " a character outside ASCII stands outside of any string";
  BOOST_CHECK_EQUAL(only_error("é=1"), "1:1" + message);
  BOOST_CHECK_EQUAL(only_error("a.é=1"), "1:3" + message);
  BOOST_CHECK_EQUAL(only_error("a=\xe2\x80\xa8"), "1:3" + message);
  BOOST_CHECK_EQUAL(only_error("a\xc2\xa0= 1"), "1:2" + message);
  BOOST_CHECK(accepted("# é\n" + kGood + "output = \"é ☃ 𝄞\"\n"));
  BOOST_CHECK(accepted(kGood + "output.'é' = '''é\né'''\n"));
}

// On these the library fails an assertion, which would stop the daemon.
BOOST_AUTO_TEST_CASE(headers_without_a_name) {
  const std::string message = " a table's header has no name";
  BOOST_CHECK_EQUAL(only_error("a = 1\n[\\u00e9a]\n"), "2:1" + message);
  BOOST_CHECK_EQUAL(only_error("[\n]"), "1:1" + message);
  BOOST_CHECK_EQUAL(only_error("[#x]"), "1:1" + message);
  BOOST_CHECK_EQUAL(only_error(" \t[ = ]"), "1:3" + message);
  BOOST_CHECK_EQUAL(only_error("[[.a]]"), "1:1" + message);
  BOOST_CHECK_EQUAL(only_error("[[ [a]]]"), "1:1" + message);
  BOOST_CHECK_EQUAL(only_error("a = \"\"\"\n[x]\n\"\"\"\n[,]"), "4:1" + message);
  BOOST_CHECK(accepted(kGood + "output = [\n[1],\n[]\n]\n"));
}

BOOST_AUTO_TEST_CASE(characters_outside_ascii_behind_a_joined_line) {
  const std::string message =
      " a character outside ASCII follows directly on a backslash or a joined line";
  BOOST_CHECK_EQUAL(only_error("a = \"\"\"b \\\n   é\"\"\""), "2:4" + message);
  BOOST_CHECK_EQUAL(only_error("a = \"\"\"b \\é\"\"\""), "1:11" + message);
  BOOST_CHECK_EQUAL(only_error("a = \"\"\"b \\ \t é\"\"\""), "1:14" + message);
  BOOST_CHECK(accepted(kGood + "output = \"\"\"\\\\é \\\n  e é\n é\"\"\"\n"));
  BOOST_CHECK(accepted(kGood + "output = '''\\é \\\n é'''\n"));
}

// The library looks ahead in what it takes for a number, into strings too.
BOOST_AUTO_TEST_CASE(values_without_anything_between_them) {
  const std::string message = " a value is followed by another one";
  BOOST_CHECK_EQUAL(only_error("a = 1550\"é\""), "1:9" + message);
  BOOST_CHECK_EQUAL(only_error("a = 1.'é'"), "1:7" + message);
  BOOST_CHECK_EQUAL(only_error("a = 1[\"é\"]"), "1:6" + message);
  BOOST_CHECK_EQUAL(only_error("a = 1={\"é\"=1}"), "1:6" + message);
  BOOST_CHECK_EQUAL(only_error("a = [2, true\"é\"]"), "1:13" + message);
  BOOST_CHECK_EQUAL(only_error("a = { b = 1.\"é\" }"), "1:13" + message);
  BOOST_CHECK_EQUAL(only_error("a = [\n1.\"é\"]"), "2:3" + message);
  BOOST_CHECK(
      accepted(kGood + "[signal . \"s.x\" ]\nbuffer = '1h'#\"\n[input]\n\"é\" . type = 'int'\n"));
  BOOST_CHECK(accepted(kGood + "output = [1,\"é\",[1],{a.\"é\".b=1,c=2},'é'] # 1\"é\"\n"));
}

BOOST_AUTO_TEST_CASE(broken_toml_of_all_kinds) {
  for (const char* text : {"=",
                           "a",
                           "a =",
                           "[",
                           "[a",
                           "[[a]",
                           "[]",
                           "a = [",
                           "a = {",
                           "a = {b = 1,}",
                           "a = \"",
                           "a = '''",
                           "a = \"\\q\"",
                           "a = \"\\uD800\"",
                           "a = 01",
                           "a = 1__0",
                           "a = 99999999999999999999",
                           "a = 1979-13-01",
                           "a.b = 1\na = 2",
                           "a = 1\n[a]",
                           "[a]\n[a]",
                           "a = {b = 1}\n[a.c]",
                           "\"a\" = 1\na = 2",
                           "a = 1 b = 2",
                           "a = tru",
                           "a = 2025-01-01T:00Z00:00",
                           "a = 2025-01-01T",
                           "a = 2025-01-01 x",
                           "a = +",
                           "a = -",
                           "a = .",
                           "a = ._",
                           "a = +_1",
                           "a = 0b2",
                           "a = inff",
                           "a = n",
                           "a = 1e",
                           "a = 1.e1",
                           "a = 12:",
                           "a = 12:00:00.",
                           "a = {=}",
                           "a = {.}",
                           "a = [=]",
                           "a = [,]",
                           "a = \"\"\"x",
                           "a = [1 2]",
                           "]",
                           "a..b = 1",
                           ".a = 1",
                           "a = 0x",
                           "'''a''' = 1"}) {
    BOOST_TEST_CONTEXT(text) {
      const ParsedDefinition parsed = parse_definition(text);
      BOOST_CHECK(parsed.definition == nullptr);
      BOOST_CHECK_EQUAL(parsed.diagnostics.size(), 1U);
    }
  }
}

BOOST_AUTO_TEST_CASE(more_mistakes_than_are_reported) {
  std::string text = kGood;
  for (int i = 0; i < 300; ++i) text += "unknown_key_" + std::to_string(i) + " = 1\n";
  const ParsedDefinition parsed = parse_definition(text);
  BOOST_CHECK(parsed.definition == nullptr);
  BOOST_CHECK_EQUAL(parsed.diagnostics.size(), static_cast<std::size_t>(limits::kDiagnosticsMax));
  BOOST_CHECK_EQUAL(parsed.suppressed, 200);
  BOOST_CHECK_EQUAL(parsed.diagnostics.front().line, 5);
  // Of very many only the first are kept at all, and the rest is still counted.
  std::string flood = kGood;
  for (int i = 0; i < 5000; ++i) flood += "k" + std::to_string(i) + "=1\n";
  BOOST_CHECK_EQUAL(parse_definition(flood).suppressed, 4900);
}

BOOST_AUTO_TEST_CASE(errors_go_before_warnings_where_not_all_fit) {
  std::string text = "dsl = 1\nname = \"x\"\n";
  for (int i = 0; i < 150; ++i) text += "[signal.s" + std::to_string(i) + "]\n";
  text += "[state.a]\nend = \"done\"\n";
  const ParsedDefinition parsed = parse_definition(text);
  BOOST_CHECK_EQUAL(parsed.diagnostics.size(), 100U);
  BOOST_CHECK(parsed.diagnostics.back().severity == Severity::error);
  BOOST_CHECK_EQUAL(parsed.suppressed, 51);
}

BOOST_AUTO_TEST_CASE(too_many_states) {
  std::string text = "dsl=1\nname=\"x\"\nstart=\"s0\"\n[state]\n";
  for (int i = 0; i < 1001; ++i) text += "s" + std::to_string(i) + ".end=\"completed\"\n";
  BOOST_CHECK_EQUAL(only_error(text), "4:2 1001 states; at most 1000 are allowed");
}

BOOST_AUTO_TEST_CASE(hostile_names_are_made_harmless) {
  const ParsedDefinition parsed =
      parse_definition(kGood + "\"\\u001b[31m\\n" + std::string(500, 'x') + "\" = 1\n");
  BOOST_REQUIRE_EQUAL(parsed.diagnostics.size(), 1U);
  const std::string text = render(parsed.diagnostics.front(), "f");
  BOOST_CHECK(text.find('\x1b') == std::string::npos);
  BOOST_CHECK(parsed.diagnostics.front().message.find("\\x1b[31m\\x0a") != std::string::npos);
  BOOST_CHECK_LT(text.size(), 700U);
}

BOOST_AUTO_TEST_CASE(rendering) {
  Diagnostic d;
  d.message = "no good";
  BOOST_CHECK_EQUAL(render(d, "a.toml"), "a.toml: error: no good\n");
  d.severity = Severity::warning;
  d.line = 3;
  d.column = 3;
  d.length = 2;
  d.line_text = "ab cd";
  d.hint = "do better";
  BOOST_CHECK_EQUAL(render(d, "a.toml"),
                    "a.toml:3:3: warning: no good\n  ab cd\n    ^~\n  hint: do better\n");
}

BOOST_AUTO_TEST_CASE(the_closest_name) {
  const std::vector<std::string> names = {"reserve", "release", "approval"};
  BOOST_CHECK_EQUAL(closest("reserv", names), "reserve");
  BOOST_CHECK_EQUAL(closest("aproval", names), "approval");
  BOOST_CHECK_EQUAL(closest("rleease", names), "release");
  BOOST_CHECK_EQUAL(closest("something", names), "");
  BOOST_CHECK_EQUAL(closest("x", {}), "");
}

}  // namespace
}  // namespace pawl::dsl
