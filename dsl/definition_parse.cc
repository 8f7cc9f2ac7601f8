// The whole file: its root keys and tables, in the order in which they need each other.

#include "base/limits.h"
#include "dsl/canonical.h"
#include "dsl/check_graph.h"
#include "dsl/check_usage.h"
#include "dsl/definition.h"
#include "dsl/parse_context.h"
#include "dsl/parse_flow.h"
#include "dsl/parse_handler.h"
#include "dsl/parse_limit.h"
#include "dsl/parse_migrate.h"
#include "dsl/parse_schedule.h"
#include "dsl/parse_schema.h"
#include "dsl/parse_table.h"
#include "dsl/parse_task.h"
#include "dsl/parse_value.h"
#include "dsl/toml_scan.h"

namespace pawl::dsl {
namespace {

class RootParser {
 public:
  RootParser(const TomlNode& root, DiagnosticList* diagnostics)
      : root_(root), diagnostics_(diagnostics), table_(root, "a definition", diagnostics) {
    context_.diagnostics = diagnostics;
  }

  Definition run() {
    parse_head();
    parse_retention();
    parse_history();
    const TomlNode* states = table_.need("state", "a machine has at least one state: [state.NAME]");
    if (states != nullptr) collect_states(*states, &context_);
    const TomlNode* flows = table_.take("flow");
    if (flows != nullptr) collect_flows(*flows, &context_);
    parse_data();
    parse_signals();
    parse_retries();
    if (const TomlNode* x = table_.take("limit")) definition_.limits = parse_limits(*x, &context_);
    parse_task_types();
    parse_exits();
    const TomlNode* start = table_.take("start");
    if (states != nullptr) parse_states(*states, start, &table_, &definition_.root, &context_);
    if (!definition_.root.states.empty()) check_graph(definition_, definition_.root, context_);
    if (const TomlNode* x = table_.take("migrate")) {
      definition_.migrate = parse_migrate(*x, definition_.revision, &context_);
    }
    if (flows != nullptr) parse_flows(*flows, root_, &definition_, &context_);
    if (const TomlNode* x = table_.take("schedule")) {
      const Fields* input = definition_.input ? &*definition_.input : nullptr;
      definition_.schedules = parse_schedules(*x, input, &context_);
    }
    table_.finish();
    check_unused(context_);
    definition_.feature_level = context_.feature_level;
    return std::move(definition_);
  }

 private:
  void parse_head() {
    if (const TomlNode* x = table_.need("dsl", "dsl = 1")) parse_version(*x);
    if (const TomlNode* x = table_.need("name", "name = \"...\"")) {
      definition_.name = read_name(*x, "a workflow", diagnostics_).value_or("");
    }
    if (const TomlNode* x = table_.take("doc")) {
      definition_.doc = read_string(*x, diagnostics_).value_or("");
    }
    if (const TomlNode* x = table_.take("revision")) {
      definition_.revision = read_name_like(*x);
    }
  }

  void parse_version(const TomlNode& node) {
    if (!node.is(TomlNode::Kind::integer)) {
      wrong_kind(node, "`dsl`", "the integer 1", diagnostics_);
    } else if (node.integer != 1) {
      diagnostics_->error(node.place, "this version of pawl reads dsl = 1 only");
    }
  }

  // "2026-11a": anything short on one line.
  std::string read_name_like(const TomlNode& node) {
    std::string text = read_string(node, diagnostics_).value_or("");
    if (text.size() > limits::kNameBytesMax || text.find('\n') != std::string::npos) {
      diagnostics_->error(node.place, quoted(node.key) + " is one line of at most " +
                                          std::to_string(limits::kNameBytesMax) + " bytes");
    }
    return text;
  }

