#include "rehearsal/workers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/limits.h"
#include "dsl/diagnostic_list.h"
#include "rehearsal/json_form.h"
#include "rehearsal/refusal_name.h"

namespace pawl::rehearsal {
namespace {

constexpr const char* kWorker = "test";

std::string described(const engine::Step& step, std::uint32_t attempt) {
  return absl::StrCat("task ", dsl::quoted(step.type), " of state ", dsl::quoted(step.state),
                      ", attempt ", attempt);
}

Sender worker() {
  Sender sender;
  sender.actor.box = NodeId(1);
  return sender;
}

}  // namespace

Workers::Workers(const std::vector<AnswerScript>& scripts, VirtualRun* run)
    : run_(run),
      answers_(scripts,
               "write [test.task.\"TYPE\"] with result = {...}, error = { type = \"...\" }, lost = "
               "true or never = true") {}

bool Workers::work() {
  bool any = false;
  while (!failure() && run_->run() != nullptr && !run_->exhausted()) {
    if (const engine::Step* offered = next_offer()) {
      take(engine::Step(*offered));
    } else if (!pending_.empty() && pending_.front().at <= run_->now()) {
      const Pending pending = pending_.front();
      pending_.erase(pending_.begin());
      give(pending);
    } else {
      return any;
    }
    any = true;
  }
  return any;
}

std::optional<TimeMs> Workers::next_answer() const {
  if (pending_.empty()) return std::nullopt;
  return pending_.front().at;
}

bool Workers::under_way() const {
  const engine::Run* run = run_->run();
  if (run == nullptr || run->status != engine::RunStatus::running) return false;
  return std::any_of(run->steps.begin(), run->steps.end(), [](const auto& step) {
    return step->status == engine::StepStatus::started ||
           step->status == engine::StepStatus::backoff;
  });
}

// The highest priority first, then the oldest, as a queue gives them out.
const engine::Step* Workers::next_offer() const {
  const engine::Run* run = run_->run();
  if (run->status != engine::RunStatus::running) return nullptr;
  const engine::Step* best = nullptr;
  for (const auto& step : run->steps) {
    const Ignored offer{step->id, step->queued_at};
    if (step->status != engine::StepStatus::queued ||
        std::find(ignored_.begin(), ignored_.end(), offer) != ignored_.end()) {
      continue;
    }
    const bool first = best == nullptr || step->priority > best->priority ||
                       (step->priority == best->priority && step->queued_at < best->queued_at);
    if (first) best = &*step;
  }
  return best;
}

void Workers::take(const engine::Step& step) {
  const std::uint32_t attempt = step.attempt + 1;
  const Question question{step.type, described(step, attempt), json_form(step.input.value), attempt,
                          ""};
  const Answer* answer = answers_.choose(question);
  if (answer == nullptr) return;
  if (answer->kind == Answer::Kind::never) {
    ignored_.push_back({step.id, step.queued_at});
    return;
  }
  std::optional<engine::Command> outcome = outcome_of(*answer, step, question);
  if (!outcome) return;
  const engine::Decision decision = run_->send(engine::HandOut{step.id, kWorker, ""}, worker());
  PAWL_CHECK(decision.refusal == engine::Refusal::none);
  TimeMs at(run_->now().v + answer->after_ms);
  if (answer->kind == Answer::Kind::lost) at.v += step.lease_ms;
  const auto behind = std::upper_bound(pending_.begin(), pending_.end(), at,
                                       [](TimeMs t, const Pending& p) { return t < p.at; });
  pending_.insert(behind, {at, step.id, attempt, std::move(*outcome), step.type});
}

std::optional<engine::Command> Workers::outcome_of(const Answer& answer, const engine::Step& step,
                                                   const Question& question) {
  const std::uint32_t attempt = question.attempt;
  if (answer.kind == Answer::Kind::error) {
    return engine::FailTask{step.id, attempt, answer.error, answer.retryable};
  }
  if (answer.kind == Answer::Kind::lost) return engine::LoseLease{step.id, attempt};
  std::optional<dsl::Value> result = answers_.result(answer, question);
  if (!result) return std::nullopt;
  return engine::CompleteTask{step.id, attempt, std::move(*result)};
}

// An outcome that comes too late is refused, as a worker's would be; then its lease is over too.
void Workers::give(const Pending& pending) {
  const engine::Decision decision = run_->send(pending.outcome, worker());
  switch (decision.refusal) {
    case engine::Refusal::none:
    case engine::Refusal::run_closed:
    case engine::Refusal::lease_lost:
    case engine::Refusal::nothing_to_do:
      return;
    case engine::Refusal::task_withdrawn:
      run_->send(engine::LoseLease{pending.step, pending.attempt}, {});
      return;
    default:
      return answers_.fail(absl::StrCat("the answer to task ", dsl::quoted(pending.type),
                                        ", attempt ", pending.attempt, ", is refused (",
                                        refusal_name(decision.refusal), "): ", decision.detail));
  }
}

}  // namespace pawl::rehearsal
