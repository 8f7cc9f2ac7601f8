#include "log/old_entries.h"

#include <string_view>
#include <utility>

namespace pawl::log {

std::uint64_t OldEntries::needed_bytes() const {
  std::uint64_t sum = 0;
  for (const OldEntry& entry : entries) sum += entry.needed ? entry.bytes : 0;
  return sum;
}

absl::StatusOr<OldEntries> look(FileSystem& files, const Source& source, const WalkStep& step,
                                const RunOfEntry& run_of) {
  OldEntries looked;
  const auto next = walk(files, source, step, [&](const WalkedEntry& entry) {
    looked.bytes += entry.payload.size();
    const Index run = run_of(entry.payload);
    if (run.v == 0) return absl::OkStatus();
    looked.entries.push_back({entry.frame, entry.group, entry.term, entry.index, run,
                              looked.payloads.size(), entry.payload.size(), false});
    looked.payloads.append(entry.payload);
    return absl::OkStatus();
  });
  if (!next.ok()) return next.status();
  looked.next = *next;
  return looked;
}

absl::Status keep(const OldEntries& looked, KeptWriter* writer) {
  for (const OldEntry& entry : looked.entries) {
    if (!entry.needed) continue;
    const auto payload = std::string_view(looked.payloads).substr(entry.at, entry.bytes);
    absl::Status kept = writer->append(entry.group, entry.term, entry.index, payload);
    if (!kept.ok()) return kept;
  }
  return absl::OkStatus();
}

}  // namespace pawl::log
