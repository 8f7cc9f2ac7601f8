// What must be true: `expect`, of a test's end or of a step.
#include <type_traits>
#include <utility>

#include "dsl/expression.h"
#include "engine/event.h"
#include "engine/event_parts.h"
#include "rehearsal/parse_scope.h"

namespace pawl::rehearsal {
namespace {

using dsl::TomlNode;

template <std::size_t... I>
std::vector<std::string> names_of_events(std::index_sequence<I...>) {
  return {std::variant_alternative_t<I, engine::Event>::kName...};
}

std::vector<std::string> event_names() {
  return names_of_events(std::make_index_sequence<std::variant_size_v<engine::Event>>());
}

std::vector<std::string> status_names() {
  std::vector<std::string> names;
  for (int i = 0; i <= static_cast<int>(enum_max(engine::RunStatus{})); ++i) {
    names.emplace_back(enum_name(static_cast<engine::RunStatus>(i)));
  }
  return names;
}

// Of a path the variables are a table.
void check_paths(const TomlNode& node, const std::vector<NamedValue>& vars, ParseScope* scope) {
  for (const auto& [name, value] : vars) {
    if (!is_path(name) || value.kind() == dsl::Kind::map) continue;
    const TomlNode* child = node.find(name);
    dsl::wrong_kind(child == nullptr ? node : *child, dsl::quoted(name), "a table of variables",
                    scope->diagnostics);
  }
}

std::string read_one_of(const TomlNode& node, const std::vector<std::string>& names,
                        ParseScope* scope) {
  for (const std::string& name : names) {
    if (node.is(TomlNode::Kind::string) && node.text == name) return name;
  }
  dsl::report_choice(node, names, scope->diagnostics);
  return {};
}

// What is wrong with names of root states is found now, not when nothing is ever equal to them.
void check_states(const TomlNode& node, const std::vector<std::string>& names, ParseScope* scope) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool list = node.is(TomlNode::Kind::list) && node.children.size() == names.size();
    check_known(list ? node.children[i] : node, names[i], "state", scope->states, scope);
  }
}

ExpectedError parse_error(const TomlNode& node, bool of_incident, ParseScope* scope) {
  ExpectedError error;
  if (node.is(TomlNode::Kind::string)) {
    error.type = node.text;
    return error;
  }
  if (node.is(TomlNode::Kind::boolean) && !node.boolean && !of_incident) {
    error.none = true;
    return error;
  }
  dsl::TableReader table(node, of_incident ? "an incident" : "`error`", scope->diagnostics);
  const auto text = [&](const char* key) -> std::optional<std::string> {
    const TomlNode* x = table.take(key);
    if (x == nullptr) return std::nullopt;
    return dsl::read_string(*x, scope->diagnostics);
  };
  error.type = text("type");
  error.message = text("message");
  if (of_incident) error.state = text("state");
  if (const TomlNode* x = table.take("data")) error.data = read_value(*x, scope);
  table.finish();
  return error;
}

ExpectedEvent parse_event(const TomlNode& node, ParseScope* scope) {
  const std::vector<std::string> names = event_names();
  if (node.is(TomlNode::Kind::string)) {
    return {read_one_of(node, names, scope), dsl::Value::map({})};
  }
  ExpectedEvent event;
  dsl::Map fields;
  dsl::TableReader table(node, "an event", scope->diagnostics);
  const TomlNode* type = table.need("type", "{ type = \"timer.fired\" }");
  if (type != nullptr) event.type = read_one_of(*type, names, scope);
  for (const TomlNode& child : node.children) {
    if (!table.is_table() || &child == type) continue;
    if (auto value = read_value(child, scope)) {
      fields.emplace_back(dsl::Value::string(child.key), std::move(*value));
    }
  }
  event.fields = dsl::Value::map(std::move(fields));
  return event;
}

// A list; what is none is reported, and read as an empty one.
const std::vector<TomlNode>& read_list(const TomlNode& node, ParseScope* scope) {
  static const std::vector<TomlNode> empty;
  if (node.is(TomlNode::Kind::list)) return node.children;
  dsl::wrong_kind(node, dsl::quoted(node.key), "a list", scope->diagnostics);
  return empty;
}

