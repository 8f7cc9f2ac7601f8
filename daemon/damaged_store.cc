#include "daemon/damaged_store.h"

#include <algorithm>
#include <utility>

#include "base/feature_level.h"
#include "log/format.h"
#include "log/kept_file.h"
#include "log/mending.h"
#include "log/names.h"
#include "log/scrub_mark.h"
#include "log/snapshot_file.h"
#include "node/rebuilding.h"

namespace pawl::daemon {
namespace {

std::string number(std::uint64_t n) { return std::to_string(n); }

struct KeptLook {
  std::uint64_t next = log::format::kKeptNumberBase + 1;
  std::vector<std::uint64_t> damaged;
  std::vector<log::KeptSpan> spans;  // of the others
};

absl::StatusOr<KeptLook> look_at_kept(log::FileSystem& files, const std::string& directory,
                                      const log::StoreId& store) {
  const auto found = files.list(directory);
  if (!found.ok()) return found.status();
  KeptLook look;
  for (const log::FileInfo& file : *found) {
    const auto kept = log::parse_kept_name(file.name);
    if (!kept) continue;
    look.next = std::max(look.next, *kept + 1);
    const auto read =
        log::read_whole_kept_file(files, directory, store, kFeatureLevel, *kept, file.bytes);
    if (absl::IsDataLoss(read.status())) look.damaged.push_back(*kept);
    if (read.ok()) look.spans.insert(look.spans.end(), read->spans.begin(), read->spans.end());
  }
  return look;
}

// As far as kept files have the entries, or no run that the snapshot keeps needs them.
std::vector<Index> unneeded_of(const KeptLook& kept, const LoadedSnapshots& loaded,
                               const node::Node& restored) {
  std::vector<Index> unneeded(restored.group_count());
  for (const log::KeptSpan& span : kept.spans) {
    if (span.group.v >= unneeded.size()) continue;
    unneeded[span.group.v] = std::max(unneeded[span.group.v], span.through);
  }
  for (std::size_t g = 0; g < unneeded.size(); ++g) {
    if (loaded.indexes[g].v == 0) continue;
    const auto needed =
        restored.group(GroupId(static_cast<std::uint16_t>(g))).tables().oldest_needed();
    const Index before = needed && needed->v > 0 ? needed->prev() : Index(0);
    unneeded[g] = std::max(unneeded[g], needed ? before : loaded.indexes[g]);
  }
  return unneeded;
}

std::string text_of(GroupId group, const Damage& damage) {
  const log::SurveyedGroup& surveyed = damage.survey.groups[group.v];
  std::string text;
  for (const log::IndexHole& hole : missing_of(damage, group)) {
    text += text.empty() ? "entries " : ", ";
    text += number(hole.from.v + 1) + " to " + number(hole.through.v);
  }
  if (surveyed.end_unknown) {
    text += text.empty() ? "" : ", and ";
    const Index known = std::max(surveyed.last.index, damage.snapshots[group.v]);
    text += "perhaps what came after entry " + number(known.v);
  }
  if (text.empty()) return text;
  text = "group " + number(group.v) + ": " + text;
  if (surveyed.covered_by(damage.snapshots[group.v])) return text + " (a snapshot stands for them)";
  return text;
}

std::vector<GroupId> lacking(const node::Node& node) {
  std::vector<GroupId> groups;
  for (std::size_t g = 0; g < node.group_count(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    if (node.group(group).lacks_beginning()) groups.push_back(group);
  }
  return groups;
}

// Whether this box alone has a vote in some group that lost something.
bool is_alone(const StoreIdentity& store, const node::SeenMembers& members,
              const std::vector<log::Rebuild>& rebuilds) {
  const std::vector<NodeId> self{store.box};
  return std::any_of(rebuilds.begin(), rebuilds.end(), [&](const log::Rebuild& rebuild) {
    const std::vector<NodeId>& voters = members.voters(rebuild.group);
    return (voters.empty() ? store.founders : voters) == self;
  });
}

}  // namespace

bool Damage::only_histories() const {
  for (std::size_t g = 0; g < survey.groups.size(); ++g) {
    if (!survey.groups[g].covered_by(snapshots[g])) return false;
  }
  return true;
}

std::vector<log::IndexHole> missing_of(const Damage& damage, GroupId group) {
  std::vector<log::IndexHole> missing = damage.survey.groups[group.v].holes;
  for (log::IndexHole& hole : missing) hole.from = std::max(hole.from, damage.unneeded[group.v]);
  std::erase_if(missing, [](const log::IndexHole& hole) { return hole.from >= hole.through; });
  return missing;
}

std::string text_of(const Damage& damage) {
  std::string text;
  for (std::size_t g = 0; g < damage.survey.groups.size(); ++g) {
    const std::string lost = text_of(GroupId(static_cast<std::uint16_t>(g)), damage);
    text += text.empty() || lost.empty() ? "" : "; ";
    text += lost;
  }
  for (const std::uint64_t kept : damage.kept) {
    text += text.empty() ? "" : "; ";
    text += "what " + log::segment_name(kept) + " had of histories";
  }
  return text.empty() ? "no entry is missing" : text;
}

absl::StatusOr<Damage> look_at_damage(log::FileSystem& files, const std::string& directory,
                                      const StoreIdentity& store,
                                      const std::vector<log::Rebuild>& rebuilds,
                                      const LoadedSnapshots& loaded, const node::Node& restored) {
  node::SeenMembers members;
  for (std::size_t g = 0; g < restored.group_count(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    const raft::MembershipPtr& known = restored.group(group).snapshot_members();
    if (known != nullptr) members.restore(group, known->all_voters());
  }
  auto survey = log::survey(files, directory, store.id, kFeatureLevel, restored.group_count(),
                            rebuilds, &members);
  if (!survey.ok()) return survey.status();
  const auto kept = look_at_kept(files, directory, store.id);
  if (!kept.ok()) return kept.status();
  // Whose histories a damaged kept file had is not known.
  std::vector<GroupId> begun_anew = lacking(restored);
  for (std::size_t g = 0; g < restored.group_count() && !kept->damaged.empty(); ++g) {
    begun_anew.emplace_back(static_cast<std::uint16_t>(g));
  }
  Damage damage;
  damage.survey = *std::move(survey);
  damage.snapshots = loaded.indexes;
  damage.votes_lost = node::votes_lost(damage.survey);
  damage.rebuilds = node::rebuilds_for(damage.survey, begun_anew, rebuilds, kept->next);
  damage.kept = kept->damaged;
  damage.unneeded = unneeded_of(*kept, loaded, restored);
  const bool founded_alone = store.founders == std::vector<NodeId>{store.box};
  damage.alone = founded_alone || is_alone(store, members, damage.rebuilds);
  return damage;
}

std::string way_back_for(NodeId box) {
  return "On another box run `pawl cluster remove --box " + number(box.v) +
         "`, then `pawl cluster add --box NUMBER --address HOST:PORT` with a number never used; "
         "here set cluster.node to that number and begin with an empty data directory";
}

absl::Status refuse(const Damage& damage, const std::string& directory, const StoreIdentity& store,
                    const absl::Status& why) {
  std::string text(why.message());
  if (damage.alone && (damage.survey.damages() || !damage.kept.empty())) {
    text += "\nmissing: " + text_of(damage) +
            "\nThis box has nobody to ask for it. `pawl recover --data " + directory +
            "` shows what would be lost if it goes on without, and does it with --yes";
  } else if (damage.alone) {
    text +=
        "\nThis box has nobody to ask for it. `pawl restore FILE --data DIR` makes a store of a "
        "backup in DIR, which is empty or not there; set server.data to that";
  } else if (!damage.votes_lost.empty()) {
    text +=
        "\nThe newest vote of this box may be among what is damaged: it can't come back under its "
        "number. " +
        way_back_for(store.box);
  }
  return absl::DataLossError(text);
}

absl::Status set_snapshots_aside(log::FileSystem& files, const std::string& directory,
                                 GroupId group, Index keep_through) {
  const auto indexes = log::list_snapshots(files, directory, group);
  if (!indexes.ok()) return indexes.status();
  bool any = false;
  for (const Index index : *indexes) {
    if (index <= keep_through) continue;
    const std::string path = log::join(directory, log::snapshot_name(group, index));
    absl::Status set = files.rename(path, path + std::string(log::format::kDamagedSuffix));
    if (!set.ok()) return set;
    any = true;
  }
  return any ? files.sync_directory(directory) : absl::OkStatus();
}

// The snapshots first: a note that a group is void must not find any that are.
absl::Status begin_anew(log::FileSystem& files, const std::string& directory,
                        const StoreIdentity& store, const Damage& damage) {
  for (const log::Rebuild& rebuild : damage.rebuilds) {
    absl::Status set = set_snapshots_aside(files, directory, rebuild.group, Index(0));
    if (!set.ok()) return set;
  }
  absl::Status lowered = log::lower_scrub_mark(files, directory, store.id,
                                               std::size_t{store.run_groups} + 1, damage.rebuilds);
  if (!lowered.ok()) return lowered;
  for (const log::Rebuild& rebuild : damage.rebuilds) {
    absl::Status written = log::write_rebuild(files, directory, store.id, rebuild);
    if (!written.ok()) return written;
  }
  if (absl::Status s = log::mend(files, directory, damage.survey); !s.ok()) return s;
  return set_kept_aside(files, directory, damage);
}

absl::Status set_kept_aside(log::FileSystem& files, const std::string& directory,
                            const Damage& damage) {
  for (const std::uint64_t number : damage.kept) {
    const std::string path = log::join(directory, log::segment_name(number));
    absl::Status set = files.rename(path, path + std::string(log::format::kDamagedSuffix));
    if (set.ok()) set = files.sync_directory(directory);
    if (!set.ok()) return set;
  }
  return absl::OkStatus();
}

}  // namespace pawl::daemon
