#include "log/old_entries.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/limits.h"

namespace pawl::log {

std::uint64_t OldEntries::needed_bytes() const {
  std::uint64_t sum = 0;
  for (const OldEntry& entry : entries) sum += entry.needed ? entry.bytes : 0;
  return sum;
}

// Most of the time there is nothing to do: a group's indexes ascend.
void OldEntries::replace_from(GroupId group, Index index) {
  if (last.size() <= group.v) last.resize(group.v + std::size_t{1});
  if (index <= last[group.v]) {
    std::erase_if(entries, [&](const OldEntry& entry) {
      return entry.group == group && entry.index >= index;
    });
  }
  last[group.v] = index;
}

absl::StatusOr<OldEntries> look(FileSystem& files, const Source& source, const WalkStep& step,
                                const RunOfEntry& run_of) {
  OldEntries looked;
  const auto next = walk(files, source, step, [&](const WalkedEntry& entry) {
    looked.bytes += entry.payload.size();
    looked.replace_from(entry.group, entry.index);
    const Index run = run_of(entry.payload);
    if (run.v == 0) return absl::OkStatus();
    looked.entries.push_back({entry.frame, entry.group, entry.term, entry.index, run,
                              looked.payloads.size(), entry.payload.size(), false});
    looked.payloads.append(entry.payload);
    return absl::OkStatus();
  });
  if (!next.ok()) return next.status();
  looked.next = *next;
  // What replaces the last of them within the same place may follow.
  WalkStep more = step;
  more.from = *next;
  more.entries_max = SIZE_MAX;
  more.bytes_max = SIZE_MAX;
  more.until = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(step.until, *next + std::uint64_t{limits::kIndexExtentBytes}));
  const auto rest = walk_whole_frames(files, source, more, [&](const WalkedEntry& entry) {
    looked.replace_from(entry.group, entry.index);
    return absl::OkStatus();
  });
  if (!rest.ok()) return rest;
  return looked;
}

absl::Status for_each_needed(
    const OldEntries& looked, const ScrubEntry& scrub,
    const std::function<absl::Status(const OldEntry&, std::string_view payload)>& tell) {
  for (const OldEntry& entry : looked.entries) {
    if (!entry.needed) continue;
    auto payload = std::string_view(looked.payloads).substr(entry.at, entry.bytes);
    std::string scrubbed;
    if (entry.scrubs) {
      auto left = scrub(payload, *entry.scrubs);
      if (!left.ok()) return left.status();
      payload = scrubbed = *std::move(left);
    }
    if (absl::Status told = tell(entry, payload); !told.ok()) return told;
  }
  return absl::OkStatus();
}

absl::Status keep(const OldEntries& looked, const ScrubEntry& scrub, KeptWriter* writer) {
  return for_each_needed(looked, scrub, [writer](const OldEntry& entry, std::string_view payload) {
    return writer->append(entry.group, entry.term, entry.index, payload);
  });
}

}  // namespace pawl::log
