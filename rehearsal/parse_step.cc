// What is done to the run: an item of `step` has one of its kinds' keys, and what belongs to it.
#include <algorithm>

#include "rehearsal/parse_scope.h"
#include "rehearsal/refusal_name.h"

namespace pawl::rehearsal {
namespace {

using dsl::TomlNode;

constexpr const char* kKinds[] = {"signal", "move",   "advance",   "until", "cancel",
                                  "pause",  "resume", "terminate", "retry", "expect"};

// `cancel = true` or `cancel = "why"`
std::string read_reason(const TomlNode& node, ParseScope* scope) {
  if (node.is(TomlNode::Kind::boolean) && node.boolean) return {};
  if (node.is(TomlNode::Kind::string)) return node.text;
  dsl::wrong_kind(node, dsl::quoted(node.key), "true or a reason", scope->diagnostics);
  return {};
}

engine::Signal parse_signal(const TomlNode& node, bool may_be_unknown, dsl::TableReader* table,
                            ParseScope* scope) {
  engine::Signal signal;
  signal.name = dsl::read_name(node, "a signal", scope->diagnostics).value_or("");
  if (!signal.name.empty() && !may_be_unknown) {
    check_known(node, signal.name, "signal", scope->signals, scope);
  }
  if (const TomlNode* x = table->take("with")) {
    signal.payload = read_value(*x, scope).value_or(dsl::Value());
  }
  if (const TomlNode* x = table->take("dedupe_id")) {
    signal.dedupe_id = dsl::read_string(*x, scope->diagnostics).value_or("");
  }
  if (const TomlNode* x = table->take("expect_state")) {
    signal.expect_state = dsl::read_string(*x, scope->diagnostics);
  }
  return signal;
}

std::string read_state(const TomlNode& node, ParseScope* scope) {
  const std::string name = dsl::read_name(node, "a state", scope->diagnostics).value_or("");
  if (!name.empty()) check_known(node, name, "state", scope->states, scope);
  return name;
}

engine::Move parse_move(const TomlNode& node, dsl::TableReader* table, ParseScope* scope) {
  engine::Move move;
  move.to = read_state(node, scope);
  if (const TomlNode* x = table->take("from")) move.from = read_state(*x, scope);
  if (const TomlNode* x = table->take("vars")) move.vars = read_values(*x, scope);
  return move;
}

engine::RetryIncident parse_retry_incident(const TomlNode& node, ParseScope* scope) {
  engine::RetryIncident retry;
  if (node.is(TomlNode::Kind::integer)) {
    const auto id = dsl::read_integer(node, 1, UINT32_MAX, scope->diagnostics);
    if (id) retry.incident = engine::IncidentId(static_cast<std::uint32_t>(*id));
  } else {
    retry.reason = read_reason(node, scope);
  }
  return retry;
}

engine::Command parse_command(const TomlNode& node, bool may_be_unknown, dsl::TableReader* table,
                              ParseScope* scope) {
  if (node.key == "signal") return parse_signal(node, may_be_unknown, table, scope);
  if (node.key == "move") return parse_move(node, table, scope);
  if (node.key == "retry") return parse_retry_incident(node, scope);
  std::string reason = read_reason(node, scope);
  if (node.key == "cancel") return engine::Cancel{std::move(reason)};
  if (node.key == "pause") return engine::Pause{std::move(reason)};
  if (node.key == "resume") return engine::Resume{std::move(reason)};
  return engine::Terminate{std::move(reason)};
}

SendCommand parse_sending(const TomlNode& node, dsl::TableReader* table, ParseScope* scope) {
  SendCommand sending;
  sending.refused = parse_refused(table->take("refused"), scope);
  sending.command = parse_command(node, sending.refused.has_value(), table, scope);
  sending.sender.actor.box = NodeId(1);
  if (const TomlNode* x = table->take("actor")) sending.sender = parse_sender(*x, scope);
  return sending;
}

std::uint32_t read_id(const TomlNode& node, ParseScope* scope) {
  const auto id = dsl::read_integer(node, 0, UINT32_MAX, scope->diagnostics);
  return static_cast<std::uint32_t>(id.value_or(0));
}

}  // namespace

std::optional<std::string> parse_refused(const TomlNode* node, ParseScope* scope) {
  if (node == nullptr) return std::nullopt;
  if (node->is(TomlNode::Kind::boolean) && node->boolean) return "";
  if (!node->is(TomlNode::Kind::string)) {
    dsl::wrong_kind(*node, "`refused`", "true or the type of a problem", scope->diagnostics,
                    "such as \"signal-not-accepted\"");
    return "";
  }
  const std::vector<std::string> known = refusal_names();
  if (std::find(known.begin(), known.end(), node->text) == known.end()) {
    scope->diagnostics->error(node->place, "no problem is called " + dsl::quoted(node->text),
                              scope->diagnostics->did_you_mean(node->text, known));
  }
  return node->text;
}

Sender parse_sender(const TomlNode& node, ParseScope* scope) {
  Sender sender;
  sender.actor.box = NodeId(1);
  dsl::TableReader table(node, "`actor`", scope->diagnostics);
  if (const TomlNode* x = table.take("box")) sender.actor.box = NodeId(read_id(*x, scope));
  if (const TomlNode* x = table.take("uid")) sender.actor.uid = read_id(*x, scope);
  if (const TomlNode* x = table.take("gids")) {
    if (!x->is(TomlNode::Kind::list)) {
      dsl::wrong_kind(*x, "`gids`", "a list of numbers", scope->diagnostics);
    } else {
      for (const TomlNode& gid : x->children) sender.actor.gids.push_back(read_id(gid, scope));
      std::sort(sender.actor.gids.begin(), sender.actor.gids.end());
    }
  }
  if (const TomlNode* x = table.take("groups")) {
    sender.groups = dsl::read_strings(*x, scope->diagnostics).value_or(std::vector<std::string>());
  }
  table.finish();
  return sender;
}

std::optional<Step> parse_step(const TomlNode& node, ParseScope* scope) {
  dsl::TableReader table(node, "a step", scope->diagnostics);
  const TomlNode* kind = nullptr;
  int kinds = 0;
  for (const char* key : kKinds) {
    const TomlNode* found = table.take(key);
    if (found == nullptr) continue;
    kind = found;
    ++kinds;
  }
  if (kinds != 1) {
    if (table.is_table()) {
      scope->diagnostics->error(node.mark(), "a step does one thing",
                                "one of: signal, move, cancel, pause, resume, terminate, retry, "
                                "advance, until, expect");
    }
    return std::nullopt;
  }
  Step step;
  step.line = kind->mark().line;
  if (kind->key == "advance") {
    step.what =
        TimePasses{std::nullopt, dsl::read_duration_ms(*kind, scope->diagnostics).value_or(0)};
  } else if (kind->key == "until") {
    step.what = TimePasses{read_time(*kind, scope), 0};
  } else if (kind->key == "expect") {
    step.what = parse_expectation(*kind, scope);
  } else {
    step.what = parse_sending(*kind, &table, scope);
  }
  table.finish();
  return step;
}

}  // namespace pawl::rehearsal
