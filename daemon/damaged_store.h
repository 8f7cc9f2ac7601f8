// A store whose start was refused for damage: what of it is missing, whether other boxes can have
// it, and what is done then. Of several boxes this one begins what lost something anew, by itself;
// a box alone is told the command that an operator decides by (`pawl recover`, recovered_store.h).
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/snapshots.h"
#include "daemon/store.h"
#include "log/file_system.h"
#include "log/rebuild_file.h"
#include "log/survey.h"
#include "node/node.h"

namespace pawl::daemon {

struct Damage {
  log::Survey survey;
  bool alone = false;                  // nobody else has a vote: what is missing is nowhere else
  std::vector<GroupId> votes_lost;     // groups
  std::vector<Index> snapshots;        // by group, the newest that can be read; 0: none
  std::vector<log::Rebuild> rebuilds;  // what is to be begun anew
  std::vector<std::uint64_t> kept;     // numbers of kept files that can't be read
  // By group: up to here nobody needs the journal's entries, or kept files have them; at least.
  // What was given up, that is, and not lost.
  std::vector<Index> unneeded;
  bool any() const { return survey.damages() || !kept.empty() || !rebuilds.empty(); }
  // Snapshots stand for all that is missing: nothing but histories is lost.
  bool only_histories() const;
};

// Indexes of the group that the journal should hold and does not.
std::vector<log::IndexHole> missing_of(const Damage& damage, GroupId group);

// What is missing, in words: "group 3: entries 5 to 9 (a snapshot stands for them)".
std::string text_of(const Damage& damage);

// `restored` has heard the snapshots that were loaded, and perhaps a part of the journal. Errors as
// log::survey().
absl::StatusOr<Damage> look_at_damage(log::FileSystem& files, const std::string& directory,
                                      const StoreIdentity& store,
                                      const std::vector<log::Rebuild>& rebuilds,
                                      const LoadedSnapshots& loaded, const node::Node& restored);

// What a box of a cluster does whose store can't be gone on with, in words and commands.
std::string way_back_for(NodeId box);

// Why it is refused, and the exact commands. `why`: what the start said.
absl::Status refuse(const Damage& damage, const std::string& directory, const StoreIdentity& store,
                    const absl::Status& why);

// Puts the snapshots of what is begun anew aside, writes what is void, mends the journal. A crash
// at any point leaves what can be begun anew again.
absl::Status begin_anew(log::FileSystem& files, const std::string& directory,
                        const StoreIdentity& store, const Damage& damage);

// Renames kept files that can't be read, so that no start reads them.
absl::Status set_kept_aside(log::FileSystem& files, const std::string& directory,
                            const Damage& damage);

// Renames the group's snapshots behind `keep_through`, so that no start takes them.
absl::Status set_snapshots_aside(log::FileSystem& files, const std::string& directory,
                                 GroupId group, Index keep_through);

}  // namespace pawl::daemon
