// Where the groups of a box of a cluster are cut for a backup that is made beside its daemon: at
// what the box had applied, and had on its disk, at two moments.
//
//   1  every group's leader is asked what is committed, and the box waits until it has applied that
//      (GET /v1/cluster/applied): all that was acknowledged before, through any box, is here
//   2  the same once more: group 0 is cut here, the run groups where they were at 1
//
// So group 0, whose definitions and receipts the run groups rest on, is never behind them; that it
// is ahead is what a restore expects (node/channel_ends.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "cli/session.h"
#include "daemon/store.h"

namespace pawl::cli {

struct CommittedCut {
  int exit = kDone;  // else a message was printed
  // By group, the last entry of the backup; empty: no daemon runs on the store.
  std::vector<Index> through;
};

CommittedCut find_committed_cut(Session& session, const std::string& directory,
                                const daemon::StoreIdentity& store);

}  // namespace pawl::cli
