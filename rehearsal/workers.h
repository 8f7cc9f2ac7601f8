// Workers that do what a test says: they take every task the run offers at once, and answer it
// after its time. Which frame, branch or item a task belongs to makes no difference: it is answered
// by its type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rehearsal/test_case.h"
#include "rehearsal/virtual_run.h"

namespace pawl::rehearsal {

// Why the test can't go on, or has failed, at a task.
struct WorkerFailure {
  std::string message;
  std::string hint;                            // what to write; may be empty
  std::optional<dsl::Value> expected, actual;  // of `expect_with`
};

class Workers {
 public:
  // Both must outlive the workers.
  Workers(const std::vector<TaskScript>& scripts, VirtualRun* run);

  // Takes what is offered and gives the answers that are due now, until there are no more.
  void work();
  // When the next answer comes.
  std::optional<TimeMs> next_answer() const;
  // A worker has a task, or will once its back-off is over.
  bool under_way() const;

  const std::optional<WorkerFailure>& failure() const { return failure_; }

 private:
  struct Pending {
    TimeMs at;
    engine::StepId step;
    std::uint32_t attempt = 0;
    engine::Command outcome;
    std::string type;
  };
  // An offer that nobody takes: known by when it was queued, since a retry is another offer.
  struct Ignored {
    engine::StepId step;
    TimeMs queued_at;
    friend bool operator==(const Ignored&, const Ignored&) = default;
  };

  const engine::Step* next_offer() const;
  void take(const engine::Step& offered);
  const Answer* choose(const engine::Step& step, std::uint32_t attempt);
  bool evaluate(const dsl::Expression& expression, const engine::Step& step, std::uint32_t attempt,
                dsl::Value* value);
  bool fill(const dsl::Template& result, const engine::Step& step, std::uint32_t attempt,
            dsl::Value* value);
  std::optional<engine::Command> outcome_of(const Answer& answer, const engine::Step& step,
                                            std::uint32_t attempt);
  void give(const Pending& pending);
  void fail(std::string message, std::string hint = {});

  const std::vector<TaskScript>& scripts_;
  VirtualRun* run_;
  std::vector<std::vector<std::int64_t>> used_;  // hand-outs by script and answer
  std::vector<Pending> pending_;                 // in order of their times, then of hand-out
  std::vector<Ignored> ignored_;
  std::optional<WorkerFailure> failure_;
};

}  // namespace pawl::rehearsal
