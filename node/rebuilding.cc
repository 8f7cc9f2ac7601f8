#include "node/rebuilding.h"

#include <algorithm>
#include <string>
#include <utility>

#include "codecs/entry.h"
#include "codecs/membership_bytes.h"

namespace pawl::node {

const std::vector<NodeId>& SeenMembers::voters(GroupId group) const {
  static const std::vector<NodeId> kNobody;
  return group.v < voters_.size() ? voters_[group.v] : kNobody;
}

void SeenMembers::restore(GroupId group, std::vector<NodeId> voters) {
  if (voters_.size() <= group.v) voters_.resize(group.v + std::size_t{1});
  voters_[group.v] = std::move(voters);
}

absl::Status SeenMembers::on_hard_state(GroupId, const log::HardState&) { return absl::OkStatus(); }

// An entry that can't be understood is the recovery's to refuse.
absl::Status SeenMembers::on_entry(GroupId group, Term, Index, std::string_view payload) {
  codecs::Entry entry;
  raft::Membership members;
  std::string error;
  if (payload.empty() || !codecs::decode_entry(payload, &entry, &error)) return absl::OkStatus();
  if (entry.membership.empty()) return absl::OkStatus();
  if (!codecs::decode_membership(entry.membership, &members, &error)) return absl::OkStatus();
  restore(group, members.all_voters());
  return absl::OkStatus();
}

std::vector<GroupId> votes_lost(const log::Survey& survey) {
  std::vector<GroupId> groups;
  for (std::size_t g = 0; g < survey.groups.size(); ++g) {
    if (survey.groups[g].state_unknown) groups.emplace_back(static_cast<std::uint16_t>(g));
  }
  return groups;
}

std::vector<log::Rebuild> rebuilds_for(const log::Survey& survey,
                                       const std::vector<GroupId>& lacking,
                                       const std::vector<log::Rebuild>& before,
                                       std::uint64_t kept_from) {
  std::vector<log::Rebuild> rebuilds;
  for (std::size_t g = 0; g < survey.groups.size(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    const log::SurveyedGroup& surveyed = survey.groups[g];
    const bool lacks = std::find(lacking.begin(), lacking.end(), group) != lacking.end();
    if (!surveyed.touched() && !lacks) continue;
    log::Rebuild rebuild;
    rebuild.group = group;
    rebuild.until = survey.end;
    rebuild.kept_from = kept_from;
    rebuild.spent = surveyed.state ? surveyed.state->term : Term(0);
    // Not just the journal's last entry: an installed snapshot may go past that.
    rebuild.promised = {rebuild.spent, Index(log::Rebuild::kEveryIndex)};
    if (const log::Rebuild* known = log::rebuild_of(before, group)) {
      rebuild.promised = std::max(rebuild.promised, known->promised);
    }
    rebuilds.push_back(rebuild);
  }
  return rebuilds;
}

}  // namespace pawl::node
