// Kept files: what is still needed of segments that were given up, and of a log that another box
// sent a snapshot of: the entries of the runs that are kept, group by group, with their indexes and
// terms. A kept file speaks for spans of indexes: what a span covers and the file does not hold is
// needed by nobody. Written by the cold thread beside its final name (.tmp), fsynced, renamed, the
// directory fsynced; never changed afterwards.
//
// Life cycle: several files are replaced by one that names them; a crash before they are removed
// leaves both, and the next start removes them. Layout: docs/log-format.md, "Kept files": frames
// as in a segment, and a last frame that says what is where.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "log/compression.h"
#include "log/file_system.h"
#include "log/frame_builder.h"
#include "log/record.h"

namespace pawl::log {

// The indexes after `from` through `through` of a group.
struct KeptSpan {
  GroupId group;
  Index from;
  Index through;
  // It came from another box: what the journal has of the group up to `through` is void.
  bool installed = false;
  friend bool operator==(const KeptSpan&, const KeptSpan&) = default;
};

struct KeptFile {
  // (group, index) -> frame. 16 bytes for each group in each frame.
  class Places {
   public:
    // The entry is in the last frame that was begun. An index at or below the group's last one
    // replaces that entry and all after it.
    void note(GroupId group, Index index);
    void begin_frame(std::uint32_t offset) { frames_.push_back({offset, 0}); }
    void end_frame(std::uint32_t bytes) { frames_.back().bytes = bytes; }
    std::size_t anchors() const { return anchor_count_; }
    // Where the first frame stands; 0: there is none.
    std::uint32_t first_frame() const { return frames_.empty() ? 0 : frames_.front().offset; }
    // Of a file's number.
    std::optional<Place> find(std::uint64_t number, GroupId group, Index index) const;
    void encode(std::string* out) const;
    // False unless `in` begins with what encode() makes, of frames within [begin, end).
    bool decode(ByteReader* in, std::uint32_t begin, std::uint32_t end);

   private:
    struct Frame {
      std::uint32_t offset = 0, bytes = 0;
    };
    struct Anchor {
      std::uint64_t first = 0;
      std::uint32_t frame = 0;
    };
    std::vector<Frame> frames_;
    std::vector<std::vector<Anchor>> groups_;
    std::size_t anchor_count_ = 0;
  };

  std::uint64_t number = 0;  // as Place::segment has it: behind format::kKeptNumberBase
  std::uint64_t bytes = 0;
  std::uint32_t frames_end = 0;  // its entries' frames end here
  std::uint64_t entries = 0;
  std::uint64_t runs = 0;               // that begin in it, as its maker counted them
  std::vector<KeptSpan> spans;          // ascending by group, one a group
  std::vector<std::uint64_t> replaces;  // numbers of files that are needed no more
  Places places;
  bool has_void = false;  // entries that it does not speak for any more (drop_void)

  const KeptSpan* span(GroupId group) const;
  // It begins with a dictionary, which was trained from entries of who knows which runs.
  bool has_dictionary() const;
};

class KeptWriter {
 public:
  // Nothing touches the disk before the first frame is full or commit() is called. `dictionary` may
  // be null.
  KeptWriter(FileSystem& files, std::string directory, const StoreId& store_id,
             std::uint64_t number, std::shared_ptr<const Dictionary> dictionary);
  KeptWriter(const KeptWriter&) = delete;
  KeptWriter& operator=(const KeptWriter&) = delete;

  // Of each group in the order of its log. After an error the writer is dead and returns it again.
  absl::Status append(GroupId group, Term term, Index index, std::string_view payload);
  // What was written so far, so that commit() finds little left to wait for.
  absl::Status sync();
  std::uint64_t unsynced_bytes() const { return offset_ - synced_; }
  std::uint64_t bytes() const { return offset_; }
  // Time to commit and to go on with the next file.
  bool full() const;
  // After ok the file is durable under its name. `spans` ascends by group.
  absl::StatusOr<KeptFile> commit(std::vector<KeptSpan> spans, std::vector<std::uint64_t> replaces,
                                  std::uint64_t runs);
  // Removes what was written; for an abandoned file.
  absl::Status discard();

 private:
  absl::Status start();
  absl::Status flush();
  absl::Status write(std::string_view bytes);
  absl::Status write_index(KeptFile* file);
  FrameHeader where() const;

  FileSystem& files_;
  const std::string directory_;
  const std::string temporary_;
  const StoreId store_id_;
  const std::uint32_t seed_;
  KeptFile file_;
  FrameBuilder frame_;
  Compressor compressor_;
  std::uint64_t offset_ = 0;
  std::uint64_t synced_ = 0;
  bool started_ = false;
  absl::Status status_;
};

// The header, the end and the index of a file of `file_bytes`; its entries are verified when they
// are read. Errors as of Journal::open().
absl::StatusOr<KeptFile> read_kept_file(FileSystem& files, const std::string& directory,
                                        const StoreId& store_id, std::uint32_t feature_level,
                                        std::uint64_t number, std::uint64_t file_bytes);

// The same, with all frames read as well: all of the file is as it was written.
absl::StatusOr<KeptFile> read_whole_kept_file(FileSystem& files, const std::string& directory,
                                              const StoreId& store_id, std::uint32_t feature_level,
                                              std::uint64_t number, std::uint64_t file_bytes);

}  // namespace pawl::log
