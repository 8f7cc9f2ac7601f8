#include "daemon/opened_node.h"

#include <algorithm>
#include <utility>

#include "base/feature_level.h"
#include "base/limits.h"
#include "daemon/damaged_store.h"
#include "log/mending.h"
#include "log/segment_reader.h"
#include "log/transfer_file.h"

namespace pawl::daemon {
namespace {

node::NodeOptions node_options(const OpenNodeOptions& options,
                               const std::vector<log::Rebuild>& rebuilds) {
  node::NodeOptions made;
  made.self = options.store.box;
  made.founders = options.store.founders;
  made.neighbours = options.neighbours;
  made.store = options.store.id;
  made.run_groups = options.store.run_groups;
  made.seed = options.seed;
  made.keep_closed_ms = options.keep_closed_ms;
  made.rebuilds = rebuilds;
  return made;
}

log::JournalOptions journal_options(const OpenNodeOptions& options, const OpenedNode& opened) {
  log::JournalOptions made;
  made.directory = options.directory;
  made.store_id = options.store.id;
  made.feature_level = kFeatureLevel;
  made.segment_bytes = options.segment_bytes;
  made.preallocate = options.preallocate;
  made.snapshots = opened.snapshots.indexes;
  made.rebuilds = opened.rebuilds;
  return made;
}

// Fills `opened`, as far as it gets.
absl::Status read_store(log::FileSystem& files, const OpenNodeOptions& options,
                        const Logger& logger, OpenedNode* opened) {
  const std::string& directory = options.directory;
  auto rebuilds = log::read_rebuilds(files, directory, options.store.id);
  if (!rebuilds.ok()) return rebuilds.status();
  opened->rebuilds = *std::move(rebuilds);
  opened->node = std::make_unique<node::Node>(node_options(options, opened->rebuilds));
  opened->snapshots =
      load_snapshots(files, directory, options.store.id, opened->node.get(), logger);
  UncoveredEntries sink(opened->snapshots, &opened->node->recovery());
  auto journal =
      log::Journal::open(files, journal_options(options, *opened), sink, &opened->report);
  if (!journal.ok()) return journal.status();
  opened->uncovered_bytes = sink.bytes();
  opened->journal = std::move(*journal);
  opened->node->start(opened->journal.get(), options.now);
  for (std::size_t g = 0; g < opened->node->group_count(); ++g) {
    const std::string& fatal = opened->node->group(GroupId(static_cast<std::uint16_t>(g))).fatal();
    if (!fatal.empty()) return absl::DataLossError("open " + directory + ": " + fatal);
  }
  set_damaged_aside(files, opened->snapshots);
  return absl::OkStatus();
}

// What the start was refused for is done away with, if other boxes have what is missing; else why
// it stays refused.
absl::Status mend(log::FileSystem& files, const OpenNodeOptions& options, const OpenedNode& failed,
                  const absl::Status& why, const Logger& logger) {
  const auto damage = look_at_damage(files, options.directory, options.store, failed.rebuilds,
                                     failed.snapshots, *failed.node);
  if (!damage.ok()) return why;
  if (!damage->any()) return why;
  if (damage->alone || !damage->votes_lost.empty()) {
    return refuse(*damage, options.directory, options.store, why);
  }
  logger.write(LogLevel::error, "store: damaged, what is missing is fetched from the other boxes",
               {{"why", std::string(why.message())}, {"missing", text_of(*damage)}});
  return begin_anew(files, options.directory, options.store, *damage);
}

// What no other box can help with, on a box of several: the note of what is void in its journal, or
// whose journal it is.
absl::Status with_way_back(const absl::Status& why, bool noted, const StoreIdentity& store) {
  const bool several = store.founders != std::vector<NodeId>{store.box};
  if (!several || (noted && !log::is_of_another_store(why))) return why;
  const std::string text = noted ? "If they can't be had, this box can't come back under its number"
                                 : "What this box promised is not known without it";
  return absl::Status(why.code(),
                      std::string(why.message()) + "\n" + text + ". " + way_back_for(store.box));
}

// Notes of groups of which nothing void is left.
absl::Status forget_rebuilds(log::FileSystem& files, const OpenedNode& opened) {
  const log::Journal& journal = *opened.journal;
  for (const log::Rebuild& rebuild : opened.rebuilds) {
    const auto& kept = journal.kept().files();
    const bool older_kept = !kept.empty() && kept.front().number < rebuild.kept_from;
    const bool is_done = journal.oldest_segment() > rebuild.until.segment && !older_kept &&
                         opened.node->group(rebuild.group).whole();
    if (!is_done) continue;
    absl::Status removed = log::remove_rebuild(files, journal.directory(), rebuild.group);
    if (!removed.ok()) return removed;
  }
  return log::remove_damaged_before(files, journal.directory(), journal.oldest_segment());
}

}  // namespace

void tell_losses(const OpenedNode& opened, const Logger& logger) {
  if (opened.report.lost_frames > 0) {
    logger.write(LogLevel::notice, "store: parts of the journal were damaged and given up",
                 {{"frames", opened.report.lost_frames}});
  }
  for (const GroupId group : opened.node->rebuilding()) {
    logger.write(LogLevel::notice, "store: a group is rebuilt from another box",
                 {{"group", static_cast<int>(group.v)}});
  }
}

absl::StatusOr<OpenedNode> open_node(log::FileSystem& files, const OpenNodeOptions& options,
                                     const Logger& logger) {
  if (absl::Status s = log::remove_transfers(files, options.directory); !s.ok()) return s;
  // Again with a mended journal, and again for each group that turns out to lack its beginning.
  for (int tries = limits::kGroupsMax + 2;; --tries) {
    OpenedNode opened;
    absl::Status status = read_store(files, options, logger, &opened);
    if (status.ok()) {
      if (absl::Status s = forget_rebuilds(files, opened); !s.ok()) return s;
      return opened;
    }
    if (!absl::IsDataLoss(status) || opened.node == nullptr) {
      const bool fit = absl::IsDataLoss(status) || log::is_of_another_store(status);
      return fit ? with_way_back(status, opened.node != nullptr, options.store) : status;
    }
    if (!options.mends || tries == 1) return status;
    if (absl::Status s = mend(files, options, opened, status, logger); !s.ok()) return s;
  }
}

}  // namespace pawl::daemon
