#include "dsl/parse_state.h"

#include <algorithm>
#include <array>

#include "base/feature_level.h"
#include "dsl/check_usage.h"
#include "dsl/parse_handler.h"
#include "dsl/parse_inner.h"
#include "dsl/parse_pattern.h"
#include "dsl/parse_table.h"
#include "dsl/parse_task.h"
#include "dsl/parse_value.h"

namespace pawl::dsl {
namespace {

constexpr std::array<std::pair<std::string_view, Verb>, 12> kVerbs = {{
    {"task", Verb::task},
    {"sleep", Verb::sleep},
    {"choose", Verb::choose},
    {"raise", Verb::raise},
    {"end", Verb::end},
    {"flow", Verb::flow},
    {"parallel", Verb::parallel},
    {"map", Verb::map},
    {"call", Verb::call},
    {"send", Verb::send},
    {"compensate", Verb::compensate},
    {"continue", Verb::continue_as_new},
}};

class StateParser {
 public:
  StateParser(const TomlNode& node, ParseContext* context)
      : node_(node),
        context_(context),
        diagnostics_(context->diagnostics),
        table_(node, context->inline_state ? "this state" : "[state." + node.key + "]",
               diagnostics_) {}

  State run() {
    state_.name = node_.key;
    state_.line = node_.mark().line;
    if (!table_.is_table()) return std::move(state_);
    if (const TomlNode* x = table_.take("doc"))
      state_.doc = read_string(*x, diagnostics_).value_or("");
    if (const TomlNode* x = table_.take("set"))
      state_.set = parse_assignments(*x, context_->base, context_);
    const TomlNode* verb = find_verb();
    parse_verb(verb);
    parse_handlers();
    parse_forget();
    report_misplaced();
    table_.finish();
    check_automatic();
    return std::move(state_);
  }

 private:
  // The node of the state's verb; sets state_.verb.
  const TomlNode* find_verb() {
    const TomlNode* found = nullptr;
    const auto claim = [&](std::string_view key) {
      const TomlNode* x = table_.take(key);
      if (x != nullptr && found != nullptr) {
        diagnostics_->error(
            x->mark(),
            "a state has one verb, and this one has " + quoted(found->key) + " and " + quoted(key),
            "make two states of it");
      }
      if (x == nullptr || found != nullptr) return false;
      found = x;
      return true;
    };
    for (const auto& [key, verb] : kVerbs) {
      if (claim(key)) state_.verb = verb;
    }
    const bool handlers = node_.find("on") || node_.find("after") || node_.find("every");
    const bool sets = node_.find("set") != nullptr;
    // `set` with handlers and without `next` is a state that waits.
    if (found == nullptr && sets && (node_.find("next") || !handlers)) state_.verb = Verb::set;
    return found;
  }

  void parse_verb(const TomlNode* node) {
    switch (state_.verb) {
      case Verb::task:
        return parse_task_verb(*node);
      case Verb::sleep:
        return parse_sleep(*node);
      case Verb::choose:
        state_.choose = parse_choose(*node, context_);
        return;
      case Verb::set:
        return parse_leads_to("`set` alone");
      case Verb::raise:
        state_.raise = parse_raise(*node, "`raise`");
        return;
      case Verb::end:
        return parse_end(*node);
      case Verb::none:
        return;
      default:
        return parse_inner_verb(*node);
    }
  }

  void parse_inner_verb(const TomlNode& node) {
    switch (state_.verb) {
      case Verb::flow:
        parse_flow_verb(node, &state_, context_);
        return parse_result("`flow`", Type());
      case Verb::parallel:
        parse_parallel(node, &table_, &state_, context_);
        return parse_result("`parallel`", map_of(branch_types()));
      case Verb::map:
        parse_map(node, &table_, &state_, context_);
        return parse_result("`map`", Type::of(Type::Base::list));
      case Verb::call:
        parse_call(node, &table_, &state_, context_);
        return parse_result("`call`", Type());
      case Verb::send:
        parse_send(node, &state_, context_);
        return parse_leads_to("`send`");
      case Verb::compensate:
        if (!read_boolean(node, diagnostics_).value_or(true)) {
          diagnostics_->error(node.place, "`compensate` is true, or is left out");
        }
        context_->feature_level = std::max(context_->feature_level, kFlowLevel);
        return parse_leads_to("`compensate`");
      default:
        return parse_continue(node, &state_, context_);
    }
  }

