// Looks into the past: a generation's events are folded again, up to the one that is asked for.
// What is read is kept until it is folded, so that there is one such walk at a time.
//
//   waiting --the one before is over--> reading --all is read--> folding, a slice a job -->
//   answered
#include "codecs/json.h"
#include "codecs/problem.h"
#include "daemon/feed.h"

namespace pawl::daemon {

void Feeds::look_back(RequestId id, const engine::Run& run, GroupId group, Seq at,
                      std::function<void(const engine::Run&)> done) {
  if (refused_full(id)) return;
  const FeedPtr feed = add(id, kLookBack, run, group, {at.prev(), std::nullopt, false, false});
  feed->folds = true;
  feed->at = at;
  feed->seen = std::move(done);
  const Seq oldest = stretch_of(run, *feed).begin;
  if (oldest <= at) return start_walk(feed);
  cancel(id);
  answer_forgotten(id, oldest);
}

bool Feeds::waits_to_fold(const FeedPtr& feed) {
  if (!folding_) folding_ = feed->id;
  if (*folding_ == feed->id) return false;
  fold_queue_.push_back(feed->id);
  return true;
}

// It was answered, or its client is gone and no job of it is left.
void Feeds::end_fold(const Feed& feed) {
  if (folding_ != feed.id) return;
  folding_.reset();
  if (!fold_queue_.empty()) at_next_tick_.push_back([this] { begin_fold(); });
}

void Feeds::begin_fold() {
  while (!folding_ && !fold_queue_.empty()) {
    const auto next = feeds_.find(fold_queue_.front());
    fold_queue_.pop_front();
    if (next != feeds_.end()) start_walk(FeedPtr(next->second));
  }
}

void Feeds::fold_walk(const FeedPtr& feed, std::shared_ptr<HistoryWalk> walk) {
  run_cold(feed, [this, feed, walk]() -> ColdThread::Completion {
    const absl::Status status = walk->fold_slice();
    return [this, feed, walk, status] {
      feed->reading = false;
      if (feed->gone) return end_fold(*feed);
      if (!status.ok()) return failed(feed, status);
      walk->is_folded() ? walk_done(feed, *walk) : fold_walk(feed, walk);
    };
  });
}

void Feeds::fold_done(const FeedPtr& feed, HistoryWalk& walk) {
  const auto seen = std::move(feed->seen);
  const RequestId id = feed->id;
  const std::shared_ptr<const engine::Run> run = walk.take_run();
  cancel(id);
  run != nullptr ? seen(*run) : answer_forgotten(id, walk.begin());
}

void Feeds::answer_forgotten(RequestId id, Seq oldest) {
  Response response;
  response.status = 410;
  response.content_type = kProblemType;
  const std::string body = codecs::problem_json(
      410, "history-forgotten", "That part of the run's history is no longer kept",
      "what is still kept there begins with the event in `oldest`",
      [oldest](codecs::JsonWriter& w) { w.field("oldest", oldest.v); });
  response.body = body;
  parts_.answers->respond(id, response);
}

}  // namespace pawl::daemon
