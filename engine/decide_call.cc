// What runs have to do with one another, as decided. The group sends what these events ask for
// (channel.h); the answers come as commands.
//
//   call  --call.started--> asked --the child runs--> accepted --it ended--> save, next
//                                 --refused--> sys.child     failed, cancelled: sys.child
//         wait = false: accepted is the end, the result is {id, uid}
//   send  --signal.sent--> asked --taken or buffered--> next    refused: sys.signal
//   continue --run.renewed--> the start state, with new input
//   any   --the run is paused--> what comes is held (call.held) until it resumes
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "engine/decider.h"
#include "engine/namespace.h"
#include "engine/run_id.h"

namespace pawl::engine {
namespace {

Error no_room() {
  return {"sys.too_big",
          absl::StrCat("more than ", limits::kChildrenMax, " calls of this run would be open"),
          {}};
}

dsl::Value child_value(const OpenCall& call, GroupId group, Index index) {
  dsl::Map map;
  map.emplace_back(dsl::Value::string("id"), dsl::Value::string(std::string(plain_name(call.run))));
  map.emplace_back(dsl::Value::string("uid"), dsl::Value::string(to_string(RunUid{group, index})));
  return dsl::Value::map(std::move(map));
}

}  // namespace

// Without `id` a child is called after its place: the same for a crash's second try, another one
// for each visit.
bool Decider::plan_call(const dsl::State& state, CallStarted* started, Error* error) {
  const dsl::CallSpec& call = *state.call;
  const EvalScope s = scope();
  if (run_->tree->calls.size() >= limits::kChildrenMax) {
    *error = no_room();
    return false;
  }
  const std::uint32_t depth = run_->tree->caller ? run_->tree->caller->depth + 1 : 1;
  if (depth > limits::kCallDepthMax) {
    *error = {"sys.child",
              absl::StrCat("runs call one another more than ", limits::kCallDepthMax, " deep"),
              {}};
    return false;
  }
  if (!call.id) {
    const std::string key =
        idempotency_key(*run_, at_, {current_place(), "call"}, run_->frame(at_)->visit, "do");
    started->run = absl::StrCat(std::string(plain_name(run_->workflow())), ".", call.workflow, ".",
                                key.substr(0, 20));
  } else if (!evaluate_string(*call.id, s, "id", &budget_, &started->run, error)) {
    return false;
  }
  if (const std::string problem = run_id_problem(started->run); !problem.empty()) {
    *error = expression_error("id", call.id ? call.id->line : 0, problem);
    return false;
  }
  dsl::Value input;
  if (!evaluate_template(call.with, s, "with", &budget_, &input, error)) return false;
  if (input.is_null()) input = dsl::Value::map({});
  if (!fits(input, "with", 0, error)) return false;
  started->run = qualified_like(run_->id(), started->run);
  started->workflow = qualified_like(run_->id(), call.workflow);
  started->to = group_of_run(started->run, context_.run_groups);
  started->input = Payload::of(std::move(input));
  started->wait = call.wait;
  started->cancels = call.on_close == dsl::OnClose::cancel;
  return true;
}

void Decider::run_call(const dsl::State& state) {
  CallStarted started;
  Raised raised;
  if (!plan_call(state, &started, &raised.error)) return raise(std::move(raised));
  started.call = run_->tree->last_call + 1;
  started.frame = at_;
  started.state = current_place();
  emit(std::move(started));
}

bool Decider::plan_send(const dsl::SendSpec& send, SignalSent* sent, Error* error) {
  const EvalScope s = scope();
  if (run_->tree->calls.size() >= limits::kChildrenMax) {
    *error = no_room();
    return false;
  }
  if (!evaluate_string(send.to, s, "to", &budget_, &sent->run, error)) return false;
  if (const std::string problem = run_id_problem(sent->run); !problem.empty()) {
    *error = expression_error("to", send.to.line, problem);
    return false;
  }
  if (!evaluate_string(send.signal, s, "signal", &budget_, &sent->name, error)) return false;
  if (sent->name.empty() || sent->name.size() > limits::kNameBytesMax) {
    *error = expression_error("signal", send.signal.line, "is empty or too long");
    return false;
  }
  dsl::Value payload;
  if (!evaluate_template(send.with, s, "with", &budget_, &payload, error)) return false;
  if (!fits(payload, "with", 0, error)) return false;
  sent->run = qualified_like(run_->id(), sent->run);
  sent->to = group_of_run(sent->run, context_.run_groups);
  sent->payload = Payload::of(std::move(payload));
  return true;
}

void Decider::run_send(const dsl::State& state) {
  SignalSent sent;
  Raised raised;
  if (!plan_send(*state.send, &sent, &raised.error)) return raise(std::move(raised));
  sent.call = run_->tree->last_call + 1;
  sent.frame = at_;
  sent.state = current_place();
  emit(std::move(sent));
}

void Decider::apply(const AnswerCall& command) {
  const OpenCall* call = run_->call(command.call);
  if (call == nullptr || call->is_signal || call->child.v != 0 || call->held) {
    return refuse(Refusal::nothing_to_do, "the call is over");
  }
  if (command.error) {
    end_call(command.call, std::nullopt, {}, command.error);
    return settle();
  }
  const bool ends = !call->wait && call->status != CallStatus::cancelling;
  const dsl::Value child = child_value(*call, command.group, command.index);
  emit(CallAccepted{command.call, command.group, command.index});
  if (ends) end_call(command.call, RunStatus::running, child, std::nullopt);
  settle();
}

void Decider::apply(const EndCall& command) {
  const OpenCall* call = run_->call(command.call);
  if (call == nullptr || call->is_signal || call->held) {
    return refuse(Refusal::nothing_to_do, "the call is over");
  }
  end_call(command.call, static_cast<RunStatus>(command.status), command.output, command.error);
  settle();
}

void Decider::apply(const AnswerSignal& command) {
  const OpenCall* call = run_->call(command.call);
  if (call == nullptr || !call->is_signal || call->held) {
    return refuse(Refusal::nothing_to_do, "nobody waits for this answer");
  }
  end_call(command.call, std::nullopt, {}, command.error);
  settle();
}

void Decider::apply(const TellCaller&) {
  const auto& caller = run_->tree->caller;
  if (!run_->closed() || !caller || caller->told) {
    return refuse(Refusal::nothing_to_do, "there is nobody to be told");
  }
  emit(CallerTold{caller->call});
}

// What a child ended with is the call's result if it completed, else an error: its own if it has
// one, else sys.child.
void Decider::end_call(std::uint32_t id, std::optional<RunStatus> status, const dsl::Value& output,
                       const std::optional<Error>& error) {
  const OpenCall call = *run_->call(id);
  std::optional<ErrorRecord> record;
  if (error) record = ErrorRecord::of(*error);
  if (run_->status == RunStatus::paused && call.status != CallStatus::cancelling) {
    CallHeld held{{id, status, {}, std::move(record)}};
    if (!output.is_null()) held.output = Payload::of(output);
    return emit(std::move(held));
  }
  if (call.is_signal) {
    emit(SignalAnswered{id, record});
  } else {
    CallEnded ended{{id, status, {}, record}};
    if (!output.is_null()) ended.output = Payload::of(output);
    emit(std::move(ended));
  }
  if (call.status == CallStatus::cancelling || run_->closed()) return;
  at_ = call.frame;
  const dsl::State& state = current_state();
  const bool good = status == RunStatus::completed || status == RunStatus::running;
  if (!error && (call.is_signal || good)) {
    if (!call.is_signal) return after_result(state, output);
    if (state.next) go(*state.next, Cause::next);
    return;
  }
  Raised raised;
  raised.recorded = true;
  if (error) {
    raised.error = *error;
  } else {
    raised.error = {"sys.child",
                    absl::StrCat("the run `", std::string(plain_name(call.run)), "` ended ",
                                 status ? enum_name(*status) : "without a status"),
                    {}};
  }
  raise(std::move(raised));
}

// Nothing of the machine stays but what `continue` carries; the tasks of handlers go on.
bool Decider::plan_renewal(CheckpointParts* parts, Error* error) {
  const dsl::ContinueSpec& fresh = *current_state().fresh;
  dsl::Value input;
  if (!evaluate_template(fresh.with, scope(), "with", &budget_, &input, error)) return false;
  const bool latest = fresh.latest && context_.latest != nullptr;
  const dsl::Definition& next = latest ? *context_.latest : definition();
  *parts = parts_of(*run_);
  if (input.is_null()) input = parts->identity.input.value;
  if (next.input) {
    std::vector<dsl::SchemaError> errors;
    input = dsl::apply_fields(*next.input, input, &errors);
    if (!errors.empty()) {
      *error = expression_error("with", fresh.with.line,
                                "`" + errors[0].path + "` " + errors[0].message);
      return false;
    }
  }
  if (!fits(input, "with", -static_cast<std::int64_t>(parts->identity.input.length), error)) {
    return false;
  }
  parts->identity.input = Payload::of(std::move(input));
  if (latest) {
    parts->identity.version = context_.latest_version;
    parts->identity.definition = next.hash;
    renewed_ = &next;
  }
  CheckpointFrame root;
  for (const auto& [name, schema] : next.root.vars.items) {
    if (schema.default_value) root.vars.push_back({name, Payload::of(*schema.default_value)});
  }
  parts->frames = {std::move(root)};
  std::erase_if(parts->armed, [](const Timer& t) {
    return t.kind == TimerKind::after || t.kind == TimerKind::every || t.kind == TimerKind::sleep ||
           t.kind == TimerKind::gather;
  });
  return true;
}

void Decider::begin_anew() {
  at_ = 0;
  CheckpointParts parts;
  Raised raised;
  if (!plan_renewal(&parts, &raised.error)) {
    raise(std::move(raised));
    return settle();
  }
  const Shared<RunPermits> permits = run_->tree->permits;
  Event renewed = renewal_of(*run_, std::move(parts), Renewal::continued);
  std::string bytes;
  encode_event(renewed, {}, EventForm::stored, &bytes);
  if (bytes.size() + permit_bytes(*permits) > limits::kCheckpointBytesMax) {
    raised.error = {"sys.too_big",
                    absl::StrCat("all that is carried over takes more than ",
                                 limits::kCheckpointBytesMax, " bytes"),
                    {}};
    raise(std::move(raised));
    return settle();
  }
  emit(std::move(renewed));
  carry(*permits);
  go(definition().root.start, Cause::start);
  settle();
}

}  // namespace pawl::engine
