#include "daemon/transfers.h"

#include <utility>

#include "base/feature_level.h"
#include "base/limits.h"
#include "codecs/entry.h"
#include "daemon/metrics.h"
#include "log/names.h"
#include "log/snapshot_file.h"
#include "log/transfer_file.h"

namespace pawl::daemon {
namespace {

constexpr std::int64_t kLookNs = 10'000'000'000;
constexpr std::int64_t kUnreadNs = 600'000'000'000;
constexpr int kPiecesOfJob = 8;

}  // namespace

// What is being made. `file` and `reader` are the cold thread's while it has a step.
struct Transfers::Making {
  struct File {
    File(log::FileSystem& files, const std::string& path, const log::BackupHeader& header)
        : writer(files, path, header) {}
    log::TransferWriter writer;
    std::unique_ptr<log::SnapshotReader> reader;
  };
  enum class Step : std::uint8_t { open, pieces, look, add, finish };

  GroupId group;
  Index index;  // of the snapshot
  std::shared_ptr<File> file;
  Term term;  // known once it is open
  Step step = Step::open;
  bool busy = false;
  std::vector<node::Compaction::Input> inputs;
  std::size_t input = 0;
  std::uint32_t offset = 0;
  std::shared_ptr<const log::OldEntries> looked;
};

Transfers::Transfers(Options options, Logger* logger)
    : options_(std::move(options)), logger_(*logger) {}
Transfers::~Transfers() = default;

std::string Transfers::path_of(const std::string& name) const {
  return log::join(options_.journal->directory(), name);
}

void Transfers::take(node::SnapshotWork work) {
  if (auto* wanted = std::get_if<node::MakeTransfer>(&work)) {
    wanted_.push_back(*wanted);
  } else if (auto* read = std::get_if<node::ReadChunk>(&work)) {
    read_chunk(*read);
  } else if (auto* written = std::get_if<node::WriteChunk>(&work)) {
    write_chunk(std::move(*written));
  } else {
    take_in(std::get<node::TakeTransfer>(work));
  }
}

void Transfers::turn(std::int64_t now_ns) {
  now_ns_ = now_ns;
  if (making_ == nullptr && !wanted_.empty()) {
    const node::MakeTransfer wanted = wanted_.front();
    wanted_.pop_front();
    begin(wanted);
  }
  if (making_ != nullptr && !making_->busy) {
    making_->busy = options_.cold->submit(next_step());
  }
  while (!jobs_.empty() && options_.cold->submit(jobs_.front())) jobs_.pop_front();
  if (look_at_ns_ <= now_ns) {
    look_at_ns_ = now_ns + kLookNs;
    remove_unread();
  }
}

void Transfers::remove_unread() {
  for (auto at = ready_.begin(); at != ready_.end();) {
    if (now_ns_ - at->second.read_ns < kUnreadNs) {
      ++at;
      continue;
    }
    jobs_.push_back([path = path_of(log::transfer_name(at->first)),
                     files = options_.files]() -> ColdThread::Completion {
      (void)files->remove(path);  // a start removes it in any case
      return [] {};
    });
    at = ready_.erase(at);
  }
}

std::vector<std::string> Transfers::keep_from(const std::vector<Index>& through) {
  std::vector<std::string> stay;
  for (auto at = ready_.begin(); at != ready_.end();) {
    if (at->second.snapshot.last.index >= through[at->first.v]) {
      stay.push_back(log::transfer_name(at->first));
      ++at;
    } else {
      at = ready_.erase(at);  // who asks for more of it is told that it is gone
    }
  }
  if (making_ != nullptr && making_->index >= through[making_->group.v]) {
    stay.push_back(log::transfer_name(making_->group));
  }
  return stay;
}

bool Transfers::holds_up(const std::vector<Index>& through) const {
  return taking_ > 0 || (making_ != nullptr && making_->index < through[making_->group.v]);
}

// --- making one ---

void Transfers::begin(const node::MakeTransfer& wanted) {
  const Index newest = options_.keeper->newest(wanted.group);
  if (newest < wanted.floor) {
    options_.report(node::TransferReady{wanted.group, {}});
    return;
  }
  ready_.erase(wanted.group);
  making_ = std::make_unique<Making>();
  making_->group = wanted.group;
  making_->index = newest;
  making_->inputs =
      node::Compaction::inputs_of(*options_.node, *options_.journal, wanted.group, newest);
  if (!making_->inputs.empty()) making_->offset = making_->inputs.front().from;
}

Transfers::Job Transfers::next_step() {
  switch (making_->step) {
    case Making::Step::open:
      return open_snapshot();
    case Making::Step::pieces:
      return copy_pieces();
    case Making::Step::look:
      return look();
    case Making::Step::add:
      return add_entries();
    case Making::Step::finish:
      break;
  }
  return finish();
}

Transfers::Job Transfers::open_snapshot() {
  log::BackupHeader header;
  header.store_id = options_.journal->store_id();
  header.feature_level = kFeatureLevel;
  header.run_groups = options_.run_groups;
  making_->file = std::make_shared<Making::File>(
      *options_.files, path_of(log::transfer_name(making_->group)), header);
  const std::string path = path_of(log::snapshot_name(making_->group, making_->index));
  return [this, path, file = making_->file, store = header.store_id,
          files = options_.files]() -> ColdThread::Completion {
    auto opened = log::SnapshotReader::open(*files, path, store);
    absl::Status status = opened.status();
    if (status.ok()) {
      file->reader = *std::move(opened);
      const log::SnapshotHeader& is = file->reader->header();
      status =
          file->writer.stream().begin_snapshot({is.group, is.index, is.term, is.feature_level});
    }
    return [this, status, file] {
      if (!status.ok()) return give_up(status);
      making_->busy = false;
      making_->term = file->reader->header().term;
      making_->step = Making::Step::pieces;
    };
  };
}

Transfers::Job Transfers::copy_pieces() {
  return [this, file = making_->file]() -> ColdThread::Completion {
    absl::Status status;
    bool more = true;
    for (int piece = 0; piece < kPiecesOfJob && more && status.ok(); ++piece) {
      const auto chunk = file->reader->next_chunk();
      status = chunk.status();
      more = chunk.ok() && !chunk->empty();
      if (more) status = file->writer.stream().add_piece(*chunk);
    }
    return [this, status, more] {
      if (!status.ok()) return give_up(status);
      making_->busy = false;
      if (more) return;
      making_->step = making_->inputs.empty() ? Making::Step::finish : Making::Step::look;
    };
  };
}

Transfers::Job Transfers::look() {
  const node::Compaction::Input& input = making_->inputs[making_->input];
  const log::WalkStep step{input.number, making_->offset, input.until, limits::kCompactionEntries,
                           limits::kCompactionBytes};
  return [this, step, source = options_.journal->source(),
          files = options_.files]() -> ColdThread::Completion {
    auto looked = std::make_shared<absl::StatusOr<log::OldEntries>>(
        log::look(*files, source, step, codecs::run_of_entry));
    return [this, looked] {
      if (!looked->ok()) return give_up(looked->status());
      node::Compaction::judge_for_transfer(*options_.node, *options_.journal, making_->group,
                                           making_->index, &**looked);
      making_->offset = (*looked)->next;
      making_->looked = std::make_shared<const log::OldEntries>(**std::move(looked));
      making_->busy = false;
      making_->step = Making::Step::add;
    };
  };
}

Transfers::Job Transfers::add_entries() {
  return [this, file = making_->file, looked = making_->looked]() -> ColdThread::Completion {
    const absl::Status status = log::for_each_needed(
        *looked, codecs::scrub_entry, [&](const log::OldEntry& entry, std::string_view payload) {
          return file->writer.stream().add_entry(entry.group, entry.term, entry.index, payload);
        });
    return [this, status] {
      if (!status.ok()) return give_up(status);
      Making& making = *making_;
      making.busy = false;
      making.step = Making::Step::look;
      if (making.offset < making.inputs[making.input].until) return;
      if (++making.input == making.inputs.size()) {
        making.step = Making::Step::finish;
      } else {
        making.offset = making.inputs[making.input].from;
      }
    };
  };
}

Transfers::Job Transfers::finish() {
  return [this, file = making_->file]() -> ColdThread::Completion {
    auto seal = std::make_shared<absl::StatusOr<log::TransferSeal>>(file->writer.finish());
    return [this, seal] { made(*seal); };
  };
}

void Transfers::made(const absl::StatusOr<log::TransferSeal>& seal) {
  if (!seal.ok()) return give_up(seal.status());
  const std::unique_ptr<Making> done = std::move(making_);
  const raft::Snapshot snapshot{{done->index, done->term}, seal->bytes, seal->hash};
  ready_[done->group] = {snapshot, now_ns_};
  ++metrics_.made;
  metrics_.made_bytes += seal->bytes;
  logger_.write(LogLevel::info, "transfer: a box that lags behind is sent a snapshot",
                {{"group", static_cast<int>(done->group.v)},
                 {"index", done->index.v},
                 {"bytes", seal->bytes}});
  options_.report(node::TransferReady{done->group, snapshot});
}

// It is asked for again in a second.
void Transfers::give_up(const absl::Status& why) {
  ++metrics_.failures;
  logger_.write(
      LogLevel::warning, "transfer: could not be made, tried again",
      {{"group", static_cast<int>(making_->group.v)}, {"why", std::string(why.message())}});
  const GroupId group = making_->group;
  making_.reset();
  options_.report(node::TransferReady{group, {}});
}

// --- chunks ---

// One that can't be read now is asked for again by raft; one of a transfer that is gone is told.
void Transfers::read_chunk(const node::ReadChunk& wanted) {
  const auto& chunk = std::get<raft::SnapshotChunk>(wanted.message.body);
  const auto ready = ready_.find(wanted.group);
  const bool there = ready != ready_.end() && ready->second.snapshot == chunk.snapshot;
  if (there) ready->second.read_ns = now_ns_;
  jobs_.push_back([this, there, wanted, offset = chunk.offset, bytes = chunk.bytes,
                   path = path_of(log::transfer_name(wanted.group)),
                   files = options_.files]() -> ColdThread::Completion {
    node::ChunkRead read{wanted.group, wanted.message, {}};
    if (there) {
      read.bytes.resize(bytes);
      const auto got = files->read(path, offset, read.bytes.data(), bytes);
      read.bytes.resize(got.ok() ? *got : 0);
    }
    auto result = std::make_shared<node::ChunkRead>(std::move(read));
    return [this, result] { options_.report(std::move(*result)); };
  });
}

void Transfers::write_chunk(node::WriteChunk chunk) {
  auto shared = std::make_shared<const node::WriteChunk>(std::move(chunk));
  jobs_.push_back([this, shared, path = path_of(log::incoming_name(shared->group)),
                   files = options_.files]() -> ColdThread::Completion {
    if (shared->offset == 0) (void)files->remove(path);
    const absl::Status status = files->write(path, shared->offset, shared->bytes);
    return [this, shared, status] {
      if (!status.ok()) {
        ++metrics_.failures;
        logger_.write(LogLevel::warning, "transfer: a part that came could not be kept",
                      {{"why", std::string(status.message())}});
      }
      // From the beginning then.
      options_.report(node::ChunkWritten{shared->group, shared->last,
                                         status.ok() ? shared->offset + shared->bytes.size() : 0});
    };
  });
}

// --- taking one in ---

void Transfers::take_in(const node::TakeTransfer& wanted) {
  log::TakeOptions options{options_.journal->directory(),
                           options_.journal->store_id(),
                           wanted.group,
                           wanted.snapshot.last.index,
                           wanted.snapshot.last.term,
                           {wanted.snapshot.bytes, wanted.snapshot.hash},
                           options_.journal->take_kept_number(),
                           kFeatureLevel};
  ++taking_;
  jobs_.push_back([this, options, path = path_of(log::incoming_name(wanted.group)),
                   files = options_.files]() -> ColdThread::Completion {
    auto done = std::make_shared<node::TransferTaken>();
    done->group = options.group;
    done->last = options.index;
    node::Thaw thaw(options.group, /*verified=*/true);  // by the transfer's digest
    std::string error;
    std::uint64_t content_bytes = 0;
    auto kept = log::take_transfer(*files, path, options, [&](std::string_view piece) {
      content_bytes += piece.size();
      return thaw.feed(piece, &error) ? absl::OkStatus() : absl::DataLossError(error);
    });
    absl::Status status = kept.status();
    if (status.ok()) {
      auto thawed = std::move(thaw).finish(&error);
      if (thawed) {
        done->thawed = std::make_shared<node::Thawed>(*std::move(thawed));
        done->kept = std::make_shared<log::KeptFile>(*std::move(kept));
      } else {
        status = absl::DataLossError(error);
      }
    }
    (void)files->remove(path);
    if (status.ok()) {
      status = log::remove_old_snapshots(*files, options.directory, options.group,
                                         limits::kSnapshotsKept);
    }
    return [this, done, status, content_bytes, bytes = options.seal.bytes] {
      if (done->thawed == nullptr) {
        ++metrics_.failures;
        logger_.write(
            LogLevel::warning, "transfer: what came was not taken, it is sent again",
            {{"group", static_cast<int>(done->group.v)}, {"why", std::string(status.message())}});
      } else {
        ++metrics_.taken;
        metrics_.taken_bytes += bytes;
        options_.keeper->installed(done->group, done->last, content_bytes);
        logger_.write(LogLevel::info, "transfer: a snapshot came from another box",
                      {{"group", static_cast<int>(done->group.v)},
                       {"index", done->last.v},
                       {"bytes", bytes}});
      }
      --taking_;
      options_.report(std::move(*done));
    };
  });
}

void append_transfer_metrics(const TransferMetrics& metrics, std::string* out) {
  MetricsText text(out);
  text.counter("pawl_transfers_made_total", "Snapshots made ready for other boxes.", "",
               metrics.made);
  text.counter("pawl_transfers_made_bytes_total", "Their bytes.", "", metrics.made_bytes);
  text.counter("pawl_transfers_taken_total", "Snapshots that came from other boxes.", "",
               metrics.taken);
  text.counter("pawl_transfers_taken_bytes_total", "Their bytes.", "", metrics.taken_bytes);
  text.counter("pawl_transfers_failures_total", "Tries of either that failed.", "",
               metrics.failures);
}

}  // namespace pawl::daemon
