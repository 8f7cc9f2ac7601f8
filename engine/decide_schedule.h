// What a schedule does next: which of its firings are due, were missed, must wait, or start now.
// Pure, as decide.h is: what it says is an event for the catalog (schedule.h), and nothing happens
// before that is committed.
#pragma once

#include <optional>
#include <string_view>

#include "dsl/definition.h"
#include "engine/schedule.h"

namespace pawl::engine {

// The first moment after this one that the schedule is for, without jitter; nothing if there is
// none any more.
std::optional<TimeMs> next_firing(const dsl::Schedule& schedule, TimeMs after);
// When the firing for this moment is due: up to `jitter` later, by its name and moment alone.
TimeMs due_at(const dsl::Schedule& schedule, std::string_view name, TimeMs firing);
// Of all that says when it fires.
Digest times_digest(const dsl::Schedule& schedule);

struct ScheduleVerdict {
  // It depends on whether a run of the workflow is open anywhere: to be decided again with that.
  bool wants_busy = false;
  // A firing waits for those that are open, which are to be cancelled or terminated.
  bool ends_others = false;
  // To be committed; then there may be more.
  std::optional<ScheduleDecided> event;
  // Without an event: when to look again, by the group's time; nothing: not before the state
  // changes.
  std::optional<TimeMs> wake;
};

// `schedule` is of `version` of the workflow, its default one. `busy`: whether a run of the
// workflow is open, if that is known now.
ScheduleVerdict decide_schedule(const dsl::Schedule& schedule, std::uint32_t version,
                                const ScheduleState& state, TimeMs now, std::optional<bool> busy);

// A firing that waits because somebody asks for it now; there must be room for it.
ScheduleDecided decide_trigger(const ScheduleState& state, TimeMs now);

// Firings between the two moments (first excluded, last included) that are to be made up for
// because somebody asks: at most as many as may still wait; *all is whether that is all of them.
ScheduleDecided decide_backfill(const dsl::Schedule& schedule, const ScheduleState& state,
                                TimeMs from, TimeMs to, TimeMs now, bool* all);

}  // namespace pawl::engine
