// "scrubbed", a small file beside the segments: up to which entry of each group no file of this
// directory holds anything any more that was deleted (node/scrubbing.h). Written beside its name
// (.tmp), synced, renamed, the directory synced: what it says was so before it said it. One that is
// missing, damaged or of another store says nothing, and all is done again.
//
//   mark := "PAWLSCRB" crc:u32 count:u32 store_id:16 bytes (index:u64){count}
//   crc is of all bytes behind it; groups in order, from 0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/ids.h"
#include "log/file_system.h"
#include "log/rebuild_file.h"
#include "log/record.h"

namespace pawl::log {

// By group; 0 where nothing is said.
std::vector<Index> read_scrub_mark(FileSystem& files, const std::string& directory,
                                   const StoreId& store_id, std::size_t groups);
absl::Status write_scrub_mark(FileSystem& files, const std::string& directory,
                              const StoreId& store_id, const std::vector<Index>& through);

// Says nothing any more of groups that are rebuilt: what they are sent may hold what was deleted.
// Before the notes of their rebuilding are written.
absl::Status lower_scrub_mark(FileSystem& files, const std::string& directory,
                              const StoreId& store_id, std::size_t groups,
                              const std::vector<Rebuild>& rebuilds);

// What may stay in the directory.
struct SweepOptions {
  std::string directory;
  std::uint64_t first_segment = 0;   // segments from this one on
  std::uint64_t kept_from = 0;       // kept files behind this number, and
  std::vector<std::uint64_t> kept;   // these; others were replaced
  std::vector<Index> snapshots;      // by group: from this index on
  std::vector<std::string> by_name;  // transfers
};

// Removes what is left in the directory of files that nothing needs: replaced and unfinished kept
// files, older snapshots and transfers, whatever was set aside as damaged. Durable when it returns
// ok. Unavailable: there are segments of before.
absl::Status sweep(FileSystem& files, const SweepOptions& options);

}  // namespace pawl::log
