#include "log/backup_file.h"

#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/limits.h"

namespace pawl::log {
namespace {

enum class RecordKind : std::uint8_t { state = 1, snapshot = 2, piece = 3, entry = 4, end = 5 };

constexpr std::size_t kEndBytes = 12 + 32;
// A chunk is closed once it has kBackupChunkBytes, and a record is never split.
constexpr std::size_t kChunkRawBytesMax = limits::kBackupChunkBytes + limits::kEntryBytesMax + 64;
static_assert(limits::kSnapshotChunkBytes <= limits::kEntryBytesMax);

std::string encoded(const BackupHeader& header) {
  std::string checked;
  ByteWriter w(&checked);
  w.fixed32(header.box.v == 0 ? format::kBackupVersion : format::kBackupOfClusterVersion);
  w.raw({reinterpret_cast<const char*>(header.store_id.data()), header.store_id.size()});
  w.fixed64(static_cast<std::uint64_t>(header.made_at.v));
  w.fixed32(header.feature_level);
  w.fixed16(header.run_groups);
  w.fixed16(0);
  w.fixed64(header.box.v);
  w.fixed64(0);
  std::string out(format::kBackupMagic);
  ByteWriter(&out).fixed32(crc32c(checked));
  out += checked;
  PAWL_CHECK(out.size() == format::kBackupHeaderBytes);
  return out;
}

class BackupReader {
 public:
  BackupReader(const BackupRead& read, const std::string& name, BackupSink& sink)
      : read_(read), name_(name), sink_(sink) {}

  absl::Status run() {
    if (absl::Status s = read_header(); !s.ok()) return s;
    for (bool more = true; more;) {
      if (absl::Status s = read_chunk(&more); !s.ok()) return s;
    }
    char byte;
    const absl::StatusOr<std::size_t> got = read_(&byte, 1);
    if (!got.ok()) return got.status();
    return *got == 0 ? absl::OkStatus() : damaged("the file goes on behind its end");
  }

 private:
  absl::Status damaged(std::string_view what) const {
    return absl::DataLossError("read " + name_ + ": " + std::string(what) + " at offset " +
                               std::to_string(offset_) +
                               "; restore another backup, or make a new one if the box is there");
  }

  // Into bytes_; offset_ stays, take() moves it.
  absl::Status fill(std::size_t bytes) {
    bytes_.resize(bytes);
    const absl::StatusOr<std::size_t> got = read_(bytes_.data(), bytes);
    if (!got.ok()) return got.status();
    if (*got == bytes) return absl::OkStatus();
    offset_ += *got;
    return damaged("the file ends before the backup does");
  }

  absl::Status read_header() {
    if (absl::Status s = fill(format::kBackupHeaderBytes); !s.ok()) return s;
    ByteReader in(bytes_);
    if (in.raw(format::kBackupMagic.size()) != format::kBackupMagic) {
      return damaged("this is no backup");
    }
    if (in.fixed32() != crc32c(std::string_view(bytes_).substr(12))) {
      return damaged("the header is damaged");
    }
    const std::uint32_t version = in.fixed32();
    BackupHeader header;
    const std::string_view id = in.raw(header.store_id.size());
    for (std::size_t i = 0; i < id.size(); ++i) {
      header.store_id[i] = static_cast<unsigned char>(id[i]);
    }
    header.made_at = TimeMs(static_cast<std::int64_t>(in.fixed64()));
    header.feature_level = in.fixed32();
    header.run_groups = in.fixed16();
    if (version == format::kBackupOfClusterVersion) {
      in.fixed16();
      header.box = NodeId(in.fixed64());
      if (header.box.v == 0) return damaged("the header names no box");
    } else if (version != format::kBackupVersion) {
      return absl::FailedPreconditionError(
          "read " + name_ +
          ": written in a newer format; use the version of Pawl that made it, or a later one");
    }
    crc_ = crc32c(bytes_);
    digest_ = digest(bytes_);
    offset_ += bytes_.size();
    return sink_.on_header(header);
  }

