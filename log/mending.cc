#include "log/mending.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/checksum.h"
#include "base/limits.h"
#include "log/format.h"
#include "log/legible_files.h"
#include "log/names.h"

namespace pawl::log {
namespace {

constexpr std::size_t kCopyBytes = 1 * limits::MiB;

// One change to a copy.
struct Patch {
  std::uint64_t offset = 0;
  std::string bytes;
};

std::string damaged_path(const std::string& directory, std::uint64_t segment) {
  return join(directory, segment_name(segment)) + std::string(format::kDamagedSuffix);
}

// `from`, if it is there, with the patches; of at least so many bytes. Synced.
absl::Status copy(FileSystem& files, const std::string& from, std::uint64_t bytes,
                  const std::string& to, const std::vector<Patch>& patches) {
  absl::Status removed = files.remove(to);  // of a try before
  if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  std::string window(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, kCopyBytes)), '\0');
  for (std::uint64_t at = 0; at < bytes; at += window.size()) {
    window.resize(static_cast<std::size_t>(std::min<std::uint64_t>(bytes - at, window.size())));
    const auto got = files.read(from, at, window.data(), window.size());
    if (!got.ok()) return got.status();
    if (*got != window.size()) return damage(from, at + *got, "the file became shorter while read");
    if (absl::Status s = files.write(to, at, window); !s.ok()) return s;
  }
  for (const Patch& patch : patches) {
    if (absl::Status s = files.write(to, patch.offset, patch.bytes); !s.ok()) return s;
  }
  return files.sync(to);
}

// Replaces the segment by its copy with the patches, and keeps it as it was beside.
absl::Status replace(FileSystem& files, const std::string& directory, std::uint64_t number,
                     std::uint64_t bytes, const std::vector<Patch>& patches) {
  const std::string path = join(directory, segment_name(number));
  const std::string made = path + std::string(format::kTemporarySuffix);
  const std::string aside = damaged_path(directory, number);
  if (bytes > 0) {
    if (absl::Status s = copy(files, path, bytes, aside, {}); !s.ok()) return s;
  }
  if (absl::Status s = copy(files, path, bytes, made, patches); !s.ok()) return s;
  if (absl::Status s = files.sync_directory(directory); !s.ok()) return s;
  if (absl::Status s = files.rename(made, path); !s.ok()) return s;
  return files.sync_directory(directory);
}

// A frame of `bytes` in all that holds nothing.
void append_lost_frame(FrameHeader header, std::uint32_t seed, std::uint64_t bytes,
                       std::string* out) {
  const std::size_t begin = out->size();
  std::string measured;
  encode(header, seed, &measured);
  const std::string payload(static_cast<std::size_t>(bytes) - measured.size(), '\0');
  const bool fits = format::aligned(header.payload_bytes) == payload.size();
  if (!fits) header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  header.payload_crc = crc32c(payload, seed);
  encode(header, seed, out);
  out->resize(begin + static_cast<std::size_t>(bytes), '\0');
}

Patch patch_of(const StoreId& store_id, const DamagedSegment& segment, const LostStretch& lost) {
  const std::uint32_t seed = frame_seed(store_id, segment.number);
  Patch patch{lost.from, {}};
  if (lost.legible) {
    FrameHeader header = lost.header;
    header.flags |= format::kFrameFlagLost;
    append_lost_frame(header, seed, lost.to - lost.from, &patch.bytes);
    return patch;
  }
  for (std::uint64_t at = lost.from; at < lost.to;) {
    std::uint64_t bytes = lost.to - at;
    // What is left must have room for a header.
    if (bytes > format::kLostFrameBytesMax) {
      bytes = format::kLostFrameBytesMax - format::kFrameFixedBytes;
    }
    const Mark self{segment.number, static_cast<std::uint32_t>(at)};
    const bool heads = at == format::kSegmentHeaderBytes && segment.before.segment != 0;
    FrameHeader header;
    header.flags = format::kFrameFlagLost;
    header.segment = self.segment;
    header.offset = self.offset;
    header.synced = heads ? segment.before : self;
    header.oldest_segment = segment.oldest;
    append_lost_frame(header, seed, bytes, &patch.bytes);
    at += bytes;
  }
  return patch;
}

absl::Status set_aside(FileSystem& files, const std::string& directory,
                       const std::vector<std::uint64_t>& segments) {
  for (const std::uint64_t number : segments) {
    absl::Status set =
        files.rename(join(directory, segment_name(number)), damaged_path(directory, number));
    if (set.ok()) set = files.sync_directory(directory);
    if (!set.ok()) return set;
  }
  return absl::OkStatus();
}

