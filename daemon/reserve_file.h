// The reserve: room on the store's file system that is held back for the moment when all other is
// taken (docs/decisions/0053). A file beside the journal that nobody reads.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "node/disk_room.h"

namespace pawl::daemon {

// In the store's directory.
inline constexpr char kReserveName[] = "reserve";

// What the file system of the directory says, and how large the reserve is there.
absl::StatusOr<node::DiskRoom::Look> look_at_room(const std::string& directory);
// Makes it so large. ResourceExhausted if there is no room for it; then there is none.
absl::Status make_reserve(const std::string& directory, std::uint64_t bytes);
// Nothing if there is none.
absl::Status give_up_reserve(const std::string& directory);

}  // namespace pawl::daemon
