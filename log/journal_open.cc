// How a journal begins and begins again.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "log/format.h"
#include "log/journal.h"
#include "log/names.h"
#include "log/recovery.h"

namespace pawl::log {
namespace {

std::uint32_t clamped(std::uint64_t bytes) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, 0xffff'ffff));
}

// Writes the last frame (and what was written with it) again and zeros over what is torn behind it,
// then syncs. The frame may have come from the page cache of a killed process; worse, after a
// failed fdatasync the cache can hold, as clean, bytes that never reached the disk: only writing
// them again makes the sync mean something.
absl::Status settle_tail(FileSystem& files, const std::string& directory,
                         const Recovered& recovered, JournalStats* stats) {
  const std::string path = join(directory, segment_name(recovered.end.segment));
  const std::uint64_t from = recovered.last_write;
  const std::uint64_t until =
      std::min(recovered.segments.back().bytes,
               recovered.end.offset +
                   std::max<std::uint64_t>(recovered.torn_bytes, format::kTerminatorBytes));
  std::string bytes(static_cast<std::size_t>(recovered.end.offset - from), '\0');
  const absl::StatusOr<std::size_t> got = files.read(path, from, bytes.data(), bytes.size());
  if (!got.ok()) return got.status();
  if (*got != bytes.size()) return damage(path, from + *got, "the file became shorter while read");
  if (absl::Status s = files.write(path, from, bytes); !s.ok()) return s;
  stats->data_bytes += bytes.size();
  const AllocateFile zeros{path, recovered.end.offset, until - recovered.end.offset,
                           Preallocate::kZero};
  if (absl::Status s = execute(files, Operation(zeros)); !s.ok()) return s;
  stats->zero_fill_bytes += zeros.bytes;
  if (absl::Status s = files.sync(path); !s.ok()) return s;
  ++stats->syncs;
  ++stats->directory_syncs;
  return files.sync_directory(directory);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> Journal::open(FileSystem& files,
                                                       const JournalOptions& options,
                                                       RecoverySink& sink, RecoveryReport* report) {
  std::unique_ptr<Journal> journal(new Journal(options));
  absl::StatusOr<Recovered> recovered =
      recover(files, options.directory, options.store_id, options.feature_level, options.rebuilds,
              sink, &journal->index_);
  if (!recovered.ok()) return recovered.status();
  const bool created = recovered->segments.empty();
  if (absl::Status s = journal->adopt(files, *recovered); !s.ok()) return s;
  if (created) {
    if (absl::Status s = journal->create(files); !s.ok()) return s;
  }
  if (absl::Status s = journal->load_kept(files); !s.ok()) return s;
  if (report != nullptr) {
    *report = recovered->report;
    report->created = created;
  }
  return journal;
}

absl::Status Journal::load_kept(FileSystem& files) {
  absl::Status loaded =
      kept_.load(files, options_.directory, options_.store_id, options_.feature_level,
                 options_.snapshots ? &*options_.snapshots : nullptr, options_.rebuilds);
  if (!loaded.ok()) return loaded;
  for (const KeptFile& file : kept_.files()) {
    for (const KeptSpan& span : file.spans) {
      if (span.installed) index_.forget_through(span.group, span.through);
    }
  }
  return absl::OkStatus();
}

absl::Status Journal::create(FileSystem& files) {
  if (!options_.create_if_empty) {
    return absl::NotFoundError("open the journal in " + options_.directory +
                               ": it is empty, but a store was here; mount the right directory or "
                               "restore a backup");
  }
  if (!is_known(options_.store_id)) {
    return absl::InvalidArgumentError("open the journal in " + options_.directory +
                                      ": a new journal needs a store id");
  }
  building();
  begin(UnderWay::kFrame);
  add_rotation();
  if (absl::Status s = execute(files, batch_); !s.ok()) return s;
  completed(batch_.id);
  return absl::OkStatus();
}

absl::Status Journal::adopt(FileSystem& files, const Recovered& recovered) {
  for (const RecoveredFile& spare : recovered.spares) {
    spare_names_ = std::max(spare_names_, spare.number);
    if (spares_.size() < static_cast<std::size_t>(limits::kSpareSegmentsMax)) {
      // What a spare holds past its next header is unknown: it may have been a segment.
      spares_.push_back(File{spare.number, clamped(spare.bytes), true});
    } else if (absl::Status s = files.remove(spare_path(spare.number)); !s.ok()) {
      return s;
    }
  }
  if (recovered.segments.empty()) return absl::OkStatus();

  options_.store_id = source_.store_id = recovered.store_id;
  for (const auto* list : {&recovered.leftovers, &recovered.segments}) {
    for (const RecoveredFile& file : *list) {
      files_.push_back(File{file.number, clamped(file.bytes), false, file.end});
    }
  }
  segment_ = recovered.end.segment;
  end_ = recovered.end.offset;
  oldest_ = recorded_oldest_ = recovered.oldest_segment;
  tail_marked_ = recovered.last_frame_empty;
  states_ = recovered.states;
  compressing_ = recovered.segment_level >= format::kCompressedLevel;
  compression_allowed_ = compressing_;
  compressor_.use(recovered.dictionary);
  stats_.torn_bytes_cut = recovered.torn_bytes;
  stats_.segments = files_.size();
  stats_.spares = spares_.size();
  index_.drop_before(oldest_);
  return settle_tail(files, options_.directory, recovered, &stats_);
}

}  // namespace pawl::log
