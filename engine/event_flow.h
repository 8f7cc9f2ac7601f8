// What happens with the machines within a run: nested flows, branches, items, and the undos that
// their steps leave behind. See event.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "engine/event_parts.h"
#include "engine/payload.h"

namespace pawl::engine {

enum class FrameRole : std::uint8_t {
  flow = 0,    // of a state's `flow`
  branch = 1,  // of its `parallel`
  item = 2,    // of its `map`
};
constexpr FrameRole enum_max(FrameRole) { return FrameRole::item; }

enum class FlowEnd : std::uint8_t { completed = 0, failed = 1, cancelled = 2 };
constexpr FlowEnd enum_max(FlowEnd) { return FlowEnd::cancelled; }

// A machine begins within another one's state. The state.entered of its own start follows.
struct FlowEntered {
  static constexpr std::uint16_t kKind = 30, kLevel = 6;
  static constexpr const char* kName = "flow.entered";
  std::uint32_t frame = 0;   // the new one: numbered within the run, from 1
  std::uint32_t parent = 0;  // whose state it begins in
  FrameRole role = FrameRole::flow;
  std::string name;           // of the flow, of the branch; of an item what expressions call it
  std::uint32_t index = 0;    // of the item; of the branch in the order of names
  std::string machine;        // its place in the definition
  std::string path;           // of the states within, before their names
  bool keeps_result = false;  // the last result of its steps is what it hands out
  std::vector<NamedPayload> vars;  // first values
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("frame", e.frame), v("parent", e.parent), v("role", e.role), v("name", e.name);
    v("index", e.index), v("machine", e.machine), v("path", e.path);
    v("keeps_result", e.keeps_result), v("vars", e.vars);
  }
};

// It is over, and so is everything within it. Machines whose encloser leaves its state go without
// an event of their own. Its undos pass to the encloser.
struct FlowLeft {
  static constexpr std::uint16_t kKind = 31, kLevel = 6;
  static constexpr const char* kName = "flow.left";
  std::uint32_t frame = 0;
  FlowEnd how = FlowEnd::completed;
  Payload result;
  std::optional<ErrorRecord> error;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("frame", e.frame), v("how", e.how), v("result", e.result), v("error", e.error);
  }
};

// The state of this machine gathers the results of its branches.
struct ParallelStarted {
  static constexpr std::uint16_t kKind = 32, kLevel = 6;
  static constexpr const char* kName = "parallel.started";
  std::uint32_t frame = 0;
  std::uint32_t count = 0, join = 0;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("frame", e.frame), v("count", e.count), v("join", e.join);
  }
};

// The same of its items.
struct MapStarted {
  static constexpr std::uint16_t kKind = 33, kLevel = 6;
  static constexpr const char* kName = "map.started";
  std::uint32_t frame = 0;
  Payload items;  // a list
  std::uint32_t count = 0;
  std::uint32_t most = 0;      // at once
  std::uint32_t batch = 0;     // in groups of so many; 0: not in groups
  std::uint32_t tolerate = 0;  // failed ones
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("frame", e.frame), v("items", e.items), v("count", e.count), v("most", e.most);
    v("batch", e.batch), v("tolerate", e.tolerate);
  }
};

// Its items that did not complete are run again.
struct MapRetried {
  static constexpr std::uint16_t kKind = 34, kLevel = 6;
  static constexpr const char* kName = "map.retried";
  std::uint32_t frame = 0;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("frame", e.frame);
  }
};

// The last result of a machine that hands it out when it ends later.
struct ResultKept {
  static constexpr std::uint16_t kKind = 35, kLevel = 6;
  static constexpr const char* kName = "result.kept";
  std::uint32_t frame = 0;
  Payload result;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("frame", e.frame), v("result", e.result);
  }
};

// What undoes a step, with its evaluated input. With `step` it counts from that step's first
// hand-out on; else from now on. One of the same machine and name before it is replaced.
struct UndoRecorded {
  static constexpr std::uint16_t kKind = 36, kLevel = 6;
  static constexpr const char* kName = "undo.recorded";
  std::uint32_t undo = 0;  // numbered within the run, from 1
  std::uint32_t frame = 0;
  std::string place;  // of the step's state in the definition
  std::string name;   // or ""
  StepId step;        // or 0
  std::string type, queue, key;
  Payload input;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("undo", e.undo), v("frame", e.frame), v("place", e.place), v("name", e.name);
    v("step", e.step), v("task", e.type), v("queue", e.queue), v("key", e.key);
    v("input", e.input);
  }
};

struct UndosForgotten {
  static constexpr std::uint16_t kKind = 37, kLevel = 6;
  static constexpr const char* kName = "undos.forgotten";
  std::vector<std::uint32_t> undos;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("undos", e.undos);
  }
};

const char* enum_name(FrameRole x);
const char* enum_name(FlowEnd x);

}  // namespace pawl::engine
