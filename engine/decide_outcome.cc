// Outcomes of tasks, as decided:
//
//   started --complete--------------------------> gone; save, next    save fails: incident, kept
//   started --fail, lease lost, attempt timeout-> backoff             while the policy allows
//   started --the same, retries over------------> raised              (decide_error.cc)
//   queued, backoff, started --queue or total timeout--> raised, never retried
//   started, paused run --any outcome-----------> held until the run resumes
//   withdrawn --lease lost----------------------> gone
//   a repeated outcome of the same attempt------> duplicate: the same answer for a day
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "engine/decider.h"

namespace pawl::engine {
namespace {

// What the engine's own errors of a task are never retried for: another attempt would change
// nothing, or there is no time left for one.
bool is_final(const std::string& type) {
  return matches_error(
      {"sys.timeout.queue", "sys.timeout.total", "sys.output", "sys.expr", "sys.too_big"}, type);
}

}  // namespace

bool Decider::repeats(const RememberedOutcome& outcome, const ErrorRecord* error,
                      const dsl::Value* result) const {
  const Salt& salt = run_->identity->salt;
  if (error != nullptr) {
    return outcome.failed && outcome.error_type == error->type &&
           outcome.digest == payload_digest(salt, outcome.seq, outcome.ordinal, error->detail);
  }
  return !outcome.failed &&
         outcome.digest == payload_digest(salt, outcome.seq, outcome.ordinal, Payload::of(*result));
}

bool Decider::accept_outcome(StepId id, std::uint32_t attempt, const ErrorRecord* error,
                             const dsl::Value* result) {
  const auto no = [this](Refusal why, const char* detail) {
    refuse(why, detail);
    return false;
  };
  for (const RememberedOutcome& outcome : *run_->outcomes) {
    if (outcome.step != id || outcome.attempt != attempt) continue;
    if ((error == nullptr && result == nullptr) || !repeats(outcome, error, result)) {
      return no(Refusal::task_withdrawn, "the task has been answered otherwise");
    }
    decision_.duplicate = true;
    return false;
  }
  if (id.v == 0 || id > run_->last_step || attempt == 0) {
    return no(Refusal::task_unknown, "the run has never had this task");
  }
  if (run_->closed()) return no(Refusal::run_closed, "the run is closed");
  const Step* step = run_->step(id);
  if (step == nullptr || step->status == StepStatus::withdrawn) {
    return no(Refusal::task_withdrawn, "the run has gone on without this task");
  }
  if (attempt > step->attempt) return no(Refusal::task_unknown, "there was no such attempt yet");
  if (attempt < step->attempt || step->status != StepStatus::started) {
    return no(Refusal::lease_lost, "this attempt is over: its lease or its time ran out");
  }
  return true;
}

void Decider::apply(const CompleteTask& command) {
  std::string why;
  if (!storable(command.result, &why)) return refuse(Refusal::too_big, "the result " + why);
  if (!accept_outcome(command.step, command.attempt, nullptr, &command.result)) return;
  if (run_->status == RunStatus::paused) {
    OutcomeHeld held;
    held.step = command.step;
    held.attempt = command.attempt;
    held.result = Payload::of(command.result);
    held.actor = context_.actor;
    return emit(std::move(held));
  }
  complete(command.step, command.attempt, command.result, context_.actor);
  settle();
}

void Decider::apply(const FailTask& command) {
  Error error = command.error;
  if (error.type.empty()) error.type = "error";
  if (error.type.size() > limits::kNameBytesMax) {
    return refuse(Refusal::too_big, "the error's type is too long");
  }
  std::string why;
  if (error.data.encoded_size() > limits::kErrorDataBytesMax) {
    return refuse(Refusal::too_big, absl::StrCat("the error's data is larger than ",
                                                 limits::kErrorDataBytesMax, " bytes"));
  }
  ErrorRecord record = ErrorRecord::of(error);
  if (!storable(record.detail.value, &why)) return refuse(Refusal::too_big, "the error " + why);
  if (!accept_outcome(command.step, command.attempt, &record, nullptr)) return;
  if (run_->status == RunStatus::paused) {
    OutcomeHeld held;
    held.step = command.step;
    held.attempt = command.attempt;
    held.outcome = Outcome::failed;
    held.error = std::move(record);
    held.retryable = command.retryable;
    held.actor = context_.actor;
    return emit(std::move(held));
  }
  fail(command.step, record, command.retryable, true, context_.actor);
  settle();
}

void Decider::apply(const ProgressTask& command) {
  Error error;
  const Step* step = run_->step(command.step);
  const std::int64_t old = step == nullptr ? 0 : static_cast<std::int64_t>(step->progress.length);
  if (!accept_outcome(command.step, command.attempt, nullptr, nullptr)) return;
  if (!fits(command.details, "the details", -old, &error)) {
    return refuse(Refusal::too_big, error.message);
  }
  emit(TaskProgress{command.step, command.attempt, Payload::of(command.details)});
}

ErrorRecord Decider::lost_lease_error(const Step& step) const {
  const std::string message =
      absl::StrCat("worker `", step.worker, "` was not heard of for ", step.lease_ms, " ms");
  return ErrorRecord::of({step.heartbeat ? "sys.timeout.heartbeat" : "sys.lease", message, {}});
}

void Decider::apply(const LoseLease& command) {
  const Step* step = take_back(command.step, command.attempt);
  if (step == nullptr) return;
  if (run_->status == RunStatus::paused) {
    OutcomeHeld held;
    held.step = command.step;
    held.attempt = command.attempt;
    held.outcome = Outcome::lease_lost;
    return emit(std::move(held));
  }
  fail(step->id, lost_lease_error(*step), std::nullopt, false, {});
  settle();
}

void Decider::complete(StepId id, std::uint32_t attempt, const dsl::Value& result,
                       const Actor& actor) {
  const Step* step = run_->step(id);
  PAWL_CHECK(step != nullptr);
  at_ = step->frame;
  const StepRole role = step->role;
  emit(TaskCompleted{id, attempt, Payload::of(result), actor});
  if (role == StepRole::state) after_result(current_state(), result);
  if (role == StepRole::undo) run_compensate();
}

bool Decider::may_retry(const Step& step, const dsl::Retry& policy, const std::string& type,
                        std::optional<bool> retryable) const {
  if (is_final(type) || step.attempts_used() >= static_cast<std::uint32_t>(policy.attempts)) {
    return false;
  }
  return retryable.value_or(!matches_error(policy.never, type));
}

// initial * factor^(used - 1), at most interval_ms_max, moved by the jitter.
std::int64_t Decider::backoff_ms(const dsl::Retry& policy, std::uint32_t used) {
  const double most = static_cast<double>(policy.interval_ms_max);
  double ms = static_cast<double>(policy.initial_ms);
  for (std::uint32_t i = 1; i < used && ms < most; ++i) ms *= policy.factor;
  ms = std::min(ms, most);
  if (policy.jitter > 0) ms *= 1 + policy.jitter * (2 * random().unit() - 1);
  return std::max<std::int64_t>(0, std::llround(ms));
}

void Decider::fail(StepId id, const ErrorRecord& error, std::optional<bool> retryable,
                   bool reported, const Actor& actor) {
  const Step* step = run_->step(id);
  PAWL_CHECK(step != nullptr);
  const dsl::TaskSpec& spec = spec_of(*step);
  const StepRole role = step->role;
  at_ = step->frame;
  TaskFailed e;
  e.step = id;
  e.attempt = step->attempt;
  e.error = error;
  e.reported = reported;
  e.actor = actor;
  if (may_retry(*step, spec.retry, error.type, retryable)) {
    e.retry_at = after_ms(backoff_ms(spec.retry, step->attempts_used()));
    e.timers.push_back(timer(TimerKind::task_retry, id.v, *e.retry_at));
    return emit(std::move(e));
  }
  Raised raised;
  raised.error = {error.type, error.message(), error.data()};
  raised.attempt = step->attempt;
  raised.stage = IncidentStage::step;
  raised.step = id;
  raised.policy = &spec.retry;
  raised.recorded = true;
  raised.straight_to_incident = role != StepRole::state || error.type == "sys.output" ||
                                spec.retry.exhausted == dsl::Exhausted::incident;
  emit(std::move(e));
  raise(std::move(raised));
}

}  // namespace pawl::engine
