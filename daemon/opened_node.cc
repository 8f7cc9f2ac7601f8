#include "daemon/opened_node.h"

#include "base/feature_level.h"
#include "log/transfer_file.h"

namespace pawl::daemon {

absl::StatusOr<OpenedNode> open_node(log::FileSystem& files, const OpenNodeOptions& options,
                                     const Logger& logger) {
  if (absl::Status s = log::remove_transfers(files, options.directory); !s.ok()) return s;
  OpenedNode opened;
  node::NodeOptions node_options;
  node_options.self = options.store.box;
  node_options.founders = options.store.founders;
  node_options.neighbours = options.neighbours;
  node_options.store = options.store.id;
  node_options.run_groups = options.store.run_groups;
  node_options.seed = options.seed;
  node_options.keep_closed_ms = options.keep_closed_ms;
  opened.node = std::make_unique<node::Node>(node_options);
  opened.snapshots =
      load_snapshots(files, options.directory, options.store.id, opened.node.get(), logger);
  log::JournalOptions journal_options;
  journal_options.directory = options.directory;
  journal_options.store_id = options.store.id;
  journal_options.feature_level = kFeatureLevel;
  journal_options.segment_bytes = options.segment_bytes;
  journal_options.preallocate = options.preallocate;
  journal_options.snapshots = opened.snapshots.indexes;
  UncoveredEntries sink(opened.snapshots, &opened.node->recovery());
  auto journal = log::Journal::open(files, journal_options, sink, &opened.report);
  if (!journal.ok()) return journal.status();
  opened.uncovered_bytes = sink.bytes();
  opened.journal = std::move(*journal);
  opened.node->start(opened.journal.get(), options.now);
  for (std::size_t g = 0; g < opened.node->group_count(); ++g) {
    const std::string& fatal = opened.node->group(GroupId(static_cast<std::uint16_t>(g))).fatal();
    if (!fatal.empty()) return absl::DataLossError("open " + options.directory + ": " + fatal);
  }
  set_damaged_aside(files, opened.snapshots);
  return opened;
}

}  // namespace pawl::daemon
