// The canonical layout: scripts of a file and how it is laid out (tests/scripts/format/*.txt: a
// title, "--- input", "--- output", "==="; PAWL_REWRITE=1 writes the output anew), and what holds
// for every text: the meaning stays, no comment is lost, a second time changes nothing. Held
// against all definitions of the scripts, examples and pages, and random changes of them.

#include "dsl/format.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/random.h"
#include "dsl/canonical.h"
#include "dsl/definition.h"
#include "dsl/diagnostic_list.h"
#include "dsl/toml_scan.h"
#include "dsl/toml_tree.h"

namespace pawl::dsl {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLayoutOnly = "--- input, layout only";

struct Case {
  std::string title;
  std::string input;
  std::string output;
  bool layout_only = false;
};

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

std::vector<Case> read_cases(const fs::path& path) {
  std::istringstream file(read(path));
  std::vector<Case> cases;
  Case one;
  std::string* into = &one.title;
  for (std::string line; std::getline(file, line);) {
    if (line == "--- input" || line == kLayoutOnly) {
      into = &one.input;
      one.layout_only = line == kLayoutOnly;
    } else if (line == "--- output") {
      into = &one.output;
    } else if (line == "===") {
      cases.push_back(std::move(one));
      one = Case();
      into = &one.title;
    } else {
      *into += line + "\n";
    }
  }
  BOOST_REQUIRE_MESSAGE(one.title.empty(), path.string() + ": the last case has no ===");
  return cases;
}

FormatKind kind_of(const Case& c) {
  return c.layout_only ? FormatKind::layout_only : FormatKind::definition;
}

std::string laid_out(const Case& c) {
  const Formatted formatted = format_toml(c.input, kind_of(c));
  if (formatted.text) return *formatted.text;
  std::string out;
  for (const Diagnostic& d : formatted.diagnostics) out += render(d, "test.toml");
  return out + "refused\n";
}

std::optional<std::string> canonical_of(std::string_view text) {
  DiagnosticList diagnostics(text);
  if (!scan_toml(&diagnostics)) return std::nullopt;
  const std::optional<TomlNode> root = parse_toml(&diagnostics);
  if (!root || diagnostics.errors() > 0) return std::nullopt;
  return canonical_text(*root);
}

void collect(const std::vector<std::string>& lines, std::multiset<std::string>* out) {
  for (const std::string& line : lines) {
    if (!line.empty()) out->insert(line);
  }
}

void collect(const LayoutEntry& entry, std::multiset<std::string>* out) {
  collect(entry.above, out);
  collect(entry.value.below, out);
  if (!entry.value.opened.empty()) out->insert(entry.value.opened);
  if (!entry.comment.empty()) out->insert(entry.comment);
  for (const LayoutEntry& child : entry.value.children) collect(child, out);
}

std::multiset<std::string> comments_of(std::string_view text) {
  std::multiset<std::string> out;
  const std::optional<Layout> layout = read_layout(text);
  if (!layout) return out;
  for (const LayoutSection& section : layout->sections) {
    collect(section.above, &out);
    collect(section.below, &out);
    if (!section.comment.empty()) out.insert(section.comment);
    for (const LayoutEntry& entry : section.entries) collect(entry, &out);
  }
  collect(layout->below, &out);
  return out;
}

// What holds for every text; says whether it was laid out.
bool check_properties(const std::string& text) {
  const std::optional<std::string> canonical = canonical_of(text);
  bool done = false;
  for (const FormatKind kind : {FormatKind::definition, FormatKind::layout_only}) {
    const Formatted first = format_toml(text, kind);
    BOOST_CHECK_EQUAL(first.text.has_value(), canonical.has_value());
    BOOST_CHECK_EQUAL(first.text.has_value(), first.diagnostics.empty());
    if (!first.text || !canonical) continue;
    done = true;
    BOOST_CHECK_EQUAL(canonical_of(*first.text).value_or("none"), *canonical);
    BOOST_CHECK(comments_of(*first.text) == comments_of(text));
    // A reader that overlooks a comment overlooks it in both.
    BOOST_CHECK_EQUAL(std::count(first.text->begin(), first.text->end(), '#'),
                      std::count(text.begin(), text.end(), '#'));
    BOOST_CHECK_EQUAL(format_toml(*first.text, kind).text.value_or("none"), *first.text);
  }
  return done;
}

std::vector<std::string> definitions_of_scripts() {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator("tests/scripts/dsl")) {
    std::istringstream file(read(entry.path()));
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("--- ")) {
        inside = line == "--- definition";
        if (inside) out.emplace_back();
      } else if (inside) {
        out.back() += line + "\n";
      }
    }
  }
  for (const auto& entry : fs::directory_iterator("tests/scripts/engine")) {
    std::istringstream file(read(entry.path()));
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
      if (line == "define") out.emplace_back();
      if (inside && line != "----") out.back() += line + "\n";
      inside = line == "define" || (inside && line != "----");
    }
  }
  return out;
}

// The ```toml blocks of a page.
void blocks_of(const fs::path& page, std::vector<std::string>* out) {
  std::istringstream file(read(page));
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("```")) {
      inside = line == "```toml";
      if (inside) out->emplace_back();
    } else if (inside) {
      out->back() += line + "\n";
    }
  }
}

