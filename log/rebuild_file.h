// Notes that a group is rebuilt from another box: what this box has of it from before is void. One
// small file a group, rebuild-GGGG, written (.tmp, fsync, rename, fsync of the directory) before a
// damaged segment is mended or a group is begun anew without its snapshots.
//
// Void is what the journal has of the group before `until`, and kept files below `kept_from`. What
// the box had acknowledged before counts on in its votes: `promised` is the last entry that it may
// have acknowledged, and it votes as if that entry were its log's last; `spent` is the term it was
// in: it begins a later one, so that no leader counts on what it acknowledged in this one.
//
// A note is removed by a start that finds nothing void left. Layout: docs/log-format.md.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "log/file_system.h"
#include "log/frame.h"
#include "log/record.h"

namespace pawl::log {

struct Rebuild {
  // Of a promise whose end is not known: every entry of its term.
  static constexpr std::uint64_t kEveryIndex = std::uint64_t{1} << 62;

  GroupId group;
  Mark until;
  std::uint64_t kept_from = 0;
  Term spent;
  LogEnd promised;
  friend bool operator==(const Rebuild&, const Rebuild&) = default;
};

// The one of a group, or null.
const Rebuild* rebuild_of(const std::vector<Rebuild>& rebuilds, GroupId group);
// Whether an entry of the group in a frame at `place` is void.
bool is_void(const std::vector<Rebuild>& rebuilds, GroupId group, const Mark& place);

// All of a store, by group. DataLoss if one is damaged.
absl::StatusOr<std::vector<Rebuild>> read_rebuilds(FileSystem& files, const std::string& directory,
                                                   const StoreId& store_id);
// Durable when it returns ok; replaces the one of the group.
absl::Status write_rebuild(FileSystem& files, const std::string& directory, const StoreId& store_id,
                           const Rebuild& rebuild);
absl::Status remove_rebuild(FileSystem& files, const std::string& directory, GroupId group);

}  // namespace pawl::log
