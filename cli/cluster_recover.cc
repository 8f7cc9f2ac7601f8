#include "cli/cluster_recover.h"

#include <unistd.h>

#include <ctime>
#include <iostream>

#include "base/digest.h"
#include "cli/output.h"
#include "codecs/json.h"
#include "daemon/lost_majority.h"

namespace pawl::cli {
namespace {

// The directory and how its journal is written, as the daemon would have it.
absl::StatusOr<daemon::OpenNodeOptions> options_for(const RecoverWish& wish) {
  const absl::StatusOr<StoreDirectory> store = find_store_directory(wish.store);
  if (!store.ok()) return store.status();
  daemon::OpenNodeOptions options;
  options.now.wall_ms = std::int64_t{std::time(nullptr)} * 1000;
  options.directory = store->path;
  options.segment_bytes = store->segment_bytes;
  options.preallocate = store->preallocate;
  return options;
}

std::string listed(const std::vector<NodeId>& boxes) {
  std::string text;
  for (const NodeId box : boxes) text += (text.empty() ? "" : ",") + std::to_string(box.v);
  return text;
}

std::string time_text(TimeMs at) {
  if (at.v <= 0) return "-";
  const std::time_t seconds = at.v / 1000;
  std::tm parts{};
  char text[32];
  std::strftime(text, sizeof text, "%FT%TZ", gmtime_r(&seconds, &parts));
  return text;
}

std::string as_json(const daemon::LostMajority& majority, const std::string& directory,
                    bool recovered) {
  std::string out;
  codecs::JsonWriter writer(&out);
  const auto boxes = [&](std::string_view key, const std::vector<NodeId>& list) {
    writer.plain_key(key).begin_array();
    for (const NodeId box : list) writer.raw(std::to_string(box.v));
    writer.end_array();
  };
  writer.begin_object().field("box", static_cast<std::int64_t>(majority.box().v));
  writer.field("data", directory);
  boxes("lost", majority.lost());
  writer.plain_key("groups").begin_array();
  for (const node::GroupLeft& group : majority.left()) {
    writer.begin_object()
        .field("group", std::int64_t{group.group.v})
        .field("last", static_cast<std::int64_t>(group.last.v))
        .field("term", static_cast<std::int64_t>(group.term.v))
        .field("committed", static_cast<std::int64_t>(group.committed.v))
        .field("written", time_text(group.written))
        .field("open_runs", static_cast<std::int64_t>(group.open_runs));
    boxes("voters", group.voters);
    writer.end_object();
  }
  writer.end_array();
  writer.field("perhaps_removed", majority.perhaps_removed());
  if (!majority.lost().empty()) writer.field("sentence", majority.sentence());
  writer.field("recovered", recovered).end_object();
  return out;
}

std::string what_is_left(const daemon::LostMajority& majority, bool colour) {
  Table table({"GROUP", "LAST", "TERM", "WRITTEN", "SURE", "OPEN RUNS", "VOTERS"});
  for (const node::GroupLeft& group : majority.left()) {
    table.add({std::to_string(group.group.v), std::to_string(group.last.v),
               std::to_string(group.term.v), time_text(group.written),
               std::to_string(group.committed.v), std::to_string(group.open_runs),
               listed(group.voters)});
  }
  return table.render(colour);
}

constexpr const char* kMeaning =
    R"(
This makes it the only voter of every group. Do it only if the others are lost for good:
  - What the others acknowledged behind the entry LAST of a group is lost: starts, signals and
    completions after the time WRITTEN whose callers were told that they were done. This box can't
    know whether there were any.
  - What is behind SURE, if anything, was perhaps never acknowledged. It becomes true.
  - A task whose completion is lost is handed out again, with the same idempotency key.
  - If another box's disk can still be read, run this there too and compare group by group: ahead is
    the higher TERM, then the higher LAST. What the one you give up is ahead in is lost. Only one may
    be recovered.
  - The others must never start again as they are: with their data they would be a second cluster
    with the same runs, without it an empty one that takes work. Delete their data directories and
    disable their daemons first; they come back under new numbers, with `founder = false`.
)";

constexpr const char* kPerhapsRemoved =
    R"(  - Its log ends with its own removal, and does not say whether the others agreed. If they did,
    they went on without it and one of them knows more: recover that one. Here it is undone.
)";

constexpr const char* kNext =
    R"(Start the daemon here. Then:
  1. `pawl cluster status` shows it as the only voter
  2. `pawl cluster keys rotate` keeps out a lost box that somebody finds and starts
  3. `pawl cluster add --box NODE --address HOST:PORT` for each new box, with numbers never used
)";

// True if it was said; else *exit is the status.
bool is_said(Session& session, const RecoverWish& wish, const std::string& sentence, int* exit) {
  std::string said;
  if (wish.in_words) {
    said = *wish.in_words;
  } else if (!session.json() && ::isatty(0) == 1) {
    session.print("\nTo do it, type: " + sentence + "\n> ");
    std::getline(std::cin, said);
  } else {
    *exit = session.refuse(kUsage,
                           "nothing was changed\nhint: to do it, run `pawl cluster recover "
                           "--in-words \"" +
                               sentence + "\"`");
    return false;
  }
  if (said == sentence) return true;
  *exit = session.refuse(kConflict, "nothing was changed: the words are not \"" + sentence + "\"");
  return false;
}

}  // namespace

int recover_cluster(Session& session, const RecoverWish& wish) {
  auto options = options_for(wish);
  if (!options.ok()) return session.refuse(options.status());
  if (absl::Status s = become_owner_of(options->directory); !s.ok()) return session.refuse(s);
  prepare_digests();
  daemon::Logger logger(2);
  logger.set_level(daemon::LogLevel::warning);
  auto opened = daemon::LostMajority::open(*options, &logger);
  if (!opened.ok()) return session.refuse(opened.status());
  daemon::LostMajority& majority = **opened;
  const std::string name = "Box " + std::to_string(majority.box().v);
  if (majority.lost().empty()) {
    if (session.json()) {
      session.print_json(as_json(majority, options->directory, false));
    } else {
      session.print(name + " is the only box of its cluster already: start its daemon\n");
    }
    return kDone;
  }
  const std::string sentence = majority.sentence();
  if (!session.json()) {
    session.print(name + ", " + printable(options->directory) + ", has:\n\n" +
                  what_is_left(majority, session.colour()) + kMeaning +
                  (majority.perhaps_removed() ? kPerhapsRemoved : ""));
  } else if (!wish.in_words) {
    session.print_json(as_json(majority, options->directory, false));
  }
  int exit = kDone;
  if (!is_said(session, wish, sentence, &exit)) return exit;
  if (absl::Status s = majority.go_on_alone(); !s.ok()) return session.refuse(s);
  if (session.json()) {
    session.print_json(as_json(majority, options->directory, true));
  } else {
    session.print("\n" + sentence + ".\n" + kNext);
  }
  return kDone;
}

}  // namespace pawl::cli
