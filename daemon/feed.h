// One feed, as Feeds keeps it. Inside of feed*.cc.
#pragma once

#include <functional>
#include <optional>

#include "daemon/event_slice.h"
#include "daemon/feeds.h"

namespace pawl::daemon {

constexpr std::int64_t kKeepAliveMs = 15'000;  // without a line, a follow gets a cursor

enum FeedKind : int { kPage, kFollow, kSearch, kLookBack, kEvents };

// Entries of one place, to be shown by the feed of events.
struct EventRead {
  GroupId group;
  Index from, through;
  log::Place place;
  ScrubbedRuns scrubbed;
};

struct Feeds::Feed {
  RequestId id;
  int kind = kPage;
  bool streaming = false;  // begin_stream was called
  bool server_sent = false;
  bool reading = false;  // a job is on the cold thread
  bool full = false;     // the client reads slowly
  bool dirty = false;    // something was applied while reading
  bool gone = false;
  // A run's history.
  GroupId group;
  Index run;
  Seq after;
  std::size_t limit = 0;
  bool with_body = false;
  HistoryWalk::Wanted wanted;
  std::function<void(bool)> done;
  bool folds = false;  // the run is folded: of a look back, and of a page with changes
  Seq at;              // of a look back
  std::function<void(const engine::Run&)> seen;
  std::optional<std::uint32_t> generation;  // only this one
  Seq through;                              // of the walk under way: the last event it can find
  bool older = false;  // likewise: it is through a generation that others follow
  // Events.
  std::string name_space;
  EventCursor cursor;
  bool follow = false;
  std::string subscription;  // or ""
  std::vector<Index> whole;  // of it: nothing may be missing from here on
  EventCursor told;          // the last that was written
  std::int64_t keep_alive_mono_ms = 0;
};

}  // namespace pawl::daemon