  void parse_retention() {
    if (const TomlNode* node = table_.take("id")) {
      TableReader id(*node, "[id]", diagnostics_);
      if (const TomlNode* x = id.take("reuse")) {
        definition_.reuse = read_choice<IdReuse>(*x,
                                                 {{"allow", IdReuse::allow},
                                                  {"failed_only", IdReuse::failed_only},
                                                  {"reject", IdReuse::reject}},
                                                 diagnostics_)
                                .value_or(IdReuse::allow);
      }
      if (const TomlNode* x = id.take("conflict")) {
        definition_.conflict =
            read_choice<IdConflict>(*x,
                                    {{"fail", IdConflict::fail},
                                     {"use_existing", IdConflict::use_existing},
                                     {"terminate_existing", IdConflict::terminate_existing}},
                                    diagnostics_)
                .value_or(IdConflict::fail);
      }
      id.finish();
    }
    if (const TomlNode* node = table_.take("retention")) {
      TableReader retention(*node, "[retention]", diagnostics_);
      if (const TomlNode* x = retention.take("closed")) {
        definition_.retention_ms = read_duration_ms(*x, diagnostics_);
      }
      retention.finish();
    }
  }

  void parse_history() {
    const TomlNode* node = table_.take("history");
    if (node == nullptr) return;
    TableReader history(*node, "[history]", diagnostics_);
    if (const TomlNode* x = history.take("max_events")) {
      definition_.history_events =
          read_integer(*x, limits::kHistoryEventsMin, limits::kHistoryEventsMax, diagnostics_)
              .value_or(definition_.history_events);
    }
    if (const TomlNode* x = history.take("max_bytes")) {
      definition_.history_bytes =
          read_bytes(*x, limits::kHistoryBytesMin, limits::kHistoryBytesMax, diagnostics_)
              .value_or(definition_.history_bytes);
    }
    history.finish();
  }

  // Input and variables, and with them what is in scope everywhere.
  void parse_data() {
    Type input;
    if (const TomlNode* x = table_.take("input")) {
      definition_.input = parse_fields(*x, &context_);
      input = type_of(*definition_.input);
    }
    if (const TomlNode* x = table_.take("vars")) {
      context_.vars = parse_variables(*x, &context_);
      context_.vars_declared = true;
    }
    definition_.root.vars = context_.vars;
    std::map<std::string, Type> variables;
    for (const std::string& name : assigned_variables(root_)) variables.emplace(name, Type());
    for (const auto& [name, schema] : context_.vars.items) {
      variables.insert_or_assign(name, type_of(schema));
    }
    context_.base.emplace("input", std::move(input));
    context_.base.emplace("vars", map_of(std::move(variables)));
    context_.base.emplace("run", run_type());
  }

  void parse_signals() {
    const TomlNode* node = table_.take("signal");
    if (node == nullptr) return;
    if (!node->is(TomlNode::Kind::table)) {
      return wrong_kind(*node, "`signal`", "tables [signal.NAME]", diagnostics_);
    }
    for (const TomlNode& child : node->children) {
      check_name(child.key, child.mark(), "a signal", diagnostics_);
      SignalEntry& entry = context_.signals[child.key];
      entry.place = child.mark();
      entry.spec = parse_signal(child);
    }
    for (const auto& [name, entry] : context_.signals) definition_.signals.push_back(entry.spec);
  }

  SignalSpec parse_signal(const TomlNode& node) {
    SignalSpec spec;
    spec.name = node.key;
    TableReader table(node, "[signal." + node.key + "]", diagnostics_);
    if (const TomlNode* x = table.take("buffer"))
      spec.buffer_ms = read_duration_ms(*x, diagnostics_);
    if (const TomlNode* x = table.take("payload")) spec.payload = parse_shape(*x, &context_);
    if (const TomlNode* x = table.take("doc")) read_string(*x, diagnostics_);
    if (const TomlNode* x = table.take("groups")) {
      const int errors = diagnostics_->errors();
      spec.groups = read_strings(*x, diagnostics_).value_or(std::vector<std::string>());
      if (spec.groups.empty() && diagnostics_->errors() == errors) {
        diagnostics_->error(x->place, "an empty `groups` lets nobody send the signal",
                            "leave it out to let every client send it");
      }
    }
    table.finish();
    return spec;
  }

