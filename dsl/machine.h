// A machine of a definition: its states, each with one verb and what leads out of it. The root is
// one, and so is every nested flow. See definition.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/definition_parts.h"
#include "dsl/schema.h"

namespace pawl::dsl {

enum class Verb : std::uint8_t {
  none,
  task,
  sleep,
  choose,
  set,
  raise,
  end,
  flow,
  parallel,
  map,
  call,
  send,
  compensate,
  continue_as_new,
};

struct Flow;

// A machine that a state runs inside of itself: a named flow, or one inline state.
struct Machine {
  std::string flow;                          // [flow.NAME]; "" if inline
  std::shared_ptr<const Flow> inline_state;  // a flow of one state; null if named
};

// One of `parallel.NAME`.
struct ParallelBranch {
  std::string name;
  Machine machine;
};

struct ParallelSpec {
  std::vector<ParallelBranch> branches;  // sorted by name, at least one
  std::uint32_t join = 0;                // how many must complete: all of them, 1 ("any"), N
};

struct MapSpec {
  Template items;                      // evaluates to a list
  std::string as;                      // the item's name in expressions; its index is `as`_index
  Machine body;                        // run for each item
  Template parallel;                   // `concurrency`: evaluates to an int of at least 1
  std::optional<std::uint32_t> batch;  // groups of so many instead, one after the other
  Template tolerate;                   // failed items allowed: an int, or text like "5%"
  std::optional<Template> keep;        // what an item leaves; absent: its result
  bool keep_nothing = false;           // keep = false
};

enum class OnClose : std::uint8_t { cancel, abandon };

// A child run of another workflow.
struct CallSpec {
  std::string workflow;
  std::optional<Template> id;          // evaluates to a string; absent: made of the run's own
  Template with;                       // its input; evaluates to a map
  bool wait = true;                    // for its end; else only until it is started
  OnClose on_close = OnClose::cancel;  // what becomes of it when the state is left
  std::optional<Undo> undo;
};

// A signal to another run.
struct SendSpec {
  Template to;      // evaluates to a run's id
  Template signal;  // evaluates to a signal's name
  Template with;
};

struct ContinueSpec {
  Template with;        // the new generation's input; null: as it was
  bool latest = false;  // with the version that is the default then; else the same
};

struct Sleep {
  Template duration;  // evaluates to a duration; or, if `until`, to a timestamp
  bool until = false;
};

struct Raise {
  Template type;     // evaluates to a string
  Template message;  // evaluates to a string; null literal if absent
  Template data;
};

enum class EndStatus : std::uint8_t { completed, failed, cancelled };

struct End {
  EndStatus status = EndStatus::completed;
  Template output;
  std::optional<Raise> error;  // type, message, data of a failed run
};

struct State {
  std::string name;
  std::string doc;
  Verb verb = Verb::none;
  std::optional<TaskSpec> task;               // Verb::task
  std::vector<Assignment> save;               // of the task's result
  std::optional<Sleep> sleep;                 // Verb::sleep
  std::vector<Branch> choose;                 // Verb::choose
  std::vector<Assignment> set;                // on entry, before the verb; alone it is Verb::set
  std::optional<Raise> raise;                 // Verb::raise
  std::optional<End> end;                     // Verb::end
  std::string flow;                           // Verb::flow: its name
  std::optional<ParallelSpec> parallel;       // Verb::parallel
  std::shared_ptr<const MapSpec> map;         // Verb::map
  std::shared_ptr<const CallSpec> call;       // Verb::call
  std::shared_ptr<const SendSpec> send;       // Verb::send
  std::shared_ptr<const ContinueSpec> fresh;  // Verb::continue_as_new
  std::vector<std::string> forget;            // names of undos that are dropped on entry
  std::optional<std::string> next;
  std::vector<SignalHandler> on;
  std::vector<TimerHandler> after;
  std::vector<TimerHandler> every;
  std::vector<Catch> catches;
  std::vector<std::string> moves;  // states a client may move the run to from here
  int line = 0;

  const SignalHandler* handler(std::string_view signal) const;
};

// A machine: the root, or a nested flow.
struct Flow {
  std::string name;  // "" is the root
  std::string start;
  std::vector<State> states;  // in the order of the file
  Fields vars;                // types and first values (Schema::default_value)

  std::optional<Template> output;  // what a named flow hands out; absent: its last result
  bool inline_state = false;       // one state that stands in a branch or a map; it has no name

  // Binary search over by_name. Of an inline state's flow: its state, whatever the name.
  const State* find(std::string_view state) const;
  std::vector<std::uint32_t> by_name;  // positions in `states`, sorted by name; made by the parser
};

}  // namespace pawl::dsl
