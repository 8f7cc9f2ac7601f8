// The other runs that a run calls and signals, as a test says they behave: children that run for
// their time and end with a result or an error, or are refused; signals that are taken, or not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rehearsal/answers.h"
#include "rehearsal/test_case.h"
#include "rehearsal/virtual_run.h"

namespace pawl::rehearsal {

class OtherRuns {
 public:
  // Both must outlive this.
  OtherRuns(const TestCase& test, VirtualRun* run);

  // Answers what is due now; false if there was nothing.
  bool work();
  // When the next answer comes.
  std::optional<TimeMs> next_answer() const;
  // A child has something to do, or an answer is under way.
  bool under_way() const;

  // Of the calls or of the signals; null if there is none.
  const AnswerFailure* failure() const;

 private:
  struct Pending {
    TimeMs at;
    std::uint32_t call = 0;
    engine::Command command;
  };

  bool answer_next();
  void answer_call(const engine::OpenCall& call);
  void answer_signal(const engine::OpenCall& call);
  void give_up(const engine::OpenCall& call);
  void accept(const engine::OpenCall& call);
  void add(std::uint32_t call, std::int64_t after_ms, engine::Command command);
  // The run still wants this answer.
  bool wanted(const Pending& pending) const;

  VirtualRun* run_;
  Answers calls_, signals_;
  std::uint32_t newest_ = 0;      // calls are answered in the order of their numbers
  std::vector<Pending> pending_;  // in order of their times
};

}  // namespace pawl::rehearsal
