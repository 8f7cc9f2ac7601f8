// Walks the frames of one segment file through a window of big reads; nothing is allocated for a
// frame or an entry. Shared by recovery and by the reader of places.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "log/file_system.h"
#include "log/frame.h"

namespace pawl::log {

// What stands at an offset where a frame may begin.
enum class FrameState : std::uint8_t {
  kWhole,       // checksums, place and sizes are right
  kNone,        // no frame: zeros, stale bytes, or a damaged magic
  kBadHeader,   // the magic, but not a header for this place
  kBadPayload,  // a right header, but the payload is damaged or cut off
};

// The frame that `bytes` begin with; for kWhole fills `header` and `payload` (a view of `bytes`).
FrameState frame_in(std::string_view bytes, std::uint32_t seed, std::uint64_t segment,
                    std::uint32_t offset, FrameHeader* header, std::string_view* payload);

// A refusal is for a header that names another store.
bool is_of_another_store(const absl::Status& status);

class SegmentReader {
 public:
  // `file_bytes` is the file's size; `buffer` is the window, reused between segments.
  SegmentReader(FileSystem& files, std::string path, std::uint64_t file_bytes, std::string* buffer);

  const std::string& path() const { return path_; }
  std::uint64_t file_bytes() const { return file_bytes_; }

  // [offset, offset+bytes) of the file, or less at its end. Valid until the next call.
  absl::StatusOr<std::string_view> view(std::uint64_t offset, std::size_t bytes);

  // The header of the file that is to be segment `number` (or a kept file). `store_id` all zeros
  // takes what is there. Errors as of Journal::open().
  absl::Status read_header(std::uint64_t number, std::uint32_t feature_level, StoreId* store_id,
                           SegmentHeader* header);

  // Looks at the frame at `offset`; fills `header` unless there is none and, for kWhole, `payload`
  // (valid until the next call).
  absl::StatusOr<FrameState> frame_at(std::uint32_t seed, std::uint64_t segment,
                                      std::uint64_t offset, FrameHeader* header,
                                      std::string_view* payload);

  // The first place past `offset` where a valid frame header of this segment stands, or 0. Its
  // existence proves that all before its mark was promised.
  absl::StatusOr<std::uint64_t> find_header_after(std::uint32_t seed, std::uint64_t segment,
                                                  std::uint64_t offset, FrameHeader* header);

  // The end of the last byte at or after `offset` that is not zero, or `offset`.
  absl::StatusOr<std::uint64_t> last_nonzero_end(std::uint64_t offset);

 private:
  FileSystem& files_;
  const std::string path_;
  const std::uint64_t file_bytes_;
  std::string* const buffer_;
  std::uint64_t window_at_ = 0;
  std::size_t window_bytes_ = 0;
};

}  // namespace pawl::log
