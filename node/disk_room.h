// How much room this box's disk has left, from what the file system says and from batches that
// found none, and what becomes of the reserve: a file that is as large as two segments and holds
// nothing (docs/decisions/0053).
//
//   plenty --a batch found no room: the reserve is given up--> little
//   little --a batch found no room again--> none --some is free--> little
//   little --the reserve fits once more, and is made--> plenty
//
// A value that only its owner changes: the daemon (daemon/room_keeper) with what the kernel says,
// tests with what a disk in memory does.
#pragma once

#include <cstdint>

#include "node/inputs.h"

namespace pawl::node {

class DiskRoom {
 public:
  // The file system of the store: all of it, what is free, and what the reserve takes up.
  struct Look {
    std::uint64_t total_bytes = 0, free_bytes = 0, reserve_bytes = 0;
  };
  enum class Reserve : std::uint8_t { keep, give_up, make };

  // For a journal with segments of this size.
  explicit DiskRoom(std::uint64_t segment_bytes);
  // A batch found no room: there is less at once, whatever the next look says.
  void lacked();
  // What is to be done with the reserve now; after that, look again.
  Reserve look(const Look& look);
  // How large the reserve is to be, as of the last look.
  std::uint64_t reserve_bytes() const { return reserve_bytes_; }
  // Before the first look there is plenty.
  const RoomChanged& state() const { return state_; }
  // Looks are wanted, limits::kRoomLookMs apart.
  bool watches() const { return lacked_ || state_.level != RoomLevel::plenty; }

 private:
  RoomChanged state_;
  std::uint64_t reserve_bytes_max_;
  std::uint64_t reserve_bytes_ = 0;
  bool lacked_ = false;
};

}  // namespace pawl::node
