#include "log/transfer_file.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "log/format.h"
#include "log/names.h"
#include "log/snapshot_file.h"

namespace pawl::log {
namespace {

constexpr std::string_view kTransferPrefix = "transfer-";
constexpr std::string_view kIncomingPrefix = "incoming-";

std::string name_of(std::string_view prefix, GroupId group) {
  return std::string(prefix).append(hex16(group.v).substr(12)).append(format::kTemporarySuffix);
}

class TakenTransfer final : public BackupSink {
 public:
  TakenTransfer(FileSystem& files, const TakeOptions& options,
                const std::function<absl::Status(std::string_view)>& on_piece)
      : files_(files),
        options_(options),
        on_piece_(on_piece),
        kept_(files, options.directory, options.store_id, options.kept_number, nullptr) {}

  absl::Status on_header(const BackupHeader&) override { return absl::OkStatus(); }
  absl::Status on_state(GroupId, const HardState&) override {
    return absl::DataLossError("a transfer has no hard states");
  }
  absl::Status on_snapshot(const BackedUpSnapshot& snapshot) override {
    const bool right = snapshot.group == options_.group && snapshot.index == options_.index &&
                       snapshot.term == options_.term && snapshot_ == nullptr;
    if (!right) return absl::DataLossError("the transfer is of another snapshot");
    if (snapshot.feature_level > options_.feature_level) {
      return absl::DataLossError("the snapshot was written by a newer pawl");
    }
    snapshot_ = std::make_unique<SnapshotWriter>(
        files_, options_.directory,
        SnapshotHeader{options_.store_id, snapshot.group, snapshot.index, snapshot.term,
                       snapshot.feature_level});
    return absl::OkStatus();
  }
  absl::Status on_piece(std::string_view bytes) override {
    if (absl::Status s = on_piece_(bytes); !s.ok()) return s;
    return snapshot_->append(bytes);
  }
  absl::Status on_entry(GroupId group, Term term, Index index, std::string_view payload) override {
    if (group != options_.group || index > options_.index || index <= last_) {
      return absl::DataLossError("an entry of the transfer is out of place");
    }
    last_ = index;
    return kept_.append(group, term, index, payload);
  }

  // The snapshot last: without it the entries mean nothing.
  absl::StatusOr<KeptFile> commit() {
    if (snapshot_ == nullptr) return absl::DataLossError("the transfer has no snapshot");
    auto kept = kept_.commit({{options_.group, Index(0), options_.index, true}}, {}, 0);
    if (!kept.ok()) return kept;
    if (absl::Status s = snapshot_->commit(); !s.ok()) return s;
    return kept;
  }
  void discard() {
    (void)kept_.discard();
    if (snapshot_ != nullptr) (void)snapshot_->discard();
  }

 private:
  FileSystem& files_;
  const TakeOptions& options_;
  const std::function<absl::Status(std::string_view)>& on_piece_;
  KeptWriter kept_;
  std::unique_ptr<SnapshotWriter> snapshot_;
  Index last_;
};

}  // namespace

std::string transfer_name(GroupId group) { return name_of(kTransferPrefix, group); }
std::string incoming_name(GroupId group) { return name_of(kIncomingPrefix, group); }

bool is_transfer(std::string_view name) {
  return name.ends_with(format::kTemporarySuffix) &&
         (name.starts_with(kTransferPrefix) || name.starts_with(kIncomingPrefix));
}

absl::Status remove_transfers(FileSystem& files, const std::string& directory) {
  const absl::StatusOr<std::vector<FileInfo>> found = files.list(directory);
  if (!found.ok()) return found.status();
  for (const FileInfo& file : *found) {
    if (!is_transfer(file.name)) continue;
    if (absl::Status s = files.remove(join(directory, file.name)); !s.ok()) return s;
  }
  return absl::OkStatus();
}

TransferWriter::TransferWriter(FileSystem& files, std::string path, const BackupHeader& header)
    : files_(files),
      path_(std::move(path)),
      writer_([this](std::string_view bytes) { return write(bytes); }, header) {}

absl::Status TransferWriter::write(std::string_view bytes) {
  if (!begun_) {
    begun_ = true;
    absl::Status gone = files_.remove(path_);
    if (!gone.ok() && !absl::IsNotFound(gone)) return gone;
  }
  absl::Status written = files_.write(path_, offset_, bytes);
  offset_ += bytes.size();
  last_.append(bytes);
  last_.erase(0, last_.size() - std::min(last_.size(), sizeof(Digest)));
  return written;
}

absl::StatusOr<TransferSeal> TransferWriter::finish() {
  if (absl::Status s = writer_.finish(); !s.ok()) return s;
  TransferSeal seal{offset_, {}};
  std::copy(last_.begin(), last_.end(), seal.hash.begin());
  return seal;
}

absl::StatusOr<KeptFile> take_transfer(
    FileSystem& files, const std::string& path, const TakeOptions& options,
    const std::function<absl::Status(std::string_view)>& on_piece) {
  TakenTransfer taken(files, options, on_piece);
  std::uint64_t offset = 0;
  std::string last;
  const auto read = [&](char* out, std::size_t bytes) -> absl::StatusOr<std::size_t> {
    const auto got = files.read(path, offset, out, bytes);
    if (!got.ok()) return got;
    offset += *got;
    last.append(out, *got);
    last.erase(0, last.size() - std::min(last.size(), sizeof(Digest)));
    return got;
  };
  absl::Status status = read_backup(read, path, taken);
  const Digest& hash = options.seal.hash;
  const bool same = offset == options.seal.bytes && last.size() == hash.size() &&
                    std::equal(last.begin(), last.end(), hash.begin(), [](char a, auto b) {
                      return static_cast<unsigned char>(a) == static_cast<unsigned char>(b);
                    });
  if (status.ok() && !same)
    status = absl::DataLossError("read " + path + ": it is not what was sent");
  if (!status.ok()) {
    taken.discard();
    return status;
  }
  return taken.commit();
}

}  // namespace pawl::log
