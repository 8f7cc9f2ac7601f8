#include "log/kept_scan.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/limits.h"
#include "log/format.h"
#include "log/names.h"

namespace pawl::log {
namespace {

// A daemon that compacts replaces files by others; it does so minutes apart.
constexpr int kLooks = 10;

}  // namespace

absl::StatusOr<bool> KeptScan::list(std::uint32_t feature_level,
                                    const std::vector<Rebuild>& rebuilds) {
  const absl::StatusOr<std::vector<FileInfo>> found = files_.list(source_.directory);
  if (!found.ok()) return found.status();
  std::vector<KeptFile> read;
  std::set<std::uint64_t> replaced;
  for (const FileInfo& info : *found) {
    const auto number = parse_kept_name(info.name);
    if (!number) continue;
    auto file = read_kept_file(files_, source_.directory, source_.store_id, feature_level, *number,
                               info.bytes);
    if (absl::IsNotFound(file.status())) return false;
    if (absl::IsDataLoss(file.status())) {
      on_damage_(join(source_.directory, info.name), file.status());
    } else if (!file.ok()) {
      return file.status();
    } else {
      drop_void(rebuilds, &*file);
      replaced.insert(file->replaces.begin(), file->replaces.end());
      read.push_back(*std::move(file));
    }
  }
  std::sort(read.begin(), read.end(),
            [](const KeptFile& a, const KeptFile& b) { return a.number < b.number; });
  for (KeptFile& file : read) {
    if (!replaced.contains(file.number)) kept_.add(std::move(file));
  }
  return true;
}

absl::Status KeptScan::read(const StoreId& store_id, std::uint32_t feature_level,
                            const std::vector<Rebuild>& rebuilds) {
  source_.store_id = store_id;
  kept_ = KeptFiles();
  for (int look = 0; look < kLooks; ++look) {
    const absl::StatusOr<bool> listed = list(feature_level, rebuilds);
    if (!listed.ok()) return listed.status();
    if (*listed) break;
  }
  for (const KeptFile& file : kept_.files()) {
    const absl::Status whole = walk_file(file, [](const WalkedEntry&) { return absl::OkStatus(); });
    if (absl::IsDataLoss(whole)) {
      on_damage_(join(source_.directory, segment_name(file.number)), whole);
    } else if (!whole.ok() && !absl::IsNotFound(whole)) {
      return whole;
    }
  }
  return absl::OkStatus();
}

absl::Status KeptScan::entries(const WalkVisitor& visit) const {
  for (const KeptFile& file : kept_.files()) {
    bool refused = false;
    const absl::Status read = walk_file(file, [&](const WalkedEntry& entry) {
      if (kept_.holder(entry.group, entry.index) != file.number) return absl::OkStatus();
      absl::Status heard = visit(entry);
      refused = !heard.ok();
      return heard;
    });
    if (refused || (!read.ok() && !absl::IsDataLoss(read) && !absl::IsNotFound(read))) return read;
  }
  return absl::OkStatus();
}

absl::Status KeptScan::walk_file(const KeptFile& file, const WalkVisitor& visit) const {
  WalkStep step{file.number, format::kSegmentHeaderBytes, file.frames_end,
                limits::kCompactionEntries, limits::kCompactionBytes};
  while (step.from < step.until) {
    const auto next = walk(files_, source_, step, visit);
    if (!next.ok()) return next.status();
    step.from = *next;
  }
  return absl::OkStatus();
}

}  // namespace pawl::log