// All of them: `sent`, and `called`.
std::optional<dsl::List> parse_asked(const TomlNode* node, std::initializer_list<const char*> keys,
                                     ParseScope* scope) {
  if (node == nullptr) return std::nullopt;
  dsl::List all;
  for (const TomlNode& child : read_list(*node, scope)) {
    dsl::Map fields;
    dsl::TableReader table(child, "an item of " + dsl::quoted(node->key), scope->diagnostics);
    for (const char* key : keys) {
      const TomlNode* x = table.take(key);
      if (x == nullptr) continue;
      if (auto value = read_value(*x, scope)) {
        fields.emplace_back(dsl::Value::string(key), std::move(*value));
      }
    }
    table.finish();
    all.push_back(dsl::Value::map(std::move(fields)));
  }
  return all;
}

void parse_visits(const TomlNode& node, Expectation* out, ParseScope* scope) {
  if (!node.is(TomlNode::Kind::table)) {
    return dsl::wrong_kind(node, "`visits`", "a table of states", scope->diagnostics);
  }
  for (const TomlNode& child : node.children) {
    if (!is_path(child.key)) check_known(child, child.key, "state", scope->states, scope);
    const auto count = dsl::read_integer(child, 0, UINT32_MAX, scope->diagnostics);
    if (count) out->visits.emplace_back(child.key, *count);
  }
}

// Virtual time since the test began; "0s" too.
std::optional<std::int64_t> read_passed(const TomlNode& node, ParseScope* scope) {
  dsl::Duration duration;
  if (node.is(TomlNode::Kind::string) && dsl::parse_duration(node.text, &duration) &&
      duration >= dsl::Duration{}) {
    return duration.seconds * 1000 + duration.nanos / 1'000'000;
  }
  dsl::wrong_kind(node, "`at`", "the time passed since the start", scope->diagnostics,
                  "such as \"48h\"");
  return std::nullopt;
}

void parse_names(dsl::TableReader* table, Expectation* out, ParseScope* scope) {
  for (const char* key : {"states", "path", "tasks", "undone"}) {
    const TomlNode* x = table->take(key);
    if (x == nullptr) continue;
    auto names = dsl::read_strings(*x, scope->diagnostics);
    if (!names) continue;
    if (x->key == "path") check_states(*x, *names, scope);
    out->lists.push_back({x->key, std::move(*names)});
  }
}

}  // namespace

Expectation parse_expectation(const TomlNode& node, ParseScope* scope) {
  Expectation out;
  dsl::TableReader table(node, "`expect`", scope->diagnostics);
  if (const TomlNode* x = table.take("status")) out.status = read_one_of(*x, status_names(), scope);
  if (const TomlNode* x = table.take("state")) {
    out.state = dsl::read_string(*x, scope->diagnostics);
    if (out.state) check_states(*x, {*out.state}, scope);
  }
  parse_names(&table, &out, scope);
  if (const TomlNode* x = table.take("output")) out.output = read_value(*x, scope);
  if (const TomlNode* x = table.take("error")) out.error = parse_error(*x, false, scope);
  if (const TomlNode* x = table.take("vars")) {
    out.vars = read_values(*x, scope);
    check_paths(*x, out.vars, scope);
  }
  if (const TomlNode* x = table.take("events")) {
    for (const TomlNode& child : read_list(*x, scope)) {
      out.events.push_back(parse_event(child, scope));
    }
  }
  out.sent = parse_asked(table.take("sent"), {"to", "signal", "with"}, scope);
  out.called = parse_asked(table.take("called"), {"workflow", "id", "with"}, scope);
  if (const TomlNode* x = table.take("visits")) parse_visits(*x, &out, scope);
  if (const TomlNode* x = table.take("incidents")) {
    if (x->is(TomlNode::Kind::integer)) {
      out.incident_count = dsl::read_integer(*x, 0, UINT32_MAX, scope->diagnostics);
    } else {
      out.incidents.emplace();
      for (const TomlNode& child : read_list(*x, scope)) {
        out.incidents->push_back(parse_error(child, true, scope));
      }
    }
  }
  if (const TomlNode* x = table.take("at")) out.at_ms = read_passed(*x, scope);
  table.finish();
  if (table.is_table() && node.children.empty()) {
    scope->diagnostics->error(node.mark(), "an empty `expect` can't fail",
                              "status = \"completed\"");
  }
  return out;
}

}  // namespace pawl::rehearsal
