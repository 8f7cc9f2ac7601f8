#include "log/place_reader.h"

#include <limits>
#include <optional>
#include <utility>

#include "log/entry_walk.h"
#include "log/names.h"

namespace pawl::log {

absl::Status read_place(FileSystem& files, const Source& source, const Place& place,
                        const EntryVisitor& visit) {
  constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  WalkStep step{place.segment, place.offset, place.offset + place.bytes, kAll, kAll};
  return walk(files, source, step,
              [&](const WalkedEntry& e) { return visit(e.group, e.term, e.index, e.payload); })
      .status();
}

absl::StatusOr<StoredEntry> read_entry(FileSystem& files, const Source& source, const Place& place,
                                       GroupId group, Index index) {
  std::optional<StoredEntry> found;
  absl::Status status = read_place(files, source, place,
                                   [&](GroupId g, Term term, Index i, std::string_view payload) {
                                     if (g == group && i == index)
                                       found = StoredEntry{term, std::string(payload)};
                                     return absl::OkStatus();
                                   });
  if (!status.ok()) return status;
  if (!found) {
    return absl::NotFoundError("read entry " + std::to_string(index.v) + " of group " +
                               std::to_string(group.v) + ": not at offset " +
                               std::to_string(place.offset) + " of " + segment_name(place.segment));
  }
  return *std::move(found);
}

}  // namespace pawl::log
