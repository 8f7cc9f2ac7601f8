// The kept files of a store (kept_file.h), by what they speak for. Owned by the journal; the files
// themselves are written and removed by whoever compacts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/ids.h"
#include "log/file_system.h"
#include "log/format.h"
#include "log/kept_file.h"
#include "log/rebuild_file.h"
#include "log/record.h"

namespace pawl::log {

// The file does not speak for groups of which it is void any more.
void drop_void(const std::vector<Rebuild>& rebuilds, KeptFile* file);

class KeptFiles {
 public:
  // At a start: reads what is there, and removes files that another one replaces, and those never
  // finished. Those that came with a later snapshot than there is (`snapshots`, by group; null: it
  // is not known) are left alone. What `rebuilds` make void is not spoken for. Errors as of
  // Journal::open().
  absl::Status load(FileSystem& files, const std::string& directory, const StoreId& store_id,
                    std::uint32_t feature_level, const std::vector<Index>* snapshots = nullptr,
                    const std::vector<Rebuild>& rebuilds = {});
  // The number of the next one; none is used twice.
  std::uint64_t take_number() { return ++last_number_; }
  std::uint64_t next_number() const { return last_number_ + 1; }
  std::uint64_t last_number() const { return last_number_; }
  // Durable now. Those it replaces are forgotten here; their files are the caller's to remove.
  void add(KeptFile file);
  // Forgets one that nobody needs any more; likewise.
  void drop(std::uint64_t number);

  // Ascending by number.
  const std::vector<KeptFile>& files() const { return files_; }
  // The number of the file that speaks for the index; 0: none does.
  std::uint64_t holder(GroupId group, Index index) const;
  // Where the entry is, if it is kept at all: only its reader knows.
  std::optional<Place> find(GroupId group, Index index) const;
  // The last index of the group that a file speaks for; 0: none.
  Index through(GroupId group) const;
  // The same of those that came from another box.
  Index installed_through(GroupId group) const;
  std::uint64_t bytes() const;

 private:
  const KeptFile* file_of(GroupId group, Index index) const;

  std::vector<KeptFile> files_;
  std::uint64_t last_number_ = format::kKeptNumberBase;
};

}  // namespace pawl::log
