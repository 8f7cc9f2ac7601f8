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

class AnswerScope : public dsl::Scope {
 public:
  AnswerScope(const engine::Step& step, std::uint32_t attempt)
      : with_(json_form(step.input.value)), attempt_(dsl::Value::int64(attempt)) {}
  const dsl::Value* find(std::string_view name) const override {
    return name == "with" ? &with_ : name == "attempt" ? &attempt_ : nullptr;
  }

 private:
  dsl::Value with_, attempt_;
};

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

Workers::Workers(const std::vector<TaskScript>& scripts, VirtualRun* run)
    : scripts_(scripts), run_(run) {
  for (const TaskScript& script : scripts) used_.emplace_back(script.answers.size(), 0);
}

void Workers::fail(std::string message, std::string hint) {
  if (!failure_) failure_ = {std::move(message), std::move(hint), {}, {}};
}

void Workers::work() {
  while (!failure_ && run_->run() != nullptr && !run_->exhausted()) {
    if (const engine::Step* offered = next_offer()) {
      take(engine::Step(*offered));
    } else if (!pending_.empty() && pending_.front().at <= run_->now()) {
      const Pending pending = pending_.front();
      pending_.erase(pending_.begin());
      give(pending);
    } else {
      return;
    }
  }
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
  const Answer* answer = choose(step, attempt);
  if (answer == nullptr) return;
  if (answer->kind == Answer::Kind::never) {
    ignored_.push_back({step.id, step.queued_at});
    return;
  }
  if (answer->expect_with && !same(*answer->expect_with, step.input.value)) {
    fail(described(step, attempt) + " was given another input than `expect_with` says");
    failure_->expected = answer->expect_with;
    failure_->actual = json_form(step.input.value);
    return;
  }
  std::optional<engine::Command> outcome = outcome_of(*answer, step, attempt);
  if (!outcome) return;
  const engine::Decision decision = run_->send(engine::HandOut{step.id, kWorker, ""}, worker());
  PAWL_CHECK(decision.refusal == engine::Refusal::none);
  TimeMs at(run_->now().v + answer->after_ms);
  if (answer->kind == Answer::Kind::lost) at.v += step.lease_ms;
  const auto behind = std::upper_bound(pending_.begin(), pending_.end(), at,
                                       [](TimeMs t, const Pending& p) { return t < p.at; });
  pending_.insert(behind, {at, step.id, attempt, std::move(*outcome), step.type});
}

const Answer* Workers::choose(const engine::Step& step, std::uint32_t attempt) {
  const std::string who = described(step, attempt);
  for (std::size_t i = 0; i < scripts_.size(); ++i) {
    const TaskScript& script = scripts_[i];
    if (script.type != step.type) continue;
    for (std::size_t k = 0; k < script.answers.size(); ++k) {
      const Answer& answer = script.answers[k];
      if (answer.times && used_[i][k] >= *answer.times) continue;
      dsl::Value holds = dsl::Value::boolean(true);
      if (answer.condition != nullptr && !evaluate(*answer.condition, step, attempt, &holds)) {
        return nullptr;
      }
      if (holds.kind() != dsl::Kind::boolean) {
        fail("the `if` of an answer to " + who + " is no bool");
        return nullptr;
      }
      if (!holds.as_bool()) continue;
      ++used_[i][k];
      return &answer;
    }
    fail("no answer is left for " + who,
         "a list answers one hand-out after the other; `times = N` lets an answer repeat, and a "
         "single one answers all");
    return nullptr;
  }
  fail("nobody answers " + who, "write [test.task.\"" + step.type +
                                    "\"] with result = {...}, error = { type = \"...\" }, lost = "
                                    "true or never = true");
  return nullptr;
}

bool Workers::evaluate(const dsl::Expression& expression, const engine::Step& step,
                       std::uint32_t attempt, dsl::Value* value) {
  const AnswerScope scope(step, attempt);
  dsl::Evaluation done = dsl::evaluate(expression, scope, limits::kExpressionCostMax);
  if (!done.ok) fail("the answer to " + described(step, attempt) + ": " + done.error);
  *value = json_form(done.value);
  return done.ok;
}

bool Workers::fill(const dsl::Template& result, const engine::Step& step, std::uint32_t attempt,
                   dsl::Value* value) {
  dsl::List items;
  dsl::Map fields;
  switch (result.form) {
    case dsl::Template::Form::literal:
      *value = json_form(result.literal);
      return true;
    case dsl::Template::Form::expression:
      return evaluate(*result.expression, step, attempt, value);
    case dsl::Template::Form::list:
      for (const dsl::Template& item : result.items) {
        if (!fill(item, step, attempt, &items.emplace_back())) return false;
      }
      *value = dsl::Value::list(std::move(items));
      return true;
    case dsl::Template::Form::map:
      for (const dsl::TemplateField& field : result.fields) {
        fields.emplace_back(dsl::Value::string(field.first), dsl::Value());
        if (!fill(field.second, step, attempt, &fields.back().second)) return false;
      }
      *value = dsl::Value::map(std::move(fields));
      return true;
  }
  PAWL_UNREACHABLE();
}

std::optional<engine::Command> Workers::outcome_of(const Answer& answer, const engine::Step& step,
                                                   std::uint32_t attempt) {
  dsl::Value result;
  switch (answer.kind) {
    case Answer::Kind::result:
      if (!fill(answer.result, step, attempt, &result)) return std::nullopt;
      return engine::CompleteTask{step.id, attempt, std::move(result)};
    case Answer::Kind::error:
      return engine::FailTask{step.id, attempt, answer.error, answer.retryable};
    case Answer::Kind::lost:
    case Answer::Kind::never:
      break;
  }
  return engine::LoseLease{step.id, attempt};
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
      return fail(absl::StrCat("the answer to task ", dsl::quoted(pending.type), ", attempt ",
                               pending.attempt, ", is refused (", refusal_name(decision.refusal),
                               "): ", decision.detail));
  }
}

}  // namespace pawl::rehearsal
