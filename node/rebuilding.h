// What a box that lost a part of its journal, or its snapshots, has to begin anew: decided from a
// survey of what is left (log/survey.h), before there is a node. Decision 0054 has the reasons.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "log/rebuild_file.h"
#include "log/record.h"
#include "log/survey.h"

namespace pawl::node {

// Hears a survey, and keeps what it says of members.
class SeenMembers final : public log::RecoverySink {
 public:
  // The members that the group's last entry about them names; empty if none does.
  const std::vector<NodeId>& voters(GroupId group) const;
  // What a snapshot says, unless an entry said more. To be told before the survey.
  void restore(GroupId group, std::vector<NodeId> voters);

  absl::Status on_hard_state(GroupId group, const log::HardState& state) override;
  absl::Status on_entry(GroupId group, Term term, Index index, std::string_view payload) override;

 private:
  std::vector<std::vector<NodeId>> voters_;  // by group
};

// Groups whose last vote may be lost: nobody may speak for this member any more.
std::vector<GroupId> votes_lost(const log::Survey& survey);

// What is to be written before anything is mended: one for each group that lost something, and for
// those in `lacking`, whose snapshots are gone. `before`: of earlier damage, still in force.
// `kept_from`: the number of the next kept file.
std::vector<log::Rebuild> rebuilds_for(const log::Survey& survey,
                                       const std::vector<GroupId>& lacking,
                                       const std::vector<log::Rebuild>& before,
                                       std::uint64_t kept_from);

}  // namespace pawl::node
