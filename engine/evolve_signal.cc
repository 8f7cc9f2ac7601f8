// Folds of signals:
//
//   (none)   --signal.received taken----> gone (a handler has it)
//   (none)   --signal.received buffered-> buffered
//   (none)   --signal.received held-----> held (the run is paused)
//   held     --signal.buffered----------> buffered
//   buffered, held --signal.taken, signal.expired--> gone
#include <algorithm>

#include "base/limits.h"
#include "engine/fold.h"

namespace pawl::engine {
namespace {

void remember_seen(Fold& f, std::string_view dedupe_id) {
  std::vector<SeenSignal>& all = f.run.seen.edit();
  std::size_t old = 0;
  while (old < all.size() && (all[old].at.v < f.time.v - limits::kRememberedMs ||
                              all.size() - old >= limits::kSignalDedupeIdsMax)) {
    ++old;
  }
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(old));
  all.push_back({seen_hash(f.run, dedupe_id), f.time});
}

}  // namespace

bool fold(Fold& f, const SignalReceived& e) {
  if (e.number != f.run.last_signal + 1) return false;
  f.run.last_signal = e.number;
  if (!e.dedupe_id.empty()) remember_seen(f, e.dedupe_id);
  if (e.fate == SignalFate::taken) return e.timers.empty();
  WaitingSignal signal;
  signal.number = e.number;
  signal.name = e.name;
  signal.payload = f.keep(e.payload, 0);
  signal.actor = e.actor;
  signal.at = f.time;
  signal.seq = f.run.seq;
  signal.held = e.fate == SignalFate::held;
  f.grow(signal.payload.length);
  f.run.signals.edit().push_back(std::move(signal));
  return f.arm(e.timers);
}

bool fold(Fold& f, const SignalTaken& e) { return f.take_signal(e.number); }

bool fold(Fold& f, const SignalBuffered& e) {
  std::vector<WaitingSignal>& all = f.run.signals.edit();
  const auto at = std::find_if(all.begin(), all.end(),
                               [&e](const WaitingSignal& s) { return s.number == e.number; });
  if (at == all.end() || !at->held) return false;
  at->held = false;
  return f.arm(e.timers);
}

bool fold(Fold& f, const SignalExpired& e) { return f.take_signal(e.number); }

}  // namespace pawl::engine
