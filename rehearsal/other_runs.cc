#include "rehearsal/other_runs.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "dsl/diagnostic_list.h"
#include "rehearsal/json_form.h"

namespace pawl::rehearsal {
namespace {

using engine::CallStatus;
using engine::OpenCall;

std::uint8_t number(engine::RunStatus status) { return static_cast<std::uint8_t>(status); }

Question question_of(const OpenCall& call) {
  Question question;
  question.type = call.name;
  question.with = json_form(call.input.value);
  question.run = call.run;
  question.who =
      call.is_signal
          ? "signal " + dsl::quoted(call.name) + " to the run " + dsl::quoted(call.run)
          : "the call of " + dsl::quoted(call.name) + " in state " + dsl::quoted(call.state);
  return question;
}

}  // namespace

OtherRuns::OtherRuns(const TestCase& test, VirtualRun* run)
    : run_(run),
      calls_(test.calls,
             "write [test.call.\"TYPE\"] with result = {...}, error = { type = \"...\" }, refused "
             "= \"why\" or never = true"),
      signals_(test.sends, "") {}

const AnswerFailure* OtherRuns::failure() const {
  if (calls_.failure()) return &*calls_.failure();
  return signals_.failure() ? &*signals_.failure() : nullptr;
}

std::optional<TimeMs> OtherRuns::next_answer() const {
  if (pending_.empty()) return std::nullopt;
  return pending_.front().at;
}

bool OtherRuns::under_way() const {
  const engine::Run* run = run_->run();
  return run != nullptr && run->status == engine::RunStatus::running && !pending_.empty();
}

bool OtherRuns::work() {
  bool any = false;
  while (failure() == nullptr && run_->run() != nullptr && !run_->exhausted() && answer_next()) {
    any = true;
  }
  return any;
}

bool OtherRuns::wanted(const Pending& pending) const {
  const OpenCall* call = run_->run()->call(pending.call);
  return call != nullptr && !call->held;
}

bool OtherRuns::answer_next() {
  std::erase_if(pending_, [&](const Pending& pending) { return !wanted(pending); });
  for (const auto& call : run_->run()->tree->calls) {
    if (call->held) continue;
    if (call->status == CallStatus::cancelling) {
      give_up(OpenCall(*call));
      return true;
    }
    if (call->id <= newest_) continue;
    newest_ = call->id;
    call->is_signal ? answer_signal(OpenCall(*call)) : answer_call(OpenCall(*call));
    return true;
  }
  if (pending_.empty() || pending_.front().at > run_->now()) return false;
  const Pending pending = std::move(pending_.front());
  pending_.erase(pending_.begin());
  run_->send(pending.command, {});
  return true;
}

void OtherRuns::add(std::uint32_t call, std::int64_t after_ms, engine::Command command) {
  const TimeMs at(run_->now().v + after_ms);
  const auto behind = std::upper_bound(pending_.begin(), pending_.end(), at,
                                       [](TimeMs t, const Pending& p) { return t < p.at; });
  pending_.insert(behind, {at, call, std::move(command)});
}

// Its uid is made of the call's number: any would do.
void OtherRuns::accept(const OpenCall& call) {
  run_->send(engine::AnswerCall{call.id, call.to, Index(call.id), std::nullopt}, {});
}

void OtherRuns::answer_call(const OpenCall& call) {
  const Question question = question_of(call);
  const Answer* answer = calls_.choose(question);
  if (answer == nullptr) return;
  if (answer->kind == Answer::Kind::refused) {
    engine::AnswerCall refused{call.id, {}, {}, engine::Error{"sys.child", answer->why, {}}};
    return add(call.id, answer->after_ms, std::move(refused));
  }
  engine::EndCall end{call.id, number(engine::RunStatus::completed), {}, {}};
  switch (answer->kind) {
    case Answer::Kind::result:
      if (std::optional<dsl::Value> result = calls_.result(*answer, question)) {
        end.output = std::move(*result);
      } else {
        return;
      }
      break;
    case Answer::Kind::error:
      end.status = number(engine::RunStatus::failed);
      end.error = answer->error;
      break;
    case Answer::Kind::cancelled:
      end.status = number(engine::RunStatus::cancelled);
      break;
    default:
      break;  // it never ends
  }
  accept(call);
  if (!call.wait || answer->kind == Answer::Kind::never) return;
  add(call.id, answer->after_ms, std::move(end));
}

// Without an answer a signal is taken.
void OtherRuns::answer_signal(const OpenCall& call) {
  if (!signals_.knows(call.name)) return add(call.id, 0, engine::AnswerSignal{call.id, {}});
  const Answer* answer = signals_.choose(question_of(call));
  if (answer == nullptr || answer->kind == Answer::Kind::never) return;
  engine::AnswerSignal said{call.id, {}};
  if (answer->kind == Answer::Kind::refused) said.error = {"sys.signal", answer->why, {}};
  add(call.id, answer->after_ms, std::move(said));
}

// Nobody wants the child any more: it is cancelled.
void OtherRuns::give_up(const OpenCall& call) {
  newest_ = std::max(newest_, call.id);
  std::erase_if(pending_, [&](const Pending& pending) { return pending.call == call.id; });
  if (call.is_signal) {
    run_->send(engine::AnswerSignal{call.id, {}}, {});
    return;
  }
  if (call.child.v == 0) accept(call);
  run_->send(engine::EndCall{call.id, number(engine::RunStatus::cancelled), {}, {}}, {});
}

}  // namespace pawl::rehearsal
