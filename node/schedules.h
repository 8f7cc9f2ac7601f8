// Starts runs when their schedules say so. Group 0's leader decides; what it decided is in the
// catalog (engine/schedule.h):
//
//   a default version has [schedule.NAME] --> ScheduleSet
//   a firing is due, or waits --allow_all--> ScheduleDecided
//                             --else--> every run group is asked whether a run of the workflow is
//                               open --all have answered--> ScheduleDecided, or it is asked again
//   a committed firing --> a start, as a client's would be, to its run's group, with a key of its
//     own --answered--> ScheduleAnswered       --no leader, no room--> it is sent again
//
// One entry takes what all schedules decide in a turn. Starts that are sent again are the same for
// their key (decision 0067). Memory, gone with the process: all of it is in the catalog.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/schedule.h"
#include "node/node.h"

namespace pawl::node {

class Node::Schedules {
 public:
  explicit Schedules(Node* node) : node_(node) {}

  // This box may decide for group 0.
  void opened();
  // An event of the catalog was applied.
  void applied(const engine::CatalogEvent& event);
  // Takes the answer if it is one to what was asked here.
  bool settle(Answer& answer);
  bool unsettled() const;
  // Decides what is due, and asks what it depends on.
  void look();
  // Monotonic ms at which look() has something to do; INT64_MAX: never, as things are.
  std::int64_t next_wake_mono_ms() const;

  // What makes the schedules that are known those of the definition, which is to be its workflow's
  // default version (null: one without any), as this actor says; nothing if they are.
  void reconcile(const std::string& workflow, const dsl::Definition* definition,
                 const engine::Actor& by, std::vector<engine::CatalogEvent>* events) const;
  // Decides what an operator wants of one; the catalog has no other change under way.
  void change(const Request& request, const ChangeSchedule& op);
  // Refuses the request if a store with this version as the workflow's default one has too many.
  bool refuses(const Request& request, const std::string& workflow,
               const dsl::Definition& definition);

 private:
  void reconcile(const std::string& workflow, std::vector<engine::CatalogEvent>* events);
  void add_firings(const Request& request, const ChangeSchedule& op,
                   const engine::ScheduleState& state);
  void conclude(const Request& request, const ChangeSchedule& op,
                const std::vector<engine::CatalogEvent>& events, std::int64_t firings);
  // Whether runs of a workflow are open, as the groups answer.
  struct Survey {
    std::uint64_t number = 0;
    std::set<GroupId> missing;
    bool busy = false;
    std::vector<RunUid> runs;
  };
  struct Asked {
    std::string name;
    enum class What : std::uint8_t { survey, start, end } what = What::start;
    GroupId group;
    TimeMs at;                 // of a start
    std::uint64_t survey = 0;  // its number
  };
  // Decisions may be made, and none is under way.
  bool decides() const;
  // The schedule as its default version has it; null if there is none.
  const dsl::Schedule* spec(const engine::ScheduleState& state, std::uint32_t* version) const;
  void look_again(const std::string& name, TimeMs at);
  void forget(const std::string& name);
  bool may_fire();
  void decide(const std::string& name, std::vector<engine::CatalogEvent>* events);
  void end_survey(const std::string& name);
  void begin_survey(const std::string& name, const engine::ScheduleState& state, bool list);
  void end_others(const engine::ScheduleState& state, bool terminate,
                  const std::vector<RunUid>& runs);
  void ask_starts(const std::string& name, const engine::ScheduleState& state);
  void send(Asked asked, const engine::Actor& actor, Operation operation, std::string key = "");
  void take(const Asked& asked, const Answer& answer, std::vector<engine::CatalogEvent>* events);
  void take_survey(const Asked& asked, const Answer& answer);
  void propose(const std::vector<engine::CatalogEvent>& events);
  void count(const engine::ScheduleEvent& event);

  Node* node_;
  std::uint64_t next_id_ = 0;        // of requests, of a box alone
  std::set<std::string> workflows_;  // whose default version is to be looked at
  std::set<std::string> names_;      // of schedules, likewise
  std::deque<std::pair<Asked, Answer>> answered_;
  std::map<RequestId, Asked> asked_;
  std::map<std::string, Survey> surveys_;
  std::uint64_t next_survey_ = 0;
  std::set<std::string> held_back_;                          // as many surveys are under way as may
  std::map<std::string, std::map<GroupId, Index>> cursors_;  // how far runs were listed
  std::set<std::pair<std::string, TimeMs>> starts_;          // that are on their way
  std::map<std::string, TimeMs> wakes_;
  std::set<std::pair<TimeMs, std::string>> by_time_;
  std::int64_t second_mono_ms_ = INT64_MIN / 2;  // when the second began in which `fired_` started
  int fired_ = 0;
};

}  // namespace pawl::node
