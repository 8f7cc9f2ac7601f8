#include "dsl/parse_handler.h"

#include <algorithm>

#include "dsl/parse_pattern.h"
#include "dsl/parse_table.h"
#include "dsl/parse_task.h"
#include "dsl/parse_value.h"

namespace pawl::dsl {
namespace {

Environment signal_scope(const std::optional<Schema>& payload, const ParseContext& context) {
  Environment scope = with_name(context, "signal", payload ? type_of(*payload) : Type());
  scope["actor"] = actor_type();
  return scope;
}

// The keys that handlers and choose have in common.
Branch parse_branch(const TomlNode& node, TableReader* table, const Environment& environment,
                    ParseContext* context) {
  Branch branch;
  branch.line = node.place.line;
  if (const TomlNode* x = table->take("if"))
    branch.condition = parse_condition(*x, environment, context);
  if (const TomlNode* x = table->take("next")) branch.next = parse_next(*x, context);
  if (const TomlNode* x = table->take("save")) {
    branch.save = parse_assignments(*x, environment, context);
  }
  return branch;
}

std::optional<TaskSpec> parse_handler_task(const TomlNode& node, const Environment& environment,
                                           ParseContext* context) {
  if (!node.is(TomlNode::Kind::table)) {
    wrong_kind(node, "a handler's `task`", "a table", context->diagnostics,
               "task = { task = \"TYPE\", with = { ... } }");
    return std::nullopt;
  }
  TableReader table(node, "a handler's `task`", context->diagnostics);
  const TomlNode* type = table.need("task", "the task's type");
  std::optional<TaskSpec> task;
  if (type != nullptr) {
    task = parse_task(*type, /*may_undo=*/false, &table, environment, context);
    table.finish();
  }
  return task;
}

Branch parse_handler_branch(const TomlNode& node, TableReader* table,
                            const Environment& environment, ParseContext* context) {
  Branch branch = parse_branch(node, table, environment, context);
  if (const TomlNode* x = table->take("task")) {
    branch.task = parse_handler_task(*x, environment, context);
  }
  table->finish();
  return branch;
}

// Branches behind one without a condition are never looked at.
void check_order(const std::vector<const TomlNode*>& nodes, DiagnosticList* diagnostics) {
  for (std::size_t i = 0; i + 1 < nodes.size(); ++i) {
    if (!nodes[i]->is(TomlNode::Kind::table) || nodes[i]->find("if") != nullptr) continue;
    diagnostics->warning(nodes[i + 1]->mark(), "this branch is never looked at",
                         "the one before it has no `if`, so it always takes");
    return;
  }
}

std::vector<const TomlNode*> items_of(const TomlNode& node) {
  if (!node.is(TomlNode::Kind::list)) return {&node};
  std::vector<const TomlNode*> items;
  for (const TomlNode& child : node.children) items.push_back(&child);
  return items;
}

// One branch as a table, or a list of them.
std::vector<Branch> parse_handler_branches(const TomlNode& node, const Environment& environment,
                                           ParseContext* context) {
  std::vector<Branch> branches;
  const std::vector<const TomlNode*> items = items_of(node);
  if (items.empty()) {
    context->diagnostics->error(node.mark(), "a handler needs at least one branch");
  }
  for (const TomlNode* item : items) {
    TableReader table(*item, "a handler", context->diagnostics);
    if (table.is_table()) {
      branches.push_back(parse_handler_branch(*item, &table, environment, context));
    }
  }
  check_order(items, context->diagnostics);
  return branches;
}

void check_timer_does_something(const TomlNode& node, const TimerHandler& timer,
                                DiagnosticList* diagnostics) {
  const bool idle = std::all_of(timer.branches.begin(), timer.branches.end(), [](const Branch& b) {
    return !b.next && !b.task && b.save.empty();
  });
  if (idle && !timer.branches.empty()) {
    diagnostics->warning(node.mark(), "this timer does nothing",
                         "give it `next`, `save` or `task`");
  }
}

std::vector<TimerHandler> parse_computed_timers(const TomlNode& node, ParseContext* context) {
  std::vector<TimerHandler> timers;
  for (const TomlNode& item : node.children) {
    TableReader table(item, "a computed timer", context->diagnostics);
    if (!table.is_table()) continue;
    TimerHandler timer;
    if (const TomlNode* x = table.need("in", "in = \"= vars.wait\"")) {
      timer.delay = parse_delay(*x, context->base, context);
    }
    timer.branches.push_back(parse_handler_branch(item, &table, context->base, context));
    check_timer_does_something(item, timer, context->diagnostics);
    timers.push_back(std::move(timer));
  }
  return timers;
}

Catch parse_catch(const TomlNode& node, bool of_map, ParseContext* context) {
  Catch out;
  TableReader table(node, "a `catch` entry", context->diagnostics);
  out.errors = {"*"};
  if (const TomlNode* x = table.take("errors")) {
    out.errors = read_error_patterns(*x, context->diagnostics);
  }
  if (const TomlNode* x = table.need("next", "the state to go to")) {
    out.next = parse_next(*x, context).value_or("");
  }
  if (const TomlNode* x = table.take("save")) {
    Environment scope = with_name(*context, "error", error_type());
    if (of_map) scope["failed"] = Type::of(Type::Base::list);
    out.save = parse_assignments(*x, scope, context);
  }
  table.finish();
  return out;
}

}  // namespace

std::optional<std::string> parse_next(const TomlNode& node, ParseContext* context) {
  std::optional<std::string> name = read_string(node, context->diagnostics);
  if (!name || *name == "end") return name;
  const auto& names = context->state_names;
  if (std::find(names.begin(), names.end(), *name) != names.end()) return name;
  if (context->inline_state) {
    context->diagnostics->error(node.place, "an inline state leads nowhere but to \"end\"",
                                "make a [flow.NAME] of it");
    return std::nullopt;
  }
  std::string hint = context->diagnostics->did_you_mean(*name, names);
  context->diagnostics->error(node.place, "unknown state " + quoted(*name),
                              hint.empty() ? "declare it as a table [state.NAME]" : hint);
  const std::string meant = hint.empty() ? "" : closest(*name, names);
  return meant.empty() ? name : meant;
}

std::vector<SignalHandler> parse_on(const TomlNode& node, ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  std::vector<SignalHandler> handlers;
  if (!node.is(TomlNode::Kind::table)) {
    wrong_kind(node, "`on`", "a table by signal", diagnostics, "on.SIGNAL = { next = \"...\" }");
    return handlers;
  }
  std::vector<std::string> names;
  for (const auto& [name, entry] : context->signals) names.push_back(name);
  for (const TomlNode& child : node.children) {
    const auto it = context->signals.find(child.key);
    std::optional<Schema> payload;
    if (it != context->signals.end()) {
      it->second.handled = true;
      payload = it->second.spec.payload;
    } else {
      std::string hint = diagnostics->did_you_mean(child.key, names);
      const std::string meant = hint.empty() ? "" : closest(child.key, names);
      if (!meant.empty()) context->signals.find(meant)->second.handled = true;
      if (hint.empty())
        hint = "declare it as a table [signal.NAME]: only declared signals are accepted";
      diagnostics->error(child.mark(), "unknown signal " + quoted(child.key), std::move(hint));
    }
    handlers.push_back(
        {child.key, parse_handler_branches(child, signal_scope(payload, *context), context)});
  }
  std::sort(handlers.begin(), handlers.end(),
            [](const SignalHandler& a, const SignalHandler& b) { return a.signal < b.signal; });
  return handlers;
}

std::vector<TimerHandler> parse_timers(const TomlNode& node, ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  if (node.is(TomlNode::Kind::list)) return parse_computed_timers(node, context);
  std::vector<TimerHandler> timers;
  if (!node.is(TomlNode::Kind::table)) {
    wrong_kind(node, quoted(node.key), "a table by duration", diagnostics,
               node.key + ".\"24h\" = { next = \"...\" }");
    return timers;
  }
  for (const TomlNode& child : node.children) {
    const auto ms = duration_ms(child.key, child.mark(), diagnostics);
    TimerHandler timer;
    timer.delay.line = child.place.line;
    timer.delay.literal = Value::duration(
        {ms.value_or(0) / 1000, static_cast<std::int32_t>(ms.value_or(0) % 1000) * 1'000'000});
    timer.branches = parse_handler_branches(child, context->base, context);
    check_timer_does_something(child, timer, diagnostics);
    const bool twice = std::any_of(timers.begin(), timers.end(), [&](const TimerHandler& other) {
      return other.delay.literal == timer.delay.literal;
    });
    if (ms && twice) {
      diagnostics->error(child.mark(), "two timers of the same duration in " + quoted(node.key),
                         "write one with a list of branches");
    }
    if (ms) timers.push_back(std::move(timer));
  }
  std::sort(timers.begin(), timers.end(), [](const TimerHandler& a, const TimerHandler& b) {
    return a.delay.literal.as_duration() < b.delay.literal.as_duration();
  });
  return timers;
}

std::vector<Catch> parse_catches(const TomlNode& node, bool of_map, ParseContext* context) {
  std::vector<Catch> out;
  bool takes_all = false;
  for (const TomlNode* item : items_of(node)) {
    if (!item->is(TomlNode::Kind::table)) {
      wrong_kind(*item, "`catch`", "a list of tables", context->diagnostics,
                 "catch = [ { errors = [\"*\"], next = \"...\" } ]");
      continue;
    }
    if (takes_all) {
      context->diagnostics->warning(item->mark(), "this entry is never looked at",
                                    "the one before it catches every error");
    }
    out.push_back(parse_catch(*item, of_map, context));
    const auto& errors = out.back().errors;
    takes_all = std::find(errors.begin(), errors.end(), "*") != errors.end();
  }
  return out;
}

std::vector<Branch> parse_choose(const TomlNode& node, ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  std::vector<Branch> branches;
  constexpr char kHint[] = "choose = [ { if = \"...\", next = \"...\" }, { next = \"...\" } ]";
  if (!node.is(TomlNode::Kind::list)) {
    wrong_kind(node, "`choose`", "a list of branches", diagnostics, kHint);
    return branches;
  }
  if (node.children.empty()) {
    diagnostics->error(node.place, "`choose` has no branches", kHint);
    return branches;
  }
  for (const TomlNode& item : node.children) {
    TableReader table(item, "a branch of `choose`", diagnostics);
    if (!table.is_table()) continue;
    table.need("next", "the state to go to");
    branches.push_back(parse_branch(item, &table, context->base, context));
    table.finish();
  }
  check_order(items_of(node), diagnostics);
  const TomlNode& last = node.children.back();
  if (last.is(TomlNode::Kind::table) && last.find("if") != nullptr) {
    diagnostics->error(node.mark(), "`choose` has no otherwise",
                       "end the list with a branch that has no `if`: { next = \"...\" }");
  }
  return branches;
}

}  // namespace pawl::dsl
