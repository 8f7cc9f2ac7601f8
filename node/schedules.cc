#include "node/schedules.h"

#include <algorithm>

#include "base/feature_level.h"
#include "base/limits.h"
#include "codecs/problem.h"
#include "codecs/schedule_json.h"
#include "engine/decide_schedule.h"
#include "node/refusals.h"
#include "node/survey.h"

namespace pawl::node {
namespace {

// Ids of requests that no client has: those of errands, and these, on a box alone.
constexpr std::uint64_t kScheduleIds = std::uint64_t{13} << 60;

// Decided in one entry; together they are less than what one may have.
constexpr std::size_t kDecisionsMax = 8;
static_assert(kDecisionsMax * (limits::kValueBytesMax + 64 * limits::KiB) <=
              limits::kEntryBytesMax);

bool comes_again(std::uint16_t status) { return status == 429 || status >= 500; }

// The same firing has the same, whoever leads: its run answers for it.
std::string key_of(const std::string& name, const engine::ScheduleState& state,
                   const engine::Firing& firing) {
  const std::string named =
      name + "\n" + std::to_string(state.since.v) + "\n" + std::to_string(firing.number);
  return "pawl.schedule." + to_hex(digest(named));
}

// Those of the workflow, by full name. They begin with its name and a dot, as those of a workflow
// may whose own name has a dot there.
std::vector<std::pair<std::string, const engine::ScheduleState*>> schedules_of(
    const engine::Schedules& schedules, const std::string& workflow) {
  std::vector<std::pair<std::string, const engine::ScheduleState*>> found;
  const std::string prefix = workflow + ".";
  for (auto it = schedules.all().lower_bound(prefix);
       it != schedules.all().end() && it->first.starts_with(prefix); ++it) {
    if (it->second.workflow == workflow) found.emplace_back(it->first, &it->second);
  }
  return found;
}

}  // namespace

void Node::Schedules::opened() {
  for (const auto& [name, workflow] : node_->definitions_.catalog().workflows()) {
    workflows_.insert(name);
  }
  for (const auto& [name, state] : node_->definitions_.catalog().schedules().all()) {
    names_.insert(name);
  }
  // What was heard when this box led before says nothing about now. A start is answered all the
  // same.
  surveys_.clear();
  held_back_.clear();
  cursors_.clear();
}

void Node::Schedules::applied(const engine::CatalogEvent& event) {
  if (const auto* changed = std::get_if<engine::DefaultChanged>(&event)) {
    workflows_.insert(changed->name);
  }
  const auto* schedule = std::get_if<engine::ScheduleEvent>(&event);
  if (schedule == nullptr) return;
  count(*schedule);
  if (const auto* answered = std::get_if<engine::ScheduleAnswered>(schedule)) {
    starts_.erase({answered->name, answered->outcome.at});
  }
  std::visit(
      [this](const auto& e) {
        if constexpr (requires { e.name; }) {
          names_.insert(e.name);
        } else {
          names_.insert(engine::schedule_name(e.workflow, e.schedule));
        }
      },
      *schedule);
}

void Node::Schedules::count(const engine::ScheduleEvent& event) {
  if (!node_->decides(*node_->groups_[0])) return;
  NodeStats& stats = node_->stats_;
  const auto add = [&stats](const engine::FiringOutcome& outcome) {
    switch (outcome.end) {
      case engine::FiringEnd::started:
        stats.schedules_started += outcome.count;
        break;
      case engine::FiringEnd::refused:
        stats.schedules_refused += outcome.count;
        break;
      default:
        stats.schedules_skipped += outcome.count;
    }
  };
  if (const auto* answered = std::get_if<engine::ScheduleAnswered>(&event)) add(answered->outcome);
  if (const auto* decided = std::get_if<engine::ScheduleDecided>(&event)) {
    for (const engine::FiringOutcome& outcome : decided->ended) add(outcome);
  }
}

bool Node::Schedules::settle(Answer& answer) {
  const auto asked = asked_.find(answer.id);
  if (asked == asked_.end()) return false;
  answered_.emplace_back(asked->second, std::move(answer));
  asked_.erase(asked);
  return true;
}

bool Node::Schedules::decides() const {
  const Group& group = *node_->groups_[0];
  return node_->decides(group) && group.tables().feature_level() >= kScheduleLevel &&
         !node_->under_way_.catalog_busy;
}

bool Node::Schedules::unsettled() const {
  return (!answered_.empty() || !names_.empty() || !workflows_.empty()) && decides();
}

std::int64_t Node::Schedules::next_wake_mono_ms() const {
  // What is under way comes back by itself.
  if (by_time_.empty() || !decides()) return INT64_MAX;
  return node_->time_.mono_ms_of(by_time_.begin()->first);
}

// --- what there is ---

const dsl::Schedule* Node::Schedules::spec(const engine::ScheduleState& state,
                                           std::uint32_t* version) const {
  const engine::CatalogWorkflow* workflow = node_->definitions_.catalog().find(state.workflow);
  if (workflow == nullptr || workflow->default_version == 0) return nullptr;
  *version = workflow->default_version;
  const dsl::Definition* definition = node_->definitions_.find(state.workflow, *version);
  return definition == nullptr ? nullptr : definition->schedule(state.schedule);
}

void Node::Schedules::reconcile(const std::string& name,
                                std::vector<engine::CatalogEvent>* events) {
  const engine::CatalogWorkflow* workflow = node_->definitions_.catalog().find(name);
  if (workflow == nullptr || workflow->default_version == 0) return;
  const engine::CatalogVersion* version = workflow->find(workflow->default_version);
  const dsl::Definition* definition = nullptr;
  // One that has none need not be parsed.
  if (version->text.find("schedule") != std::string::npos) {
    definition = node_->definitions_.find(name, version->version);
    if (definition == nullptr) return;  // of a newer language
  }
  reconcile(name, definition, workflow->default_by, events);
}

void Node::Schedules::reconcile(const std::string& workflow, const dsl::Definition* definition,
                                const engine::Actor& by,
                                std::vector<engine::CatalogEvent>* events) const {
  const engine::Schedules& known = node_->definitions_.catalog().schedules();
  for (const auto& [name, state] : schedules_of(known, workflow)) {
    if (definition == nullptr || definition->schedule(state->schedule) == nullptr) {
      events->push_back(engine::ScheduleEvent(engine::ScheduleGone{name}));
    }
  }
  if (definition == nullptr) return;
  for (const dsl::Schedule& schedule : definition->schedules) {
    const engine::ScheduleState* state = known.find(engine::schedule_name(workflow, schedule.name));
    const Digest times = engine::times_digest(schedule);
    if (state != nullptr && state->times == times) continue;
    events->push_back(engine::ScheduleEvent(
        engine::ScheduleSet{workflow, schedule.name, times, node_->stamp_, by}));
  }
}

bool Node::Schedules::refuses(const Request& request, const std::string& workflow,
                              const dsl::Definition& definition) {
  const engine::Schedules& known = node_->definitions_.catalog().schedules();
  const std::size_t others = known.all().size() - schedules_of(known, workflow).size();
  if (definition.schedules.empty() ||
      others + definition.schedules.size() <= limits::kSchedulesKeptMax) {
    return false;
  }
  node_->refuse(request.id, 429, "too-many-schedules", "The store is full of schedules",
                "it has at most " + std::to_string(limits::kSchedulesKeptMax) +
                    ": activate versions of other workflows that have none");
  return true;
}

void Node::Schedules::look_again(const std::string& name, TimeMs at) {
  forget(name);
  wakes_.emplace(name, at);
  by_time_.insert({at, name});
}

void Node::Schedules::forget(const std::string& name) {
  const auto wake = wakes_.find(name);
  if (wake == wakes_.end()) return;
  by_time_.erase({wake->second, name});
  wakes_.erase(wake);
}

// --- deciding ---

void Node::Schedules::look() {
  if (!decides()) return;
  std::vector<engine::CatalogEvent> events;
  for (; !answered_.empty() && events.size() < kDecisionsMax; answered_.pop_front()) {
    take(answered_.front().first, answered_.front().second, &events);
  }
  while (!workflows_.empty() && events.size() < kDecisionsMax) {
    const std::string workflow = *workflows_.begin();
    workflows_.erase(workflows_.begin());
    reconcile(workflow, &events);
    // Another version decides otherwise, perhaps, what was decided to wait.
    for (const auto& [name, state] :
         schedules_of(node_->definitions_.catalog().schedules(), workflow)) {
      names_.insert(name);
    }
  }
  while (!by_time_.empty() && by_time_.begin()->first <= node_->stamp_) {
    const std::string name = by_time_.begin()->second;
    forget(name);
    names_.insert(name);
  }
  // Those that an event here speaks of come up again when it is applied.
  const bool answers = !events.empty();
  if (!answers) {
    std::set<std::string> names = std::exchange(names_, {});
    while (!names.empty()) {
      const std::string name = *names.begin();
      if (events.size() >= kDecisionsMax) {
        names_.merge(names);
        break;
      }
      names.erase(names.begin());
      decide(name, &events);
    }
  }
  if (!events.empty()) propose(events);
}

// At most so many a second, so that nobody who was away for long makes up for it all at once; and
// nothing begins on a full disk.
bool Node::Schedules::may_fire() {
  if (node_->now_.mono_ms - second_mono_ms_ >= 1000) {
    second_mono_ms_ = node_->now_.mono_ms;
    fired_ = 0;
  }
  return fired_ < limits::kScheduleFiringsASecond &&
         node_->under_way_.room.level == RoomLevel::plenty;
}

void Node::Schedules::decide(const std::string& name, std::vector<engine::CatalogEvent>* events) {
  const engine::ScheduleState* state = node_->definitions_.catalog().schedules().find(name);
  if (state == nullptr) {
    forget(name);
    end_survey(name);
    cursors_.erase(name);
    std::erase_if(starts_, [&name](const auto& start) { return start.first == name; });
    return;
  }
  ask_starts(name, *state);
  std::uint32_t version = 0;
  const dsl::Schedule* schedule = spec(*state, &version);
  if (schedule == nullptr) return;
  const TimeMs later(node_->stamp_.v + limits::kScheduleAgainMs);
  if (!may_fire()) {
    end_survey(name);
    return look_again(name, later);
  }
  const auto survey = surveys_.find(name);
  if (survey != surveys_.end() && !survey->second.missing.empty()) return;
  std::optional<bool> busy;
  std::vector<RunUid> runs;
  if (survey != surveys_.end()) {
    busy = survey->second.busy;
    runs = std::move(survey->second.runs);
    end_survey(name);
  }
  engine::ScheduleVerdict verdict =
      engine::decide_schedule(*schedule, version, *state, node_->stamp_, busy);
  const bool ends = schedule->overlap == dsl::Overlap::cancel_other ||
                    schedule->overlap == dsl::Overlap::terminate_other;
  if (verdict.wants_busy) {
    if (surveys_.size() < limits::kScheduleSurveysMax) return begin_survey(name, *state, ends);
    held_back_.insert(name);
    return;
  }
  if (verdict.ends_others) {
    end_others(*state, schedule->overlap == dsl::Overlap::terminate_other, runs);
  }
  if (verdict.event) {
    if (verdict.event->fired) ++fired_;
    events->push_back(engine::ScheduleEvent(std::move(*verdict.event)));
  } else if (verdict.wake) {
    look_again(name, *verdict.wake);
  }
}

void Node::Schedules::propose(const std::vector<engine::CatalogEvent>& events) {
  Proposal proposal;
  engine::encode_catalog_events(events, &proposal.entry.catalog);
  proposal.entry.time = node_->stamp_;
  node_->under_way_.catalog_busy = true;
  ++node_->stats_.entries_proposed;
  node_->groups_[0]->propose(std::move(proposal));
}

// --- asking ---

void Node::Schedules::end_survey(const std::string& name) {
  if (surveys_.erase(name) == 0 || held_back_.empty()) return;
  names_.insert(held_back_.extract(held_back_.begin()));
}

void Node::Schedules::begin_survey(const std::string& name, const engine::ScheduleState& state,
                                   bool list) {
  Survey& survey = surveys_[name];
  survey = {};
  survey.number = ++next_survey_;
  const auto count = static_cast<std::uint16_t>(node_->groups_.size());
  for (std::uint16_t g = 1; g < count; ++g) survey.missing.insert(GroupId(g));
  for (std::uint16_t g = 1; g < count; ++g) {
    const Index before = list ? cursors_[name][GroupId(g)] : Index(0);
    send({name, Asked::What::survey, GroupId(g), TimeMs(), survey.number}, state.by,
         SurveyRuns{GroupId(g), state.workflow, list, before});
  }
}

void Node::Schedules::end_others(const engine::ScheduleState& state, bool terminate,
                                 const std::vector<RunUid>& runs) {
  const std::string why = "the schedule `" + state.schedule + "` starts another one";
  for (const RunUid& run : runs) {
    engine::Command command;
    if (terminate) {
      command = engine::Terminate{why};
    } else {
      command = engine::Cancel{why};
    }
    send({"", Asked::What::end, run.group, TimeMs()}, state.by,
         CommandRun{{"", run}, std::move(command)});
  }
}

void Node::Schedules::ask_starts(const std::string& name, const engine::ScheduleState& state) {
  for (const engine::Firing& firing : state.starting) {
    if (!starts_.insert({name, firing.at}).second) continue;
    StartRun start;
    start.workflow = state.workflow;
    start.version = firing.version;
    start.id = firing.run_id;
    dsl::Value::decode(firing.input, &start.input);
    start.tags.emplace_back("schedule", state.schedule);
    send({name, Asked::What::start, GroupId(0), firing.at}, state.by, std::move(start),
         key_of(name, state, firing));
  }
}

void Node::Schedules::send(Asked asked, const engine::Actor& actor, Operation operation,
                           std::string key) {
  Request request;
  request.id = node_->cluster_ ? node_->own_id() : RequestId(kScheduleIds + ++next_id_);
  request.actor = actor;
  request.digest = digest(key);
  request.key = std::move(key);
  request.deadline_ms = node_->now_.mono_ms + limits::kErrandMs;
  request.operation = std::move(operation);
  asked_[request.id] = std::move(asked);
  node_->under_way_.outstanding.insert(request.id);
  if (node_->cluster_) {
    node_->enter(request);
  } else {
    std::visit([&](auto& op) { node_->on_operation(request, op); }, request.operation);
  }
}

void Node::Schedules::take(const Asked& asked, const Answer& answer,
                           std::vector<engine::CatalogEvent>* events) {
  if (asked.what == Asked::What::end) return;
  if (asked.what == Asked::What::survey) return take_survey(asked, answer);
  const engine::ScheduleState* state = node_->definitions_.catalog().schedules().find(asked.name);
  if (state == nullptr) return;
  if (comes_again(answer.status)) {
    starts_.erase({asked.name, asked.at});
    look_again(asked.name, TimeMs(node_->stamp_.v + limits::kScheduleAgainMs));
    return;
  }
  const auto firing = std::find_if(state->starting.begin(), state->starting.end(),
                                   [&](const auto& f) { return f.at == asked.at; });
  if (firing == state->starting.end()) return;
  engine::FiringOutcome outcome{
      asked.at, asked.at, 1, engine::FiringEnd::started, firing->run_id, "", node_->stamp_};
  if (answer.status >= 300) {
    outcome.end = engine::FiringEnd::refused;
    outcome.detail = codecs::problem_text(answer.status, answer.body);
    outcome.detail.resize(std::min(outcome.detail.size(), limits::kErrorMessageBytesMax));
  }
  events->push_back(
      engine::ScheduleEvent(engine::ScheduleAnswered{asked.name, std::move(outcome)}));
}

void Node::Schedules::take_survey(const Asked& asked, const Answer& answer) {
  const auto survey = surveys_.find(asked.name);
  if (survey == surveys_.end() || survey->second.number != asked.survey) return;
  survey->second.missing.erase(asked.group);
  SurveyAnswer said;
  if (answer.status != 200 || !decode_survey(answer.body, &said)) {
    end_survey(asked.name);
    look_again(asked.name, TimeMs(node_->stamp_.v + limits::kScheduleAgainMs));
    return;
  }
  survey->second.busy |= said.busy;
  survey->second.runs.insert(survey->second.runs.end(), said.runs.begin(), said.runs.end());
  const auto cursors = cursors_.find(asked.name);
  if (cursors != cursors_.end()) cursors->second[asked.group] = said.more;
  if (survey->second.missing.empty()) names_.insert(asked.name);
}

// --- what operators want ---

void Node::Schedules::change(const Request& request, const ChangeSchedule& op) {
  using What = ChangeSchedule::What;
  const engine::ScheduleState* state = node_->definitions_.catalog().schedules().find(op.name);
  if (state == nullptr) {
    node_->refuse_confirmed(*node_->groups_[0], request.id, 404, "schedule-unknown",
                            "There is no such schedule", schedule_unknown(op.name));
    return;
  }
  if (op.what == What::trigger || op.what == What::backfill) {
    return add_firings(request, op, *state);
  }
  std::vector<engine::CatalogEvent> events;
  if (op.what == What::pause && !state->pause) {
    events.push_back(engine::ScheduleEvent(
        engine::SchedulePaused{op.name, op.reason, node_->stamp_, request.actor}));
  } else if (op.what == What::resume && state->pause) {
    events.push_back(engine::ScheduleEvent(
        engine::ScheduleResumed{op.name, op.reason, node_->stamp_, request.actor}));
  }
  conclude(request, op, events, 0);
}

void Node::Schedules::add_firings(const Request& request, const ChangeSchedule& op,
                                  const engine::ScheduleState& state) {
  std::uint32_t version = 0;
  const dsl::Schedule* schedule = spec(state, &version);
  if (schedule == nullptr) {
    node_->refuse(request.id, 409, "schedule-unreadable", "The schedule can't be read",
                  "the workflow's default version is of a newer pawl: upgrade this box");
    return;
  }
  engine::ScheduleDecided event;
  bool all = state.waiting.size() < limits::kScheduleWaitingMax;
  if (op.what == ChangeSchedule::What::backfill) {
    event = engine::decide_backfill(*schedule, state, op.from, op.to, node_->stamp_, &all);
  } else {
    event = engine::decide_trigger(state, node_->stamp_);
  }
  if (!all) {
    node_->refuse(request.id, 429, "too-many-firings", "Too many firings would wait",
                  "at most " + std::to_string(limits::kScheduleWaitingMax) +
                      " of a schedule may; " + std::to_string(state.waiting.size()) +
                      " do already. Nothing was done: ask for a shorter time");
    return;
  }
  const auto firings = static_cast<std::int64_t>(event.added.size());
  std::vector<engine::CatalogEvent> events;
  if (firings > 0) events.push_back(engine::ScheduleEvent(std::move(event)));
  conclude(request, op, events, firings);
}

void Node::Schedules::conclude(const Request& request, const ChangeSchedule& op,
                               const std::vector<engine::CatalogEvent>& events,
                               std::int64_t firings) {
  Answer changed;
  changed.id = request.id;
  codecs::append_schedule_change(op.name, !events.empty(), firings, &changed.body);
  std::optional<Proposal> proposal;
  if (!events.empty()) engine::encode_catalog_events(events, &proposal.emplace().entry.catalog);
  node_->conclude_catalog(request, std::move(proposal), std::move(changed));
}

}  // namespace pawl::node