  absl::Status read_chunk(bool* more) {
    if (absl::Status s = fill(12); !s.ok()) return s;
    ByteReader in(bytes_);
    const std::uint32_t stored = in.fixed32();
    const std::uint32_t raw = in.fixed32();
    const std::uint32_t crc = in.fixed32();
    if (stored == 0) {
      *more = false;
      return read_end(raw, crc);
    }
    if (stored > raw || raw > kChunkRawBytesMax || ended_) {
      return damaged("a chunk's length is damaged");
    }
    const std::string lengths = bytes_.substr(0, 8);
    if (absl::Status s = fill(stored); !s.ok()) return s;
    crc_ = crc32c(bytes_, crc32c(lengths, crc_));
    if (crc_ != crc) return damaged("a chunk is damaged");
    digest_ = digest_chain(digest_, lengths + bytes_);
    std::string_view records = bytes_;
    if (stored < raw) {
      if (!decompressor_.decompress(bytes_, nullptr, raw, &raw_)) {
        return damaged("a chunk can't be decompressed");
      }
      records = std::string_view(raw_).substr(0, raw);
    }
    if (absl::Status s = read_records(records); !s.ok()) return s;
    offset_ += 12 + stored;
    return absl::OkStatus();
  }

  absl::Status read_end(std::uint32_t raw, std::uint32_t crc) {
    if (raw != 0 || !ended_) return damaged("the end is damaged or too early");
    if (absl::Status s = fill(kEndBytes - 12); !s.ok()) return s;
    if (bytes_ != as_view(digest_) || crc32c(bytes_, crc_) != crc) {
      return damaged("the whole-file hash is wrong");
    }
    offset_ += kEndBytes;
    return absl::OkStatus();
  }

  absl::Status read_records(std::string_view records) {
    ByteReader in(records);
    while (in.ok() && !in.at_end()) {
      if (ended_) in.fail();
      absl::Status heard;
      const auto kind = static_cast<RecordKind>(in.u8());
      if (kind == RecordKind::end) {
        BackupCounts said;
        said.states = in.varint();
        said.snapshots = in.varint();
        said.entries = in.varint();
        ended_ = true;
        if (in.ok() && said != counts_) return damaged("records are missing before the end");
      } else {
        heard = read_record(kind, &in);
      }
      if (!heard.ok()) return heard;
    }
    return in.ok() ? absl::OkStatus() : damaged("a record is malformed");
  }

  GroupId group(ByteReader* in) {
    const std::uint64_t number = in->varint();
    if (number >= static_cast<std::uint64_t>(limits::kGroupsMax)) in->fail();
    return GroupId(in->ok() ? static_cast<std::uint16_t>(number) : std::uint16_t{0});
  }

  absl::Status read_record(RecordKind kind, ByteReader* in) {
    if (kind == RecordKind::piece) {
      const std::string_view bytes = in->str();
      if (!in_snapshot_ || bytes.size() > limits::kSnapshotChunkBytes) in->fail();
      return in->ok() ? sink_.on_piece(bytes) : absl::OkStatus();
    }
    in_snapshot_ = kind == RecordKind::snapshot;
    const GroupId of = group(in);
    if (kind == RecordKind::state) {
      HardState state;
      state.term = Term(in->varint());
      state.vote = NodeId(in->varint());
      ++counts_.states;
      return in->ok() ? sink_.on_state(of, state) : absl::OkStatus();
    }
    if (kind == RecordKind::snapshot) {
      BackedUpSnapshot snapshot;
      snapshot.group = of;
      snapshot.index = Index(in->varint());
      snapshot.term = Term(in->varint());
      snapshot.feature_level = static_cast<std::uint32_t>(in->varint());
      ++counts_.snapshots;
      return in->ok() ? sink_.on_snapshot(snapshot) : absl::OkStatus();
    }
    if (kind != RecordKind::entry) in->fail();
    const Term term(in->varint());
    const Index index(in->varint());
    const std::string_view payload = in->str();
    if (index.v == 0 || payload.size() > limits::kEntryBytesMax) in->fail();
    ++counts_.entries;
    return in->ok() ? sink_.on_entry(of, term, index, payload) : absl::OkStatus();
  }

