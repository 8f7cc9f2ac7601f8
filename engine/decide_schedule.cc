// One firing at a time, oldest first:
//
//   missed (late by more than kScheduleMissedMs)  --missed = none, or older than catchup--> ended
//                                                 --latest--> ended, but the last, which is due
//                                                 --all--> waits
//   due      --allow_all, or nothing is open--> starts
//            --something is open--> skip: ended; buffer_*: waits; *_other: waits, those that are
//              open are ended; a newer one takes the place of an older one but with buffer_all
//   waiting  --nothing is open--> starts, unless it is paused and nobody asked for it
#include "engine/decide_schedule.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "dsl/cron.h"
#include "dsl/expression.h"
#include "dsl/value.h"
#include "engine/evaluate.h"
#include "engine/namespace.h"
#include "engine/run_id.h"
#include "engine/scope.h"

namespace pawl::engine {
namespace {

using dsl::Overlap;
using dsl::Value;

// schedule.at, schedule.last_at
class FiringScope : public dsl::Scope {
 public:
  FiringScope(TimeMs at, const std::optional<TimeMs>& last_at) {
    dsl::Map map;
    map.emplace_back(Value::string("at"), Value::timestamp(timestamp_of(at)));
    map.emplace_back(Value::string("last_at"),
                     last_at ? Value::timestamp(timestamp_of(*last_at)) : Value());
    schedule_ = Value::map(std::move(map));
  }
  const Value* find(std::string_view name) const override {
    return name == "schedule" ? &schedule_ : nullptr;
  }

 private:
  Value schedule_;
};

// WORKFLOW.NAME-20261123T043000Z, with milliseconds if there are any: no run of another firing has
// it.
std::string run_id_of(std::string_view name, TimeMs at) {
  std::string text = dsl::to_string(timestamp_of(at));
  text.erase(std::remove_if(text.begin(), text.end(), [](char c) { return c == '-' || c == ':'; }),
             text.end());
  return std::string(name) + "-" + text;
}

class ScheduleDecider {
 public:
  ScheduleDecider(const dsl::Schedule& schedule, std::uint32_t version, const ScheduleState& state,
                  TimeMs now, std::optional<bool> busy)
      : schedule_(schedule),
        version_(version),
        state_(state),
        now_(now),
        busy_(busy),
        name_(schedule_name(state.workflow, state.schedule)) {
    if (!state.starting.empty()) busy_ = true;
    event_.name = name_;
    event_.until = state.until;
    event_.at = now;
  }

  ScheduleVerdict run() {
    if (state_.starting.size() >= limits::kScheduleStartingMax) return {};
    const bool fires = schedule_.enabled && !state_.pause;
    const std::optional<TimeMs> next = fires ? next_firing(schedule_, state_.until) : std::nullopt;
    if (next && due(*next) <= now_) {
      if (is_missed(*next) && pass_over_missed(*next)) return decided();
      if (schedule_.missed != dsl::Missed::all || !is_missed(*next)) return take_due(*next);
    }
    if (const WaitingFiring* first = first_waiting()) return take_waiting(*first);
    ScheduleVerdict verdict;
    if (next) verdict.wake = due(*next);
    return verdict;
  }

 private:
  TimeMs due(TimeMs firing) const { return due_at(schedule_, name_, firing); }
  bool is_missed(TimeMs firing) const { return due(firing).v < now_.v - limits::kScheduleMissedMs; }
  bool too_old(TimeMs firing) const {
    return schedule_.missed == dsl::Missed::none || firing.v < now_.v - schedule_.catchup_ms;
  }

