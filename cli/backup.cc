// `pawl backup FILE`: a store's entries, hard states and snapshots into one checked file. It reads
// the directory, without a daemon or beside one: the journal is one sequence, so the frames that
// are there when it is read are a state that the box was in.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/digest.h"
#include "cli/command.h"
#include "cli/journal_look.h"
#include "cli/store_directory.h"
#include "codecs/json.h"
#include "log/backup_file.h"
#include "log/names.h"
#include "log/snapshot_file.h"

namespace pawl::cli {
namespace {

// Where a backup goes: a file that is there under its name once it is whole, or stdout.
class Destination {
 public:
  explicit Destination(std::string path) : path_(std::move(path)), to_file_(path_ != "-") {}
  ~Destination() {
    if (to_file_ && begun_ && !kept_) (void)files_.remove(temporary());
  }
  Destination(const Destination&) = delete;
  Destination& operator=(const Destination&) = delete;

  absl::Status begin() {
    if (!to_file_) {
      if (::isatty(STDOUT_FILENO) == 0) return absl::OkStatus();
      return absl::InvalidArgumentError(
          "a backup is not for a terminal\nhint: name a file, or send stdout somewhere");
    }
    if (::access(path_.c_str(), F_OK) == 0) {
      return absl::AlreadyExistsError(path_ + " is there already and is never overwritten");
    }
    const absl::Status gone = files_.remove(temporary());
    if (!gone.ok() && !absl::IsNotFound(gone)) return gone;
    begun_ = true;
    return absl::OkStatus();
  }

  absl::Status write(std::string_view bytes) {
    if (to_file_) {
      const absl::Status status = files_.write(temporary(), offset_, bytes);
      offset_ += bytes.size();
      return status;
    }
    while (!bytes.empty()) {
      const ssize_t n = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return absl::DataLossError(std::string("write stdout: ") + std::strerror(errno));
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return absl::OkStatus();
  }

  absl::Status keep() {
    if (!to_file_) return absl::OkStatus();
    absl::Status status = files_.sync(temporary());
    if (status.ok()) status = files_.rename(temporary(), path_);
    kept_ = status.ok();
    const std::size_t slash = path_.rfind('/');
    if (!status.ok()) return status;
    return files_.sync_directory(slash == std::string::npos ? "."
                                 : slash == 0               ? "/"
                                                            : path_.substr(0, slash));
  }

 private:
  std::string temporary() const { return path_ + ".tmp"; }

  const std::string path_;
  const bool to_file_;
  log::PosixFileSystem files_;
  std::uint64_t offset_ = 0;
  bool begun_ = false;
  bool kept_ = false;
};

// The newest snapshot of each group.
absl::Status copy_snapshots(JournalLook& look, log::BackupWriter* writer) {
  log::PosixFileSystem files;
  std::optional<GroupId> copied;
  for (const SeenSnapshot& snapshot : look.snapshots()) {
    if (copied == snapshot.group || !snapshot.whole) continue;
    copied = snapshot.group;
    auto reader = log::SnapshotReader::open(files, log::join(look.directory(), snapshot.name),
                                            look.scan().store_id());
    if (!reader.ok()) return reader.status();
    absl::Status status = writer->begin_snapshot(
        {snapshot.group, snapshot.index, snapshot.term, snapshot.feature_level});
    while (status.ok()) {
      const auto chunk = (*reader)->next_chunk();
      if (!chunk.ok()) return chunk.status();
      if (chunk->empty()) break;
      status = writer->add_piece(*chunk);
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status copy(JournalLook& look, log::BackupWriter* writer) {
  const log::JournalScan& scan = look.scan();
  absl::Status status;
  for (std::size_t g = 0; g < scan.states().size() && status.ok(); ++g) {
    if (!scan.states()[g]) continue;
    status = writer->add_state(GroupId(static_cast<std::uint16_t>(g)), *scan.states()[g]);
  }
  if (status.ok()) status = copy_snapshots(look, writer);
  if (!status.ok()) return status;
  status = look.scan().entries(
      [writer](const log::ScannedEntry& entry, std::string_view payload) -> absl::Status {
        if (entry.replaced) return absl::OkStatus();
        return writer->add_entry(entry.group, entry.term, entry.index, payload);
      });
  return status.ok() ? writer->finish() : status;
}

log::BackupHeader header_of(const JournalLook& look, const log::JournalScan& scan) {
  log::BackupHeader header;
  header.store_id = look.store()->id;
  header.made_at = TimeMs(std::int64_t{std::time(nullptr)} * 1000);
  header.run_groups = look.store()->run_groups;
  for (const log::ScannedSegment& segment : scan.segments()) {
    header.feature_level = std::max(header.feature_level, segment.feature_level);
  }
  for (const SeenSnapshot& snapshot : look.snapshots()) {
    header.feature_level = std::max(header.feature_level, snapshot.feature_level);
  }
  return header;
}

class Backup : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("FILE", &file_, "Where the backup goes, which must not exist; `-`: stdout");
    store_.declare(arguments,
                   "The store's directory (else the configuration's, and then its owner's)");
    arguments.footer(
        "A daemon may run meanwhile: what it acknowledged before the backup began is in it.\nThe "
        "store of a box that belongs to a cluster can't be backed up in this version.");
  }

  int run(Session& session) override {
    const absl::StatusOr<StoreDirectory> store = find_store_directory(store_);
    if (!store.ok()) return session.refuse(store.status());
    prepare_digests();
    JournalLook look(session, store->path);
    if (const absl::Status s = look.read(); !s.ok()) {
      return session.refuse(absl::IsNotFound(s) ? kNotFound : kFailed, std::string(s.message()));
    }
    if (const int unfit = refuse_unfit(session, look); unfit != kDone) return unfit;
    Destination destination(file_);
    absl::Status status = destination.begin();
    if (absl::IsAlreadyExists(status))
      return session.refuse(kConflict, std::string(status.message()));
    if (!status.ok()) return session.refuse(status);
    log::BackupWriter writer(
        [&destination](std::string_view bytes) { return destination.write(bytes); },
        header_of(look, look.scan()));
    status = copy(look, &writer);
    if (status.ok()) {
      if (const int unfit = refuse_unfit(session, look); unfit != kDone) return unfit;
      status = destination.keep();
    }
    if (!status.ok()) return session.refuse(kFailed, std::string(status.message()));
    tell(session, look, writer);
    return kDone;
  }

 private:
  // What is damaged, or was given up while it was read, makes no backup.
  int refuse_unfit(Session& session, JournalLook& look) {
    if (look.damages() > 0) {
      for (const log::Finding& finding : look.findings()) {
        session.note("damage: " + printable(finding.path) + ", offset " +
                     std::to_string(finding.offset) + ": " + finding.what);
      }
      return session.refuse(kFailed,
                            "a damaged store is not backed up\nhint: `pawl journal verify` says "
                            "what to do about each place");
    }
    if (!look.findings().empty()) {
      return session.refuse(kFailed,
                            "the daemon gave up a part of the journal while it was read\nhint: "
                            "run it again");
    }
    if (look.store()->founders != std::vector<NodeId>{look.store()->box}) {
      return session.refuse(kConflict,
                            "box " + std::to_string(look.store()->box.v) +
                                " belongs to a cluster, and a single box's part of it can't be "
                                "backed up in this version\nhint: the other boxes are its copies; "
                                "`pawl cluster recover` goes on from any one of them");
    }
    return kDone;
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
