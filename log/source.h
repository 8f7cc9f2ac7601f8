// Where the entries of a journal are read back from: what a reader of places needs besides the
// place. Copied into the jobs of the thread that reads; the dictionaries of old segments, which
// those jobs share, are that thread's alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "log/compression.h"
#include "log/file_system.h"
#include "log/record.h"

namespace pawl::log {

// The dictionaries of segments as they were asked for; the least recently used goes past
// limits::kDictionariesMax. A segment's number is never used again, so none goes stale.
class Dictionaries {
 public:
  // The one that a segment begins with: DataLoss if it begins with none or is damaged, NotFound if
  // the segment is gone.
  absl::StatusOr<std::shared_ptr<const Dictionary>> of_segment(FileSystem& files,
                                                               const std::string& directory,
                                                               const StoreId& store_id,
                                                               std::uint64_t segment);

 private:
  // The most recently used last.
  std::vector<std::pair<std::uint64_t, std::shared_ptr<const Dictionary>>> known_;
};

// Damage in a place that was sound when the journal was opened, handed from the thread that met it
// to the one that owns the journal. One at a time: what is met meanwhile will be met again.
class DamageNote {
 public:
  DamageNote() = default;
  DamageNote(const DamageNote&) = delete;
  DamageNote& operator=(const DamageNote&) = delete;
  ~DamageNote();
  struct Met {
    std::uint64_t segment = 0;  // or a kept file's number
    std::string what;           // is wrong, with file, offset and remedy
  };
  void leave(std::uint64_t segment, std::string_view what);
  // Absent: nothing was left since the last call.
  std::optional<Met> take();

 private:
  std::atomic<Met*> left_ = nullptr;  // owned
};

struct Source {
  std::string directory;
  StoreId store_id{};
  std::shared_ptr<Dictionaries> dictionaries = std::make_shared<Dictionaries>();
  std::shared_ptr<DamageNote> damage = std::make_shared<DamageNote>();
};

}  // namespace pawl::log