  // From the first missed one on. False if there is nothing to say: it is the one to be made up
  // for, or as many wait as may.
  bool pass_over_missed(TimeMs first) {
    FiringOutcome ended{first, first, 0, FiringEnd::missed, "", "", now_};
    std::size_t room =
        limits::kScheduleWaitingMax - std::min(limits::kScheduleWaitingMax, state_.waiting.size());
    std::optional<TimeMs> firing = first;
    for (std::size_t n = 0; n < limits::kScheduleMissedStep && firing; ++n) {
      const std::optional<TimeMs> following = next_firing(schedule_, *firing);
      if (!is_missed(*firing)) break;
      const bool last = !following || !is_missed(*following);
      if (too_old(*firing) || (schedule_.missed == dsl::Missed::latest && !last)) {
        ++ended.count;
        ended.through = *firing;
      } else if (schedule_.missed == dsl::Missed::all && room > 0) {
        if (!waits(*firing)) event_.added.push_back({*firing, false});
        --room;
      } else {
        break;
      }
      event_.until = *firing;
      firing = following;
    }
    if (ended.count > 0) event_.ended.push_back(ended);
    return event_.until > state_.until;
  }

  bool waits(TimeMs at) const {
    return std::any_of(state_.waiting.begin(), state_.waiting.end(),
                       [at](const WaitingFiring& w) { return w.at == at; });
  }

  ScheduleVerdict take_due(TimeMs firing) {
    event_.until = firing;
    const bool allowed = schedule_.overlap == Overlap::allow_all;
    if (!allowed && !busy_) {
      ScheduleVerdict verdict;
      verdict.wants_busy = true;
      return verdict;
    }
    // Those that wait come first.
    if (allowed || (!*busy_ && state_.waiting.empty())) {
      fire(firing);
      return decided();
    }
    switch (schedule_.overlap) {
      case Overlap::skip:
        end(firing, FiringEnd::overlap);
        break;
      case Overlap::buffer_all:
        wait(firing);
        break;
      default:
        for (const WaitingFiring& w : state_.waiting) {
          if (w.asked) continue;
          event_.removed.push_back(w.at);
          end(w.at, FiringEnd::replaced);
        }
        wait(firing);
    }
    return decided();
  }

  void wait(TimeMs firing) {
    if (waits(firing)) return;
    if (state_.waiting.size() - event_.removed.size() >= limits::kScheduleWaitingMax) {
      end(firing, FiringEnd::full);
    } else {
      event_.added.push_back({firing, false});
    }
  }

  const WaitingFiring* first_waiting() const {
    for (const WaitingFiring& w : state_.waiting) {
      if (w.asked || (schedule_.enabled && !state_.pause)) return &w;
    }
    return nullptr;
  }

  ScheduleVerdict take_waiting(const WaitingFiring& first) {
    ScheduleVerdict verdict;
    const bool allowed = schedule_.overlap == Overlap::allow_all;
    if (!allowed && !busy_) {
      verdict.wants_busy = true;
      return verdict;
    }
    if (!allowed && *busy_) {
      verdict.ends_others = schedule_.overlap == Overlap::cancel_other ||
                            schedule_.overlap == Overlap::terminate_other;
      verdict.wake = TimeMs(now_.v + limits::kScheduleAgainMs);
      return verdict;
    }
    event_.removed.push_back(first.at);
    fire(first.at);
    return decided();
  }

  // Its run is to be asked for; or it can't be made.
  void fire(TimeMs at) {
    const FiringScope scope(at, state_.last_at);
    CostBudget budget;
    Error error;
    Firing firing{at, state_.fired + 1, version_, run_id_of(plain_name(name_), at), ""};
    Value input;
    std::string why;
    const bool made = (!schedule_.id || evaluate_string(*schedule_.id, scope, "id", &budget,
                                                        &firing.run_id, &error)) &&
                      evaluate_template(schedule_.with, scope, "with", &budget, &input, &error);
    if (!made) {
      why = error.message;
    } else if (const std::string fault = run_id_problem(firing.run_id); !fault.empty()) {
      why = "`id` gives no run's id: " + fault;
    } else if (!storable(input, &why)) {
      why = "`with`: " + why;
    }
    if (!why.empty()) {
      end(at, FiringEnd::refused, why.substr(0, limits::kErrorMessageBytesMax));
      return;
    }
    firing.run_id = qualified_like(name_, firing.run_id);
    input.encode(&firing.input);
    event_.fired = std::move(firing);
  }

  void end(TimeMs at, FiringEnd how, std::string detail = "") {
    event_.ended.push_back({at, at, 1, how, "", std::move(detail), now_});
  }

