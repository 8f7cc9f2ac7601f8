// The file and its tests; what stands in a test is in parse_script.cc, parse_step.cc and
// parse_expectation.cc.
#include "rehearsal/parse_tests.h"

#include <algorithm>

#include "base/limits.h"
#include "dsl/parse_value.h"
#include "dsl/toml_scan.h"
#include "engine/run_id.h"
#include "rehearsal/json_form.h"
#include "rehearsal/parse_scope.h"

namespace pawl::rehearsal {
namespace {

using dsl::TomlNode;

// What stands behind this key, wherever it does: `task = "TYPE"`, `call = "WORKFLOW"`.
void collect_names(const TomlNode& node, std::string_view key, std::vector<std::string>* names) {
  for (const TomlNode& child : node.children) {
    if (child.key == key && child.is(TomlNode::Kind::string)) names->push_back(child.text);
    collect_names(child, key, names);
  }
}

std::vector<std::string> names_of(const dsl::Definition& definition, std::string_view key) {
  std::vector<std::string> names;
  dsl::DiagnosticList ignored(definition.text);
  if (const std::optional<TomlNode> root = dsl::parse_toml(&ignored)) {
    collect_names(*root, key, &names);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// What a test starts from when it says nothing itself.
struct Defaults {
  dsl::Value input;
  TimeMs at = kTestBegins;
  std::vector<AnswerScript> tasks, calls, sends;
};

constexpr std::pair<const char*, const char*> kAskers[] = {
    {"task", "tables [test.task.\"TYPE\"]"},
    {"call", "tables [test.call.\"WORKFLOW\"]"},
    {"send", "tables [test.send.\"SIGNAL\"]"}};

std::vector<AnswerScript> parse_scripts(Asker asker, dsl::TableReader* table, ParseScope* scope) {
  std::vector<AnswerScript> scripts;
  const auto& [key, tables] = kAskers[static_cast<int>(asker)];
  const TomlNode* node = table->take(key);
  if (node == nullptr) return scripts;
  if (!node->is(TomlNode::Kind::table)) {
    dsl::wrong_kind(*node, dsl::quoted(key), tables, scope->diagnostics);
    return scripts;
  }
  for (const TomlNode& child : node->children) {
    scripts.push_back(parse_answer_script(child, asker, scope));
  }
  return scripts;
}

// The file's own answers stand behind those of the test: a type that the test answers is its own.
void add_defaults(const std::vector<AnswerScript>& defaults, std::vector<AnswerScript>* scripts) {
  for (const AnswerScript& script : defaults) {
    const bool own = std::any_of(scripts->begin(), scripts->end(),
                                 [&](const AnswerScript& s) { return s.type == script.type; });
    if (!own) scripts->push_back(script);
  }
}

// A table of fields: what a start must be given.
dsl::Value read_input(const TomlNode& node, ParseScope* scope) {
  if (!node.is(TomlNode::Kind::table)) {
    dsl::wrong_kind(node, "`input`", "a table", scope->diagnostics);
    return {};
  }
  return read_value(node, scope).value_or(dsl::Value());
}

void parse_start(dsl::TableReader* table, TestCase* test, ParseScope* scope) {
  if (const TomlNode* x = table->take("id")) {
    test->start.id = dsl::read_string(*x, scope->diagnostics).value_or("test");
    const std::string why = engine::run_id_problem(test->start.id);
    if (!why.empty()) scope->diagnostics->error(x->place, why);
  }
  if (const TomlNode* x = table->take("input")) test->start.input = read_input(*x, scope);
  if (const TomlNode* x = table->take("at")) test->at = read_time(*x, scope).value_or(test->at);
  if (const TomlNode* x = table->take("start_at")) test->start.start_at = read_time(*x, scope);
  if (const TomlNode* x = table->take("actor")) test->sender = parse_sender(*x, scope);
  test->refused = parse_refused(table->take("refused"), scope);
}

bool expects_something(const TestCase& test) {
  return test.expect_line > 0 || test.refused ||
         std::any_of(test.steps.begin(), test.steps.end(), [](const Step& step) {
           const auto* sent = std::get_if<SendCommand>(&step.what);
           return std::holds_alternative<Expectation>(step.what) ||
                  (sent != nullptr && sent->refused);
         });
}

std::vector<Step> parse_steps(const TomlNode& node, ParseScope* scope) {
  std::vector<Step> steps;
  if (!node.is(TomlNode::Kind::list)) {
    dsl::wrong_kind(node, "`step`", "a list of tables [[test.step]]", scope->diagnostics);
    return steps;
  }
  for (const TomlNode& child : node.children) {
    if (std::optional<Step> step = parse_step(child, scope)) steps.push_back(std::move(*step));
  }
  return steps;
}

TestCase parse_test(const TomlNode& node, const Defaults& defaults, ParseScope* scope) {
  TestCase test;
  test.line = node.mark().line;
  test.start.id = "test";
  test.start.version = 1;
  test.start.input = defaults.input;
  test.at = defaults.at;
  test.sender.actor.box = NodeId(1);
  dsl::TableReader table(node, "a test", scope->diagnostics);
  if (const TomlNode* x = table.need("name", "name = \"what is true\"")) {
    test.name = dsl::read_string(*x, scope->diagnostics).value_or("");
  }
  if (const TomlNode* x = table.take("doc")) dsl::read_string(*x, scope->diagnostics);
  parse_start(&table, &test, scope);
  test.tasks = parse_scripts(Asker::task, &table, scope);
  test.calls = parse_scripts(Asker::call, &table, scope);
  test.sends = parse_scripts(Asker::send, &table, scope);
  add_defaults(defaults.tasks, &test.tasks);
  add_defaults(defaults.calls, &test.calls);
  add_defaults(defaults.sends, &test.sends);
  const int errors = scope->diagnostics->errors();
  if (const TomlNode* x = table.take("step")) test.steps = parse_steps(*x, scope);
  if (const TomlNode* x = table.take("run_out")) {
    test.run_out = dsl::read_boolean(*x, scope->diagnostics).value_or(false);
  }
  if (const TomlNode* x = table.take("expect")) {
    test.expect_line = x->mark().line;
    test.expect = parse_expectation(*x, scope);
  }
  table.finish();
  if (errors == scope->diagnostics->errors() && !expects_something(test)) {
    scope->diagnostics->error(node.mark(), "this test expects nothing: it can't fail",
                              "[test.expect] status = \"completed\"");
  }
  return test;
}

void check_names(const TomlNode& list, std::vector<TestCase>* tests, ParseScope* scope) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < tests->size(); ++i) {
    const std::string& name = (*tests)[i].name;
    const bool again = std::find(names.begin(), names.end(), name) != names.end();
    if (again && !name.empty()) {
      const TomlNode* x = list.children[i].find("name");
      scope->diagnostics->error(x->place, "there is a test " + dsl::quoted(name) + " already");
    }
    names.push_back(name);
  }
}

std::vector<TestCase> parse_file(const TomlNode& root, ParseScope* scope) {
  std::vector<TestCase> tests;
  Defaults defaults;
  dsl::TableReader table(root, "a test file", scope->diagnostics);
  if (const TomlNode* x = table.take("doc")) dsl::read_string(*x, scope->diagnostics);
  if (const TomlNode* x = table.take("input")) defaults.input = read_input(*x, scope);
  if (const TomlNode* x = table.take("at"))
    defaults.at = read_time(*x, scope).value_or(defaults.at);
  defaults.tasks = parse_scripts(Asker::task, &table, scope);
  defaults.calls = parse_scripts(Asker::call, &table, scope);
  defaults.sends = parse_scripts(Asker::send, &table, scope);
  const TomlNode* list = table.need("test", "[[test]] name = \"what is true\"");
  if (list != nullptr && !list->is(TomlNode::Kind::list)) {
    dsl::wrong_kind(*list, "`test`", "a list of tables [[test]]", scope->diagnostics);
  } else if (list != nullptr) {
    for (const TomlNode& child : list->children) {
      tests.push_back(parse_test(child, defaults, scope));
    }
    check_names(*list, &tests, scope);
  }
  table.finish();
  return tests;
}

}  // namespace

void check_known(const TomlNode& node, std::string_view name, std::string_view what,
                 const std::vector<std::string>& known, ParseScope* scope) {
  if (std::find(known.begin(), known.end(), name) != known.end()) return;
  scope->diagnostics->error(node.mark(),
                            "the definition has no " + std::string(what) + " " + dsl::quoted(name),
                            scope->diagnostics->did_you_mean(name, known));
}

std::optional<dsl::Value> read_value(const TomlNode& node, ParseScope* scope) {
  const std::optional<dsl::Value> value = dsl::parse_literal(node, scope->context);
  if (!value) return std::nullopt;
  return json_form(*value);
}

std::vector<NamedValue> read_values(const TomlNode& node, ParseScope* scope) {
  std::vector<NamedValue> values;
  if (!node.is(TomlNode::Kind::table)) {
    dsl::wrong_kind(node, dsl::quoted(node.key), "a table", scope->diagnostics);
    return values;
  }
  for (const TomlNode& child : node.children) {
    if (const auto value = read_value(child, scope)) values.emplace_back(child.key, *value);
  }
  return values;
}

std::optional<TimeMs> read_time(const TomlNode& node, ParseScope* scope) {
  if (node.is(TomlNode::Kind::timestamp)) {
    return TimeMs(node.timestamp.seconds * 1000 + node.timestamp.nanos / 1'000'000);
  }
  dsl::wrong_kind(node, dsl::quoted(node.key), "a moment", scope->diagnostics,
                  "write it with an offset and without quotes: 2026-11-21T09:00:00Z");
  return std::nullopt;
}

ParsedTests parse_tests(std::string_view text, const dsl::Definition& definition) {
  ParsedTests out;
  dsl::DiagnosticList diagnostics(text.substr(0, limits::kDefinitionBytesMax + 1));
  std::optional<TomlNode> root;
  if (dsl::scan_toml(&diagnostics)) root = dsl::parse_toml(&diagnostics);
  if (root && diagnostics.errors() == 0) {
    dsl::ParseContext context;
    context.diagnostics = &diagnostics;
    ParseScope scope{&diagnostics,
                     &definition,
                     &context,
                     {},
                     {},
                     names_of(definition, "task"),
                     names_of(definition, "call")};
    for (const dsl::State& state : definition.root.states) scope.states.push_back(state.name);
    for (const dsl::SignalSpec& signal : definition.signals) scope.signals.push_back(signal.name);
    out.tests = parse_file(*root, &scope);
  }
  out.ok = diagnostics.errors() == 0;
  if (!out.ok) out.tests.clear();
  out.diagnostics = diagnostics.take(&out.suppressed);
  return out;
}

}  // namespace pawl::rehearsal
