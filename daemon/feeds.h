// Reads of the journal on behalf of clients: pages of a run's history, follows of it, and the event
// feed over all groups. Each feed has at most one job on the cold thread at a time; what it found
// is written on the loop, and a client that reads slowly holds back its own feed only.
//
//   reading --page done--> answered
//   reading --slice--> writing --room--> reading ... --caught up--> parked --entry applied-->
//   reading writing --full--> waiting --stream_writable--> reading;  parked/waiting --cancelled-->
//   gone
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/cold_thread.h"
#include "daemon/history_walk.h"
#include "daemon/http.h"
#include "log/journal.h"
#include "node/node.h"

namespace pawl::daemon {

// A place in the event feed: the next index of each group. As text: "1-a.2f.0" (version, then one
// hexadecimal index a group), opaque to clients.
struct EventCursor {
  std::vector<Index> next;  // by group
  std::string text() const;
  static bool parse(std::string_view text, std::size_t groups, EventCursor* out);
};

// Which events of all groups are wanted.
struct EventFeed {
  std::string name_space;  // of its runs alone
  EventCursor from;
  std::size_t limit = 0;  // entries
  bool follow = false;
  bool server_sent = false;
  // Of a subscription: from here on nothing may be missing; else empty.
  std::string subscription;
  std::vector<Index> whole;
};

class Feeds {
 public:
  struct Parts {
    const node::Node* node = nullptr;
    log::Journal* journal = nullptr;
    HttpAnswers* answers = nullptr;
    ColdThread* cold = nullptr;
  };
  explicit Feeds(Parts parts);
  ~Feeds();

  // Which events of a run are wanted: those behind `after`, of all generations that are kept, or
  // of one.
  struct Wanted {
    Seq after;
    std::optional<std::uint32_t> generation;
    bool with_body = false;
    bool with_changes = false;  // of a page: also what each event changed in the run
  };
  // A page of a run's history: {"items": [...], "next_cursor": "SEQ" or null}.
  void history_page(RequestId id, const engine::Run& run, GroupId group, const Wanted& wanted,
                    std::size_t limit);
  // Streams the history as ndjson (or server-sent events) until the run is closed.
  void history_follow(RequestId id, const engine::Run& run, GroupId group, const Wanted& wanted,
                      bool server_sent);
  // Looks through the history after `after`, and what is added meanwhile, for an event that is
  // `wanted` (called on the cold thread), and calls `done` with whether there is one.
  void history_search(RequestId id, const engine::Run& run, GroupId group, Seq after,
                      HistoryWalk::Wanted wanted, std::function<void(bool found)> done);
  // Calls `done` with the run as it was after the event `at` of it (1 .. its newest), or answers
  // 410 if that generation's history is no longer kept.
  void look_back(RequestId id, const engine::Run& run, GroupId group, Seq at,
                 std::function<void(const engine::Run&)> done);
  // Where the feed of events begins now: what is before it is no longer in the journal.
  EventCursor oldest_events() const;
  // The problem (410) of a cursor before that.
  static std::string events_gone_json(const EventCursor& oldest);
  // The problem (410) of a subscription for which something is gone.
  static std::string subscription_lost_json(const std::string& name);
  // Streams committed events of all groups from the cursor; ends when caught up unless `follow`.
  // Those of runs that were forgotten are left out, or end the feed of a subscription.
  void events(RequestId id, EventFeed wanted);

  // Folds a run's whole history and hands it to `loaded`.
  void load(const node::LoadRun& load, std::function<void(node::RunLoaded)> loaded);

  // An entry of this run was applied.
  // Runs of the group that somebody follows.
  std::set<Index> runs_of(GroupId group) const;
  void changed(GroupId group, Index run);
  void writable(RequestId id);
  void cancel(RequestId id);
  // Follows get a cursor line every 15 s. Monotonic ms.
  void tick(std::int64_t mono_ms);
  std::int64_t next_wake_mono_ms() const;
  void stop();

 private:
  Index first_event(GroupId group) const;
  struct Feed;
  using FeedPtr = std::shared_ptr<Feed>;

  FeedPtr add(RequestId id, int kind, const engine::Run& run, GroupId group, const Wanted& wanted);
  // What one walk goes through: a generation.
  struct Stretch {
    Index newest;        // its last entry
    Seq begin, through;  // its first and last event
    bool older = false;  // the next one is wanted as well
  };
  static Stretch stretch_of(const engine::Run& run, const Feed& feed);
  void start_walk(const FeedPtr& feed);
  void advance_walk(const FeedPtr& feed, std::shared_ptr<HistoryWalk> walk);
  bool has_moved(const HistoryWalk& walk, Index read, const log::Place& from) const;
  void render_walk(const FeedPtr& feed, std::shared_ptr<HistoryWalk> walk);
  void walk_done(const FeedPtr& feed, HistoryWalk& walk);
  bool waits_to_fold(const FeedPtr& feed);
  void fold_walk(const FeedPtr& feed, std::shared_ptr<HistoryWalk> walk);
  void fold_done(const FeedPtr& feed, HistoryWalk& walk);
  void answer_forgotten(RequestId id, Seq oldest);
  void end_fold(const Feed& feed);
  void begin_fold();
  void answer_page(const FeedPtr& feed, const HistoryWalk& walk);
  void write_follow(const FeedPtr& feed, const HistoryWalk& walk);
  void advance_events(const FeedPtr& feed);
  void read_events_at(const FeedPtr& feed, struct EventRead read);
  bool shows_deleted(struct EventRead* read, const struct EventSlice& slice) const;
  void events_read(const FeedPtr& feed, struct EventRead read, struct EventSlice slice);
  bool is_missing(const Feed& feed, GroupId group, const struct EventLine& line) const;
  void tell_cursor(Feed& feed);
  bool write_event_line(Feed& feed, GroupId group, const struct EventLine& line);
  void write_line(Feed& feed, std::string_view line);
  void finish(const FeedPtr& feed);
  void failed(const FeedPtr& feed, const absl::Status& status);
  void advance_load(std::shared_ptr<HistoryWalk> walk, const node::LoadRun& load,
                    const std::function<void(node::RunLoaded)>& loaded);
  bool run_cold(const FeedPtr& feed, ColdThread::Job job);
  void search_done(const FeedPtr& feed, const HistoryWalk& walk);
  // True, with an answer of 429, if limits::kAwaitsParkedMax requests are being served here.
  bool refused_full(RequestId id);
  void respond_failure(RequestId id, const absl::Status& status);

  Parts parts_;
  std::int64_t mono_ms_ = 0;
  std::map<RequestId, FeedPtr> feeds_;
  std::map<std::pair<GroupId, Index>, std::set<RequestId>> by_run_;
  std::set<RequestId> event_feeds_;
  // Folds for clients keep a whole generation: one is made after the other.
  std::optional<RequestId> folding_;
  std::deque<RequestId> fold_queue_;
  std::vector<std::function<void()>> at_next_tick_;
};

}  // namespace pawl::daemon
