// A part of an old segment, or of a kept file, on its way into a new kept file: read by the cold
// thread (look), judged by the loop, which alone knows what is needed, and written by the cold
// thread (keep). What an entry belongs to is told by its payload; the log itself can't read that.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "log/entry_walk.h"
#include "log/file_system.h"
#include "log/kept_file.h"
#include "log/source.h"

namespace pawl::log {

struct OldEntry {
  Place frame;
  GroupId group;
  Term term;
  Index index;
  Index run;           // 0: of none
  std::size_t at = 0;  // in OldEntries::payloads
  std::size_t bytes = 0;
  bool needed = false;  // what the judge says
  // Likewise: the data of its run is deleted. The run's salt, for the digests that are left.
  std::optional<std::array<unsigned char, 16>> scrubs;
};

struct OldEntries {
  std::vector<OldEntry> entries;  // those of no run are left out, and those that others replaced
  std::string payloads;
  std::uint64_t bytes = 0;  // of all entries that were looked at, those of no run included
  std::uint32_t next = 0;   // where the next look begins

  std::vector<Index> last;  // by group: of the entry that was seen last

  // An entry with this index makes void what it replaces.
  void replace_from(GroupId group, Index index);
  // Of those that are needed.
  std::uint64_t needed_bytes() const;
};

// The run that an entry is of; 0: none.
using RunOfEntry = std::function<Index(std::string_view payload)>;

// What is kept of an entry whose run's data is deleted.
using ScrubEntry = std::function<absl::StatusOr<std::string>(
    std::string_view payload, const std::array<unsigned char, 16>& salt)>;

absl::StatusOr<OldEntries> look(FileSystem& files, const Source& source, const WalkStep& step,
                                const RunOfEntry& run_of);
// Tells of each entry that is needed, with what is kept of it.
absl::Status for_each_needed(
    const OldEntries& looked, const ScrubEntry& scrub,
    const std::function<absl::Status(const OldEntry&, std::string_view payload)>& tell);
// Appends what is needed.
absl::Status keep(const OldEntries& looked, const ScrubEntry& scrub, KeptWriter* writer);

}  // namespace pawl::log
