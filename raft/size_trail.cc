#include "raft/size_trail.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace pawl::raft {
namespace {

constexpr std::uint64_t kRunEntriesMin = 16;
// A run takes in entries of down to a quarter of its size.
constexpr int kWidthSlack = 2;

std::uint64_t bound(std::uint8_t width) { return width == 0 ? 0 : std::uint64_t{1} << width; }

}  // namespace

std::size_t SizeTrail::run_of(Index index) const {
  PAWL_CHECK(!runs_.empty() && runs_.front().first <= index);
  if (index >= runs_.back().first) return runs_.size() - 1;
  const auto after = std::upper_bound(runs_.begin(), runs_.end(), index,
                                      [](Index i, const Run& run) { return i < run.first; });
  return static_cast<std::size_t>(after - runs_.begin()) - 1;
}

std::uint64_t SizeTrail::bytes(Index first, Index last) const {
  std::uint64_t sum = 0;
  for (std::size_t at = run_of(first); first <= last; ++at) {
    const Index end = at + 1 < runs_.size() ? std::min(runs_[at + 1].first.prev(), last) : last;
    sum += (end.v - first.v + 1) * bound(runs_[at].width);
    first = end.next();
  }
  return sum;
}

Index SizeTrail::through_within(Index first, Index last, std::uint64_t budget) const {
  Index through = first;
  Index from = first;
  for (std::size_t at = run_of(first); from <= last; ++at) {
    const Index end = at + 1 < runs_.size() ? std::min(runs_[at + 1].first.prev(), last) : last;
    const std::uint64_t each = bound(runs_[at].width);
    const std::uint64_t room = each == 0 ? end.v - from.v + 1 : budget / each;
    const std::uint64_t taken = std::min(room, end.v - from.v + 1);
    if (taken > 0) through = Index(from.v + taken - 1);
    if (taken < end.v - from.v + 1) break;
    budget -= taken * each;
    from = end.next();
  }
  return through;
}

void SizeTrail::append(Index first, std::uint64_t count, std::uint32_t bytes) {
  PAWL_CHECK(count > 0);
  const auto width = static_cast<std::uint8_t>(std::bit_width(bytes));
  if (!runs_.empty()) {
    Run& last = runs_.back();
    PAWL_CHECK(last.first < first);
    const bool alike = width <= last.width && last.width - width <= kWidthSlack;
    if (alike || first.v - last.first.v < kRunEntriesMin) {
      last.width = std::max(last.width, width);
      return;
    }
  }
  runs_.push_back({first, width});
}

void SizeTrail::truncate_from(Index from) {
  while (!runs_.empty() && runs_.back().first >= from) runs_.pop_back();
}

void SizeTrail::drop_through(Index through, Index end) {
  if (through >= end) {
    runs_.clear();
    return;
  }
  const std::size_t at = run_of(through.next());
  runs_.erase(runs_.begin(), runs_.begin() + static_cast<std::ptrdiff_t>(at));
  runs_.front().first = through.next();
}

}  // namespace pawl::raft
