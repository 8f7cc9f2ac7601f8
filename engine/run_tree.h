// What a run has besides its root machine: machines within machines, what they gather, the undos
// recorded so far, and what it is about with other runs. Most runs have none of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "engine/event_flow.h"
#include "engine/event_parts.h"
#include "engine/payload.h"
#include "engine/permit.h"
#include "engine/run_parts.h"
#include "engine/shared.h"

namespace pawl::engine {

// A nested flow, a branch or an item. It goes with its parent's state.
struct InnerFrame {
  std::uint32_t id = 0;
  std::uint32_t parent = 0;
  FrameRole role = FrameRole::flow;
  std::string name;
  std::uint32_t index = 0;
  std::string machine;
  bool keeps_result = false;
  Payload result;
  Frame frame;
  Shared<std::vector<Visit>> visits;  // of its states and handlers; without a path

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("id", x.id), v("parent", x.parent), v("role", x.role), v("name", x.name);
    v("index", x.index), v("machine", x.machine), v("keeps_result", x.keeps_result);
    v("result", x.result), v("frame", x.frame), v("inner_visits", x.visits);
  }
};

// A branch or item that is over.
struct Gathered {
  std::uint32_t index = 0;
  bool failed = false;
  Payload result;
  ErrorRecord error;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("index", x.index), v("failed", x.failed), v("result", x.result), v("error", x.error);
  }
};

// Those whose indexes divided by limits::kGatherChunk are equal, sorted by index: what is copied
// when one of them is added.
struct GatherChunk {
  std::vector<Gathered> items;
  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("items", x.items);
  }
};

// What a `parallel` or a `map` has so far. It goes with the state.
struct Gather {
  std::uint32_t frame = 0;  // whose state gathers
  bool map = false;
  Payload items;  // of a map
  std::uint32_t count = 0;
  std::uint32_t next = 0;            // the first index not begun yet
  std::vector<std::uint32_t> again;  // of those before it, those to be begun again; ascending
  std::uint32_t open = 0;            // begun and not over
  std::uint32_t completed = 0, failed = 0;
  std::uint32_t most = 0, batch = 0, tolerate = 0;  // of a map
  std::uint32_t join = 0;                           // of a parallel
  std::vector<Shared<GatherChunk>> chunks;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("frame", x.frame), v("map", x.map), v("items", x.items), v("count", x.count);
    v("next", x.next), v("again", x.again), v("open", x.open), v("completed", x.completed);
    v("failed", x.failed), v("most", x.most), v("batch", x.batch), v("tolerate", x.tolerate);
    v("join", x.join), v("chunks", x.chunks);
  }
};

struct RecordedUndo {
  std::uint32_t id = 0;
  std::uint32_t frame = 0;  // whose `compensate` runs it
  std::string place, name;
  StepId waits_for;  // counts from this step's first hand-out on; 0: it counts
  Seq since;         // counts since; 0: not yet
  StepId runs;       // the step that is carrying it out; 0: none
  std::string type, queue, key;
  Payload input;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("id", x.id), v("frame", x.frame), v("place", x.place), v("name", x.name);
    v("waits_for", x.waits_for), v("since", x.since), v("runs", x.runs), v("task", x.type);
    v("queue", x.queue), v("key", x.key), v("input", x.input);
  }
};

enum class CallStatus : std::uint8_t {
  asked = 0,       // no answer yet
  accepted = 1,    // the child runs, its end is waited for
  cancelling = 2,  // nobody wants it any more; it is told so
};
constexpr CallStatus enum_max(CallStatus) { return CallStatus::cancelling; }

// A child run, or a signal to another run that is not answered yet.
struct OpenCall {
  std::uint32_t id = 0;
  std::uint32_t frame = 0;
  std::string state;
  bool is_signal = false;
  GroupId to;
  std::string run;
  std::string name;  // of the workflow, or of the signal
  Payload input;     // until it is answered
  bool wait = true, cancels = true;
  CallStatus status = CallStatus::asked;
  Index child;  // its uid's; status accepted
  // What came while the run was paused.
  bool held = false;
  std::optional<RunStatus> held_status;
  Payload held_output;
  std::optional<ErrorRecord> held_error;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("id", x.id), v("frame", x.frame), v("state", x.state), v("is_signal", x.is_signal);
    v("to", x.to), v("run", x.run), v("name", x.name), v("input", x.input), v("wait", x.wait);
    v("cancels", x.cancels), v("status", x.status), v("child", x.child), v("held", x.held);
    v("held_status", x.held_status), v("held_output", x.held_output);
    v("held_error", x.held_error);
  }
  std::uint64_t payload_bytes() const {
    return input.length + held_output.length + (held_error ? held_error->detail.length : 0);
  }
};

// Who called this run.
struct Caller {
  RunUid uid;
  std::string run;
  std::uint32_t call = 0;
  std::uint32_t depth = 0;
  bool wait = true;
  bool told = false;  // of the end

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("group", x.uid.group), v("index", x.uid.index), v("run", x.run), v("call", x.call);
    v("depth", x.depth), v("wait", x.wait), v("told", x.told);
  }
};

struct RunTree {
  // Encoded behind all else of a run, and not at all if it is empty (field_bytes.h): runs without
  // one have the bytes they had before there was one.
  static constexpr bool kTrailing = true;

  std::vector<Shared<InnerFrame>> frames;   // sorted by id; a parent precedes what it encloses
  std::vector<Shared<Gather>> gathers;      // sorted by frame
  std::vector<Shared<RecordedUndo>> undos;  // sorted by id
  std::vector<Shared<OpenCall>> calls;      // sorted by id
  std::optional<Caller> caller;
  std::uint32_t last_frame = 0, last_undo = 0, last_call = 0;
  Shared<RunPermits> permits;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("inner", x.frames), v("gathers", x.gathers), v("undos", x.undos), v("calls", x.calls);
    v("caller", x.caller), v("last_frame", x.last_frame), v("last_undo", x.last_undo);
    v("last_call", x.last_call), v("permits", x.permits);
  }
};

// A signal or a call that is not answered yet, a child nobody wants any more.
inline bool has_errand(const OpenCall& call) {
  return !call.held && (call.status == CallStatus::cancelling ||
                        (call.status == CallStatus::asked && call.child.v == 0));
}

inline bool is_empty(const RunTree& x) {
  const bool never = x.last_frame == 0 && x.last_undo == 0 && x.last_call == 0;
  return never && x.gathers.empty() && !x.caller && is_empty(*x.permits);
}

const char* enum_name(CallStatus x);

}  // namespace pawl::engine
