#include "raft/membership_trail.h"

#include <algorithm>

#include "base/check.h"

namespace pawl::raft {

MembershipTrail::MembershipTrail(MembershipPtr base) {
  PAWL_CHECK(base == nullptr || well_formed(*base));
  if (base == nullptr) base = std::make_shared<const Membership>();
  entries_.push_back({Index(0), std::move(base)});
}

const MembershipPtr& MembershipTrail::in_force_at(Index index) const {
  std::size_t at = entries_.size() - 1;
  while (at > 0 && entries_[at].index > index) --at;
  return entries_[at].membership;
}

bool MembershipTrail::is_voter_since(Index index, NodeId id) const {
  for (std::size_t at = entries_.size(); at-- > 0;) {
    if (entries_[at].membership->is_voter(id)) return true;
    if (entries_[at].index <= index) return false;
  }
  return false;
}

std::optional<Index> MembershipTrail::first_from(Index from) const {
  for (std::size_t at = 1; at < entries_.size(); ++at) {
    if (entries_[at].index >= from) return entries_[at].index;
  }
  return std::nullopt;
}

void MembershipTrail::append(Index index, MembershipPtr membership) {
  PAWL_CHECK(membership != nullptr);
  PAWL_CHECK(well_formed(*membership));
  PAWL_CHECK(index > this->index());
  entries_.push_back({index, std::move(membership)});
}

void MembershipTrail::truncate_from(Index from) {
  while (entries_.size() > 1 && entries_.back().index >= from) entries_.pop_back();
}

void MembershipTrail::found(MembershipPtr founders) {
  PAWL_CHECK(well_formed(*founders));
  if (!entries_.front().membership->known()) entries_.front().membership = std::move(founders);
}

void MembershipTrail::drop_through(Index through) {
  std::size_t base = 0;
  while (base + 1 < entries_.size() && entries_[base + 1].index <= through) ++base;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(base));
}

bool operator==(const MembershipTrail& a, const MembershipTrail& b) {
  return std::equal(a.entries_.begin(), a.entries_.end(), b.entries_.begin(), b.entries_.end(),
                    [](const auto& x, const auto& y) {
                      return x.index == y.index && *x.membership == *y.membership;
                    });
}

}  // namespace pawl::raft
