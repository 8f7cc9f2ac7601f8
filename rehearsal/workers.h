// Workers that do what a test says: they take every task the run offers at once, and answer it
// after its time. Which frame, branch or item a task belongs to makes no difference: it is answered
// by its type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rehearsal/answers.h"
#include "rehearsal/test_case.h"
#include "rehearsal/virtual_run.h"

namespace pawl::rehearsal {

class Workers {
 public:
  // Both must outlive the workers.
  Workers(const std::vector<AnswerScript>& scripts, VirtualRun* run);

  // Takes what is offered and gives the answers that are due now, until there are no more; false if
  // there was nothing.
  bool work();
  // When the next answer comes.
  std::optional<TimeMs> next_answer() const;
  // A worker has a task, or will once its back-off is over.
  bool under_way() const;

  const std::optional<AnswerFailure>& failure() const { return answers_.failure(); }

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
  std::optional<engine::Command> outcome_of(const Answer& answer, const engine::Step& step,
                                            const Question& question);
  void give(const Pending& pending);

  VirtualRun* run_;
  Answers answers_;
  std::vector<Pending> pending_;  // in order of their times, then of hand-out
  std::vector<Ignored> ignored_;
};

}  // namespace pawl::rehearsal
