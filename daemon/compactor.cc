#include "daemon/compactor.h"

#include <utility>

#include "base/limits.h"
#include "codecs/entry.h"
#include "daemon/metrics.h"
#include "log/names.h"

namespace pawl::daemon {
namespace {

constexpr std::int64_t kLookNs = 1'000'000'000;
constexpr std::int64_t kAfterFailureNs = 600'000'000'000;

}  // namespace

// What the cold thread has of a kept file; its jobs follow one another.
struct Compactor::Writing {
  log::FileSystem& files;
  const log::Source source;
  const std::uint64_t number;
  std::optional<log::KeptWriter> made;

  log::KeptWriter& writer() {
    if (!made) {
      // A dictionary would hold bytes of entries that are not in the file, of any run.
      made.emplace(files, source.directory, source.store_id, number, nullptr);
    }
    return *made;
  }
};

void Compactor::turn(std::int64_t now_ns, const std::vector<Index>& covered) {
  if (busy_) return;
  if (!work_) {
    if (now_ns < look_at_ns_) return;
    auto work = options_.scrubbing->work(*options_.node, *options_.journal, covered);
    if (!work) work = compaction_.next(*options_.node, *options_.journal, covered);
    if (!work) {
      look_at_ns_ = now_ns + kLookNs;
      return;
    }
    look_at_ns_ = now_ns;
    begin(*std::move(work));
  }
  // If the cold thread has too much to do, the same step is taken in a later turn.
  busy_ = options_.cold->submit([this, job = next_job()]() -> ColdThread::Completion {
    return [this, done = job()] {
      busy_ = false;
      done();
    };
  });
}

void Compactor::begin(Work work) {
  work_ = std::move(work);
  input_ = part_begin_ = 0;
  offset_ = work_->inputs.front().from;
  bytes_ = needed_ = runs_ = 0;
  step_ = Step::read;
  if (work_->kind != Work::Kind::drop) return;
  useless_ = {work_->inputs.front().number};
  options_.journal->drop_kept(useless_.front());
  step_ = Step::remove;
}

Compactor::Job Compactor::next_job() {
  switch (step_) {
    case Step::read:
      return read();
    case Step::write:
      return write();
    case Step::commit:
      return commit();
    case Step::remove:
      return remove();
    case Step::discard:
      break;
  }
  return [this, writing = writing_]() -> ColdThread::Completion {
    (void)writing->writer().discard();  // a start removes it in any case
    return [this] { end(); };
  };
}

Compactor::Job Compactor::read() {
  const node::Compaction::Input& input = work_->inputs[input_];
  const log::WalkStep step{input.number, offset_, input.until, limits::kCompactionEntries,
                           limits::kCompactionBytes};
  return [this, step, source = options_.journal->source(),
          files = options_.files]() -> ColdThread::Completion {
    auto looked = std::make_shared<absl::StatusOr<log::OldEntries>>(
        log::look(*files, source, step, codecs::run_of_entry));
    return [this, looked] {
      if (!looked->ok()) return give_up(looked->status());
      take_in(**std::move(looked));
    };
  };
}

void Compactor::take_in(log::OldEntries looked) {
  node::Compaction::judge(*options_.node, *options_.journal, work_->inputs[input_], &looked);
  bytes_ += looked.bytes;
  needed_ += looked.needed_bytes();
  metrics_.read_bytes += looked.next - offset_;
  offset_ = looked.next;
  if (work_->kind == Work::Kind::rewrite) {
    for (const log::OldEntry& entry : looked.entries) {
      runs_ += entry.needed && entry.index == entry.run ? 1 : 0;
    }
    looked_ = std::make_shared<const log::OldEntries>(std::move(looked));
    step_ = Step::write;
    return;
  }
  const node::Compaction::Input& input = work_->inputs.front();
  if (offset_ < input.until) return;
  // The same share of the file as of its entries.
  const double share = bytes_ == 0 ? 0 : static_cast<double>(needed_) / static_cast<double>(bytes_);
  compaction_.surveyed(*options_.node, input.number, input.until,
                       static_cast<std::uint64_t>(share * static_cast<double>(input.until)));
  end();
}

Compactor::Job Compactor::write() {
  if (writing_ == nullptr) {
    writing_.reset(new Writing{
        *options_.files, options_.journal->source(), options_.journal->take_kept_number(), {}});
  }
  return [this, looked = looked_, writing = writing_]() -> ColdThread::Completion {
    absl::Status kept = log::keep(*looked, codecs::scrub_entry, &writing->writer());
    const bool much = writing->writer().unsynced_bytes() >= limits::kSnapshotUnsyncedBytes;
    if (kept.ok() && much) kept = writing->writer().sync();
    return [this, kept] {
      if (!kept.ok()) return give_up(kept);
      looked_.reset();
      step_ = Step::read;
      if (offset_ == work_->inputs[input_].until) input_done();
    };
  };
}

void Compactor::input_done() {
  ++input_;
  const bool last = input_ == work_->inputs.size();
  if (last || writing_->writer().full()) {
    step_ = Step::commit;
  } else {
    offset_ = work_->inputs[input_].from;
  }
}

Compactor::Job Compactor::commit() {
  const auto begin = work_->inputs.begin();
  const std::vector<node::Compaction::Input> part(begin + static_cast<std::ptrdiff_t>(part_begin_),
                                                  begin + static_cast<std::ptrdiff_t>(input_));
  std::vector<std::uint64_t> replaces;
  std::uint64_t freed = 0;
  for (const node::Compaction::Input& input : part) {
    freed += input.until;
    if (input.number > log::format::kKeptNumberBase) replaces.push_back(input.number);
  }
  return [this, freed, replaces, spans = node::Compaction::joined(part), runs = runs_,
          writing = writing_]() -> ColdThread::Completion {
    auto made = std::make_shared<absl::StatusOr<log::KeptFile>>(
        writing->writer().commit(spans, replaces, runs));
    return [this, freed, made] {
      if (!made->ok()) return give_up(made->status());
      metrics_.freed_bytes += freed;
      take_over(**std::move(made));
    };
  };
}

void Compactor::take_over(log::KeptFile file) {
  metrics_.written_bytes += file.bytes;
  ++metrics_.files;
  logger_.write(LogLevel::info, "compaction: old segments made smaller",
                {{"file", log::segment_name(file.number)},
                 {"bytes", file.bytes},
                 {"entries", file.entries},
                 {"inputs", static_cast<std::uint64_t>(input_ - part_begin_)}});
  useless_ = file.replaces;
  compaction_.made(*options_.node, file);
  options_.journal->add_kept(std::move(file));
  writing_.reset();
  step_ = Step::remove;
}

// A file that stays though it is not needed goes at the next start.
Compactor::Job Compactor::remove() {
  return [this, numbers = useless_, directory = options_.journal->directory(),
          files = options_.files]() -> ColdThread::Completion {
    absl::Status status;
    for (const std::uint64_t number : numbers) {
      absl::Status removed = files->remove(log::join(directory, log::segment_name(number)));
      if (!removed.ok() && !absl::IsNotFound(removed)) status = removed;
    }
    if (status.ok() && !numbers.empty()) status = files->sync_directory(directory);
    return [this, status] {
      if (!status.ok()) {
        logger_.write(LogLevel::warning, "compaction: a file that is not needed stays",
                      {{"why", std::string(status.message())}});
      }
      if (work_->kind == Work::Kind::drop || input_ == work_->inputs.size()) return end();
      part_begin_ = input_;
      offset_ = work_->inputs[input_].from;
      runs_ = 0;
      step_ = Step::read;
    };
  };
}

void Compactor::end() {
  work_.reset();
  looked_.reset();
  writing_.reset();
}

void Compactor::give_up(const absl::Status& why) {
  ++metrics_.failures;
  const bool damage = absl::IsDataLoss(why);
  logger_.write(damage ? LogLevel::error : LogLevel::warning,
                "compaction: given up, everything is kept as it was",
                {{"why", std::string(why.message())}});
  look_at_ns_ += kAfterFailureNs;
  looked_.reset();
  if (writing_ == nullptr) return end();
  step_ = Step::discard;
}

void append_compaction_metrics(const CompactionMetrics& metrics, const log::Journal& journal,
                               std::string* out) {
  MetricsText text(out);
  text.counter("pawl_compaction_bytes_total", "Bytes of old segments and kept files.",
               "what=\"read\"", metrics.read_bytes);
  text.counter("pawl_compaction_bytes_total", "", "what=\"written\"", metrics.written_bytes);
  text.counter("pawl_compaction_bytes_total", "", "what=\"freed\"", metrics.freed_bytes);
  text.counter("pawl_compaction_failures_total", "Compactions given up.", "", metrics.failures);
  text.gauge("pawl_journal_kept_files", "Files that hold what is kept of old segments.", "",
             static_cast<std::int64_t>(journal.kept().files().size()));
  text.gauge("pawl_journal_kept_bytes", "Their bytes.", "",
             static_cast<std::int64_t>(journal.kept().bytes()));
}

}  // namespace pawl::daemon
