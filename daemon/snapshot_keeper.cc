#include "daemon/snapshot_keeper.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/limits.h"
#include "daemon/event_loop.h"
#include "daemon/metrics.h"
#include "log/posix_file_system.h"

namespace pawl::daemon {
namespace {

constexpr std::uint64_t kLogBytesMin = 64 * limits::MiB;
constexpr std::uint64_t kLogBytesOfAnHourMin = 1 * limits::MiB;
constexpr std::uint64_t kLogBytesAtStopMin = 1 * limits::MiB;
constexpr std::int64_t kHourNs = 3'600'000'000'000;

}  // namespace

bool SnapshotPolicy::due() const { return uncovered_bytes >= std::max(kLogBytesMin, last_bytes); }

bool SnapshotPolicy::due_after_hour() const {
  return uncovered_bytes >= std::max(kLogBytesOfAnHourMin, last_bytes / 4);
}

bool SnapshotPolicy::due_at_stop() const {
  return uncovered_bytes >= std::max(kLogBytesAtStopMin, last_bytes / 16);
}

// What the cold thread has of a group's snapshot; its jobs follow one another.
struct SnapshotKeeper::Writing {
  Writing(log::FileSystem& files, const std::string& directory, const log::SnapshotHeader& header)
      : writer(files, directory, header) {}
  log::SnapshotWriter writer;
  std::string buffer;
};

SnapshotKeeper::SnapshotKeeper(Options options, Logger* logger)
    : options_(std::move(options)),
      logger_(*logger),
      covered_(options_.loaded.indexes),
      held_(options_.loaded.older),
      bytes_(covered_.size()),
      round_at_ns_(options_.now_ns),
      group_(options_.node->group_count()) {
  // Which group it was of matters to nobody: it is the sum that counts.
  if (!bytes_.empty()) bytes_.front() = options_.loaded.bytes;
}

SnapshotPolicy SnapshotKeeper::policy(std::uint64_t journal_bytes) const {
  SnapshotPolicy policy;
  policy.last_bytes = std::accumulate(bytes_.begin(), bytes_.end(), std::uint64_t{0});
  policy.uncovered_bytes = options_.uncovered_bytes + journal_bytes - round_at_bytes_;
  return policy;
}

void SnapshotKeeper::turn(std::int64_t now_ns, std::uint64_t journal_bytes) {
  journal_bytes_ = journal_bytes;
  if (!under_way() && covering()) return go_on_covering(now_ns, journal_bytes);
  if (!under_way()) {
    const SnapshotPolicy now = policy(journal_bytes);
    const bool hour = now_ns - round_at_ns_ >= kHourNs;
    if (!now.due() && !(hour && now.due_after_hour())) return;
    begin_round(now_ns, journal_bytes);
  }
  step();
}

void SnapshotKeeper::stop(std::int64_t now_ns, std::uint64_t journal_bytes) {
  if (under_way() || !policy(journal_bytes).due_at_stop()) return;
  begin_round(now_ns, journal_bytes);
}

bool SnapshotKeeper::is_covered(std::size_t group) const { return held_[group] >= cover_[group]; }

// A round of the groups that lack one; then each is looked at whose older one is not as far.
void SnapshotKeeper::go_on_covering(std::int64_t now_ns, std::uint64_t journal_bytes) {
  if (doing_ != Doing::nothing) return;
  if (!std::exchange(cover_written_, true)) {
    begin_round(now_ns, journal_bytes);
    return step();
  }
  for (std::size_t g = 0; g < held_.size(); ++g) {
    if (!is_covered(g) && covered_[g] >= cover_[g]) return verify(g);
  }
  cover_written_ = false;
  cover_.clear();
}

void SnapshotKeeper::verify(std::size_t g) {
  const GroupId group(static_cast<std::uint16_t>(g));
  const bool taken = options_.cold->submit(
      [this, group, index = covered_[g], &files = *options_.files, store = options_.store,
       path = options_.directory + "/" +
              log::snapshot_name(group, covered_[g])]() -> ColdThread::Completion {
        const absl::Status status = log::SnapshotReader::open(files, path, store).status();
        return [this, group, index, status] {
          doing_ = Doing::nothing;
          if (status.ok()) {
            held_[group.v] = std::max(held_[group.v], index);
            return;
          }
          logger_.write(LogLevel::warning, "snapshot: one that was just written can't be read",
                        {{"why", std::string(status.message())}});
          cover_written_ = false;
          cover_.clear();
        };
      });
  if (taken) doing_ = Doing::verifying;
}

std::int64_t SnapshotKeeper::deadline_ns() const {
  if (under_way() || !policy(journal_bytes_).due_after_hour()) return kNoDeadline;
  return round_at_ns_ + kHourNs;
}

void SnapshotKeeper::begin_round(std::int64_t now_ns, std::uint64_t journal_bytes) {
  options_.uncovered_bytes = 0;
  round_at_bytes_ = journal_bytes;
  round_at_ns_ = now_ns;
  group_ = 0;
}

// The next thing to do, if the cold thread has done the last one.
void SnapshotKeeper::step() {
  if (doing_ != Doing::nothing) return;
  while (under_way() && writing_ == nullptr) {
    if (begin_group()) break;
    ++group_;
  }
  if (!under_way()) return;
  if (failed_) return give_up_group();
  if (slice_ != nullptr || more_slices_) return take_slice();
  close_group();
}

// False if nothing was folded since the group's last snapshot.
bool SnapshotKeeper::begin_group() {
  const GroupId group(static_cast<std::uint16_t>(group_));
  if (cover_written_ && covered_[group_] >= cover_[group_]) return false;
  if (options_.node->group(group).applied() == covered_[group_]) {
    held_[group_] = covered_[group_];
    return false;
  }
  freeze_ = options_.node->freeze(group);
  log::SnapshotHeader header;
  header.store_id = options_.store;
  header.group = group;
  header.index = freeze_->index();
  header.term = freeze_->term();
  header.feature_level = freeze_->feature_level();
  writing_ = std::make_shared<Writing>(*options_.files, options_.directory, header);
  more_slices_ = true;
  return true;
}

void SnapshotKeeper::take_slice() {
  if (slice_ == nullptr) {
    slice_ = std::make_unique<engine::FrozenSlice>();
    more_slices_ =
        freeze_->next(limits::kSnapshotSliceRuns, limits::kSnapshotSliceBytes, slice_.get());
  }
  // The slice is let go of here, by the loop: see FrozenSlice.
  submit(Doing::copying, [slice = slice_.get()](Writing& writing) {
    writing.buffer.clear();
    encode_slice(slice, limits::kSnapshotJobBytes, &writing.buffer);
    absl::Status status = writing.writer.append(writing.buffer);
    const bool much = writing.writer.unsynced_bytes() >= limits::kSnapshotUnsyncedBytes;
    return status.ok() && much ? writing.writer.sync() : status;
  });
}

void SnapshotKeeper::close_group() {
  const node::Group& group = options_.node->group(GroupId(static_cast<std::uint16_t>(group_)));
  // What a majority has may not be on this box's own disk yet: a later turn, then.
  if (group.raft().durable() < freeze_->index()) return;
  submit(Doing::closing, [&files = *options_.files, directory = options_.directory,
                          group = group.id()](Writing& writing) {
    absl::Status status = writing.writer.commit();
    if (!status.ok()) return status;
    return log::remove_old_snapshots(files, directory, group, limits::kSnapshotsKept);
  });
}

// The journal still holds everything.
void SnapshotKeeper::give_up_group() {
  submit(Doing::giving_up, [](Writing& writing) {
    (void)writing.writer.discard();  // the .tmp is removed by the next writer in any case
    return absl::OkStatus();
  });
}

void SnapshotKeeper::end_group() {
  slice_.reset();
  freeze_.reset();
  writing_.reset();
  more_slices_ = failed_ = false;
  ++group_;
}

// What came from another box meanwhile may be newer than what was being written.
void SnapshotKeeper::installed(GroupId group, Index index, std::uint64_t content_bytes) {
  if (index <= covered_[group.v]) return;
  held_[group.v] = std::exchange(covered_[group.v], index);
  bytes_[group.v] = content_bytes;
}

// If the cold thread has too much to do, the same step is taken in a later turn.
void SnapshotKeeper::submit(Doing doing, std::function<absl::Status(Writing&)> job) {
  const bool taken = options_.cold->submit(
      [this, job = std::move(job), writing = writing_]() -> ColdThread::Completion {
        return [this, status = job(*writing)] { done(status); };
      });
  if (taken) doing_ = doing;
}

void SnapshotKeeper::done(const absl::Status& status) {
  const Doing did = std::exchange(doing_, Doing::nothing);
  if (did == Doing::giving_up) return end_group();
  if (!status.ok()) {
    failed_ = true;
    ++failures_;
    logger_.write(LogLevel::warning, "snapshot: not written, the journal still holds everything",
                  {{"group", static_cast<int>(group_)}, {"why", std::string(status.message())}});
  } else if (did == Doing::closing) {
    const GroupId group(static_cast<std::uint16_t>(group_));
    ++written_;
    written_bytes_ += writing_->writer.content_bytes();
    installed(group, freeze_->index(), writing_->writer.content_bytes());
    end_group();
  } else if (slice_->runs_encoded == slice_->runs.size()) {
    slice_.reset();
  }
}

void SnapshotKeeper::append_metrics(std::string* out) const {
  MetricsText text(out);
  text.counter("pawl_snapshots_written_total", "snapshots of groups that are durable", "",
               written_);
  text.counter("pawl_snapshots_written_bytes_total", "bytes in them", "", written_bytes_);
  text.counter("pawl_snapshots_failures_total", "snapshots that could not be written", "",
               failures_);
  text.gauge("pawl_snapshots_under_way", "1 while a round of them is being written", "",
             under_way() ? 1 : 0);
}

}  // namespace pawl::daemon
