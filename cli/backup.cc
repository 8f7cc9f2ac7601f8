// `pawl backup FILE`: a store's entries, hard states and snapshots into one checked file. It reads
// the directory, without a daemon or beside one. The journal of a box alone is one sequence, so
// that the frames that are there when it is read are a state that the box was in; the groups of a
// box of a cluster are cut where its daemon says that they are committed (committed_cut.h).
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/digest.h"
#include "cli/command.h"
#include "cli/committed_cut.h"
#include "cli/journal_look.h"
#include "cli/store_directory.h"
#include "codecs/json.h"
#include "log/backup_copy.h"
#include "log/new_file.h"

namespace pawl::cli {
namespace {

// Where a backup goes: a file that is there under its name once it is whole, or stdout.
class Destination {
 public:
  explicit Destination(const std::string& path) {
    if (path != "-") file_.emplace(files_, path);
  }

  // What stands under the name already, without opening it: a FIFO would wait for its other end,
  // and a link would be replaced, not followed.
  static absl::Status check(const std::string& path) {
    struct stat status {};
    if (path == "-" || ::lstat(path.c_str(), &status) != 0)
      return absl::OkStatus();                             // begin() says
    if (S_ISREG(status.st_mode)) return absl::OkStatus();  // likewise
    if (S_ISDIR(status.st_mode)) {
      return absl::InvalidArgumentError(path + " is a directory\nhint: name a file in it");
    }
    const char* const kind = S_ISLNK(status.st_mode)    ? "a symbolic link"
                             : S_ISFIFO(status.st_mode) ? "a FIFO"
                             : S_ISSOCK(status.st_mode) ? "a socket"
                                                        : "a device";
    return absl::InvalidArgumentError(
        path + " is " + kind +
        ", and a backup is a file of its own, written beside its name and then "
        "renamed\nhint: name a new file, or write to stdout: pawl backup - > " +
        path);
  }

  absl::Status begin() {
    if (file_) return file_->begin();
    if (::isatty(STDOUT_FILENO) == 0) return absl::OkStatus();
    return absl::InvalidArgumentError(
        "a backup is not for a terminal\nhint: name a file, or send stdout somewhere");
  }

  absl::Status write(std::string_view bytes) {
    if (file_) return file_->write(bytes);
    while (!bytes.empty()) {
      const ssize_t n = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return absl::DataLossError(std::string("write stdout: ") + std::strerror(errno));
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return absl::OkStatus();
  }

  absl::Status keep() { return file_ ? file_->keep() : absl::OkStatus(); }

 private:
  log::PosixFileSystem files_;
  std::optional<log::NewFile> file_;
};

bool is_of_cluster(const daemon::StoreIdentity& store) {
  return store.founders != std::vector<NodeId>{store.box};
}

std::vector<log::SnapshotPlace> whole_snapshots(const JournalLook& look) {
  std::vector<log::SnapshotPlace> places;
  for (const SeenSnapshot& seen : look.snapshots()) {
    if (seen.whole) places.push_back({seen.group, seen.index, seen.term, seen.feature_level});
  }
  return places;
}

log::BackupHeader header_of(const JournalLook& look, const log::BackupSource& source) {
  log::BackupHeader header;
  header.store_id = look.store()->id;
  header.made_at = TimeMs(std::int64_t{std::time(nullptr)} * 1000);
  header.run_groups = source.run_groups;
  header.feature_level = feature_level_of(source);
  if (source.of_cluster) header.box = look.store()->box;
  return header;
}

class Backup : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("FILE", &file_, "Where the backup goes, which must not exist; `-`: stdout");
    store_.declare(arguments,
                   "The store's directory (else the configuration's, and then its owner's)");
    arguments.footer(
        "A daemon may run meanwhile: what was acknowledged before the backup began, by this box or "
        "by any\nother one of its cluster, is in it. Of a cluster's box the daemon is asked for "
        "that (--socket), which\ntakes the role reader.");
  }

