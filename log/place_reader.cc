#include "log/place_reader.h"

#include <memory>
#include <optional>
#include <utility>

#include "log/frame.h"
#include "log/frame_contents.h"
#include "log/names.h"
#include "log/segment_reader.h"

namespace pawl::log {

absl::Status read_place(FileSystem& files, const Source& source, const Place& place,
                        const EntryVisitor& visit) {
  std::string buffer(place.bytes, '\0');
  const std::string path = join(source.directory, segment_name(place.segment));
  absl::StatusOr<std::size_t> got = files.read(path, place.offset, buffer.data(), place.bytes);
  if (!got.ok()) return got.status();
  const std::uint32_t seed = frame_seed(source.store_id, place.segment);
  std::string_view rest = std::string_view(buffer).substr(0, *got);
  FrameHeader header;
  FrameContents contents;
  std::shared_ptr<const Dictionary> dictionary;
  std::uint32_t offset = place.offset;
  while (offset < place.offset + place.bytes) {
    std::string_view stored, payload;
    const FrameState state = frame_in(rest, seed, place.segment, offset, &header, &stored);
    if (state != FrameState::kWhole) return damage(path, offset, "a frame is damaged");
    if (header.dictionary != 0 && dictionary == nullptr) {
      auto found =
          source.dictionaries->of_segment(files, source.directory, source.store_id, place.segment);
      if (!found.ok()) return found.status();
      dictionary = *std::move(found);
    }
    if (absl::Status s = contents.read(header, stored, dictionary.get(), &payload); !s.ok()) {
      return damage(path, offset, std::string_view(s.message().data(), s.message().size()));
    }
    absl::Status status =
        walk_entries(header, payload, [&](const Range& range, Index index, std::string_view bytes) {
          return visit(range.group, range.term, index, bytes);
        });
    if (!status.ok()) return status;
    rest.remove_prefix(static_cast<std::size_t>(header.frame_bytes()));
    offset += static_cast<std::uint32_t>(header.frame_bytes());
  }
  return absl::OkStatus();
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
