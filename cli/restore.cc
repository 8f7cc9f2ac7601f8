// `pawl restore FILE --data DIR`: a backup becomes a store with a new id, verified before it is
// live.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/digest.h"
#include "cli/command.h"
#include "cli/journal_look.h"
#include "cli/program.h"
#include "cli/store_directory.h"
#include "codecs/json.h"
#include "codecs/seal.h"
#include "daemon/restored_store.h"

namespace pawl::cli {
namespace {

absl::StatusOr<std::size_t> read_some(int fd, const std::string& name, char* out,
                                      std::size_t bytes) {
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t n = ::read(fd, out + done, bytes - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::DataLossError("read " + name + ": " + std::strerror(errno));
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

class Restore : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("FILE", &file_, "The backup; `-`: stdin");
    store_.declare(arguments,
                   "The directory of the new store: empty, or not there (else the "
                   "configuration's)");
    arguments.footer(
        "Nothing is live before all of it was verified; a store that is there is never "
        "overwritten.\nThe new store has an id of its own. It is a box alone, whatever it was made "
        "of; with a\nconfiguration that has [cluster] it is that box, the only one of its cluster, "
        "to which\nothers are added.");
  }

  int run(Session& session) override {
    const absl::StatusOr<StoreDirectory> directory = find_new_store(store_);
    if (!directory.ok()) return session.refuse(directory.status());
    // Before the owner's rights are taken on: the backup may be root's.
    OwnedFd opened(file_ == "-" ? -1 : ::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
    const std::string name = file_ == "-" ? "stdin" : file_;
    if (file_ != "-" && !opened.is_open()) {
      return session.refuse(errno == ENOENT ? kNotFound : kFailed,
                            "read " + name + ": " + std::strerror(errno) +
                                "\nhint: name a file that `pawl backup` wrote");
    }
    if (const absl::Status s = become_owner_of(directory->path); !s.ok()) return session.refuse(s);
    const int fd = file_ == "-" ? STDIN_FILENO : opened.get();
    return restore(session, *directory, name, fd);
  }

 private:
  int restore(Session& session, const StoreDirectory& directory, const std::string& name, int fd) {
    prepare_digests();
    daemon::Logger logger(2);
    logger.set_level(daemon::LogLevel::warning);
    daemon::RestoreOptions options;
    options.directory = directory.path;
    options.segment_bytes = directory.segment_bytes;
    options.preallocate = directory.preallocate;
    options.wall_ms = std::int64_t{std::time(nullptr)} * 1000;
    options.random_16.resize(16);
    codecs::SystemRandomBytes random;
    random.fill(reinterpret_cast<unsigned char*>(options.random_16.data()),
                options.random_16.size());
    options.box = directory.wanted.box;
    options.founders = directory.wanted.founders;
    options.address = directory.address;
    daemon::StoreLock lock;
    options.lock = [&lock](const std::string& path) { return lock.acquire(path); };
    log::PosixFileSystem files;
    log::PosixDirectories directories;
    daemon::RestoredStore restored(files, directories, options, &logger);
    absl::Status status = restored.begin();
    if (status.ok()) {
      status = log::read_backup(
          [&](char* out, std::size_t bytes) { return read_some(fd, name, out, bytes); }, name,
          restored);
    }
    if (status.ok()) status = restored.finish();
    if (absl::IsAlreadyExists(status)) {
      return session.refuse(kConflict, std::string(status.message()));
    }
    if (!status.ok()) return refuse(session, directory.path, status, &restored);
    tell(session, directory, restored);
    return kDone;
  }

  static int refuse(Session& session, const std::string& directory, const absl::Status& status,
                    daemon::RestoredStore* restored) {
    std::string hint = "nothing was restored, and nothing is left of it";
    if (restored->is_live()) {
      hint = "the store in " + printable(directory) +
             " is whole, but whether it outlives a power loss is not known: check the disk, remove "
             "the directory and restore again";
    } else if (const absl::Status left = restored->give_up(); !left.ok()) {
      hint = "nothing was restored; what is left, in " + printable(directory) +
             "/restoring, is removed by the next restore into it, or by hand (" +
             std::string(left.message()) + ")";
    }
    return session.refuse(kFailed, std::string(status.message()) + "\nhint: " + hint);
  }

  static void tell(Session& session, const StoreDirectory& directory,
                   const daemon::RestoredStore& restored) {
    const log::BackupCounts& counts = restored.counts();
    std::string made;
    codecs::JsonWriter(&made).begin_array().time_ms(restored.header().made_at.v).end_array();
    made = made.substr(2, made.size() - 4);
    if (!session.json()) {
      session.print("restored " + std::to_string(restored.runs()) + " runs, " +
                    std::to_string(counts.entries) + " entries and " +
                    std::to_string(counts.snapshots) + " snapshots into " +
                    printable(directory.path) + "\nThe backup was made at " + made + " of store " +
                    store_text(restored.header().store_id) + of_box(restored.header()) +
                    "; this store is " + store_text(restored.store().id) + ".\n" +
                    next(directory, restored) + kMissing);
      return;
    }
    std::string out;
    codecs::JsonWriter w(&out);
    w.begin_object().field("data", directory.path).field("store", store_text(restored.store().id));
    w.field("backup_of", store_text(restored.header().store_id)).field("made_at", made);
    w.field("runs", restored.runs()).field("entries", counts.entries);
    w.field("snapshots", counts.snapshots);
    if (restored.header().box.v != 0) w.field("backup_of_box", restored.header().box.v);
    if (restored.of_cluster()) w.field("box", restored.store().box.v);
    w.end_object();
    session.print_json(out);
  }

  static std::string of_box(const log::BackupHeader& header) {
    return header.box.v == 0 ? "" : ", box " + std::to_string(header.box.v) + " of a cluster";
  }

  static std::string next(const StoreDirectory& directory, const daemon::RestoredStore& restored) {
    if (restored.of_cluster()) return kNextOfCluster;
    if (directory.address.empty()) return kNext;
    return "It is a box alone, to which no other can be added: [cluster] names nobody but box " +
           std::to_string(restored.store().box.v) +
           ".\nStart the daemon on it. Or make it the first box of a cluster: list the box "
           "that the backup was made on\nin [[cluster.peer]] too, gone or not, give this one a "
           "number never "
           "used and founder = false, remove\n" +
           printable(directory.path) + ", and restore again.\n";
  }

  static constexpr const char* kNext = "It is a box alone. Start the daemon on it.\n";
  static constexpr const char* kNextOfCluster =
      "It is the only box of its cluster. Put the cluster's keyring where the configuration says, "
      "and start\nthe daemon on it. Then `pawl cluster keys rotate` keeps out boxes of the old "
      "cluster, and `pawl cluster\nadd --box NODE --address HOST:PORT` adds others, with numbers "
      "never used.\n";
  static constexpr const char* kMissing =
      "What happened after the backup is not in it: timers that were due\n"
      "since then fire, and tasks that were out are handed out again, with the same idempotency "
      "keys.\nThe old store, or cluster, must not go on beside it: both would do the same work.\n";

  std::string file_;
  StoreWish store_;
};

}  // namespace

std::unique_ptr<Command> make_restore() { return std::make_unique<Restore>(); }

}  // namespace pawl::cli