  int run(Session& session) override {
    const absl::StatusOr<StoreDirectory> store = find_store_directory(store_);
    if (!store.ok()) return session.refuse(store.status());
    if (const absl::Status s = Destination::check(file_); !s.ok()) return session.refuse(s);
    prepare_digests();
    log::PosixFileSystem files;
    std::vector<Index> through;
    // What is wrong with the file is said below, with all else.
    const auto identity = daemon::read_store(files, store->path);
    if (identity.ok() && is_of_cluster(*identity)) {
      CommittedCut cut = find_committed_cut(session, store->path, *identity);
      if (cut.exit != kDone) return cut.exit;
      through = std::move(cut.through);
      if (through.empty()) session.note(kNoDaemon);
    }
    JournalLook look(session, store->path);
    if (const absl::Status s = look.read(); !s.ok()) {
      return session.refuse(absl::IsNotFound(s) ? kNotFound : kFailed, std::string(s.message()));
    }
    if (const int unfit = refuse_unfit(session, look); unfit != kDone) return unfit;
    return write(session, look, std::move(through));
  }

 private:
  static constexpr const char* kNoDaemon =
      "note: no daemon runs on this store, so the backup has what this box has: what the others of "
      "its\n      cluster acknowledged, and it had not heard of, is not in it";

  int write(Session& session, JournalLook& look, std::vector<Index> through) {
    log::PosixFileSystem files;
    log::BackupSource source{files, look.directory(), look.scan(), whole_snapshots(look), 0, {}};
    source.run_groups = look.store()->run_groups;
    source.through = std::move(through);
    source.of_cluster = is_of_cluster(*look.store());
    Destination destination(file_);
    absl::Status status = destination.begin();
    if (absl::IsAlreadyExists(status)) {
      return session.refuse(kConflict, std::string(status.message()));
    }
    if (!status.ok()) return session.refuse(status);
    log::BackupWriter writer(
        [&destination](std::string_view bytes) { return destination.write(bytes); },
        header_of(look, source));
    status = copy_store(source, &writer);
    if (status.ok()) status = writer.finish();
    if (status.ok()) {
      if (const int unfit = refuse_unfit(session, look); unfit != kDone) return unfit;
      status = destination.keep();
    }
    if (absl::IsAborted(status)) {
      return session.refuse(kFailed, std::string(status.message()) + "\nhint: run it again");
    }
    if (!status.ok()) return session.refuse(kFailed, std::string(status.message()));
    for (const log::Finding& finding : look.findings()) {
      session.note("note: " + printable(finding.path) + ", offset " +
                   std::to_string(finding.offset) + ": " + finding.what);
    }
    tell(session, look, writer);
    return kDone;
  }

  // What is damaged, or was given up while it was read, makes no backup. What an operator gave up
  // before, or another box has filled, is missing from the store itself.
  int refuse_unfit(Session& session, JournalLook& look) {
    if (look.damages() > 0) {
      for (const log::Finding& finding : look.findings()) {
        session.note((finding.damage ? "damage: " : "note: ") + printable(finding.path) +
                     ", offset " + std::to_string(finding.offset) + ": " + finding.what);
      }
      return session.refuse(kFailed,
                            "a damaged store is not backed up\nhint: `pawl journal verify` says "
                            "what to do about each place");
    }
    if (!look.is_passing()) return kDone;
    return session.refuse(kFailed,
                          "the daemon gave up a part of the journal while it was read\nhint: "
                          "run it again");
  }

  void tell(Session& session, const JournalLook& look, const log::BackupWriter& writer) {
    const log::BackupCounts& counts = writer.counts();
    const std::string text = "backed up store " + store_text(look.store()->id) + ": " +
                             std::to_string(counts.entries) + " entries, " +
                             std::to_string(counts.snapshots) + " snapshots, " +
                             bytes_text(writer.bytes());
    if (file_ == "-") return session.note(text);
    if (!session.json()) return session.print(text + "\n");
    std::string out;
    codecs::JsonWriter w(&out);
    w.begin_object().field("file", file_).field("store", store_text(look.store()->id));
    w.field("entries", counts.entries).field("snapshots", counts.snapshots);
    w.field("bytes", writer.bytes()).end_object();
    session.print_json(out);
  }

  std::string file_;
  StoreWish store_;
};

}  // namespace

std::unique_ptr<Command> make_backup() { return std::make_unique<Backup>(); }

}  // namespace pawl::cli