  ScheduleVerdict decided() {
    ScheduleVerdict verdict;
    verdict.event = std::move(event_);
    return verdict;
  }

  const dsl::Schedule& schedule_;
  std::uint32_t version_;
  const ScheduleState& state_;
  TimeMs now_;
  std::optional<bool> busy_;
  std::string name_;
  ScheduleDecided event_;
};

std::int64_t floor_seconds(TimeMs time) { return time.v / 1000 - (time.v % 1000 < 0 ? 1 : 0); }

}  // namespace

std::optional<TimeMs> next_firing(const dsl::Schedule& schedule, TimeMs after) {
  if (!schedule.cron) return TimeMs(dsl::next_interval(schedule.every_ms, after.v));
  const auto seconds = dsl::next_firing(*schedule.cron, schedule.zone, floor_seconds(after));
  return seconds ? std::optional(TimeMs(*seconds * 1000)) : std::nullopt;
}

TimeMs due_at(const dsl::Schedule& schedule, std::string_view name, TimeMs firing) {
  if (schedule.jitter_ms == 0) return firing;
  const std::string drawn_from = std::string(name) + "@" + std::to_string(firing.v);
  const auto spread = static_cast<std::uint64_t>(schedule.jitter_ms) + 1;
  std::uint64_t drawn = 0;
  for (const unsigned char byte : digest(drawn_from)) drawn = (drawn * 256 + byte) % spread;
  return TimeMs(firing.v + static_cast<std::int64_t>(drawn));
}

Digest times_digest(const dsl::Schedule& schedule) {
  std::string text;
  if (schedule.cron) {
    const dsl::Cron& cron = *schedule.cron;
    for (const std::uint64_t field :
         {cron.minutes, std::uint64_t{cron.hours}, std::uint64_t{cron.days},
          std::uint64_t{cron.months}, std::uint64_t{cron.weekdays}, std::uint64_t{cron.any_day},
          std::uint64_t{cron.any_weekday}}) {
      text += std::to_string(field) + " ";
    }
  }
  text += std::to_string(schedule.every_ms) + " " + schedule.zone + " " +
          std::to_string(schedule.jitter_ms) + (schedule.enabled ? " on" : " off");
  return digest(text);
}

ScheduleVerdict decide_schedule(const dsl::Schedule& schedule, std::uint32_t version,
                                const ScheduleState& state, TimeMs now, std::optional<bool> busy) {
  return ScheduleDecider(schedule, version, state, now, busy).run();
}

ScheduleDecided decide_trigger(const ScheduleState& state, TimeMs now) {
  ScheduleDecided event;
  event.name = schedule_name(state.workflow, state.schedule);
  event.until = state.until;
  event.at = now;
  TimeMs at = now;
  const auto taken = [&state](TimeMs moment) {
    const auto is_it = [moment](const auto& x) { return x.at == moment; };
    return std::any_of(state.waiting.begin(), state.waiting.end(), is_it) ||
           std::any_of(state.starting.begin(), state.starting.end(), is_it);
  };
  while (taken(at)) at = TimeMs(at.v + 1);
  event.added.push_back({at, true});
  return event;
}

ScheduleDecided decide_backfill(const dsl::Schedule& schedule, const ScheduleState& state,
                                TimeMs from, TimeMs to, TimeMs now, bool* all) {
  ScheduleDecided event;
  event.name = schedule_name(state.workflow, state.schedule);
  event.until = state.until;
  event.at = now;
  *all = true;
  const auto waits = [&state](TimeMs at) {
    return std::any_of(state.waiting.begin(), state.waiting.end(),
                       [at](const WaitingFiring& w) { return w.at == at; });
  };
  for (auto at = next_firing(schedule, from); at && *at <= to; at = next_firing(schedule, *at)) {
    if (waits(*at)) continue;
    if (state.waiting.size() + event.added.size() >= limits::kScheduleWaitingMax) {
      *all = false;
      break;
    }
    event.added.push_back({*at, true});
  }
  return event;
}

}  // namespace pawl::engine
