// (group, index) -> place, for durable entries. Sparse, to be small: an anchor covers the frames of
// up to kIndexExtentBytes of one segment (kIndexExtentRawBytes before compression), and the reader
// of a place walks them. About 24 bytes of memory for each group and 32 KiB of journal.
//
// Invariants: a group's anchors ascend strictly by `first` and by place; the entry at index i <=
// last lies in the last anchor whose first <= i, where its last occurrence is the one that counts.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "log/record.h"

namespace pawl::log {

class PlaceIndex {
 public:
  // Entries [first, first+count) of a group are in the frame at `frame`, whose payload has
  // `raw_bytes` before compression; they replace all of the group's entries from `first` on. Frames
  // come in journal order.
  void note(GroupId group, Index first, std::uint64_t count, const Place& frame,
            std::uint64_t raw_bytes);
  std::optional<Place> find(GroupId group, Index index) const;
  // The first entry that has a place; behind the last one if none has.
  Index first(GroupId group) const;
  // 0 if the group has no entries.
  Index last(GroupId group) const;
  // The first entry in `segment` or behind it; behind the last one if there is none.
  Index first_in(GroupId group, std::uint64_t segment) const;
  // Forgets the group's entries: it goes on behind `last`.
  void begin_log(GroupId group, Index last);
  // Forgets the places of a group's entries through `through`.
  void forget_through(GroupId group, Index through);
  // Forgets places in segments before `segment`.
  void drop_before(std::uint64_t segment);
  std::size_t bytes() const;

 private:
  struct Anchor {
    std::uint64_t first = 0;
    std::uint32_t segment = 0;
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
  };
  struct Group {
    std::vector<Anchor> anchors;
    std::uint64_t last = 0;
    std::uint64_t raw_bytes = 0;  // of the last anchor's frames
  };
  std::vector<Group> groups_;  // by group id
};

}  // namespace pawl::log