  std::map<std::string, Type> branch_types() const {
    std::map<std::string, Type> types;
    if (!state_.parallel) return types;
    for (const ParallelBranch& branch : state_.parallel->branches) {
      types.emplace(branch.name, Type());
    }
    return types;
  }

  // `save` of a result, and `next`.
  void parse_result(std::string_view what, Type result) {
    Environment scope = with_name(*context_, "result", std::move(result));
    if (state_.verb == Verb::map) scope["failed"] = Type::of(Type::Base::list);
    if (const TomlNode* x = table_.take("save")) {
      state_.save = parse_assignments(*x, scope, context_);
    }
    parse_leads_to(what);
  }

  // Names of undos; whether there are any of that name is known when all states are parsed.
  void parse_forget() {
    const TomlNode* node = table_.take("forget");
    if (node == nullptr) return;
    context_->feature_level = std::max(context_->feature_level, kFlowLevel);
    state_.forget = read_strings(*node, diagnostics_).value_or(std::vector<std::string>());
    for (const std::string& name : state_.forget) context_->forgets.emplace(name, node->place);
  }

  void parse_leads_to(std::string_view what) {
    if (const TomlNode* x = table_.take("next")) {
      state_.next = parse_next(*x, context_);
    } else if (context_->inline_state) {
      state_.next = "end";
    } else {
      diagnostics_->error(node_.mark(), std::string(what) + " needs `next`",
                          "the state to go to then, or \"end\"");
    }
  }

  void parse_task_verb(const TomlNode& node) {
    state_.task = parse_task(node, /*may_undo=*/true, &table_, context_->base, context_);
    const auto& schema = state_.task->result_schema;
    const Environment scope = with_name(*context_, "result", schema ? type_of(*schema) : Type());
    if (const TomlNode* x = table_.take("save"))
      state_.save = parse_assignments(*x, scope, context_);
    parse_leads_to("`task`");
    task_place_ = node.mark();
  }

  void parse_sleep(const TomlNode& node) {
    Sleep sleep;
    if (node.is(TomlNode::Kind::table)) {
      TableReader table(node, "`sleep`", diagnostics_);
      sleep.until = true;
      if (const TomlNode* x = table.need("until", "sleep = { until = \"= vars.due\" }")) {
        sleep.duration = parse_template_of(*x, context_->base, SchemaType::timestamp, context_);
      }
      table.finish();
    } else {
      sleep.duration = parse_delay(node, context_->base, context_);
    }
    state_.sleep = std::move(sleep);
    parse_leads_to("`sleep`");
  }

  Raise parse_raise(const TomlNode& node, std::string what) {
    Raise raise;
    TableReader table(node, std::move(what), diagnostics_);
    if (const TomlNode* x = table.need("type", "type = \"order.failed\"")) {
      raise.type = parse_template_of(*x, context_->base, SchemaType::string, context_);
      if (raise.type.is_literal() && raise.type.literal.kind() == Kind::string) {
        check_raised_type(raise.type.literal.as_string(), x->place, diagnostics_);
      }
    }
    if (const TomlNode* x = table.take("message")) {
      raise.message = parse_template_of(*x, context_->base, SchemaType::string, context_);
    }
    if (const TomlNode* x = table.take("data")) {
      raise.data = parse_template(*x, context_->base, nullptr, context_);
    }
    table.finish();
    return raise;
  }

