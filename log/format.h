// The numbers of docs/log-format.md: names, sizes and offsets of what the journal and the snapshots
// put on the disk. Everything is little-endian. Change nothing here without the page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/feature_level.h"
#include "base/limits.h"

namespace pawl::log::format {

// Names: 16 lower-case hexadecimal digits and the suffix; spares have any number.
inline constexpr std::string_view kSegmentSuffix = ".seg";
inline constexpr std::uint64_t kSegmentNumberMax = 0xffff'ffff;
inline constexpr std::string_view kSparePrefix = "spare-";
inline constexpr std::string_view kSnapshotPrefix = "snapshot-";
inline constexpr std::string_view kSnapshotSuffix = ".snap";
inline constexpr std::string_view kTemporarySuffix = ".tmp";
inline constexpr std::string_view kDamagedSuffix = ".damaged";  // set aside, ignored
inline constexpr std::string_view kRebuildPrefix = "rebuild-";
// Kept files (kept_file.h) are numbered behind all segments, so that one number names either.
inline constexpr std::string_view kKeptPrefix = "kept-";
inline constexpr std::uint64_t kKeptNumberBase = std::uint64_t{1} << 32;

inline constexpr std::uint32_t kVersion = 1;
// Feature levels of segments: a reader needs this one at least.
inline constexpr std::uint32_t kPlainLevel = 1;
inline constexpr std::uint32_t kCompressedLevel = kJournalLevel;

// --- segment header ---
inline constexpr std::string_view kSegmentMagic = "PAWLJRNL";
inline constexpr std::size_t kSegmentHeaderBytes = 64;
inline constexpr std::uint32_t kSegmentFlagRecycled = 1;  // bytes past the last frame are stale
inline constexpr std::uint32_t kSegmentFlagKept = 2;      // a kept file

// --- frame ---
// Frames start at multiples of this, so that a search for one steps by it.
inline constexpr std::size_t kFrameAlignment = 8;
inline constexpr std::uint32_t kFrameMagic = 0x4672'7750;  // "PwrF"
inline constexpr std::size_t kFrameFixedBytes = 72;
inline constexpr std::size_t kFrameHeaderBytesMax = 128 * limits::KiB;
// Zeros after every frame, overwritten by the next one: they tell a clean end from a torn frame
// where a recycled segment holds stale bytes.
inline constexpr std::size_t kTerminatorBytes = 8;
inline constexpr std::uint8_t kCodecRaw = 0;
inline constexpr std::uint8_t kCodecZstd = 1;
inline constexpr std::uint8_t kFrameFlagSeal = 1;        // the segment's last frame
inline constexpr std::uint8_t kFrameFlagDictionary = 2;  // its payload is one; a segment's first
inline constexpr std::uint8_t kFrameFlagIndex = 4;       // a kept file's last: what is where
// Stands where a damaged frame stood (mending.h): its ranges are known, its entries are not there.
inline constexpr std::uint8_t kFrameFlagLost = 8;
// A longer stretch than this is several lost frames.
inline constexpr std::size_t kLostFrameBytesMax = 4 * limits::MiB;

// Room that a segment keeps for its seal (a frame without contents) and the terminator.
inline constexpr std::size_t kSealBytes = kFrameFixedBytes + kTerminatorBytes;

// --- kept file: the end of it ---
inline constexpr std::string_view kKeptEndMagic = "PAWLKEND";
inline constexpr std::size_t kKeptEndBytes = 16;

// --- snapshot file ---
inline constexpr std::string_view kSnapshotMagic = "PAWLSNAP";
inline constexpr std::size_t kSnapshotHeaderBytes = 72;
inline constexpr std::size_t kSnapshotChunkHeaderBytes = 8;
inline constexpr std::size_t kSnapshotFooterBytes = 40;

constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment;
}

static_assert(kSegmentHeaderBytes % kFrameAlignment == 0);
static_assert(kFrameFixedBytes % kFrameAlignment == 0);
static_assert(kTerminatorBytes % kFrameAlignment == 0);
// Offsets in a segment are 32 bits; one frame may go past the segment's nominal size.
static_assert(limits::kSegmentBytesMax + limits::kBatchBytesMax + kFrameHeaderBytesMax <
              std::size_t{0xffff'ffff});

}  // namespace pawl::log::format
