// The answers that a test has for whoever asks: tasks, calls of other runs, signals to them. Each
// question gets the first answer whose condition holds and which is not used up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rehearsal/test_case.h"

namespace pawl::rehearsal {

// Why the test can't go on, or has failed, at a question.
struct AnswerFailure {
  std::string message;
  std::string hint;                            // what to write; may be empty
  std::optional<dsl::Value> expected, actual;  // of `expect_with`
};

struct Question {
  std::string type;           // of the task, of the workflow, of the signal
  std::string who;            // in messages: "task `t` of state `a`, attempt 1"
  dsl::Value with;            // as JSON carries it
  std::uint32_t attempt = 0;  // of a task
  std::string run;            // of a call or a signal: the other run's id
};

class Answers {
 public:
  // The scripts must outlive this. `unknown`: what to write for a type without one.
  Answers(const std::vector<AnswerScript>& scripts, std::string unknown);

  // Null after a failure.
  const Answer* choose(const Question& question);
  // There are answers for this type.
  bool knows(const std::string& type) const;
  // The result, its expressions evaluated; nothing after a failure.
  std::optional<dsl::Value> result(const Answer& answer, const Question& question);

  void fail(std::string message, std::string hint = {});
  const std::optional<AnswerFailure>& failure() const { return failure_; }

 private:
  bool evaluate(const dsl::Expression& expression, const Question& question, dsl::Value* value);
  bool fill(const dsl::Template& result, const Question& question, dsl::Value* value);
  const Answer* pick(std::size_t script, const Question& question);

  const std::vector<AnswerScript>& scripts_;
  std::string unknown_;
  std::vector<std::vector<std::int64_t>> used_;  // by script and answer
  std::optional<AnswerFailure> failure_;
};

}  // namespace pawl::rehearsal
