#include "log/place_index.h"

#include <algorithm>

#include "base/check.h"
#include "base/limits.h"

namespace pawl::log {

void PlaceIndex::note(GroupId id, Index first, std::uint64_t count, const Place& frame,
                      std::uint64_t raw_bytes) {
  PAWL_CHECK(count > 0);
  PAWL_CHECK(frame.segment <= 0xffff'ffff);
  if (groups_.size() <= id.v) groups_.resize(id.v + std::size_t{1});
  Group& group = groups_[id.v];
  while (!group.anchors.empty() && group.anchors.back().first >= first.v) {
    group.anchors.pop_back();
    group.raw_bytes =
        limits::kIndexExtentRawBytes;  // of what is last now: not known, so it is full
  }
  group.last = first.v + count - 1;
  if (!group.anchors.empty()) {
    Anchor& anchor = group.anchors.back();
    const std::uint64_t extent = std::uint64_t{frame.offset} + frame.bytes - anchor.offset;
    if (anchor.segment == frame.segment && extent <= limits::kIndexExtentBytes &&
        group.raw_bytes + raw_bytes <= limits::kIndexExtentRawBytes) {
      group.raw_bytes += raw_bytes;
      anchor.bytes = static_cast<std::uint32_t>(extent);
      return;
    }
  }
  group.raw_bytes = raw_bytes;
  group.anchors.push_back(
      Anchor{first.v, static_cast<std::uint32_t>(frame.segment), frame.offset, frame.bytes});
}

std::optional<Place> PlaceIndex::find(GroupId id, Index index) const {
  if (id.v >= groups_.size() || index.v > groups_[id.v].last) return std::nullopt;
  const std::vector<Anchor>& anchors = groups_[id.v].anchors;
  const auto after = std::upper_bound(
      anchors.begin(), anchors.end(), index.v,
      [](std::uint64_t wanted, const Anchor& anchor) { return wanted < anchor.first; });
  if (after == anchors.begin()) return std::nullopt;
  const Anchor& anchor = *std::prev(after);
  return Place{anchor.segment, anchor.offset, anchor.bytes};
}

Index PlaceIndex::first(GroupId id) const {
  if (id.v >= groups_.size()) return Index(1);
  const Group& group = groups_[id.v];
  return Index(group.anchors.empty() ? group.last + 1 : group.anchors.front().first);
}

Index PlaceIndex::last(GroupId id) const {
  return Index(id.v < groups_.size() ? groups_[id.v].last : 0);
}

Index PlaceIndex::first_in(GroupId id, std::uint64_t segment) const {
  if (id.v >= groups_.size()) return Index(1);
  const Group& group = groups_[id.v];
  const auto at =
      std::partition_point(group.anchors.begin(), group.anchors.end(),
                           [segment](const Anchor& anchor) { return anchor.segment < segment; });
  return Index(at == group.anchors.end() ? group.last + 1 : at->first);
}

void PlaceIndex::begin_log(GroupId id, Index last) {
  if (groups_.size() <= id.v) groups_.resize(id.v + std::size_t{1});
  groups_[id.v] = Group{{}, last.v, 0};
}

void PlaceIndex::forget_through(GroupId id, Index through) {
  if (id.v >= groups_.size()) return;
  Group& group = groups_[id.v];
  std::vector<Anchor>& anchors = group.anchors;
  const auto after = std::find_if(anchors.begin(), anchors.end(), [through](const Anchor& anchor) {
    return anchor.first > through.v;
  });
  const bool next_is_known = after != anchors.end() && after->first == through.v + 1;
  // The last of them holds what follows, up to the next one.
  if (after != anchors.begin() && group.last > through.v && !next_is_known) {
    std::prev(after)->first = through.v + 1;
    anchors.erase(anchors.begin(), std::prev(after));
  } else {
    anchors.erase(anchors.begin(), after);
  }
  group.last = std::max(group.last, through.v);
}

void PlaceIndex::drop_before(std::uint64_t segment) {
  for (Group& group : groups_) {
    const auto keep =
        std::find_if(group.anchors.begin(), group.anchors.end(),
                     [segment](const Anchor& anchor) { return anchor.segment >= segment; });
    group.anchors.erase(group.anchors.begin(), keep);
  }
}

std::size_t PlaceIndex::bytes() const {
  std::size_t sum = groups_.capacity() * sizeof(Group);
  for (const Group& group : groups_) sum += group.anchors.capacity() * sizeof(Anchor);
  return sum;
}

}  // namespace pawl::log
