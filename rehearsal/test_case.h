// What a test of a definition says: how a run begins, how its workers answer, what is done to it
// and when, and what must be true. Made by parse_tests.h, played by rehearsal.h; docs/
// testing-definitions.md is the language.
//
// Values here are as JSON would carry them: what a client sends and a worker answers knows no
// timestamps and durations.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "dsl/definition.h"
#include "dsl/value.h"
#include "engine/command.h"

namespace pawl::rehearsal {

using NamedValue = std::pair<std::string, dsl::Value>;

// How one hand-out of a task is answered, one call of another run, or one signal to one.
struct Answer {
  enum class Kind : std::uint8_t {
    result,     // of a signal: it is taken
    error,      // not of a signal
    lost,       // of a task: the worker dies, its lease is lost
    never,      // no worker takes it, the child does not end
    cancelled,  // of a call: so the child ends
    refused,    // of a call or a signal
  };
  Kind kind = Kind::result;
  dsl::Template result;  // may read `with`; of a task `attempt`, of a call `run`
  engine::Error error;
  std::string why;  // refused: what the error says
  std::optional<bool> retryable;
  std::int64_t after_ms = 0;                         // until the outcome
  std::shared_ptr<const dsl::Expression> condition;  // null: always
  std::optional<dsl::Value> expect_with;             // the input
  std::optional<std::int64_t> times;                 // absent: any number
};

// All answers to tasks of one type, to calls of one workflow, to signals of one name.
struct AnswerScript {
  std::string type;
  std::vector<Answer> answers;
};

// Fields that are absent are not looked at.
struct ExpectedError {
  bool none = false;  // there must be no error
  std::optional<std::string> type, message, state;
  std::optional<dsl::Value> data;
};
struct ExpectedEvent {
  std::string type;
  dsl::Value fields;  // a map; of nested maps too only what is named is compared
};
// A list of names that must be equal, e.g. the path.
struct ExpectedNames {
  std::string what;
  std::vector<std::string> names;
};

// "both/b", "each[3]": a path of active states is meant, and no name.
inline bool is_path(std::string_view name) { return name.find_first_of("/[") != name.npos; }

struct Expectation {
  std::optional<std::string> status, state;
  std::vector<ExpectedNames> lists;  // states, path, tasks, undone
  std::optional<dsl::Value> output;
  std::optional<ExpectedError> error;
  std::vector<NamedValue> vars;                              // of a path: a map of its machine's
  std::vector<ExpectedEvent> events;                         // in this order, others between
  std::optional<dsl::List> sent, called;                     // all of them, in this order
  std::vector<std::pair<std::string, std::int64_t>> visits;  // of root states, or of paths
  std::optional<std::vector<ExpectedError>> incidents;       // all that are open, by age
  std::optional<std::int64_t> incident_count;
  std::optional<std::int64_t> at_ms;  // of the run's newest event, since the test began
};

// Who sends a command.
struct Sender {
  engine::Actor actor;
  std::vector<std::string> groups;
};

// Time goes on, to a moment or by an interval.
struct TimePasses {
  std::optional<TimeMs> until;
  std::int64_t ms = 0;
};
struct SendCommand {
  engine::Command command;  // a Move without `from` is from where the run is
  Sender sender;
  std::optional<std::string> refused;  // must be; "" whatever the reason
};

struct Step {
  int line = 0;
  std::variant<TimePasses, SendCommand, Expectation> what;
};

struct TestCase {
  std::string name;
  int line = 0;
  engine::Start start;
  TimeMs at;  // when it begins
  Sender sender;
  std::optional<std::string> refused;  // the start must be; "" whatever the reason
  std::vector<AnswerScript> tasks, calls, sends;
  std::vector<Step> steps;
  Expectation expect;
  int expect_line = 0;   // 0: nothing is expected of the end
  bool run_out = false;  // at the end time goes on until nothing happens any more
};

}  // namespace pawl::rehearsal
