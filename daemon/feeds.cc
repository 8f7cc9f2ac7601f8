#include "base/limits.h"
#include "codecs/json.h"
#include "codecs/problem.h"
#include "daemon/feed.h"
#include "log/posix_file_system.h"

namespace pawl::daemon {
namespace {

constexpr std::size_t kFollowSlice = 200;

// The problem document of a read that could not be done, and its status.
std::string failure_json(const absl::Status& status, int* code) {
  const std::string detail(status.message());
  if (absl::IsUnavailable(status)) {
    *code = 503;
    return codecs::problem_json(503, "not-ready", "The daemon is stopping", detail);
  }
  if (absl::IsResourceExhausted(status)) {
    *code = 429;
    return codecs::problem_json(429, "queue-full", "Too many requests wait", detail);
  }
  if (absl::IsNotFound(status)) {
    *code = 404;
    return codecs::problem_json(404, "run-unknown", "There is no such run", detail);
  }
  if (absl::IsOutOfRange(status)) {
    *code = 410;
    return codecs::problem_json(410, "history-lost", "A part of the run's history was lost",
                                detail);
  }
  *code = 500;
  return codecs::problem_json(500, "journal-unreadable", "The journal could not be read", detail);
}

}  // namespace

Feeds::Feeds(Parts parts) : parts_(parts) {}
Feeds::~Feeds() = default;

Feeds::FeedPtr Feeds::add(RequestId id, int kind, const engine::Run& run, GroupId group,
                          const Wanted& wanted) {
  auto feed = std::make_shared<Feed>();
  feed->id = id;
  feed->kind = kind;
  feed->group = group;
  feed->run = run.uid().index;
  feed->after = wanted.after;
  feed->generation = wanted.generation;
  feed->with_body = wanted.with_body;
  feed->keep_alive_mono_ms = mono_ms_ + kKeepAliveMs;
  feeds_[id] = feed;
  by_run_[{group, feed->run}].insert(id);
  return feed;
}

void Feeds::history_page(RequestId id, const engine::Run& run, GroupId group, const Wanted& wanted,
                         std::size_t limit) {
  if (refused_full(id)) return;
  const FeedPtr feed = add(id, kPage, run, group, wanted);
  feed->limit = limit;
  feed->folds = wanted.with_changes;
  start_walk(feed);
}

void Feeds::history_follow(RequestId id, const engine::Run& run, GroupId group,
                           const Wanted& wanted, bool server_sent) {
  if (refused_full(id)) return;
  const FeedPtr feed = add(id, kFollow, run, group, wanted);
  feed->limit = kFollowSlice;
  feed->server_sent = server_sent;
  start_walk(feed);
}

void Feeds::history_search(RequestId id, const engine::Run& run, GroupId group, Seq after,
                           HistoryWalk::Wanted wanted, std::function<void(bool)> done) {
  if (refused_full(id)) return;
  const FeedPtr feed = add(id, kSearch, run, group, {after, std::nullopt, false});
  feed->wanted = std::move(wanted);
  feed->done = std::move(done);
  start_walk(feed);
}

bool Feeds::refused_full(RequestId id) {
  if (feeds_.size() < static_cast<std::size_t>(limits::kAwaitsParkedMax)) return false;
  respond_failure(id, absl::ResourceExhaustedError("too many requests read; try again"));
  return true;
}

bool Feeds::run_cold(const FeedPtr& feed, ColdThread::Job job) {
  feed->reading = parts_.cold->submit(std::move(job));
  if (!feed->reading) {
    failed(feed, absl::ResourceExhaustedError("too many reads of the journal wait; try again"));
  }
  return feed->reading;
}

// A generation's history ends where the next one's begins: one is walked after the other, from the
// first that has an event that is wanted.
Feeds::Stretch Feeds::stretch_of(const engine::Run& run, const Feed& feed) {
  for (const engine::Generation& generation : *run.older) {
    const bool wanted =
        feed.generation ? generation.number == *feed.generation : generation.last_seq > feed.after;
    if (!wanted) continue;
    return {generation.last_entry, generation.first_seq, generation.last_seq, !feed.generation};
  }
  // One that was asked for may have been forgotten since.
  const bool gone = feed.generation && *feed.generation != run.generation;
  if (gone) return {};
  const Seq begin = run.checkpoint.v > 0 ? run.checkpoint : Seq(1);
  return {run.last_entry, begin, run.seq, false};
}

void Feeds::start_walk(const FeedPtr& feed) {
  if (feed->folds && waits_to_fold(feed)) return;
  const engine::Run* run = parts_.node->group(feed->group).tables().find(feed->run);
  if (run == nullptr) {
    failed(feed, absl::NotFoundError("it was forgotten: the time for which closed runs of its "
                                     "workflow are kept is over"));
    return;
  }
  const Stretch stretch = stretch_of(*run, *feed);
  HistoryWalk::Options options;
  options.group = feed->group;
  options.run = feed->run;
  options.salt = run->identity->salt;
  options.newest = stretch.through > feed->after ? stretch.newest : Index(0);
  options.after = feed->after;
  options.limit = feed->limit;
  options.with_body = feed->with_body;
  options.scrubs = run->status == engine::RunStatus::data_deleted;
  options.wanted = feed->wanted;
  options.folds = feed->folds;
  if (feed->kind == kLookBack) options.through = feed->at;
  if (feed->kind == kPage && feed->folds) {
    // An event a number: what is behind the page need not be read.
    const Seq from = std::max(feed->after, stretch.begin.v > 0 ? stretch.begin.prev() : Seq(0));
    options.through = Seq(from.v + feed->limit);
  }
  feed->dirty = false;
  feed->through = stretch.through;
  feed->older = stretch.older;
  advance_walk(feed, std::make_shared<HistoryWalk>(options));
}

void Feeds::advance_walk(const FeedPtr& feed, std::shared_ptr<HistoryWalk> walk) {
  if (feed->gone) return end_fold(*feed);
  if (walk->next().v == 0) {
    if (feed->kind == kSearch) return search_done(feed, *walk);
    return feed->folds ? fold_walk(feed, std::move(walk)) : render_walk(feed, std::move(walk));
  }
  const auto place = parts_.journal->place(walk->group(), walk->next());
  if (!place) {
    failed(feed, walk->missing());
    return;
  }
  run_cold(feed,
           [this, feed, walk, place = *place,
            source = parts_.journal->source()]() -> ColdThread::Completion {
             log::PosixFileSystem files;
             const Index read = walk->next();
             const absl::Status status = walk->step(files, source, place);
             return [this, feed, walk, status, read, place] {
               feed->reading = false;
               const bool go_on = status.ok() || has_moved(*walk, read, place);
               go_on ? advance_walk(feed, walk) : failed(feed, status);
             };
           });
}

// Whether the entry that could not be read was taken to another file meanwhile.
bool Feeds::has_moved(const HistoryWalk& walk, Index read, const log::Place& from) const {
  return walk.next() == read && parts_.journal->place(walk.group(), read) != from;
}

void Feeds::render_walk(const FeedPtr& feed, std::shared_ptr<HistoryWalk> walk) {
  run_cold(feed, [this, feed, walk]() -> ColdThread::Completion {
    const absl::Status status = walk->render();
    return [this, feed, walk, status] {
      feed->reading = false;
      if (feed->gone) return;
      status.ok() ? walk_done(feed, *walk) : failed(feed, status);
    };
  });
}

void Feeds::walk_done(const FeedPtr& feed, HistoryWalk& walk) {
  if (feed->kind == kLookBack) return fold_done(feed, walk);
  feed->kind == kPage ? answer_page(feed, walk) : write_follow(feed, walk);
}

void Feeds::search_done(const FeedPtr& feed, const HistoryWalk& walk) {
  if (!walk.found() && (feed->dirty || feed->older)) {
    feed->after = feed->through;
    start_walk(feed);
    return;
  }
  const auto done = std::move(feed->done);
  cancel(feed->id);
  done(walk.found());
}

void Feeds::answer_page(const FeedPtr& feed, const HistoryWalk& walk) {
  std::string body;
  codecs::JsonWriter w(&body);
  w.begin_object().plain_key("items").begin_array();
  for (const HistoryItem& item : walk.items()) w.raw(item.json);
  w.end_array().plain_key("next_cursor");
  const std::vector<HistoryItem>& items = walk.items();
  const bool more =
      !items.empty() && (walk.more() || feed->older || items.back().seq < feed->through);
  if (more) {
    w.string(std::to_string(items.back().seq.v));
  } else {
    w.null();
  }
  w.end_object();
  Response response;
  response.body = body;
  parts_.answers->respond(feed->id, response);
  cancel(feed->id);
}

void Feeds::write_follow(const FeedPtr& feed, const HistoryWalk& walk) {
  if (!feed->streaming) {
    Response response;
    response.content_type = feed->server_sent ? "text/event-stream" : "application/x-ndjson";
    feed->streaming = true;
    if (parts_.answers->begin_stream(feed->id, response) == StreamState::kGone) {
      cancel(feed->id);
      return;
    }
  }
  for (const HistoryItem& item : walk.items()) {
    write_line(*feed, item.json);
    feed->after = item.seq;
  }
  if (feed->gone || feed->full) return;
  const engine::Run* run = parts_.node->group(feed->group).tables().find(feed->run);
  if (walk.more() || feed->dirty || feed->older || run == nullptr) {
    start_walk(feed);
  } else if (run->closed() && run->seq == feed->after) {
    write_line(*feed, R"({"end":"closed"})");
    finish(feed);
  }
}

void Feeds::write_line(Feed& feed, std::string_view line) {
  std::string text;
  if (feed.server_sent) text = "data: ";
  text.append(line);
  text.append(feed.server_sent ? "\n\n" : "\n");
  feed.keep_alive_mono_ms = mono_ms_ + kKeepAliveMs;
  const StreamState state = parts_.answers->stream(feed.id, text);
  feed.full = state == StreamState::kFull;
  if (state == StreamState::kGone) feed.gone = true;
}

void Feeds::load(const node::LoadRun& load, std::function<void(node::RunLoaded)> loaded) {
  HistoryWalk::Options options;
  options.group = load.group;
  options.run = load.run;
  options.newest = load.newest;
  options.limit = 0;
  options.folds = true;
  options.through = load.through;
  options.whole_entries = true;
  advance_load(std::make_shared<HistoryWalk>(options), load, loaded);
}

// As long as the walk goes back: one place of the journal a job; then what was found is folded in
// slices.
void Feeds::advance_load(std::shared_ptr<HistoryWalk> walk, const node::LoadRun& load,
                         const std::function<void(node::RunLoaded)>& loaded) {
  const bool fold = walk->next().v == 0;
  const auto place =
      fold ? std::optional(log::Place()) : parts_.journal->place(load.group, walk->next());
  const bool taken =
      place && parts_.cold->submit([this, walk, load, loaded, fold, place = *place,
                                    source = parts_.journal->source()]() -> ColdThread::Completion {
        log::PosixFileSystem files;
        node::RunLoaded result{load.group, load.run, nullptr, "", false, load.through};
        const Index read = walk->next();
        const absl::Status status = fold ? walk->fold_slice() : walk->step(files, source, place);
        const bool folded = fold && status.ok() && walk->is_folded();
        if (folded) result.run = walk->take_run();
        result.error = std::string(status.message());
        result.is_lost = absl::IsOutOfRange(status);
        return [this, walk, load, loaded, fold, folded, result, read, place] {
          const bool failed = !result.error.empty() && (fold || !has_moved(*walk, read, place));
          if (folded || failed) {
            loaded(result);
          } else {
            advance_load(walk, load, loaded);
          }
        };
      });
  if (taken) return;
  const bool is_lost = !fold && !place;
  const std::string why = is_lost ? std::string(walk->missing().message())
                                  : "too many reads of the journal wait; try again";
  // Not from within the call that asked: the node is not handed two inputs at once.
  at_next_tick_.push_back([loaded, load, why, is_lost] {
    loaded({load.group, load.run, nullptr, why, is_lost, load.through});
  });
}

std::set<Index> Feeds::runs_of(GroupId group) const {
  std::set<Index> runs;
  for (auto at = by_run_.lower_bound({group, Index(0)});
       at != by_run_.end() && at->first.first == group; ++at) {
    runs.insert(at->first.second);
  }
  return runs;
}

void Feeds::changed(GroupId group, Index run) {
  if (const auto feeds = by_run_.find({group, run}); feeds != by_run_.end()) {
    for (const RequestId id : std::set<RequestId>(feeds->second)) {
      const FeedPtr feed = feeds_.find(id)->second;
      feed->dirty = true;
      if (feed->kind == kFollow && !feed->reading && !feed->full) start_walk(feed);
    }
  }
  for (const RequestId id : std::set<RequestId>(event_feeds_)) {
    const FeedPtr feed = feeds_.find(id)->second;
    if (!feed->reading && !feed->full) advance_events(feed);
  }
}

void Feeds::writable(RequestId id) {
  const auto it = feeds_.find(id);
  if (it == feeds_.end()) return;
  const FeedPtr feed = it->second;
  feed->full = false;
  if (feed->reading) return;
  feed->kind == kEvents ? advance_events(feed) : start_walk(feed);
}

void Feeds::cancel(RequestId id) {
  const auto it = feeds_.find(id);
  if (it == feeds_.end()) return;
  const FeedPtr feed = it->second;
  feed->gone = true;
  if (!feed->reading) end_fold(*feed);
  feeds_.erase(it);
  event_feeds_.erase(id);
  if (const auto feeds = by_run_.find({feed->group, feed->run}); feeds != by_run_.end()) {
    feeds->second.erase(id);
    if (feeds->second.empty()) by_run_.erase(feeds);
  }
}

void Feeds::finish(const FeedPtr& feed) {
  parts_.answers->end_stream(feed->id);
  cancel(feed->id);
}

void Feeds::failed(const FeedPtr& feed, const absl::Status& status) {
  feed->reading = false;
  if (feed->gone) return end_fold(*feed);
  if (feed->streaming) {
    int code = 0;
    write_line(*feed, "{\"error\":" + failure_json(status, &code) + "}");
    finish(feed);
    return;
  }
  respond_failure(feed->id, status);
  cancel(feed->id);
}

void Feeds::respond_failure(RequestId id, const absl::Status& status) {
  static constexpr HeaderField kSoon[] = {{"Retry-After", "1"}};
  Response response;
  const std::string body = failure_json(status, &response.status);
  response.content_type = kProblemType;
  if (response.status == 429 || response.status == 503) response.headers = kSoon;
  response.body = body;
  parts_.answers->respond(id, response);
}

void Feeds::tick(std::int64_t mono_ms) {
  mono_ms_ = mono_ms;
  for (const auto& call : std::exchange(at_next_tick_, {})) call();
  std::vector<FeedPtr> due;
  for (const auto& [id, feed] : feeds_) {
    const bool follows = feed->streaming && (feed->kind == kFollow || feed->follow);
    if (follows && !feed->full && feed->keep_alive_mono_ms <= mono_ms) due.push_back(feed);
  }
  for (const FeedPtr& feed : due) {
    const std::string cursor =
        feed->kind == kEvents ? feed->cursor.text() : std::to_string(feed->after.v);
    write_line(*feed, "{\"cursor\":\"" + cursor + "\"}");
    if (feed->gone) cancel(feed->id);
  }
}

std::int64_t Feeds::next_wake_mono_ms() const {
  std::int64_t wake = at_next_tick_.empty() ? INT64_MAX : 0;
  for (const auto& [id, feed] : feeds_) {
    if (feed->streaming && !feed->full) wake = std::min(wake, feed->keep_alive_mono_ms);
  }
  return wake;
}

void Feeds::stop() {
  std::vector<FeedPtr> all;
  for (const auto& [id, feed] : feeds_) all.push_back(feed);
  for (const FeedPtr& feed : all) {
    if (feed->streaming) {
      finish(feed);
    } else {
      failed(feed, absl::UnavailableError("the daemon is stopping"));
    }
  }
}

}  // namespace pawl::daemon
