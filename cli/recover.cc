// `pawl recover`: a damaged store of a box alone goes on without what is missing.
#include <ctime>

#include "base/digest.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/store_directory.h"
#include "codecs/json.h"
#include "daemon/recovered_store.h"

namespace pawl::cli {
namespace {

using What = daemon::RecoveredStore::What;

std::string time_text(TimeMs at) {
  if (at.v <= 0) return "a time that is not known";
  const std::time_t seconds = at.v / 1000;
  std::tm parts{};
  char text[32];
  std::strftime(text, sizeof text, "%FT%TZ", gmtime_r(&seconds, &parts));
  return text;
}

const char* name_of(What what) {
  switch (what) {
    case What::nothing:
      return "nothing";
    case What::histories:
      return "histories";
    case What::cut:
      return "cut";
  }
  return "";
}

std::uint64_t entries_of(const daemon::RecoveredStore& store) {
  std::uint64_t sum = 0;
  for (const auto& loss : store.losses()) sum += loss.entries;
  return sum;
}

bool more_than_known(const daemon::RecoveredStore& store) {
  for (const auto& loss : store.losses()) {
    if (loss.unknown) return true;
  }
  return false;
}

std::string as_json(const daemon::RecoveredStore& store, const std::string& directory, bool done) {
  std::string out;
  codecs::JsonWriter w(&out);
  w.begin_object().field("data", directory).field("loses", name_of(store.what()));
  if (store.what() != What::nothing) {
    w.field("file", store.file()).field("offset", store.offset());
    w.field("entries", entries_of(store)).field("more_than_known", more_than_known(store));
    if (store.what() == What::histories) w.field("runs", store.runs());
    if (store.what() == What::cut) w.field("segments", store.segments());
    if (store.what() == What::cut && store.since().v > 0)
      w.field("since", time_text(store.since()));
    w.plain_key("groups").begin_array();
    for (const auto& loss : store.losses()) {
      w.begin_object().field("group", int{loss.group.v}).field("last", loss.last.v);
      w.field("entries", loss.entries).field("more_than_known", loss.unknown).end_object();
    }
    w.end_array();
  }
  w.field("recovered", done).end_object();
  return out;
}

std::string as_text(const daemon::RecoveredStore& store) {
  std::string text = "The damage begins in " + printable(store.file()) + " at offset " +
                     std::to_string(store.offset()) + ".\nMissing: " + store.missing() + "\n\n";
  const std::string entries = std::to_string(entries_of(store)) +
                              (more_than_known(store) ? " entries, perhaps more," : " entries");
  const std::string groups =
      std::to_string(store.losses().size()) + (store.losses().size() == 1 ? " group" : " groups");
  if (store.what() == What::histories && store.losses().empty() && store.runs() == 0) {
    return text + "Nothing is lost with it: what is damaged is written anew.\n";
  }
  if (store.what() == What::histories) {
    return text +
           "Snapshots stand for all of it: every run is as it was. What would be lost:\n  - " +
           entries + " of " + groups + " in the histories of at most " +
           std::to_string(store.runs()) +
           " kept runs; their chained hash can't be recomputed any more\n";
  }
  return text +
         "No snapshot stands for all of it: the store would go back to what it was before the "
         "damage. What would be lost:\n  - " +
         entries + " of " + groups + ", all since " + time_text(store.since()) +
         ": starts, signals and completions whose callers were told that they were done\n  - " +
         std::to_string(store.segments()) +
         " segments behind it are put aside as *.damaged\nTasks whose completion is lost are "
         "handed out "
         "again, with the same idempotency key. A backup that is newer than that loses less.\n";
}

class Recover : public Command {
 public:
  void declare(Arguments& arguments) override {
    store_.declare(arguments, "The data directory of the damaged box (else the configuration's)");
    arguments.flag("--yes", &yes_, "Do it; else nothing is changed");
    arguments.footer(
        "For a box alone whose daemon refuses to start because its journal is damaged; it must not "
        "run.\nWithout --yes it shows what would be lost. What is given up is kept beside as "
        "*.damaged.\nA box of a cluster fetches what it lost from the others by itself.");
  }

  int run(Session& session) override {
    const absl::StatusOr<StoreDirectory> directory = find_store_directory(store_);
    if (!directory.ok()) return session.refuse(directory.status());
    if (absl::Status s = become_owner_of(directory->path); !s.ok()) return session.refuse(s);
    prepare_digests();
    daemon::Logger logger(2);
    logger.set_level(daemon::LogLevel::warning);
    daemon::OpenNodeOptions options;
    options.now.wall_ms = std::int64_t{std::time(nullptr)} * 1000;
    options.directory = directory->path;
    options.segment_bytes = directory->segment_bytes;
    options.preallocate = directory->preallocate;
    auto opened = daemon::RecoveredStore::open(options, &logger);
    if (!opened.ok()) return session.refuse(opened.status());
    daemon::RecoveredStore& store = **opened;
    const bool does = yes_ && store.what() != What::nothing;
    if (!session.json() && store.what() == What::nothing) {
      session.print("The journal in " + printable(directory->path) + " is not damaged\n");
    } else if (!session.json()) {
      session.print(as_text(store));
    }
    if (does) {
      if (absl::Status s = store.recover(); !s.ok()) return session.refuse(s);
    }
    if (session.json()) {
      session.print_json(as_json(store, directory->path, does));
    } else if (does) {
      session.print("\nDone. Start the daemon; `pawl journal verify` names what is missing.\n");
    } else if (store.what() != What::nothing) {
      session.print("\nNothing was changed. To do it: pawl recover --data " +
                    printable(directory->path) + " --yes\n");
    }
    return kDone;
  }

 private:
  StoreWish store_;
  bool yes_ = false;
};

}  // namespace

std::unique_ptr<Command> make_recover() { return std::make_unique<Recover>(); }

}  // namespace pawl::cli