std::vector<std::string> corpus() {
  std::vector<std::string> out = definitions_of_scripts();
  for (const auto& entry : fs::recursive_directory_iterator("configs")) {
    if (entry.path().extension() == ".toml") out.push_back(read(entry.path()));
  }
  for (const auto& entry : fs::recursive_directory_iterator("docs")) {
    if (entry.path().extension() == ".md") blocks_of(entry.path(), &out);
  }
  for (const auto& entry : fs::directory_iterator("tests/scripts/format")) {
    for (const Case& c : read_cases(entry.path())) out.push_back(c.input);
  }
  std::sort(out.begin(), out.end());
  return out;
}

// Lines swapped, doubled, taken away; comments, blanks and signs put in.
std::string changed(const std::string& text, Random* random) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  if (lines.empty()) return "# nothing";
  const auto any = [&] { return static_cast<std::size_t>(random->below(lines.size())); };
  constexpr std::string_view kInserted[] = {"# a comment",
                                            "",
                                            "  # another",
                                            "[state.z]",
                                            "x.y.z = 1",
                                            "[[list]]",
                                            "[list.sub]",
                                            "a = [ 1, # one\n # two\n 2 ]",
                                            "b = { c = { d = [\n1\n] } }",
                                            "e = '''\nf\n'''",
                                            "g.\"h i\".'j\"k' = \"l\\u200bm\"",
                                            "\"\" = 0x1F",
                                            "zz = [[1, 2], [{ n = 1 }]] # end"};
  constexpr std::string_view kEnds[] = {" # c", "  ", "\r", ",", "]", "\t#"};
  for (std::uint64_t n = 1 + random->below(4); n > 0; --n) {
    const std::size_t at = any();
    switch (random->below(5)) {
      case 0:
        std::swap(lines[at], lines[any()]);
        break;
      case 1:
        lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), lines[any()]);
        break;
      case 2:
        if (lines.size() > 1) lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 3:
        lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at),
                     std::string(kInserted[random->below(std::size(kInserted))]));
        break;
      default:
        lines[at] += kEnds[random->below(std::size(kEnds))];
    }
  }
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  if (random->below(8) == 0) out.pop_back();
  return out;
}

BOOST_AUTO_TEST_CASE(format_scripts) {
  std::set<fs::path> paths;
  for (const auto& entry : fs::directory_iterator("tests/scripts/format")) paths.insert(entry);
  BOOST_REQUIRE(!paths.empty());
  for (const fs::path& path : paths) {
    const std::vector<Case> cases = read_cases(path);
    BOOST_CHECK(!cases.empty());
    if (std::getenv("PAWL_REWRITE") != nullptr) {
      std::ofstream file(path);
      for (const Case& c : cases) {
        file << c.title << (c.layout_only ? kLayoutOnly : "--- input") << "\n"
             << c.input << "--- output\n"
             << laid_out(c) << "===\n";
      }
      continue;
    }
    for (const Case& c : cases) {
      BOOST_TEST_CONTEXT(path << ": " << c.title) { BOOST_CHECK_EQUAL(laid_out(c), c.output); }
    }
  }
}

BOOST_AUTO_TEST_CASE(format_keeps_the_meaning_the_comments_and_itself) {
  int done = 0;
  for (const std::string& text : corpus()) {
    BOOST_TEST_CONTEXT(text) { done += check_properties(text) ? 1 : 0; }
  }
  BOOST_CHECK_GT(done, 110);
}

BOOST_AUTO_TEST_CASE(format_keeps_the_hash_of_a_definition) {
  int hashed = 0;
  for (const std::string& text : corpus()) {
    const ParsedDefinition before = parse_definition(text);
    if (!before.definition) continue;
    const Formatted formatted = format_toml(text, FormatKind::definition);
    BOOST_REQUIRE(formatted.text);
    const ParsedDefinition after = parse_definition(*formatted.text);
    BOOST_REQUIRE_MESSAGE(after.definition, *formatted.text);
    BOOST_CHECK(after.definition->hash == before.definition->hash);
    ++hashed;
  }
  BOOST_CHECK_GT(hashed, 50);
}

BOOST_AUTO_TEST_CASE(format_of_what_would_be_too_large) {
  std::string text = "x=[1";
  while (text.size() < 60'000) text += ",1";
  const Formatted formatted = format_toml(text + "]\n", FormatKind::definition);
  BOOST_CHECK(!formatted.text);
  BOOST_REQUIRE_EQUAL(formatted.diagnostics.size(), 1U);
  BOOST_CHECK_EQUAL(formatted.diagnostics[0].message,
                    "this file can't be laid out without changing what it says");
  BOOST_CHECK_EQUAL(formatted.diagnostics[0].hint,
                    "it may be too large once laid out: at most 65536 bytes are allowed");
}

BOOST_AUTO_TEST_CASE(format_of_random_changes) {
  const std::vector<std::string> texts = corpus();
  int done = 0;
  for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
    Random random(seed);
    const std::string& from = texts[static_cast<std::size_t>(random.below(texts.size()))];
    if (from.size() > 8000) continue;
    const std::string text = changed(from, &random);
    BOOST_TEST_CONTEXT("seed " << seed << "\n" << text) { done += check_properties(text) ? 1 : 0; }
  }
  BOOST_CHECK_GT(done, 1000);
}

}  // namespace
}  // namespace pawl::dsl
