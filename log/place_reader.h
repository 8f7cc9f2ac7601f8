// Reading entries back by place: what the cold thread does with a copied Place and its own
// FileSystem. Checksums are verified again on each read. A segment that was recycled since the
// place was copied gives NotFound (its frames no longer carry that segment's number).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "base/ids.h"
#include "log/file_system.h"
#include "log/record.h"
#include "log/source.h"

namespace pawl::log {

using EntryVisitor = std::function<absl::Status(GroupId, Term, Index, std::string_view payload)>;

// Visits all entries of the frames at `place` in order, of all groups. Where an index occurs twice
// the later one counts. DataLoss names file and offset.
absl::Status read_place(FileSystem& files, const Source& source, const Place& place,
                        const EntryVisitor& visit);

struct StoredEntry {
  Term term;
  std::string payload;
};
// The one entry; NotFound if the frames at `place` don't hold it.
absl::StatusOr<StoredEntry> read_entry(FileSystem& files, const Source& source, const Place& place,
                                       GroupId group, Index index);

}  // namespace pawl::log
