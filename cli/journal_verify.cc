// `pawl journal verify`: every checksum, every mark, every entry, every run's chained hash.
#include "base/digest.h"
#include "cli/journal_look.h"
#include "cli/run_chains.h"
#include "codecs/json.h"
#include "daemon/snapshots.h"
#include "log/names.h"
#include "node/node.h"

namespace pawl::cli {
namespace {

// What the newest whole snapshot of each group says of its runs.
void expect_snapshots(JournalLook& look, RunChains* chains) {
  if (!look.store()) return;
  node::NodeOptions options;
  options.self = look.store()->box;
  options.founders = look.store()->founders;
  options.store = look.store()->id;
  options.run_groups = look.store()->run_groups;
  node::Node node(options);
  log::PosixFileSystem files;
  daemon::Logger logger(2);
  logger.set_level(daemon::LogLevel::error);  // damaged ones are findings already
  daemon::load_snapshots(files, look.directory(), look.store()->id, &node, logger);
  for (std::size_t g = 0; g < node.group_count(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    for (const auto& [index, run] : node.group(group).tables().runs()) {
      chains->expect(RunUid{group, index}, run->seq, run->hash);
    }
  }
}

std::string as_json(JournalLook& look, const ChainCounts& counts) {
  std::string out;
  codecs::JsonWriter w(&out);
  w.begin_object().field("data", look.directory());
  w.field("store", store_text(look.scan().store_id()));
  w.field("segments", std::uint64_t{look.scan().segments().size()});
  w.field("bytes", look.scan().bytes()).field("torn_bytes", look.scan().torn_bytes());
  w.field("snapshots", std::uint64_t{look.snapshots().size()});
  w.field("entries", counts.entries).field("runs", counts.runs).field("events", counts.events);
  w.field("runs_compared", counts.compared).field("entries_headless", counts.headless);
  w.field("damages", look.damages()).plain_key("findings").raw(look.findings_json());
  w.end_object();
  return out;
}

std::string counted(std::uint64_t n, const char* what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::string summary(JournalLook& look, const ChainCounts& counts) {
  std::string text =
      "Read: " + counted(look.scan().segments().size(), "segment") + " of " +
      bytes_text(look.scan().bytes()) + ", " + counted(look.snapshots().size(), "snapshot") + ", " +
      std::to_string(counts.entries) + (counts.entries == 1 ? " entry" : " entries") +
      "\nChained hashes: of " + counted(counts.runs, "run") + " recomputed from " +
      counted(counts.events, "event") + ", " + std::to_string(counts.compared) +
      " held against a snapshot\n";
  if (counts.headless > 0) {
    text += "Of runs that began before this journal: " + std::to_string(counts.headless) +
            " entries, decoded alone\n";
  }
  if (look.scan().torn_bytes() > 0) {
    text += "Behind the last frame: " + bytes_text(look.scan().torn_bytes()) +
            " never promised, or being written now\n";
  }
  return text;
}

}  // namespace

int verify_journal(Session& session, JournalLook& look) {
  prepare_digests();
  RunChains chains;
  expect_snapshots(look, &chains);
  const std::uint16_t groups = look.store() ? look.store()->run_groups : limits::kGroupsMax - 1;
  const absl::Status status = look.scan().entries(
      [&](const log::ScannedEntry& entry, std::string_view payload) -> absl::Status {
        if (entry.replaced) return absl::OkStatus();
        std::string wrong = entry.group.v <= groups ? chains.take(entry.group, entry.index, payload)
                                                    : "the store has no such group";
        if (wrong.empty()) return absl::OkStatus();
        look.add(log::damage_finding(
            log::join(look.directory(), log::segment_name(entry.frame.segment)), entry.frame.offset,
            "entry " + std::to_string(entry.index.v) + " of group " +
                std::to_string(entry.group.v) + ": " + wrong));
        return absl::OkStatus();
      });
  if (!status.ok()) return session.refuse(kFailed, std::string(status.message()));
  if (session.json()) {
    session.print_json(as_json(look, chains.counts()));
    return look.exit_status();
  }
  look.print_findings();
  session.print(summary(look, chains.counts()));
  if (look.damages() == 0) session.print("No damage.\n");
  return look.exit_status();
}

}  // namespace pawl::cli