  const BackupRead& read_;
  const std::string& name_;
  BackupSink& sink_;
  Decompressor decompressor_;
  std::string bytes_;
  std::string raw_;
  std::uint64_t offset_ = 0;
  std::uint32_t crc_ = 0;
  Digest digest_{};
  BackupCounts counts_;
  bool in_snapshot_ = false;
  bool ended_ = false;
};

}  // namespace

BackupWriter::BackupWriter(Write write, const BackupHeader& header) : write_(std::move(write)) {
  const std::string bytes = encoded(header);
  crc_ = crc32c(bytes);
  digest_ = digest(bytes);
  bytes_ = bytes.size();
  status_ = write_(bytes);
}

absl::Status BackupWriter::add_state(GroupId group, const HardState& state) {
  ByteWriter w(&chunk_);
  w.u8(static_cast<std::uint8_t>(RecordKind::state));
  w.varint(group.v);
  w.varint(state.term.v);
  w.varint(state.vote.v);
  ++counts_.states;
  return end_record();
}

absl::Status BackupWriter::begin_snapshot(const BackedUpSnapshot& snapshot) {
  ByteWriter w(&chunk_);
  w.u8(static_cast<std::uint8_t>(RecordKind::snapshot));
  w.varint(snapshot.group.v);
  w.varint(snapshot.index.v);
  w.varint(snapshot.term.v);
  w.varint(snapshot.feature_level);
  ++counts_.snapshots;
  return end_record();
}

absl::Status BackupWriter::add_piece(std::string_view bytes) {
  PAWL_CHECK(bytes.size() <= limits::kSnapshotChunkBytes);
  ByteWriter w(&chunk_);
  w.u8(static_cast<std::uint8_t>(RecordKind::piece));
  w.str(bytes);
  return end_record();
}

absl::Status BackupWriter::add_entry(GroupId group, Term term, Index index,
                                     std::string_view payload) {
  PAWL_CHECK(payload.size() <= limits::kEntryBytesMax);
  ByteWriter w(&chunk_);
  w.u8(static_cast<std::uint8_t>(RecordKind::entry));
  w.varint(group.v);
  w.varint(term.v);
  w.varint(index.v);
  w.str(payload);
  ++counts_.entries;
  return end_record();
}

absl::Status BackupWriter::end_record() {
  if (status_.ok() && chunk_.size() >= limits::kBackupChunkBytes) status_ = flush();
  return status_;
}

absl::Status BackupWriter::flush() {
  std::string head;
  const auto raw = static_cast<std::uint32_t>(chunk_.size());
  const std::string& stored = compressor_.compress(chunk_, 1, &stored_) ? stored_ : chunk_;
  ByteWriter w(&head);
  w.fixed32(static_cast<std::uint32_t>(stored.size()));
  w.fixed32(raw);
  crc_ = crc32c(stored, crc32c(head, crc_));
  digest_ = digest_chain(digest_, head + stored);
  w.fixed32(crc_);
  absl::Status status = write_(head);
  if (status.ok()) status = write_(stored);
  bytes_ += head.size() + stored.size();
  chunk_.clear();
  return status;
}

absl::Status BackupWriter::finish() {
  if (!status_.ok()) return status_;
  ByteWriter w(&chunk_);
  w.u8(static_cast<std::uint8_t>(RecordKind::end));
  w.varint(counts_.states);
  w.varint(counts_.snapshots);
  w.varint(counts_.entries);
  status_ = flush();
  if (!status_.ok()) return status_;
  std::string end;
  ByteWriter e(&end);
  e.fixed32(0);
  e.fixed32(0);
  e.fixed32(crc32c(as_view(digest_), crc_));
  e.raw(as_view(digest_));
  bytes_ += end.size();
  status_ = write_(end);
  return status_;
}

absl::Status read_backup(const BackupRead& read, const std::string& name, BackupSink& sink) {
  return BackupReader(read, name, sink).run();
}

}  // namespace pawl::log
