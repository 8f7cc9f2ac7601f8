#include "log/kept_files.h"

#include <algorithm>
#include <utility>

#include "log/names.h"

namespace pawl::log {

namespace {

// It was made durable before the snapshot that it came with, and that one never was; or that one
// can't be read now, and may be put back.
bool is_ahead(const KeptFile& file, const std::vector<Index>& snapshots) {
  return std::any_of(file.spans.begin(), file.spans.end(), [&](const KeptSpan& span) {
    const Index there = span.group.v < snapshots.size() ? snapshots[span.group.v] : Index(0);
    return span.installed && span.through > there;
  });
}

// Of two spans that both hold an index, whether the first is the one that counts: that which goes
// on further, since the other was joined into it, or ends where a log ended that a snapshot
// replaced later. What came from another box was judged with that box's tables; files get their
// numbers before they are taken over, so that those of two such say little.
bool counts_before(const KeptSpan& a, const KeptSpan& b) {
  if (a.through != b.through) return a.through > b.through;
  return a.installed && !b.installed;
}

}  // namespace

void drop_void(const std::vector<Rebuild>& rebuilds, KeptFile* file) {
  const std::size_t dropped = std::erase_if(file->spans, [&](const KeptSpan& span) {
    const Rebuild* rebuild = rebuild_of(rebuilds, span.group);
    return rebuild != nullptr && file->number < rebuild->kept_from;
  });
  file->has_void |= dropped > 0;
}

absl::Status KeptFiles::load(FileSystem& files, const std::string& directory,
                             const StoreId& store_id, std::uint32_t feature_level,
                             const std::vector<Index>* snapshots,
                             const std::vector<Rebuild>& rebuilds) {
  const absl::StatusOr<std::vector<FileInfo>> found = files.list(directory);
  if (!found.ok()) return found.status();
  std::vector<std::uint64_t> replaced;
  for (const Rebuild& rebuild : rebuilds) {
    last_number_ = std::max(last_number_, rebuild.kept_from - 1);
  }
  for (const FileInfo& info : *found) {
    const bool unfinished = std::string_view(info.name).starts_with(format::kKeptPrefix) &&
                            std::string_view(info.name).ends_with(format::kTemporarySuffix);
    if (unfinished) {
      if (absl::Status s = files.remove(join(directory, info.name)); !s.ok()) return s;
    }
    const auto number = parse_kept_name(info.name);
    if (!number) continue;
    // Verified before it is trusted, as segments are: what is lost can be had from others only
    // while they have it.
    auto file =
        read_whole_kept_file(files, directory, store_id, feature_level, *number, info.bytes);
    if (!file.ok()) return file.status();
    last_number_ = std::max(last_number_, *number);
    drop_void(rebuilds, &*file);
    if (snapshots != nullptr && is_ahead(*file, *snapshots)) continue;
    replaced.insert(replaced.end(), file->replaces.begin(), file->replaces.end());
    files_.push_back(*std::move(file));
  }
  std::sort(files_.begin(), files_.end(),
            [](const KeptFile& a, const KeptFile& b) { return a.number < b.number; });
  for (const std::uint64_t number : replaced) {
    const auto at = std::find_if(files_.begin(), files_.end(),
                                 [number](const KeptFile& f) { return f.number == number; });
    if (at == files_.end()) continue;
    files_.erase(at);
    if (absl::Status s = files.remove(join(directory, segment_name(number))); !s.ok()) return s;
  }
  return absl::OkStatus();
}

void KeptFiles::add(KeptFile file) {
  for (const std::uint64_t number : file.replaces) drop(number);
  const auto at = std::upper_bound(
      files_.begin(), files_.end(), file.number,
      [](std::uint64_t number, const KeptFile& other) { return number < other.number; });
  files_.insert(at, std::move(file));
}

void KeptFiles::drop(std::uint64_t number) {
  std::erase_if(files_, [number](const KeptFile& file) { return file.number == number; });
}

// Of two that are alike the newer: the older one was made into it.
const KeptFile* KeptFiles::file_of(GroupId group, Index index) const {
  const KeptFile* best = nullptr;
  for (const KeptFile& file : files_) {
    const KeptSpan* span = file.span(group);
    if (span == nullptr || index <= span->from || span->through < index) continue;
    if (best == nullptr || !counts_before(*best->span(group), *span)) best = &file;
  }
  return best;
}

std::uint64_t KeptFiles::holder(GroupId group, Index index) const {
  const KeptFile* file = file_of(group, index);
  return file == nullptr ? 0 : file->number;
}

std::optional<Place> KeptFiles::find(GroupId group, Index index) const {
  const KeptFile* file = file_of(group, index);
  return file == nullptr ? std::nullopt : file->places.find(file->number, group, index);
}

Index KeptFiles::through(GroupId group) const {
  Index last;
  for (const KeptFile& file : files_) {
    if (const KeptSpan* span = file.span(group)) last = std::max(last, span->through);
  }
  return last;
}

Index KeptFiles::installed_through(GroupId group) const {
  Index last;
  for (const KeptFile& file : files_) {
    const KeptSpan* span = file.span(group);
    if (span != nullptr && span->installed) last = std::max(last, span->through);
  }
  return last;
}

std::uint64_t KeptFiles::bytes() const {
  std::uint64_t sum = 0;
  for (const KeptFile& file : files_) sum += file.bytes;
  return sum;
}

}  // namespace pawl::log
