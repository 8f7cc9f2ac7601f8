#include "dsl/parse_flow.h"

#include <algorithm>
#include <numeric>

#include "base/limits.h"
#include "dsl/check_graph.h"
#include "dsl/parse_handler.h"
#include "dsl/parse_inner.h"
#include "dsl/parse_schema.h"
#include "dsl/parse_state.h"
#include "dsl/parse_value.h"

namespace pawl::dsl {
namespace {

// The machine's own context: what encloses it is known by name only, since a flow may be run from
// several places.
MachineContext flow_context(const std::string& name, const TomlNode& root,
                            const ParseContext& context) {
  MachineContext flow;
  flow.flow = name;
  flow.nested = true;
  flow.base = context.base;
  for (const std::string& item : item_names(root)) {
    flow.base.insert_or_assign(item, Type());
    flow.base.insert_or_assign(item + "_index", Type());
  }
  return flow;
}

Type variables_type(const TomlNode& root, const Fields& root_vars, const Fields& own) {
  std::map<std::string, Type> variables;
  for (const std::string& name : assigned_variables(root)) variables.emplace(name, Type());
  for (const auto& [name, schema] : root_vars.items) variables.emplace(name, Type());
  for (const auto& [name, schema] : own.items) variables.insert_or_assign(name, type_of(schema));
  return map_of(std::move(variables));
}

Flow parse_flow(const TomlNode& node, const TomlNode& root, const Fields& root_vars,
                Definition* definition, ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  Flow flow;
  flow.name = node.key;
  TableReader table(node, "[flow." + node.key + "]", diagnostics);
  if (const TomlNode* x = table.take("doc")) read_string(*x, diagnostics);
  if (const TomlNode* x = table.take("vars")) {
    context->vars = parse_variables(*x, context);
    context->vars_declared = true;
  }
  flow.vars = context->vars;
  context->base.insert_or_assign("vars", variables_type(root, root_vars, flow.vars));
  const TomlNode* states = table.need("state", "[flow." + node.key + ".state.NAME]");
  const TomlNode* start = table.take("start");
  if (states != nullptr) {
    collect_states(*states, context);
    parse_states(*states, start, &table, &flow, context);
  }
  if (const TomlNode* x = table.take("output")) {
    flow.output = parse_template(*x, context->base, nullptr, context);
  }
  table.finish();
  if (!flow.states.empty()) check_graph(*definition, flow, *context);
  return flow;
}

// Flows that run themselves, directly or by way of others: entering one would never end.
void check_recursion(const ParseContext& context) {
  for (const auto& [name, entry] : context.flows) {
    std::set<std::string> seen;
    std::vector<std::string> open;
    for (const auto& [to, place] : entry.runs) open.push_back(to);
    while (!open.empty()) {
      const std::string at = open.back();
      open.pop_back();
      if (at == name) {
        context.diagnostics->error(entry.place, "the flow " + quoted(name) + " runs itself",
                                   "a workflow may `call` another run of itself");
        break;
      }
      const auto found = context.flows.find(at);
      if (!seen.insert(at).second || found == context.flows.end()) continue;
      for (const auto& [to, place] : found->second.runs) open.push_back(to);
    }
  }
}

}  // namespace

void collect_states(const TomlNode& states, ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  if (!states.is(TomlNode::Kind::table)) {
    return wrong_kind(states, "`state`", "tables [state.NAME]", diagnostics);
  }
  for (const TomlNode& child : states.children) {
    check_name(child.key, child.mark(), "a state", diagnostics);
    if (child.key == "end") {
      diagnostics->error(child.mark(), "`end` is no state's name",
                         "next = \"end\" completes the run by itself");
    }
    context->state_names.push_back(child.key);
    context->state_places.emplace(child.key, child.mark());
  }
  if (context->state_names.size() > limits::kStatesMax) {
    diagnostics->error(states.mark(), std::to_string(context->state_names.size()) +
                                          " states; at most " + std::to_string(limits::kStatesMax) +
                                          " are allowed");
  }
}

void collect_flows(const TomlNode& flows, ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  if (!flows.is(TomlNode::Kind::table)) {
    return wrong_kind(flows, "`flow`", "tables [flow.NAME]", diagnostics,
                      "a state runs a flow: [state.NAME] flow = \"NAME\"");
  }
  for (const TomlNode& child : flows.children) {
    check_name(child.key, child.mark(), "a flow", diagnostics);
    context->flows[child.key].place = child.mark();
  }
}

void parse_states(const TomlNode& states, const TomlNode* start, TableReader* table, Flow* flow,
                  ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  if (!states.is(TomlNode::Kind::table)) return;
  if (states.children.empty()) {
    diagnostics->error(states.mark(), "a machine has at least one state", "[state.NAME]");
  }
  if (states.children.size() > limits::kStatesMax) return;
  for (const TomlNode& child : states.children) {
    const int errors = diagnostics->errors();
    flow->states.push_back(parse_state(child, context));
    if (diagnostics->errors() > errors) context->states_in_doubt.insert(child.key);
  }
  flow->by_name.resize(flow->states.size());
  std::iota(flow->by_name.begin(), flow->by_name.end(), 0U);
  std::sort(flow->by_name.begin(), flow->by_name.end(), [&](std::uint32_t a, std::uint32_t b) {
    return flow->states[a].name < flow->states[b].name;
  });
  if (start != nullptr) {
    flow->start = parse_next(*start, context).value_or("");
    if (flow->start == "end") diagnostics->error(start->place, "`end` is no state's name");
  } else if (flow->states.size() == 1) {
    flow->start = flow->states.front().name;
  } else if (!flow->states.empty()) {
    table->need("start", "start = \"" + flow->states.front().name + "\"");
    flow->start = flow->states.front().name;
  }
}

void parse_flows(const TomlNode& flows, const TomlNode& root, Definition* definition,
                 ParseContext* context) {
  if (!flows.is(TomlNode::Kind::table)) return;
  MachineContext outer = *context;
  std::vector<Flow> parsed;
  for (const TomlNode& child : flows.children) {
    MachineContext own = flow_context(child.key, root, *context);
    static_cast<MachineContext&>(*context) = std::move(own);
    parsed.push_back(parse_flow(child, root, outer.vars, definition, context));
    static_cast<MachineContext&>(*context) = outer;
  }
  std::sort(parsed.begin(), parsed.end(),
            [](const Flow& a, const Flow& b) { return a.name < b.name; });
  definition->flows = std::move(parsed);
  check_recursion(*context);
}

}  // namespace pawl::dsl
