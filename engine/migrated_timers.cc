#include "engine/migrated_timers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "engine/scope.h"

namespace pawl::engine {
namespace {

bool of_a_handler(TimerKind kind) {
  return kind == TimerKind::after || kind == TimerKind::every || kind == TimerKind::root_after ||
         kind == TimerKind::root_every || kind == TimerKind::run_timeout;
}

}  // namespace

MigratedTimers::MigratedTimers(const Run& run, const dsl::Definition& from,
                               const dsl::Definition& to, const PlaceMap& places,
                               std::string version, TimeMs now)
    : run_(run), from_(from), to_(to), places_(places), version_(std::move(version)), now_(now) {}

const Timer* MigratedTimers::armed(TimerKind kind, std::uint32_t frame, std::uint64_t owner) const {
  for (const Timer& t : run_.timers) {
    if (t.kind == kind && t.frame == frame && t.owner == owner) return &t;
  }
  return nullptr;
}

void MigratedTimers::of_state(std::uint32_t frame, const dsl::State& before,
                              const dsl::State& after) {
  if (after.verb == dsl::Verb::end) return;
  const bool halfway =
      std::any_of(run_.incidents.begin(), run_.incidents.end(), [frame](const auto& incident) {
        return incident->frame == frame && incident->stage == IncidentStage::entry;
      });
  for (const TimerKind kind : {TimerKind::after, TimerKind::every}) {
    handlers({kind, frame, &before, &after, run_.frame(frame)->entered_at, halfway});
  }
}

void MigratedTimers::of_root() {
  if (run_.state().empty()) return;  // it has not begun
  timeout();
  for (const TimerKind kind : {TimerKind::root_after, TimerKind::root_every}) {
    handlers({kind, 0, nullptr, nullptr, run_.started_at, false});
  }
}

// One that was disarmed, since the run goes to its end, stays so.
void MigratedTimers::timeout() {
  const Timer* old = armed(TimerKind::run_timeout, 0, 0);
  const bool over = run_.on_error_taken || run_.on_timeout_taken || run_.on_cancel_taken ||
                    (from_.timeout_ms && old == nullptr);
  if (!to_.timeout_ms || over) return;
  if (old != nullptr && from_.timeout_ms == to_.timeout_ms) {
    kept_.push_back(*old);
    return;
  }
  Timer timer;
  timer.kind = TimerKind::run_timeout;
  timer.fire_at = TimeMs(run_.started_at.v + *to_.timeout_ms);
  fresh_.push_back(timer);
}

void MigratedTimers::handlers(const Part& part) {
  const auto& old = handlers_of(part.kind, from_, part.before);
  const auto& all = handlers_of(part.kind, to_, part.after);
  std::vector<bool> known(all.size());
  for (std::uint64_t owner = 0; owner < old.size(); ++owner) {
    const auto at = places_.timer(part.kind, part.before, part.after, owner);
    if (!at) continue;
    known[*at] = true;
    const Timer* timer = armed(part.kind, part.frame, owner);
    if (timer == nullptr) continue;  // it has fired
    kept_.push_back(*timer);
    kept_.back().owner = *at;
  }
  for (std::uint64_t i = 0; i < all.size(); ++i) {
    if (known[i] || (part.literals_only && !all[i].delay.is_literal())) continue;
    handler(part, i, all[i].delay);
  }
}

void MigratedTimers::handler(const Part& part, std::uint64_t position, const dsl::Template& delay) {
  const bool repeats = part.kind == TimerKind::every || part.kind == TimerKind::root_every;
  std::int64_t ms = 0;
  Error error;
  const EvalScope scope(run_, part.frame, now_);
  if (!evaluate_duration_ms(delay, scope, repeats ? "every" : "after", &budget_, &ms, &error)) {
    const std::string of = part.after == nullptr ? "the root" : "state `" + part.after->name + "`";
    reasons_.push_back(
        absl::StrCat("a timer of ", of, " of ", version_, " can't be armed: ", error.message));
    return;
  }
  Timer timer;
  timer.kind = part.kind;
  timer.frame = part.frame;
  timer.owner = position;
  timer.fire_at = TimeMs(part.since.v + ms);
  if (repeats) {
    ms = std::max<std::int64_t>(ms, limits::kEveryMsMin);
    const std::int64_t passed = std::max<std::int64_t>(now_.v - part.since.v, 0) / ms;
    timer.fire_at = TimeMs(part.since.v + (passed + 1) * ms);
    timer.interval_ms = ms;
  }
  fresh_.push_back(timer);
}

void MigratedTimers::take(CheckpointParts* parts, std::vector<std::string>* reasons) {
  std::vector<Timer>& all = parts->armed;
  std::erase_if(all, [](const Timer& t) { return of_a_handler(t.kind); });
  all.insert(all.end(), kept_.begin(), kept_.end());
  std::sort(all.begin(), all.end(), [](const Timer& a, const Timer& b) { return a.id < b.id; });
  for (Timer& timer : fresh_) {
    timer.id = parts->last_timer = parts->last_timer.next();
    all.push_back(timer);
  }
  reasons->insert(reasons->end(), reasons_.begin(), reasons_.end());
}

}  // namespace pawl::engine
