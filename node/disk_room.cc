#include "node/disk_room.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace pawl::node {
namespace {

// What the journal takes in one step, for the current segment and for the next: with less nothing
// is gained by trying.
constexpr std::uint64_t kNoneBytes = 2 * limits::kAllocateSliceBytes;
// Free besides the reserve before work is taken on: what was let in must not end it at once.
constexpr std::uint64_t kSpareBytes = 2 * kNoneBytes;

}  // namespace

DiskRoom::DiskRoom(std::uint64_t segment_bytes)
    : reserve_bytes_max_(std::min<std::uint64_t>(limits::kReserveBytesMax, 2 * segment_bytes)) {}

void DiskRoom::lacked() {
  lacked_ = true;
  state_.free_bytes = 0;
  state_.needed_bytes = reserve_bytes_ + kSpareBytes;
  state_.level = state_.level == RoomLevel::plenty ? RoomLevel::little : RoomLevel::none;
}

DiskRoom::Reserve DiskRoom::look(const Look& look) {
  reserve_bytes_ = std::min(reserve_bytes_max_, look.total_bytes / limits::kReserveShare);
  const std::uint64_t missing = reserve_bytes_ - std::min(reserve_bytes_, look.reserve_bytes);
  state_.free_bytes = look.free_bytes;
  state_.needed_bytes = missing + kSpareBytes;
  if (std::exchange(lacked_, false)) {
    if (look.reserve_bytes > 0) {
      state_.needed_bytes = reserve_bytes_ + kSpareBytes;
      state_.level = RoomLevel::little;
      return Reserve::give_up;
    }
    state_.level = look.free_bytes < kNoneBytes ? RoomLevel::none : RoomLevel::little;
    return Reserve::keep;
  }
  if (missing == 0) {
    state_.level = RoomLevel::plenty;
    return Reserve::keep;
  }
  if (look.free_bytes >= state_.needed_bytes) return Reserve::make;
  if (state_.level != RoomLevel::none || look.free_bytes >= kSpareBytes) {
    state_.level = RoomLevel::little;
  }
  return Reserve::keep;
}

}  // namespace pawl::node
