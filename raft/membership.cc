#include "raft/membership.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"

namespace pawl::raft {
namespace {

using Ids = std::vector<NodeId>;

bool has(const Ids& ids, NodeId id) { return std::binary_search(ids.begin(), ids.end(), id); }

bool is_set(const Ids& ids, int size_max) {
  return ids.size() <= static_cast<std::size_t>(size_max) &&
         std::is_sorted(ids.begin(), ids.end()) &&
         std::adjacent_find(ids.begin(), ids.end()) == ids.end() &&
         (ids.empty() || ids.front().v != 0);
}

Ids both(const Ids& a, const Ids& b) {
  Ids out;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

Ids common(const Ids& a, const Ids& b) {
  Ids out;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

Ids without(const Ids& a, const Ids& b) {
  Ids out;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

std::string list(const Ids& ids) {
  return absl::StrJoin(ids, ",", [](std::string* out, NodeId id) { absl::StrAppend(out, id.v); });
}

}  // namespace

bool Membership::is_voter(NodeId id) const { return has(voters, id) || has(outgoing, id); }

bool Membership::is_member(NodeId id) const { return is_voter(id) || has(learners, id); }

std::vector<NodeId> Membership::all_voters() const { return both(voters, outgoing); }

std::vector<NodeId> Membership::all_members() const { return both(all_voters(), learners); }

bool well_formed(const Membership& m) {
  if (!m.known()) return false;
  if (!is_set(m.voters, limits::kVotersMax) || !is_set(m.outgoing, limits::kVotersMax))
    return false;
  if (!is_set(m.learners, limits::kLearnersMax)) return false;
  if (!is_set(m.learners_next, limits::kLearnersMax)) return false;
  if (!common(m.learners, m.all_voters()).empty()) return false;
  if (!common(m.learners_next, m.voters).empty()) return false;
  return without(m.learners_next, m.outgoing).empty();
}

Membership membership_towards(const Membership& wish, const Membership& now) {
  PAWL_CHECK(!wish.joint() && !now.joint());
  if (wish.voters == now.voters) return wish;
  Membership next;
  next.voters = wish.voters;
  next.outgoing = now.voters;
  next.learners = without(wish.learners, now.voters);
  next.learners_next = common(wish.learners, now.voters);
  return next;
}

Membership membership_after(const Membership& joint) {
  PAWL_CHECK(joint.joint());
  Membership next;
  next.voters = joint.voters;
  next.learners = both(joint.learners, joint.learners_next);
  return next;
}

std::string to_string(const Membership& m) {
  if (!m.known()) return "unknown";
  std::string out = list(m.voters);
  if (m.joint()) absl::StrAppend(&out, " & ", list(m.outgoing));
  if (!m.learners.empty()) absl::StrAppend(&out, " learners ", list(m.learners));
  if (!m.learners_next.empty()) absl::StrAppend(&out, " next ", list(m.learners_next));
  return out;
}

}  // namespace pawl::raft
