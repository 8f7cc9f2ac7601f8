// What a journal has done, in numbers, for metrics and benchmarks.
#pragma once

#include <cstdint>

namespace pawl::log {

// Counters since open; bytes as handed to the file system.
struct JournalStats {
  std::uint64_t data_bytes = 0;       // frames and segment headers
  std::uint64_t zero_fill_bytes = 0;  // zeros written to make room
  std::uint64_t allocated_bytes = 0;  // reserved by fallocate
  std::uint64_t syncs = 0;            // fdatasyncs of segments
  std::uint64_t directory_syncs = 0;
  std::uint64_t frames = 0;
  std::uint64_t entries = 0;
  std::uint64_t payload_bytes = 0;  // of frames, before compression
  std::uint64_t stored_bytes = 0;   // of these payloads, as written
  std::uint64_t rotations = 0;
  std::uint64_t segments_recycled = 0;
  std::uint64_t torn_bytes_cut = 0;  // at open
  std::uint64_t segments = 0;        // in use now
  std::uint64_t spares = 0;          // ready for use now
};

}  // namespace pawl::log
