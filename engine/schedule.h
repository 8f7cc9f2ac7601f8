// What goes on with the schedules of all workflows ([schedule.NAME] of a default version): a part
// of group 0's catalog; equal on every replica, a fold that reads no definition. Of kScheduleLevel.
//
// | schedule           | event              | becomes                                             |
// |--------------------|--------------------|-----------------------------------------------------|
// | none, or any       | ScheduleSet        | counts its firings from that moment on              |
// | any                | ScheduleGone       | none                                                |
// | any                | SchedulePaused     | paused                                              |
// | paused             | ScheduleResumed    | not paused; counts from that moment on              |
// | any                | ScheduleDecided    | firings decided on: one starts, some wait, some not |
// | with a start asked | ScheduleAnswered   | without it; one more of the last outcomes           |
//
// A firing is known by the moment it is for, as the expression has it (before jitter). It waits
// until runs of the workflow have closed, or because it was asked for; it starts once the entry
// that says so is committed, and its run is then asked for until an answer is committed
// (decision 0067).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "engine/command.h"

namespace pawl::engine {

// A firing whose run is asked for.
struct Firing {
  TimeMs at;
  std::uint64_t number =
      0;  // 1, 2, 3 ... of the schedule's: with its `since`, the firing's identity
  std::uint32_t version = 0;  // of the workflow
  std::string run_id;
  std::string input;  // dsl::Value::encode
  friend bool operator==(const Firing&, const Firing&) = default;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("at", x.at), v("number", x.number), v("version", x.version), v("run_id", x.run_id),
        v("input", x.input);
  }
};

enum class FiringEnd : std::uint8_t {
  started,   // by an answer: there is a run
  refused,   // by an answer, or since it could not be made; `detail` says why
  overlap,   // not started: a run of the workflow was open
  replaced,  // not started: a later one took its place
  missed,    // not started: nobody was there
  full,      // not started: as many wait as may
};
constexpr FiringEnd enum_max(FiringEnd) { return FiringEnd::full; }

// "started", "refused", ...
std::string_view enum_name(FiringEnd end);

// How a firing ended, or several in a row that were not started.
struct FiringOutcome {
  TimeMs at;
  TimeMs through;  // the last of them; == at for one
  std::uint64_t count = 1;
  FiringEnd end = FiringEnd::started;
  std::string run_id;  // of those that have one
  std::string detail;  // of a refusal: a problem's words
  TimeMs decided_at;
  friend bool operator==(const FiringOutcome&, const FiringOutcome&) = default;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("at", x.at), v("through", x.through), v("count", x.count), v("end", x.end),
        v("run_id", x.run_id), v("detail", x.detail), v("decided_at", x.decided_at);
  }
};

// A schedule is there, or fires at other times than before.
struct ScheduleSet {
  std::string workflow;
  std::string schedule;
  Digest times{};  // of what says when it fires: another one makes it count anew
  TimeMs at;
  Actor actor;  // for whom its runs start: who made the version the default one
  friend bool operator==(const ScheduleSet&, const ScheduleSet&) = default;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("workflow", x.workflow), v("schedule", x.schedule), v("times", x.times), v("at", x.at),
        v("actor", x.actor);
  }
};
struct ScheduleGone {
  std::string name;  // WORKFLOW.NAME, as in all that follow
  friend bool operator==(const ScheduleGone&, const ScheduleGone&) = default;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("name", x.name);
  }
};
struct SchedulePaused {
  std::string name;
  std::string reason;
  TimeMs at;
  Actor actor;
  friend bool operator==(const SchedulePaused&, const SchedulePaused&) = default;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("name", x.name), v("reason", x.reason), v("at", x.at), v("actor", x.actor);
  }
};
struct ScheduleResumed {
  std::string name;
  std::string reason;
  TimeMs at;
  Actor actor;
  friend bool operator==(const ScheduleResumed&, const ScheduleResumed&) = default;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("name", x.name), v("reason", x.reason), v("at", x.at), v("actor", x.actor);
  }
};

// One that waits. Who asked for it: a trigger or a backfill, which a pause does not hold.
struct WaitingFiring {
  TimeMs at;
  bool asked = false;
  friend bool operator==(const WaitingFiring&, const WaitingFiring&) = default;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("at", x.at), v("asked", x.asked);
  }
};

struct ScheduleDecided {
  std::string name;
  TimeMs until;  // all firings up to here are decided on; >= that of before
  TimeMs at;
  std::vector<TimeMs> removed;       // no longer wait
  std::vector<WaitingFiring> added;  // wait from now on
  std::optional<Firing> fired;
  std::vector<FiringOutcome> ended;  // decided without a run
  friend bool operator==(const ScheduleDecided&, const ScheduleDecided&) = default;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("name", x.name), v("until", x.until), v("at", x.at), v("removed", x.removed),
        v("added", x.added), v("fired", x.fired), v("ended", x.ended);
  }
};
struct ScheduleAnswered {
  std::string name;
  FiringOutcome outcome;
  friend bool operator==(const ScheduleAnswered&, const ScheduleAnswered&) = default;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("name", x.name), v("outcome", x.outcome);
  }
};

struct SchedulePause {
  std::string reason;
  TimeMs since;
  Actor by;
  friend bool operator==(const SchedulePause&, const SchedulePause&) = default;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("reason", x.reason), v("since", x.since), v("by", x.by);
  }
};

struct ScheduleState {
  std::string workflow;
  std::string schedule;
  Digest times{};
  TimeMs since;  // it was made; with the name, its identity
  TimeMs until;
  Actor by;
  std::optional<SchedulePause> pause;
  std::vector<WaitingFiring> waiting;  // by moment, each once
  std::vector<Firing> starting;        // likewise
  std::optional<TimeMs> last_at;       // of the last firing whose run was asked for
  std::vector<FiringOutcome> recent;   // newest last, at most limits::kScheduleOutcomesMax
  std::uint64_t fired = 0;             // the number of the last firing whose run was asked for
  std::uint64_t started = 0, refused = 0, skipped = 0;
  friend bool operator==(const ScheduleState&, const ScheduleState&) = default;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("workflow", x.workflow), v("schedule", x.schedule), v("times", x.times), v("since", x.since),
        v("until", x.until), v("by", x.by), v("pause", x.pause), v("waiting", x.waiting),
        v("starting", x.starting), v("last_at", x.last_at), v("recent", x.recent),
        v("fired", x.fired), v("started", x.started), v("refused", x.refused),
        v("skipped", x.skipped);
  }
};

// "WORKFLOW.NAME"
std::string schedule_name(std::string_view workflow, std::string_view schedule);

// What an event of the catalog says of schedules.
using ScheduleEvent = std::variant<ScheduleSet, ScheduleGone, SchedulePaused, ScheduleResumed,
                                   ScheduleDecided, ScheduleAnswered>;

class Schedules {
 public:
  // False, and nothing changed, if the event does not fit.
  bool apply(const ScheduleSet& e);
  bool apply(const ScheduleGone& e);
  bool apply(const SchedulePaused& e);
  bool apply(const ScheduleResumed& e);
  bool apply(const ScheduleDecided& e);
  bool apply(const ScheduleAnswered& e);

  const ScheduleState* find(std::string_view name) const;
  // By name.
  const std::map<std::string, ScheduleState, std::less<>>& all() const { return all_; }

  void encode(std::string* out) const;
  bool decode(std::string_view bytes);  // replaces the content; false if malformed
  friend bool operator==(const Schedules&, const Schedules&) = default;

 private:
  std::map<std::string, ScheduleState, std::less<>> all_;
};

}  // namespace pawl::engine
