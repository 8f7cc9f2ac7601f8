// Pictures of definitions: tests/scripts/graph/*.txt (a title, "--- definition", "--- mermaid",
// "--- dot", "==="; PAWL_REWRITE=1 writes both anew). And whatever stands in names and labels, the
// text keeps to what Mermaid's stateDiagram-v2 and Graphviz's grammars (graphviz.org/doc/info/
// lang.html) take, with every node that an edge names declared.

#include "dsl/graph.h"

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace pawl::dsl {
namespace {

namespace fs = std::filesystem;

struct Case {
  std::string title, definition, mermaid, dot;
};

std::vector<Case> read_cases(const fs::path& path) {
  std::ifstream file(path);
  std::vector<Case> cases;
  Case one;
  std::string* into = &one.title;
  for (std::string line; std::getline(file, line);) {
    if (line == "--- definition") {
      into = &one.definition;
    } else if (line == "--- mermaid") {
      into = &one.mermaid;
    } else if (line == "--- dot") {
      into = &one.dot;
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

// "" if it is what Mermaid takes, else the line that is not.
std::string mermaid_mistake(const std::string& text) {
  const std::string label = R"((?:[^\x00-\x1f"#:;<>{}\[\]\\%&]|#[0-9]+;)+)";
  const std::string id = "s[0-9_]+";
  const std::string end = "(?:\\[\\*\\]|" + id + ")";
  const std::regex declared("( *)state \"" + label + "\" as (" + id + ")( \\{)?");
  const std::regex described(" *(" + id + ") : " + label);
  const std::regex edge(" *(" + end + ") --> (" + end + ")(?: : " + label + ")?");
  const std::regex note("  note right of (" + id + ")");
  const std::regex note_line("    " + label);
  std::set<std::string> known, used = {};
  std::istringstream lines(text);
  std::string line;
  int depth = 0;
  bool in_note = false;
  const std::string head[] = {"---", "", "---", "stateDiagram-v2"};
  for (const std::string& expected : head) {
    std::getline(lines, line);
    if (!expected.empty() ? line != expected : !line.starts_with("title: \"")) return line;
  }
  while (std::getline(lines, line)) {
    std::smatch m;
    if (in_note) {
      if (line == "  end note") {
        in_note = false;
      } else if (!std::regex_match(line, note_line)) {
        return line;
      }
    } else if (std::regex_match(line, m, declared)) {
      if (!known.insert(m[2]).second) return "twice: " + line;
      depth += m[3].matched ? 1 : 0;
    } else if (std::regex_match(line, m, edge)) {
      for (const std::size_t side : {1U, 2U}) {
        if (m[side] != "[*]") used.insert(m[side]);
      }
    } else if (std::regex_match(line, m, described)) {
      used.insert(m[1]);
    } else if (std::regex_match(line, m, note)) {
      used.insert(m[1]);
      in_note = true;
    } else if (std::regex_match(line, std::regex(" *\\}"))) {
      if (--depth < 0) return "closed too often";
    } else if (depth == 0 || !std::regex_match(line, std::regex(" *--"))) {
      return line;
    }
  }
  for (const std::string& id_used : used) {
    if (!known.contains(id_used)) return "unknown: " + id_used;
  }
  return depth == 0 && !in_note ? "" : "not closed";
}

// Recursive descent over dot's grammar, as far as it is used here.
class DotReader {
 public:
  explicit DotReader(std::string_view text) : rest_(text) {}

  std::string mistake() {
    if (!word("digraph") || !id() || !word("{") || !statements()) return where();
    skip();
    if (!rest_.empty()) return where();
    for (const std::string& node : used_) {
      if (!declared_.contains(node)) return "unknown: " + node;
    }
    for (const std::string& cluster : clusters_used_) {
      if (!clusters_.contains(cluster)) return "unknown: " + cluster;
    }
    return "";
  }

 private:
  std::string where() const { return "at: " + std::string(rest_.substr(0, 60)); }
  void skip() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size())); }
  bool word(std::string_view w) {
    skip();
    if (!rest_.starts_with(w)) return false;
    rest_.remove_prefix(w.size());
    return true;
  }
  bool id() {
    skip();
    last_.clear();
    if (word("\"")) return quoted();
    while (!rest_.empty() && (std::isalnum(static_cast<unsigned char>(rest_[0])) ||
                              rest_[0] == '_' || rest_[0] == '.')) {
      last_ += rest_[0];
      rest_.remove_prefix(1);
    }
    return !last_.empty();
  }
  bool quoted() {
    for (; !rest_.empty(); rest_.remove_prefix(1)) {
      const char c = rest_[0];
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c == '"') {
        rest_.remove_prefix(1);
        return true;
      }
      if (c != '\\') continue;
      rest_.remove_prefix(1);
      if (rest_.empty() || std::string_view("\"\\nl").find(rest_[0]) > 3) return false;
    }
    return false;
  }
  bool statements() {
    while (!word("}")) {
      if (rest_.empty() || !statement()) return false;
    }
    return true;
  }
  bool statement() {
    if (word("subgraph ")) {
      if (!id()) return false;
      clusters_.insert(last_);
      return word("{") && statements();
    }
    if (!id()) return false;
    const std::string first = last_;
    if (word("=")) return id() && word(";");
    if (word("->")) {
      if (!id()) return false;
      used_.insert(first);
      used_.insert(last_);
    } else if (first != "node" && !declared_.insert(first).second) {
      return false;
    }
    return attributes() && word(";");
  }
  bool attributes() {
    if (!word("[")) return true;
    do {
      if (!id()) return false;
      const std::string name = last_;
      if (!word("=") || !id()) return false;
      if (name == "lhead" || name == "ltail") clusters_used_.insert(last_);
    } while (word(","));
    return word("]");
  }

  std::string_view rest_;
  std::string last_;
  std::set<std::string> declared_, used_, clusters_, clusters_used_;
};

void check_grammar(const Graph& graph) {
  const std::string mermaid = graph_mermaid(graph), dot = graph_dot(graph);
  BOOST_CHECK_MESSAGE(mermaid_mistake(mermaid).empty(), mermaid_mistake(mermaid) + "\n" + mermaid);
  BOOST_CHECK_MESSAGE(DotReader(dot).mistake().empty(), DotReader(dot).mistake() + "\n" + dot);
}

BOOST_AUTO_TEST_CASE(graph_scripts) {
  std::set<fs::path> paths;
  for (const auto& entry : fs::directory_iterator("tests/scripts/graph")) paths.insert(entry);
  BOOST_REQUIRE(!paths.empty());
  for (const fs::path& path : paths) {
    std::vector<Case> cases = read_cases(path);
    BOOST_CHECK(!cases.empty());
    std::string rewritten;
    for (const Case& c : cases) {
      const ParsedDefinition parsed = parse_definition(c.definition);
      BOOST_REQUIRE_MESSAGE(parsed.definition, c.title);
      const Graph graph = graph_of(*parsed.definition);
      check_grammar(graph);
      rewritten += c.title + "--- definition\n" + c.definition + "--- mermaid\n" +
                   graph_mermaid(graph) + "--- dot\n" + graph_dot(graph) + "===\n";
      if (std::getenv("PAWL_REWRITE") != nullptr) continue;
      BOOST_TEST_CONTEXT(c.title) {
        BOOST_CHECK_EQUAL(graph_mermaid(graph), c.mermaid);
        BOOST_CHECK_EQUAL(graph_dot(graph), c.dot);
      }
    }
    if (std::getenv("PAWL_REWRITE") != nullptr) std::ofstream(path) << rewritten;
  }
}

Graph nested(const std::string& text) {
  const GraphFlow leaf = {text, "x" + text, {{"x" + text, text, true, {}}}, {}};
  const GraphFlow other = {
      "other", "y", {{"y", "", false, {leaf}}, {"z", "", true, {}}}, {{"y", "z", text}}};
  Graph graph;
  graph.name = text;
  graph.root = {
      "",
      "a",
      {{"a", text, false, {other, leaf}}, {"b" + text, "", false, {}}},
      {{"a", "b" + text, "next"}, {"b" + text, "end", "catch " + text}, {"", "a", "start"}}};
  graph.notes = {"on " + text + ": a"};
  return graph;
}

BOOST_AUTO_TEST_CASE(graphs_of_flows_within_flows) {
  const Graph graph = nested("inner");
  check_grammar(graph);
  BOOST_CHECK_EQUAL(graph_mermaid(graph), R"(---
title: "inner"
---
stateDiagram-v2
  state "a" as s0 {
    state "y" as s0_0_0 {
      state "xinner" as s0_0_0_0_0
      s0_0_0_0_0 : inner
      [*] --> s0_0_0_0_0
      s0_0_0_0_0 --> [*]
    }
    state "z" as s0_0_1
    [*] --> s0_0_0
    s0_0_0 --> s0_0_1 : inner
    s0_0_1 --> [*]
    --
    state "xinner" as s0_1_0
    s0_1_0 : inner
    [*] --> s0_1_0
    s0_1_0 --> [*]
  }
  state "binner" as s1
  [*] --> s0
  s0 --> s1
  s1 --> [*] : catch inner
  note right of s0
    in every state
    on inner#58; a
  end note
)");
}

BOOST_AUTO_TEST_CASE(graphs_escape_everything) {
  for (const char* text :
       {"\"",       "\\", "\n",  "}",    "{",   "]",     "[",   ";",    ":",
        "#",        "%%", "-->", "\\\"", "<b>", "&amp;", "\\n", "état", "a\"b;c\\d\ne",
        "end note", "--", "`"}) {
    BOOST_TEST_CONTEXT(text) { check_grammar(nested(text)); }
  }
}

BOOST_AUTO_TEST_CASE(graphs_of_the_examples) {
  int drawn = 0;
  for (const auto& entry : fs::recursive_directory_iterator("configs/examples")) {
    if (entry.path().extension() != ".toml") continue;
    std::ifstream file(entry.path());
    std::ostringstream text;
    text << file.rdbuf();
    const ParsedDefinition parsed = parse_definition(text.str());
    if (!parsed.definition) continue;
    check_grammar(graph_of(*parsed.definition));
    ++drawn;
  }
  BOOST_CHECK_GE(drawn, 5);
}

}  // namespace
}  // namespace pawl::dsl
