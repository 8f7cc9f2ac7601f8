#include "log/snapshot_file.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/limits.h"
#include "log/format.h"
#include "log/names.h"

namespace pawl::log {
namespace {

// Marks the footer where a chunk's length would be.
constexpr std::uint32_t kFooterLength = 0;

std::string group_prefix(GroupId group) {
  return std::string(format::kSnapshotPrefix).append(hex16(group.v).substr(12)).append("-");
}

void encode_header(const SnapshotHeader& header, std::string* out) {
  std::string checked;
  ByteWriter w(&checked);
  w.fixed32(format::kVersion);
  w.raw({reinterpret_cast<const char*>(header.store_id.data()), header.store_id.size()});
  w.fixed16(header.group.v);
  w.fixed16(0);
  w.fixed32(header.feature_level);
  w.fixed64(header.index.v);
  w.fixed64(header.term.v);
  w.fixed64(0);
  w.fixed64(0);
  out->append(format::kSnapshotMagic);
  ByteWriter(out).fixed32(crc32c(checked));
  out->append(checked);
  PAWL_CHECK(out->size() == format::kSnapshotHeaderBytes);
}

// False if it is damaged; `version` tells a newer format.
bool decode_header(std::string_view bytes, SnapshotHeader* header, std::uint32_t* version) {
  ByteReader in(bytes);
  const bool magic = in.raw(format::kSnapshotMagic.size()) == format::kSnapshotMagic;
  if (!magic || in.fixed32() != crc32c(bytes.substr(12))) return false;
  *version = in.fixed32();
  const std::string_view id = in.raw(header->store_id.size());
  for (std::size_t i = 0; i < id.size(); ++i) {
    header->store_id[i] = static_cast<unsigned char>(id[i]);
  }
  header->group = GroupId(in.fixed16());
  in.fixed16();
  header->feature_level = in.fixed32();
  header->index = Index(in.fixed64());
  header->term = Term(in.fixed64());
  return in.ok();
}

// Of the file's name; nullopt if it is no snapshot of the group.
std::optional<Index> parse_snapshot_name(std::string_view name, GroupId group) {
  const std::string prefix = group_prefix(group);
  if (name.size() != prefix.size() + 16 + format::kSnapshotSuffix.size()) return std::nullopt;
  if (name.substr(0, prefix.size()) != prefix ||
      name.substr(prefix.size() + 16) != format::kSnapshotSuffix) {
    return std::nullopt;
  }
  const auto index = parse_hex16(name.substr(prefix.size(), 16));
  return index ? std::optional<Index>(Index(*index)) : std::nullopt;
}

}  // namespace

std::string snapshot_name(GroupId group, Index index) {
  return group_prefix(group).append(hex16(index.v)).append(format::kSnapshotSuffix);
}

SnapshotWriter::SnapshotWriter(FileSystem& files, std::string directory,
                               const SnapshotHeader& header)
    : files_(files),
      directory_(std::move(directory)),
      header_(header),
      temporary_(join(directory_,
                      snapshot_name(header.group, header.index).append(format::kTemporarySuffix))) {
}

// The header goes first; a leftover of the same name goes away.
absl::Status SnapshotWriter::start() {
  if (started_) return absl::OkStatus();
  started_ = true;
  absl::Status gone = files_.remove(temporary_);
  if (!gone.ok() && !absl::IsNotFound(gone)) return gone;
  encode_header(header_, &record_);
  crc_ = crc32c(record_);
  digest_ = digest(record_);
  return absl::OkStatus();
}

absl::Status SnapshotWriter::append(std::string_view bytes) {
  while (status_.ok() && !bytes.empty()) {
    const std::size_t room = limits::kSnapshotChunkBytes - chunk_.size();
    chunk_.append(bytes.substr(0, room));
    bytes.remove_prefix(std::min(room, bytes.size()));
    if (chunk_.size() == limits::kSnapshotChunkBytes) status_ = flush_chunk();
  }
  return status_;
}

absl::Status SnapshotWriter::flush_chunk() {
  if (absl::Status s = start(); !s.ok()) return s;
  crc_ = crc32c(chunk_, crc_);
  digest_ = digest_chain(digest_, chunk_);
  content_bytes_ += chunk_.size();
  ByteWriter w(&record_);
  w.fixed32(static_cast<std::uint32_t>(chunk_.size()));
  w.fixed32(crc_);
  w.raw(chunk_);
  chunk_.clear();
  absl::Status written = files_.write(temporary_, offset_, record_);
  offset_ += record_.size();
  record_.clear();
  return written;
}

absl::Status SnapshotWriter::sync() {
  if (!status_.ok() || unsynced_bytes() == 0) return status_;
  status_ = files_.sync(temporary_);
  synced_ = offset_;
  return status_;
}

absl::Status SnapshotWriter::commit() {
  if (status_.ok() && !chunk_.empty()) status_ = flush_chunk();
  if (status_.ok()) status_ = start();
  if (!status_.ok()) return status_;
  std::string footer;
  ByteWriter w(&footer);
  w.fixed64(content_bytes_);
  w.raw(as_view(digest_));
  ByteWriter head(&record_);
  head.fixed32(kFooterLength);
  head.fixed32(crc32c(footer, crc_));
  record_.append(footer);
  status_ = files_.write(temporary_, offset_, record_);
  if (status_.ok()) status_ = files_.sync(temporary_);
  if (status_.ok()) {
    status_ =
        files_.rename(temporary_, join(directory_, snapshot_name(header_.group, header_.index)));
  }
  if (status_.ok()) status_ = files_.sync_directory(directory_);
  return status_;
}

absl::Status SnapshotWriter::discard() {
  status_ = absl::FailedPreconditionError("write " + temporary_ + ": it was discarded");
  absl::Status gone = files_.remove(temporary_);
  return absl::IsNotFound(gone) ? absl::OkStatus() : gone;
}

absl::StatusOr<std::unique_ptr<SnapshotReader>> SnapshotReader::open(FileSystem& files,
                                                                     std::string path,
                                                                     const StoreId& store_id) {
  std::unique_ptr<SnapshotReader> reader(new SnapshotReader(files, std::move(path)));
  if (absl::Status s = reader->verify(store_id); !s.ok()) return s;
  return reader;
}

absl::Status SnapshotReader::damaged(const char* what) const {
  return absl::DataLossError("read " + path_ + ": " + what + " at offset " +
                             std::to_string(offset_) +
                             "; remove this file, the older snapshot of the group is used then");
}

// Into buffer_, from offset_ on; moves offset_.
absl::Status SnapshotReader::read_exactly(std::size_t bytes) {
  buffer_.resize(bytes);
  const absl::StatusOr<std::size_t> got = files_.read(path_, offset_, buffer_.data(), bytes);
  if (!got.ok()) return got.status();
  if (*got != bytes) return damaged("the file ends too early");
  offset_ += bytes;
  return absl::OkStatus();
}

absl::Status SnapshotReader::verify(const StoreId& store_id) {
  if (absl::Status s = read_exactly(format::kSnapshotHeaderBytes); !s.ok()) return s;
  std::uint32_t version = 0;
  if (!decode_header(buffer_, &header_, &version)) {
    offset_ = 0;
    return damaged("the header is damaged");
  }
  if (version != format::kVersion) {
    return absl::FailedPreconditionError("read " + path_ +
                                         ": written in a newer format; use the version of Pawl "
                                         "that wrote it, or a later one");
  }
  if (header_.store_id != store_id) {
    return absl::FailedPreconditionError("read " + path_ +
                                         ": it belongs to another store; move it away");
  }
  const std::uint32_t first_crc = crc32c(buffer_);
  crc_ = first_crc;
  Digest whole = digest(buffer_);
  for (;;) {
    absl::StatusOr<std::string_view> chunk = next_chunk();
    if (!chunk.ok()) return chunk.status();
    if (chunk->empty()) break;
    content_bytes_ += chunk->size();
    whole = digest_chain(whole, *chunk);
  }
  if (absl::Status s = check_footer(whole); !s.ok()) return s;
  offset_ = format::kSnapshotHeaderBytes;
  crc_ = first_crc;
  return absl::OkStatus();
}

absl::StatusOr<std::string_view> SnapshotReader::next_chunk() {
  if (absl::Status s = read_exactly(format::kSnapshotChunkHeaderBytes); !s.ok()) return s;
  ByteReader in(buffer_);
  const std::uint32_t bytes = in.fixed32();
  const std::uint32_t crc = in.fixed32();
  if (bytes == kFooterLength) {
    offset_ -= format::kSnapshotChunkHeaderBytes;  // the footer stays unread, the end is sticky
    return std::string_view();
  }
  if (bytes > limits::kSnapshotChunkBytes) return damaged("a chunk's length is damaged");
  if (absl::Status s = read_exactly(bytes); !s.ok()) return s;
  crc_ = crc32c(buffer_, crc_);
  if (crc_ != crc) {
    offset_ -= bytes;
    return damaged("a chunk is damaged");
  }
  return std::string_view(buffer_);
}

absl::Status SnapshotReader::check_footer(const Digest& whole) {
  if (absl::Status s =
          read_exactly(format::kSnapshotChunkHeaderBytes + format::kSnapshotFooterBytes);
      !s.ok()) {
    return s;
  }
  ByteReader in(buffer_);
  in.fixed32();
  const std::uint32_t crc = in.fixed32();
  const std::string_view footer =
      std::string_view(buffer_).substr(format::kSnapshotChunkHeaderBytes);
  const std::uint64_t bytes = in.fixed64();
  if (crc32c(footer, crc_) != crc || bytes != content_bytes_ ||
      in.raw(whole.size()) != as_view(whole)) {
    return damaged("the whole-file hash is wrong");
  }
  char more;
  const absl::StatusOr<std::size_t> got = files_.read(path_, offset_, &more, 1);
  if (!got.ok()) return got.status();
  return *got == 0 ? absl::OkStatus() : damaged("the file goes on past its footer");
}

absl::StatusOr<std::vector<Index>> list_snapshots(FileSystem& files, const std::string& directory,
                                                  GroupId group) {
  const absl::StatusOr<std::vector<FileInfo>> found = files.list(directory);
  if (!found.ok()) return found.status();
  std::vector<Index> indexes;
  for (const FileInfo& file : *found) {
    if (const auto index = parse_snapshot_name(file.name, group)) indexes.push_back(*index);
  }
  std::sort(indexes.rbegin(), indexes.rend());
  return indexes;
}

absl::Status remove_old_snapshots(FileSystem& files, const std::string& directory, GroupId group,
                                  std::size_t keep) {
  const absl::StatusOr<std::vector<Index>> indexes = list_snapshots(files, directory, group);
  if (!indexes.ok()) return indexes.status();
  for (std::size_t i = keep; i < indexes->size(); ++i) {
    absl::Status s = files.remove(join(directory, snapshot_name(group, (*indexes)[i])));
    if (!s.ok()) return s;
  }
  const absl::StatusOr<std::vector<FileInfo>> found = files.list(directory);
  if (!found.ok()) return found.status();
  for (const FileInfo& file : *found) {
    const std::string_view name = file.name;
    if (name.size() <= format::kTemporarySuffix.size()) continue;
    const std::size_t stem = name.size() - format::kTemporarySuffix.size();
    if (name.substr(stem) != format::kTemporarySuffix) continue;
    if (!parse_snapshot_name(name.substr(0, stem), group)) continue;
    if (absl::Status s = files.remove(join(directory, name)); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status remove_snapshots_before(FileSystem& files, const std::string& directory, GroupId group,
                                     Index from) {
  const absl::StatusOr<std::vector<FileInfo>> found = files.list(directory);
  if (!found.ok()) return found.status();
  for (const FileInfo& file : *found) {
    std::string_view stem = file.name;
    const bool damaged = stem.ends_with(format::kDamagedSuffix);
    if (damaged) stem.remove_suffix(format::kDamagedSuffix.size());
    if (stem.ends_with(format::kTemporarySuffix)) {
      stem.remove_suffix(format::kTemporarySuffix.size());
    }
    const auto index = parse_snapshot_name(stem, group);
    if (!index || (*index >= from && !damaged)) continue;
    if (absl::Status s = files.remove(join(directory, file.name)); !s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace pawl::log
