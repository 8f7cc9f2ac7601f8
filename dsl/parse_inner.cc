#include "dsl/parse_inner.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "base/feature_level.h"
#include "base/limits.h"
#include "dsl/parse_state.h"
#include "dsl/parse_task.h"
#include "dsl/parse_value.h"

namespace pawl::dsl {
namespace {

void needs_flow_level(ParseContext* context) {
  context->feature_level = std::max(context->feature_level, kFlowLevel);
}

std::string parse_flow_name(const TomlNode& node, ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  const std::string name = read_string(node, diagnostics).value_or("");
  if (name.empty()) return name;
  std::vector<std::string> names;
  for (const auto& [known, entry] : context->flows) names.push_back(known);
  auto found = context->flows.find(name);
  if (found == context->flows.end()) {
    std::string hint = diagnostics->did_you_mean(name, names);
    const std::string meant = hint.empty() ? "" : closest(name, names);
    diagnostics->error(node.place, "unknown flow " + quoted(name),
                       hint.empty() ? "declare it as a table [flow.NAME]" : hint);
    found = context->flows.find(meant);
    if (found == context->flows.end()) return name;
  }
  found->second.used = true;
  const auto from = context->flows.find(context->flow);
  if (from != context->flows.end()) from->second.runs.emplace(found->first, node.place);
  return found->first;
}

// One state in a branch or a map, as a machine of its own.
std::shared_ptr<const Flow> parse_inline(const TomlNode& node, Environment base,
                                         ParseContext* context) {
  MachineContext outer = *context;
  context->state_names.clear();
  context->state_places.clear();
  context->base = std::move(base);
  context->nested = true;
  context->inline_state = true;
  Flow flow;
  flow.inline_state = true;
  flow.states.push_back(parse_state(node, context));
  flow.start = flow.states.front().name;
  flow.by_name = {0};
  static_cast<MachineContext&>(*context) = std::move(outer);
  return std::make_shared<const Flow>(std::move(flow));
}

// `{ flow = "NAME" }`, or an inline state.
Machine parse_machine(const TomlNode& node, std::string_view what, Environment base,
                      ParseContext* context) {
  Machine machine;
  if (!node.is(TomlNode::Kind::table)) {
    wrong_kind(node, what, "a table", context->diagnostics,
               "{ flow = \"NAME\" } or { task = \"TYPE\", ... }");
    return machine;
  }
  const TomlNode* flow = node.find("flow");
  if (flow != nullptr && node.children.size() == 1) {
    machine.flow = parse_flow_name(*flow, context);
  } else {
    machine.inline_state = parse_inline(node, std::move(base), context);
  }
  return machine;
}

std::uint32_t parse_join(const TomlNode& node, std::size_t branches, DiagnosticList* diagnostics) {
  const auto all = static_cast<std::uint32_t>(branches);
  if (node.is(TomlNode::Kind::integer)) {
    const auto n = read_integer(node, 1, static_cast<std::int64_t>(branches), diagnostics);
    return static_cast<std::uint32_t>(n.value_or(all));
  }
  return read_choice<std::uint32_t>(node, {{"all", all}, {"any", 1}}, diagnostics).value_or(all);
}

// A count, a share such as "5%", or an expression.
Template parse_tolerate(const TomlNode& node, ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  Template out;
  out.line = node.place.line;
  constexpr char kMust[] = "`tolerate` must be a count, a share such as \"5%\", or an expression";
  if (node.is(TomlNode::Kind::integer)) {
    const auto n = read_integer(node, 0, limits::kMapItemsMax, diagnostics);
    out.literal = Value::int64(n.value_or(0));
    return out;
  }
  if (!node.is(TomlNode::Kind::string)) {
    diagnostics->error(node.place, kMust);
    return out;
  }
  if (node.text.starts_with('=')) return parse_template(node, context->base, nullptr, context);
  double share = 0;
  const bool percent =
      node.text.ends_with('%') &&
      absl::SimpleAtod(absl::string_view(node.text.data(), node.text.size() - 1), &share) &&
      share >= 0 && share <= 100;
  if (!percent) diagnostics->error(node.place, kMust);
  out.literal = Value::string(node.text);
  return out;
}

}  // namespace

void parse_flow_verb(const TomlNode& node, State* state, ParseContext* context) {
  needs_flow_level(context);
  state->flow = parse_flow_name(node, context);
}

void parse_parallel(const TomlNode& node, TableReader* table, State* state, ParseContext* context) {
  needs_flow_level(context);
  DiagnosticList* diagnostics = context->diagnostics;
  ParallelSpec parallel;
  const TomlNode* join = table->take("join");
  if (!node.is(TomlNode::Kind::table)) {
    return wrong_kind(node, "`parallel`", "a table of branches", diagnostics,
                      "parallel.NAME = { flow = \"...\" } or { task = \"...\" }");
  }
  if (node.children.empty()) diagnostics->error(node.mark(), "`parallel` has no branches");
  if (node.children.size() > limits::kBranchesMax) {
    diagnostics->error(node.mark(),
                       std::to_string(node.children.size()) + " branches; at most " +
                           std::to_string(limits::kBranchesMax) + " are allowed",
                       "a `map` runs the same for many items");
    return;
  }
  for (const TomlNode& child : node.children) {
    check_name(child.key, child.mark(), "a branch", diagnostics);
    parallel.branches.push_back(
        {child.key, parse_machine(child, "a branch", context->base, context)});
  }
  std::sort(parallel.branches.begin(), parallel.branches.end(),
            [](const ParallelBranch& a, const ParallelBranch& b) { return a.name < b.name; });
  parallel.join = static_cast<std::uint32_t>(parallel.branches.size());
  if (join != nullptr && !parallel.branches.empty()) {
    parallel.join = parse_join(*join, parallel.branches.size(), diagnostics);
  }
  state->parallel = std::move(parallel);
}

void parse_map(const TomlNode& node, TableReader* table, State* state, ParseContext* context) {
  needs_flow_level(context);
  DiagnosticList* diagnostics = context->diagnostics;
  MapSpec map;
  map.items = parse_template_of(node, context->base, SchemaType::list, context);
  map.as = "item";
  if (const TomlNode* x = table->take("as")) {
    map.as = read_string(*x, diagnostics).value_or("item");
    constexpr std::string_view kTaken[] = {"input", "vars",   "run",   "result",
                                           "error", "signal", "actor", "failed"};
    const bool taken = std::find(std::begin(kTaken), std::end(kTaken), map.as) != std::end(kTaken);
    if (check_variable(map.as, x->place, diagnostics) && taken) {
      diagnostics->error(x->place, quoted(map.as) + " is taken: expressions have it already");
    }
  }
  Environment scope = context->base;
  scope.insert_or_assign(map.as, Type());
  scope.insert_or_assign(map.as + "_index", Type::of(Type::Base::int64));
  if (const TomlNode* x = table->need("do", "do = { task = \"TYPE\" } or { flow = \"NAME\" }")) {
    map.body = parse_machine(*x, "`do`", scope, context);
  }
  map.parallel.literal = Value::int64(limits::kMapConcurrencyDefault);
  if (const TomlNode* x = table->take("concurrency")) {
    map.parallel = parse_template_of(*x, context->base, SchemaType::int64, context);
    const Value& n = map.parallel.literal;
    if (map.parallel.is_literal() && n.kind() == Kind::int64 &&
        (n.as_int() < 1 || n.as_int() > limits::kMapConcurrencyMax)) {
      diagnostics->error(
          x->place, "`concurrency` is from 1 to " + std::to_string(limits::kMapConcurrencyMax));
    }
  }
  if (const TomlNode* x = table->take("batch")) {
    const auto n = read_integer(*x, 1, limits::kMapConcurrencyMax, diagnostics);
    if (n) map.batch = static_cast<std::uint32_t>(*n);
    if (const TomlNode* y = table->take("concurrency")) {
      diagnostics->error(y->mark(), "`batch` and `concurrency` exclude each other",
                         "a batch is a group that runs at once; the next starts when it has ended");
    }
  }
  map.tolerate.literal = Value::int64(0);
  if (const TomlNode* x = table->take("tolerate")) map.tolerate = parse_tolerate(*x, context);
  if (const TomlNode* x = table->take("keep")) {
    map.keep_nothing = x->is(TomlNode::Kind::boolean) && !x->boolean;
    scope.insert_or_assign("result", Type());
    if (!map.keep_nothing) map.keep = parse_template(*x, scope, nullptr, context);
  }
  state->map = std::make_shared<const MapSpec>(std::move(map));
}

void parse_call(const TomlNode& node, TableReader* table, State* state, ParseContext* context) {
  needs_flow_level(context);
  DiagnosticList* diagnostics = context->diagnostics;
  CallSpec call;
  call.workflow = read_name(node, "a workflow", diagnostics).value_or("");
  if (const TomlNode* x = table->take("id")) {
    call.id = parse_template_of(*x, context->base, SchemaType::string, context);
  }
  if (const TomlNode* x = table->take("with")) {
    call.with = parse_template_of(*x, context->base, SchemaType::map, context);
  }
  if (const TomlNode* x = table->take("wait")) {
    call.wait = read_boolean(*x, diagnostics).value_or(true);
  }
  if (const TomlNode* x = table->take("on_close")) {
    call.on_close =
        read_choice<OnClose>(*x, {{"cancel", OnClose::cancel}, {"abandon", OnClose::abandon}},
                             diagnostics)
            .value_or(OnClose::cancel);
    if (!call.wait && call.on_close == OnClose::cancel) {
      diagnostics->error(x->place, "a child that is not waited for is not cancelled",
                         "leave `on_close` out, or wait = true");
    }
  }
  if (const TomlNode* x = table->take("undo")) {
    call.undo = parse_undo(*x, context->base, Type(), context);
    if (call.undo->when_started) {
      diagnostics->error(x->mark(), "the undo of a `call` is recorded when it has completed",
                         "leave `when` out");
    }
  }
  state->call = std::make_shared<const CallSpec>(std::move(call));
}

void parse_send(const TomlNode& node, State* state, ParseContext* context) {
  needs_flow_level(context);
  DiagnosticList* diagnostics = context->diagnostics;
  SendSpec send;
  TableReader table(node, "`send`", diagnostics);
  if (!table.is_table()) return;
  if (const TomlNode* x = table.need("to", "the id of a run: to = \"= input.parent\"")) {
    send.to = parse_template_of(*x, context->base, SchemaType::string, context);
  }
  if (const TomlNode* x = table.need("signal", "the signal's name")) {
    send.signal = parse_template_of(*x, context->base, SchemaType::string, context);
  }
  if (const TomlNode* x = table.take("with")) {
    send.with = parse_template(*x, context->base, nullptr, context);
  }
  table.finish();
  state->send = std::make_shared<const SendSpec>(std::move(send));
}

void parse_continue(const TomlNode& node, State* state, ParseContext* context) {
  needs_flow_level(context);
  DiagnosticList* diagnostics = context->diagnostics;
  ContinueSpec fresh;
  TableReader table(node, "`continue`", diagnostics);
  if (const TomlNode* x = table.take("with")) {
    fresh.with = parse_template_of(*x, context->base, SchemaType::map, context);
  }
  if (const TomlNode* x = table.take("version")) {
    fresh.latest =
        read_choice<bool>(*x, {{"same", false}, {"latest", true}}, diagnostics).value_or(false);
  }
  table.finish();
  if (context->nested) {
    diagnostics->error(node.mark(), "`continue` begins the whole run anew: at the root only");
  }
  state->fresh = std::make_shared<const ContinueSpec>(std::move(fresh));
}

namespace {

void collect_items(const TomlNode& node, std::vector<std::string>* out) {
  if (node.is(TomlNode::Kind::table) && node.find("map") != nullptr) {
    const TomlNode* as = node.find("as");
    out->push_back(as != nullptr && as->is(TomlNode::Kind::string) ? as->text : "item");
  }
  for (const TomlNode& child : node.children) collect_items(child, out);
}

}  // namespace

std::vector<std::string> item_names(const TomlNode& root) {
  std::vector<std::string> out;
  collect_items(root, &out);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace pawl::dsl
