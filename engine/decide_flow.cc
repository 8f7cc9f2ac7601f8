// Machines within machines, as decided:
//
//   flow      --flow.entered--> its states --next = "end"--> flow.left: save, next
//   parallel  --flow.entered for each branch--> ... --flow.left--> one more is over:
//                 `join` completed: the rest is cancelled, save, next
//                 one failed, enough are left: they go on      else: its error is the state's
//   map       decide_map.cc
//   any       --its state is left--> gone, with all that is within (the fold does it)
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/limits.h"
#include "engine/decider.h"

namespace pawl::engine {

bool Decider::frames_room(std::size_t more, Error* error) const {
  if (run_->tree->frames.size() + more > limits::kFramesMax) {
    *error = {"sys.too_big",
              absl::StrCat("more than ", limits::kFramesMax,
                           " flows, branches and items of this run would be open"),
              {}};
    return false;
  }
  int depth = 1;
  for (std::uint32_t frame = at_; frame > 0; frame = run_->parent(frame)) ++depth;
  if (depth <= limits::kFrameDepthMax) return true;
  *error = {"sys.too_big",
            absl::StrCat("flows are nested more than ", limits::kFrameDepthMax, " deep"),
            {}};
  return false;
}

void Decider::open_frame(FrameRole role, std::string name, std::uint32_t index,
                         const dsl::Machine& inner, std::string_view branch) {
  const dsl::State& state = current_state();
  FlowEntered e;
  e.frame = run_->tree->last_frame + 1;
  e.parent = at_;
  e.role = role;
  e.index = index;
  e.machine = dsl::place_of_machine(machine_place(), state, inner, branch);
  const dsl::Flow* flow = definition().machine(e.machine);
  PAWL_CHECK(flow != nullptr);
  e.keeps_result = !flow->output.has_value();
  for (const auto& [variable, schema] : flow->vars.items) {
    if (schema.default_value) e.vars.push_back({variable, Payload::of(*schema.default_value)});
  }
  // Paths read "fulfil/pick/each[3]": an inline state is named like its branch or item.
  const std::string own = run_->path_of(at_);
  const std::string& parent_path = run_->frame(at_)->path;
  std::string start = flow->start;
  if (role == FrameRole::item) {
    const std::string item = absl::StrCat("[", index, "]");
    e.path = flow->inline_state ? parent_path : own + item;
    if (flow->inline_state) start = run_->frame(at_)->state + item;
  } else if (role == FrameRole::branch) {
    e.path = flow->inline_state ? own : own + "/" + name;
    if (flow->inline_state) start = name;
  } else {
    e.path = own;
  }
  e.name = std::move(name);
  const At at(this, e.frame);
  emit(std::move(e));
  go(std::move(start), Cause::start);
}

void Decider::run_flow(const dsl::State& state) {
  Raised raised;
  if (!frames_room(1, &raised.error)) return raise(std::move(raised));
  open_frame(FrameRole::flow, state.flow, 0, dsl::Machine{state.flow, nullptr}, "");
}

void Decider::run_parallel(const dsl::State& state) {
  const auto& branches = state.parallel->branches;
  Raised raised;
  if (!frames_room(branches.size(), &raised.error)) return raise(std::move(raised));
  emit(ParallelStarted{at_, static_cast<std::uint32_t>(branches.size()), state.parallel->join});
  for (std::uint32_t i = 0; i < branches.size(); ++i) {
    open_frame(FrameRole::branch, branches[i].name, i, branches[i].machine, branches[i].name);
  }
}

const dsl::MapSpec& Decider::map_of(const InnerFrame& item) {
  const At at(this, item.parent);
  return *current_state().map;
}

// What a named flow says it hands out; else the last result of its steps. Of an item what `keep`
// makes of it.
bool Decider::flow_result(const InnerFrame& inner, dsl::Value* result, Error* error) {
  const dsl::Flow& flow = machine();
  const auto last = last_results_.find(at_);
  if (flow.output) {
    if (!evaluate_template(*flow.output, scope(), "output", &budget_, result, error)) return false;
  } else {
    *result = last != last_results_.end() ? last->second : inner.result.value;
  }
  if (inner.role == FrameRole::item) {
    const dsl::MapSpec& map = map_of(inner);
    if (map.keep_nothing) *result = dsl::Value();
    if (map.keep) {
      EvalScope s = scope();
      s.set_result(*result);
      if (!evaluate_template(*map.keep, s, "keep", &budget_, result, error)) return false;
    }
  }
  return fits(*result, "the result", -static_cast<std::int64_t>(inner.result.length), error);
}

void Decider::leave_flow() {
  const InnerFrame inner = *run_->inner(at_);
  dsl::Value result;
  Raised raised;
  raised.stage = IncidentStage::leave;
  if (!flow_result(inner, &result, &raised.error)) return raise(std::move(raised));
  last_results_.erase(at_);
  FlowLeft left;
  left.frame = at_;
  if (!result.is_null()) left.result = Payload::of(result);
  emit(std::move(left));
  at_ = inner.parent;
  if (inner.role == FrameRole::flow) return after_result(current_state(), result);
  gather_on();
}

void Decider::gather_on() {
  const Gather& gather = *run_->gather(at_);
  if (gather.map) return begin_items();
  if (gather.completed < gather.join) return;
  const dsl::State& state = current_state();
  dsl::Value results = branch_results(state);
  cancel_rest();
  after_result(state, results);
}

// Newest first, as nested machines go.
void Decider::cancel_rest() {
  std::vector<std::uint32_t> open;
  for (const auto& inner : run_->tree->frames) {
    if (inner->parent == at_) open.push_back(inner->id);
  }
  for (auto id = open.rbegin(); id != open.rend(); ++id) {
    last_results_.erase(*id);
    emit(FlowLeft{*id, FlowEnd::cancelled, {}, std::nullopt});
  }
}

dsl::Value Decider::branch_results(const dsl::State& state) const {
  dsl::Map map;
  for (const auto& chunk : run_->gather(at_)->chunks) {
    for (const Gathered& item : chunk->items) {
      if (item.failed) continue;
      map.emplace_back(dsl::Value::string(state.parallel->branches[item.index].name),
                       item.result.value);
    }
  }
  return dsl::Value::map(std::move(map));
}

void Decider::after_result(const dsl::State& state, const dsl::Value& raw) {
  Raised raised;
  raised.stage = IncidentStage::result;
  raised.straight_to_incident = true;
  dsl::Value result = raw;
  if (state.task && state.task->result_schema) {
    std::vector<dsl::SchemaError> errors;
    result = dsl::apply_schema(*state.task->result_schema, raw, "result", &errors);
    if (!errors.empty()) {
      raised.error = {"sys.output", "`" + errors[0].path + "` " + errors[0].message, {}};
    }
  }
  std::vector<NamedPayload> vars;
  EvalScope s = scope();
  s.set_result(result);
  if (state.map != nullptr) s.set_failed(failed_items());
  const dsl::Undo* undo = nullptr;
  if (state.task && state.task->undo && !state.task->undo->when_started) undo = &*state.task->undo;
  if (state.call != nullptr && state.call->undo) undo = &*state.call->undo;
  UndoRecorded recorded;
  const bool whole = raised.error.type.empty() &&
                     (undo == nullptr || plan_undo(*undo, current_place(), run_->frame(at_)->visit,
                                                   &s, &recorded, &raised.error)) &&
                     assignments(state.save, s, "save", &vars, &raised.error);
  if (whole) {
    if (undo != nullptr) record(std::move(recorded));
    set_vars(std::move(vars));
    last_results_.insert_or_assign(at_, std::move(result));
    if (state.next) go(*state.next, Cause::next);
    return;
  }
  raised.kept = Payload::of(raw);
  raise(std::move(raised));
}

// A flow that goes on for a while yet remembers what it would hand out.
void Decider::keep_results() {
  for (auto& [frame, result] : last_results_) {
    const InnerFrame* inner = run_->inner(frame);
    if (inner == nullptr || !inner->keeps_result) continue;
    Error error;
    const std::int64_t old = static_cast<std::int64_t>(inner->result.length);
    if (!fits(result, "the result", -old, &error)) result = dsl::Value();
    if (!(inner->result.value == result)) emit(ResultKept{frame, Payload::of(result)});
  }
  last_results_.clear();
}

}  // namespace pawl::engine
