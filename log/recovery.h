// Reads a whole journal without changing anything: what Journal::open() starts with, and what the
// offline inspection uses. Decides what is a torn tail and what is damage:
//
//   Frames are written one at a time, each only after the one before it is on the disk. So bytes
//   that make no valid frame are torn if and only if they are at the journal's end: no valid frame
//   header follows in their segment, no segment follows, and no mark (synced) points past them.
//   Anything else was promised, and is refused with file, offset and remedy.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "log/compression.h"
#include "log/file_system.h"
#include "log/frame.h"
#include "log/place_index.h"
#include "log/rebuild_file.h"
#include "log/record.h"

namespace pawl::log {

struct RecoveredFile {
  std::uint64_t number = 0;  // of a segment or a spare
  std::uint64_t bytes = 0;   // size of the file
  std::uint32_t end = 0;     // of a segment: behind its last whole frame but the seal
};

struct Recovered {
  // In use, ascending and without gaps; empty if the directory holds no journal.
  std::vector<RecoveredFile> segments;
  // Older segments before a gap: given up, not yet renamed.
  std::vector<RecoveredFile> leftovers;
  std::vector<RecoveredFile> spares;
  StoreId store_id{};
  Mark end;                      // where the next frame goes
  std::uint32_t last_write = 0;  // offset at which the write of the last whole frame began
  bool last_frame_empty = false;
  std::uint64_t oldest_segment = 0;
  // From `end` on; 0 where a clean end follows. In a recycled segment, whose rest is stale anyway,
  // only the torn frame itself is counted.
  std::uint64_t torn_bytes = 0;
  std::vector<std::optional<HardState>> states;  // by group
  std::uint32_t segment_level = 0;               // of the last segment
  std::shared_ptr<const Dictionary> dictionary;  // of the last segment, or null
  RecoveryReport report;
};

// `store_id` all zeros accepts any. `index` may be null. What `rebuilds` make void is not told.
// Errors as Journal::open().
absl::StatusOr<Recovered> recover(FileSystem& files, const std::string& directory,
                                  const StoreId& store_id, std::uint32_t feature_level,
                                  const std::vector<Rebuild>& rebuilds, RecoverySink& sink,
                                  PlaceIndex* index);

}  // namespace pawl::log