// Lost frames need a reader of their level. What was behind the last frame of a segment that lost
// its header nobody knows: it counts as stale.
absl::StatusOr<Patch> header_patch(FileSystem& files, const std::string& directory,
                                   const StoreId& store_id, const DamagedSegment& segment) {
  SegmentHeader header;
  if (segment.headless) {
    header.store_id = store_id;
    header.segment = segment.number;
    header.flags = format::kSegmentFlagRecycled;
    header.segment_bytes = static_cast<std::uint32_t>(segment.file_bytes);
  } else {
    std::string bytes(format::kSegmentHeaderBytes, '\0');
    const std::string path = join(directory, segment_name(segment.number));
    const auto got = files.read(path, 0, bytes.data(), bytes.size());
    if (!got.ok()) return got.status();
    if (*got != bytes.size() || decode(bytes, &header) != SegmentHeaderFault::kNone) {
      return damage(path, 0, "the segment header is damaged");
    }
  }
  header.feature_level = std::max(header.feature_level, format::kCompressedLevel);
  Patch patch;
  encode(header, &patch.bytes);
  return patch;
}

// The damaged segment gives way to a copy with lost frames in it; what the disk does not give back
// is zeros there, behind its frames.
absl::Status mend_segment(FileSystem& files, const std::string& directory, const StoreId& store_id,
                          const DamagedSegment& segment) {
  absl::StatusOr<Patch> header = header_patch(files, directory, store_id, segment);
  if (!header.ok()) return header.status();
  std::vector<Patch> patches{*std::move(header)};
  for (const LostStretch& lost : segment.lost) {
    patches.push_back(patch_of(store_id, segment, lost));
  }
  // The frames that are left say how long the file is.
  if (segment.promised_bytes > segment.file_bytes) {
    patches.push_back({segment.promised_bytes - 1, std::string(1, '\0')});
  }
  return replace(files, directory, segment.number, segment.file_bytes, patches);
}

const DamagedSegment* damaged_at(const Survey& survey, std::uint64_t number) {
  const auto found = std::find_if(survey.damaged.begin(), survey.damaged.end(),
                                  [number](const DamagedSegment& s) { return s.number == number; });
  return found == survey.damaged.end() ? nullptr : &*found;
}

}  // namespace

absl::Status mend(FileSystem& files, const std::string& directory, const Survey& survey) {
  LegibleFiles legible(files);
  // The oldest first: what is left is a journal that begins earlier than it needs to.
  if (absl::Status s = set_aside(legible, directory, survey.given_up); !s.ok()) return s;
  for (const DamagedSegment& segment : survey.damaged) {
    absl::Status mended = mend_segment(legible, directory, survey.store_id, segment);
    if (!mended.ok()) return mended;
  }
  return absl::OkStatus();
}

std::optional<Mark> end_of_cut(const Survey& survey) {
  PAWL_CHECK(survey.loses());
  if (survey.first.offset > format::kSegmentHeaderBytes) return survey.first;
  const DamagedSegment* damaged = damaged_at(survey, survey.first.segment);
  PAWL_CHECK(damaged != nullptr);
  // Of a segment without its head nothing is left, and the one before ends where it did.
  return damaged->before.segment == 0 ? std::nullopt : std::optional<Mark>(damaged->before);
}

absl::Status cut(FileSystem& files, const std::string& directory, const Survey& survey) {
  const std::optional<Mark> at = end_of_cut(survey);
  if (!at) {
    return absl::FailedPreconditionError(
        "nothing of the journal is left before the damage: restore a backup");
  }
  LegibleFiles legible(files);
  if (absl::Status s = set_aside(legible, directory, survey.given_up); !s.ok()) return s;
  for (const DamagedSegment& segment : survey.damaged) {
    if (segment.number >= at->segment) break;
    absl::Status mended = mend_segment(legible, directory, survey.store_id, segment);
    if (!mended.ok()) return mended;
  }
  const absl::StatusOr<std::vector<FileInfo>> found = legible.list(directory);
  if (!found.ok()) return found.status();
  std::vector<std::uint64_t> behind;
  std::uint64_t bytes = 0;
  for (const FileInfo& file : *found) {
    const auto number = parse_segment_name(file.name);
    if (!number) continue;
    if (*number == at->segment) bytes = file.bytes;
    if (*number > at->segment) behind.push_back(*number);
  }
  std::vector<Patch> patches{
      {at->offset, std::string(static_cast<std::size_t>(bytes - at->offset), '\0')}};
  const DamagedSegment* damaged = damaged_at(survey, at->segment);
  if (damaged != nullptr && damaged->headless) {
    absl::StatusOr<Patch> header = header_patch(legible, directory, survey.store_id, *damaged);
    if (!header.ok()) return header.status();
    patches.push_back(*std::move(header));
  }
  if (absl::Status s = replace(legible, directory, at->segment, bytes, patches); !s.ok()) return s;
  // The oldest first: what is left is damaged at the same place, or cut.
  std::sort(behind.begin(), behind.end());
  return set_aside(legible, directory, behind);
}

absl::Status remove_damaged_before(FileSystem& files, const std::string& directory,
                                   std::uint64_t oldest) {
  const absl::StatusOr<std::vector<FileInfo>> found = files.list(directory);
  if (!found.ok()) return found.status();
  for (const FileInfo& file : *found) {
    const std::string_view name = file.name;
    if (!name.ends_with(format::kDamagedSuffix)) continue;
    const auto number =
        parse_segment_name(name.substr(0, name.size() - format::kDamagedSuffix.size()));
    if (!number || *number >= oldest) continue;
    if (absl::Status s = files.remove(join(directory, file.name)); !s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace pawl::log
