// The content of a snapshot: two bytes, then records one after the other, in this order:
//
//   u8 0, u8 format (4)
//   record := u8 kind, varint length, body
//   head       varint group, zigzag time, varint feature level, length-prefixed channels,
//              varint next kept answer, varint count, then each process of a box that forwards, the
//              last heard of at the end: varint id, varint open_from; then, if there is one, varint
//              last entry that deleted the data of a run that was forgotten since
//   run        varint index, run (run.h); by index
//   kept       varint number, str key, 32 bytes request, zigzag at, varint status, str body;
//              answers by idempotency key, by number
//   forwarded  varint process, varint number, zigzag at, varint status, str body; by both
//   catalog    group 0's (catalog.h); no other group has one
//   members    who was a member of the group then (codecs/membership_bytes.h); absent in old ones
//   batches    what the group knows of batches (batch_bytes.cc); absent if that is nothing
//   limits     what it knows of limits and their permits (limit_bytes.cc); likewise
//   end        varint count of runs, of kept, of forwarded answers
//
// In format 3 runs end before their fields of older generations. Before it a content was one piece:
// length-prefixed tables, length-prefixed catalog. Those are never empty, so their first byte is
// not 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pawl::engine {

inline constexpr std::uint8_t kSnapshotFormat = 4;
inline constexpr std::uint8_t kSnapshotFormatOldest = 3;  // of those made of records

enum class SnapshotRecord : std::uint8_t {
  head = 1,
  run = 2,
  kept = 3,
  forwarded = 4,
  catalog = 5,
  end = 6,
  members = 7,  // of several boxes; stands before the end
  batches = 8,  // likewise, in any order with these
  limits = 9,   // likewise
};

// What stands before the first record.
std::string snapshot_prologue(std::uint8_t format = kSnapshotFormat);
// The format that a content says it has; absent: it does not begin with the prologue of one that is
// read.
std::optional<std::uint8_t> snapshot_format(std::string_view content);

void append_record(SnapshotRecord kind, std::string_view body, std::string* out);

// Cuts bytes that come in pieces into records. Holds no more than one record and one piece.
class RecordSplitter {
 public:
  void feed(std::string_view bytes);
  // The next whole record, valid until feed(); false if it has not all come.
  bool next(std::uint8_t* kind, std::string_view* body);
  // Bytes that are not yet a record.
  std::size_t left() const { return buffer_.size() - taken_; }

 private:
  std::string buffer_;
  std::size_t taken_ = 0;
};

}  // namespace pawl::engine