  void parse_end(const TomlNode& node) {
    if (context_->nested) {
      diagnostics_->error(node.mark(), "`end` ends the run: at the root only",
                          "next = \"end\" leaves a flow");
    }
    End end;
    end.status = read_choice<EndStatus>(node,
                                        {{"completed", EndStatus::completed},
                                         {"failed", EndStatus::failed},
                                         {"cancelled", EndStatus::cancelled}},
                                        diagnostics_)
                     .value_or(EndStatus::completed);
    if (const TomlNode* x = table_.take("output")) {
      end.output = parse_template(*x, context_->base, nullptr, context_);
    }
    if (const TomlNode* x = table_.take("error")) {
      if (end.status != EndStatus::failed) {
        diagnostics_->error(x->mark(), "`error` goes with end = \"failed\"");
      }
      end.error = parse_raise(*x, "`error`");
    }
    state_.end = std::move(end);
  }

  void parse_handlers() {
    if (const TomlNode* x = table_.take("on")) state_.on = parse_on(*x, context_);
    if (const TomlNode* x = table_.take("after")) state_.after = parse_timers(*x, context_);
    if (const TomlNode* x = table_.take("every")) state_.every = parse_timers(*x, context_);
    if (const TomlNode* x = table_.take("catch")) {
      state_.catches = parse_catches(*x, state_.verb == Verb::map, context_);
    }
    const TomlNode* moves = table_.take("moves");
    if (moves == nullptr) return;
    if (!moves->is(TomlNode::Kind::list)) {
      return wrong_kind(*moves, "`moves`", "a list of states", diagnostics_, "moves = [\"...\"]");
    }
    for (const TomlNode& item : moves->children) {
      if (item.is(TomlNode::Kind::string) && item.text == "end") {
        diagnostics_->error(item.place, "a move goes to a state, and `end` is none");
      } else if (auto next = parse_next(item, context_)) {
        state_.moves.push_back(std::move(*next));
      }
    }
  }

  void report_misplaced() {
    if (state_.verb == Verb::none) {
      table_.misplaced({"next"}, "a state without a verb waits; put it into a handler");
    }
    table_.misplaced({"next"}, "this verb says itself what comes next");
    table_.misplaced({"timeout"},
                     "outside of a task, a timer leads out: after.\"1h\" = { next = \"...\" }");
    table_.misplaced({"save"}, "only what has a result saves from it; `set` assigns on entry");
    table_.misplaced({"queue", "key", "retry", "priority", "limits"}, "it goes with `task`");
    table_.misplaced({"with", "undo"}, "it goes with `task` or `call`");
    table_.misplaced({"id", "wait", "on_close"}, "it goes with `call`");
    table_.misplaced({"to", "signal"}, "write send = { to = \"...\", signal = \"...\" }");
    table_.misplaced({"output", "error"}, "it goes with `end`");
    table_.misplaced({"join"}, "it goes with `parallel`");
    table_.misplaced({"as", "do", "concurrency", "batch", "tolerate", "keep"},
                     "it goes with `map`");
    table_.misplaced({"until"}, "write sleep = { until = \"...\" }");
  }

  // Handlers of states that are left in the same entry never get to act.
  void check_automatic() {
    const bool automatic = state_.verb == Verb::choose || state_.verb == Verb::set ||
                           state_.verb == Verb::raise || state_.verb == Verb::end;
    for (const std::string_view key : {"on", "after", "every", "moves"}) {
      const TomlNode* x = node_.find(key);
      if (automatic && x != nullptr) {
        diagnostics_->warning(x->mark(), quoted(key) + " never acts here",
                              "this state is left (or ends the run) as soon as it is entered");
      }
    }
    if (state_.task) check_wait(state_, task_place_, *context_);
  }

  const TomlNode& node_;
  ParseContext* context_;
  DiagnosticList* diagnostics_;
  TableReader table_;
  State state_;
  Place task_place_;
};

}  // namespace

State parse_state(const TomlNode& node, ParseContext* context) {
  return StateParser(node, context).run();
}

}  // namespace pawl::dsl
