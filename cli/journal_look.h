// A store's data directory looked at by `pawl journal`: what is there and what is wrong with it.
// Nothing is changed and no lock is taken, so that it works beside a running daemon.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "cli/session.h"
#include "daemon/store.h"
#include "log/journal_scan.h"
#include "log/posix_file_system.h"

namespace pawl::cli {

struct JournalWish {
  std::string verb;  // inspect, verify, dump
  std::optional<std::string> directory;
  std::optional<std::string> group, run, from, to;  // of dump
};

struct SeenSnapshot {
  GroupId group;
  Index index;
  Term term;
  std::uint32_t feature_level = 0;
  std::uint64_t bytes = 0;  // of its contents
  std::string name;
  bool whole = false;
};

// Progress in percent on stderr, if that is a terminal.
class Progress {
 public:
  Progress(const Session& session, std::string what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(std::uint64_t done, std::uint64_t total);

 private:
  const bool on_;
  const std::string what_;
  int percent_ = -1;
};

class JournalLook {
 public:
  JournalLook(Session& session, std::string directory);

  // Reads all of it once. Not ok: there is nothing to look at, or a newer pawl wrote it.
  absl::Status read();

  const std::string& directory() const { return directory_; }
  // What the `store` file says; nullopt if it can't be read, which is a finding.
  const std::optional<daemon::StoreIdentity>& store() const { return store_; }
  log::JournalScan& scan() { return *scan_; }
  // By group, the newest first.
  const std::vector<SeenSnapshot>& snapshots() const { return snapshots_; }

  void add(log::Finding finding);
  // At most limits::kFindingsShownMax.
  const std::vector<log::Finding>& findings() const { return findings_; }
  // Something has changed while it was read: another look may see all of it.
  bool is_passing() const { return passing_; }
  // Of damage, all of them.
  std::uint64_t damages() const { return damages_; }
  // As an array.
  std::string findings_json() const;
  // To stdout, what is not shown counted.
  void print_findings();
  // 0, or 1 after a word on stderr about the damage.
  int exit_status();

 private:
  absl::Status read_store_file();
  using SnapshotName = std::pair<GroupId, Index>;
  std::vector<SnapshotName> list_snapshots();
  void read_snapshot(GroupId group, Index index);
  bool is_covered_since(const log::IndexGap& gap);
  void check_gaps();

  Session& session_;
  const std::string directory_;
  log::PosixFileSystem files_;
  std::optional<daemon::StoreIdentity> store_;
  std::unique_ptr<Progress> progress_;
  std::unique_ptr<log::JournalScan> scan_;
  std::vector<SeenSnapshot> snapshots_;
  std::vector<log::Finding> findings_;
  std::uint64_t damages_ = 0;
  std::uint64_t hidden_ = 0;
  bool passing_ = false;
};

// "1.5 MiB".
std::string bytes_text(std::uint64_t bytes);
// 32 digits.
std::string store_text(const log::StoreId& store);

// The three verbs; each returns the exit status.
int inspect_journal(Session& session, JournalLook& look);
int verify_journal(Session& session, JournalLook& look);
int dump_journal(Session& session, JournalLook& look, const JournalWish& wish);

}  // namespace pawl::cli