  void parse_retries() {
    const TomlNode* node = table_.take("retry");
    if (node == nullptr) return;
    if (!node->is(TomlNode::Kind::table)) {
      return wrong_kind(*node, "`retry`", "tables [retry.NAME]", diagnostics_,
                        "a task names its policy: retry = \"NAME\"");
    }
    if (const TomlNode* x = node->find("default")) {
      context_.default_retry = parse_retry_policy(*x, Retry(), diagnostics_);
    }
    for (const TomlNode& child : node->children) {
      check_name(child.key, child.mark(), "a retry policy", diagnostics_);
      RetryEntry& entry = context_.retries[child.key];
      entry.place = child.mark();
      entry.retry = child.key == "default"
                        ? context_.default_retry
                        : parse_retry_policy(child, context_.default_retry, diagnostics_);
    }
  }

  void parse_task_types() {
    const TomlNode* node = table_.take("task");
    if (node == nullptr) return;
    if (!node->is(TomlNode::Kind::table)) {
      return wrong_kind(*node, "`task`", "tables [task.\"TYPE\"]", diagnostics_,
                        "a state runs a task: [state.NAME] task = \"TYPE\"");
    }
    for (const TomlNode& child : node->children) {
      check_name(child.key, child.mark(), "a task type", diagnostics_);
      context_.tasks.insert_or_assign(child.key, parse_task_defaults(child, &context_));
    }
  }

  // What leads out of every state.
  void parse_exits() {
    const auto state = [&](std::string_view key) -> std::optional<std::string> {
      const TomlNode* x = table_.take(key);
      if (x == nullptr) return std::nullopt;
      if (x->is(TomlNode::Kind::string) && x->text == "end") {
        diagnostics_->error(x->place, quoted(key) + " names a state, and `end` is none");
      }
      return parse_next(*x, &context_);
    };
    definition_.on_error = state("on_error");
    definition_.on_timeout = state("on_timeout");
    definition_.on_cancel = state("on_cancel");
    if (const TomlNode* x = table_.take("timeout")) {
      definition_.timeout_ms = read_duration_ms(*x, diagnostics_);
    } else if (const TomlNode* y = root_.find("on_timeout")) {
      diagnostics_->warning(y->mark(), "`on_timeout` without a `timeout` is never used");
    }
    if (const TomlNode* x = table_.take("on")) definition_.on = parse_on(*x, &context_);
    if (const TomlNode* x = table_.take("after")) definition_.after = parse_timers(*x, &context_);
    if (const TomlNode* x = table_.take("every")) definition_.every = parse_timers(*x, &context_);
    context_.run_is_bounded = definition_.timeout_ms.has_value();
    for (const TimerHandler& timer : definition_.after) {
      for (const Branch& branch : timer.branches) {
        if (branch.next) context_.run_is_bounded = true;
      }
    }
  }

  const TomlNode& root_;
  DiagnosticList* diagnostics_;
  TableReader table_;
  ParseContext context_;
  Definition definition_;
};

}  // namespace

ParsedDefinition parse_definition(std::string_view text) {
  ParsedDefinition out;
  DiagnosticList diagnostics(text.size() > limits::kDefinitionBytesMax
                                 ? text.substr(0, limits::kDefinitionBytesMax + 1)
                                 : text);
  std::optional<TomlNode> root;
  if (scan_toml(&diagnostics)) root = parse_toml(&diagnostics);
  // A tree that is too deep was cut off; nothing behind it is worth reading.
  if (root && diagnostics.errors() == 0) {
    Definition definition = RootParser(*root, &diagnostics).run();
    if (diagnostics.errors() == 0) {
      definition.text = std::string(text);
      definition.canonical = canonical_text(*root);
      definition.hash = digest(definition.canonical);
      out.definition = std::make_shared<const Definition>(std::move(definition));
    }
  }
  out.diagnostics = diagnostics.take(&out.suppressed);
  return out;
}

}  // namespace pawl::dsl
