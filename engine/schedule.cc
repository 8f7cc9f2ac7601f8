#include "engine/schedule.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "engine/field_bytes.h"

namespace pawl::engine {
namespace {

template <class T>
auto place(std::vector<T>& list, TimeMs at) {
  return std::lower_bound(list.begin(), list.end(), at,
                          [](const T& item, TimeMs moment) { return item.at < moment; });
}

template <class T>
bool holds(std::vector<T>& list, TimeMs at) {
  const auto found = place(list, at);
  return found != list.end() && found->at == at;
}

void count(const FiringOutcome& outcome, ScheduleState* state) {
  if (outcome.end == FiringEnd::started) {
    state->started += outcome.count;
  } else if (outcome.end == FiringEnd::refused) {
    state->refused += outcome.count;
  } else {
    state->skipped += outcome.count;
  }
  state->recent.push_back(outcome);
  if (state->recent.size() > limits::kScheduleOutcomesMax)
    state->recent.erase(state->recent.begin());
}

bool remove(const std::vector<TimeMs>& moments, std::vector<WaitingFiring>* waiting) {
  for (const TimeMs at : moments) {
    if (!holds(*waiting, at)) return false;
    waiting->erase(place(*waiting, at));
  }
  return true;
}

bool add(const std::vector<WaitingFiring>& firings, std::vector<WaitingFiring>* waiting) {
  for (const WaitingFiring& firing : firings) {
    if (holds(*waiting, firing.at)) return false;
    waiting->insert(place(*waiting, firing.at), firing);
  }
  return waiting->size() <= limits::kScheduleWaitingMax;
}

template <class T>
bool ascends(const std::vector<T>& list) {
  return std::adjacent_find(list.begin(), list.end(),
                            [](const T& a, const T& b) { return !(a.at < b.at); }) == list.end();
}

// As no fold leaves it, a snapshot does not have it.
bool sound(const ScheduleState& state) {
  return ascends(state.waiting) && ascends(state.starting) &&
         state.waiting.size() <= limits::kScheduleWaitingMax &&
         state.starting.size() <= limits::kScheduleStartingMax &&
         state.recent.size() <= limits::kScheduleOutcomesMax;
}

}  // namespace

std::string_view enum_name(FiringEnd end) {
  switch (end) {
    case FiringEnd::started:
      return "started";
    case FiringEnd::refused:
      return "refused";
    case FiringEnd::overlap:
      return "overlap";
    case FiringEnd::replaced:
      return "replaced";
    case FiringEnd::missed:
      return "missed";
    case FiringEnd::full:
      return "full";
  }
  return "";
}

std::string schedule_name(std::string_view workflow, std::string_view schedule) {
  return std::string(workflow) + "." + std::string(schedule);
}

bool Schedules::apply(const ScheduleSet& e) {
  if (e.workflow.empty() || e.schedule.empty()) return false;
  if (e.schedule.find('.') != std::string::npos) return false;  // so that full names are unique
  const auto [known, fresh] = all_.try_emplace(schedule_name(e.workflow, e.schedule));
  ScheduleState& state = known->second;
  if (fresh) {
    state.workflow = e.workflow;
    state.schedule = e.schedule;
    state.since = e.at;
  }
  state.times = e.times;
  state.until = e.at;
  state.by = e.actor;
  return true;
}

bool Schedules::apply(const ScheduleGone& e) { return all_.erase(e.name) > 0; }

bool Schedules::apply(const SchedulePaused& e) {
  const auto known = all_.find(e.name);
  if (known == all_.end() || known->second.pause) return false;
  known->second.pause = SchedulePause{e.reason, e.at, e.actor};
  return true;
}

bool Schedules::apply(const ScheduleResumed& e) {
  const auto known = all_.find(e.name);
  if (known == all_.end() || !known->second.pause) return false;
  known->second.pause.reset();
  known->second.until = std::max(known->second.until, e.at);
  return true;
}

bool Schedules::apply(const ScheduleDecided& e) {
  const auto known = all_.find(e.name);
  if (known == all_.end() || e.until < known->second.until) return false;
  ScheduleState& state = known->second;
  std::vector<WaitingFiring> waiting = state.waiting;
  if (!remove(e.removed, &waiting) || !add(e.added, &waiting)) return false;
  if (e.fired) {
    if (holds(state.starting, e.fired->at) || e.fired->number != state.fired + 1) return false;
    if (state.starting.size() >= limits::kScheduleStartingMax) return false;
    state.starting.insert(place(state.starting, e.fired->at), *e.fired);
    state.last_at = e.fired->at;
    ++state.fired;
  }
  state.waiting = std::move(waiting);
  for (const FiringOutcome& outcome : e.ended) count(outcome, &state);
  state.until = e.until;
  return true;
}

bool Schedules::apply(const ScheduleAnswered& e) {
  const auto known = all_.find(e.name);
  if (known == all_.end() || !holds(known->second.starting, e.outcome.at)) return false;
  known->second.starting.erase(place(known->second.starting, e.outcome.at));
  count(e.outcome, &known->second);
  return true;
}

const ScheduleState* Schedules::find(std::string_view name) const {
  const auto known = all_.find(name);
  return known == all_.end() ? nullptr : &known->second;
}

// The states by name, each behind the other.
void Schedules::encode(std::string* out) const {
  FieldEncoder<FieldForm::snapshot> encoder(out);
  for (const auto& [name, state] : all_) encoder.put(state);
}

bool Schedules::decode(std::string_view bytes) {
  ByteReader in(bytes);
  FieldDecoder<FieldForm::snapshot> decoder(&in);
  std::map<std::string, ScheduleState, std::less<>> decoded;
  std::string before;
  while (in.ok() && !in.at_end()) {
    ScheduleState state;
    decoder.get(&state);
    if (!in.ok() || state.workflow.empty() || state.schedule.empty()) return false;
    std::string name = schedule_name(state.workflow, state.schedule);
    if (name <= before || !sound(state)) return false;
    before = name;
    decoded.emplace(std::move(name), std::move(state));
  }
  if (!in.done()) return false;
  all_ = std::move(decoded);
  return true;
}

}  // namespace pawl::engine
