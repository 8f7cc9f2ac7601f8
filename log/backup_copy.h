// What a backup holds of a store that was scanned: its hard states, a snapshot of each group, and
// the entries that were not replaced; of all of it, or of each group up to an index.
//
// The groups of a lone box are cut by the scan itself: its journal is one sequence. Those of a box
// of a cluster are cut where the box said that they were committed (docs/backup-format.md, "Of a
// box of a cluster"): nothing behind that is in the backup, so that nothing in it is ever replaced.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/ids.h"
#include "log/backup_file.h"
#include "log/file_system.h"
#include "log/journal_scan.h"

namespace pawl::log {

// A whole snapshot of the store.
struct SnapshotPlace {
  GroupId group;
  Index index;
  Term term;
  std::uint32_t feature_level = 0;
};

struct BackupSource {
  FileSystem& files;
  std::string directory;
  JournalScan& scan;                     // read() was called
  std::vector<SnapshotPlace> snapshots;  // by group, the newest first
  std::uint16_t run_groups = 0;
  // By group, the last entry that is wanted; empty: all there is.
  std::vector<Index> through;
  // Of a cluster's box: every group must be there, and as far as the box ever was.
  bool of_cluster = false;
};

// A reader of this level can read what is copied.
std::uint32_t feature_level_of(const BackupSource& source);

// Without the end of the backup. Aborted: something has changed meanwhile, and another look at the
// store will do; FailedPrecondition: the box lacks something; else what reading or writing said.
absl::Status copy_store(const BackupSource& source, BackupWriter* writer);

}  // namespace pawl::log
