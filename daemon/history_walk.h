// Reads a run's history back from the journal: "the journal is the history". Each entry names the
// run's previous one, so the walk goes backwards, one bounded place of the journal at a time, until
// it has passed the seq it was asked for; what it keeps is bounded by the page.
//
// A walk is moved to the cold thread for each step and back, so that nothing is shared: the loop
// looks up the next place (the index is the loop's), the cold thread reads it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/ids.h"
#include "base/limits.h"
#include "engine/event.h"
#include "engine/event_bytes.h"
#include "engine/event_parts.h"
#include "engine/run.h"
#include "log/file_system.h"
#include "log/record.h"
#include "log/source.h"

namespace pawl::daemon {

// One event, rendered.
struct HistoryItem {
  Seq seq;
  std::string json;
};

class HistoryWalk {
 public:
  using Wanted = std::function<bool(const engine::Event&, TimeMs)>;
  struct Options {
    GroupId group;
    Index run;                                      // uid index
    engine::Salt salt;                              // of the run
    Index newest;                                   // the run's newest entry
    Seq after;                                      // events with a larger seq are wanted
    std::size_t limit = 100;                        // of events
    std::size_t bytes_max = limits::kPageBytesMax;  // of entries kept, at least one is
    bool with_body = false;
    bool scrubs = false;  // the run's data was deleted: payloads are shown by their digests
    // A fold: the walk goes back to where the generation begins, whatever `after` is, and keeps all
    // up to `through`. With `limit` > 0 it is rendered as well, each event with what it changed.
    bool folds = false;
    Seq through;                 // of a fold; 0: all there is
    bool whole_entries = false;  // it ends with the entry that has `through`
    // A search: nothing is kept, it ends at an event for which this is true (called on the cold
    // thread, newest entry first).
    Wanted wanted;
  };
  explicit HistoryWalk(Options options) : options_(std::move(options)), next_(options_.newest) {}

  // The entry to be read next; 0: all is read.
  Index next() const { return next_; }
  // What is to be said if the journal does not hold it: OutOfRange.
  absl::Status missing() const;
  GroupId group() const { return options_.group; }

  // Cold thread: reads the place that holds next() and goes back as far as the place allows.
  absl::Status step(log::FileSystem& files, const log::Source& source, const log::Place& place);
  // Cold thread, after the last step: decodes and renders, ascending, at most `limit`.
  absl::Status render();

  // Cold thread, of a fold instead of render: folds what was kept, a bounded part of it with each
  // call, until is_folded().
  absl::Status fold_slice();
  bool is_folded() const { return kept_.empty(); }
  // The run after `through`; null if its generation begins later, with begin().
  std::shared_ptr<engine::Run> take_run() { return std::move(folded_); }
  Seq begin() const { return begin_; }

  const std::vector<HistoryItem>& items() const { return items_; }
  // More events follow the last item.
  bool more() const { return more_; }
  // Of a search.
  bool found() const { return found_; }

 private:
  struct Kept {
    Seq first_seq;
    TimeMs time;
    std::string events;
  };
  void keep(Kept kept);
  absl::Status search(const Kept& entry);
  absl::Status fold_entry(const Kept& entry);
  absl::Status fold_event(engine::Event& event, Seq seq, TimeMs time);
  void render_event(const engine::Event& event, Seq seq, TimeMs time, const engine::Run* before);

  Options options_;
  Index next_;
  std::deque<Kept> kept_;  // ascending
  std::size_t kept_bytes_ = 0;
  bool more_ = false;
  bool found_ = false;
  std::vector<HistoryItem> items_;
  std::size_t items_bytes_ = 0;
  // Of a fold.
  std::shared_ptr<engine::Run> folded_;
  engine::HashScratch scratch_;
  Seq begin_;  // the generation's first event
};

}  // namespace pawl::daemon
