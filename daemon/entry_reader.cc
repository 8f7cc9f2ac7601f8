#include "daemon/entry_reader.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "log/place_reader.h"
#include "log/posix_file_system.h"

namespace pawl::daemon {
namespace {

// The entries at the places, from wanted.first on, as far as they follow one another. Of an index
// that occurs twice the later one counts.
node::EntriesLoaded read_places(const node::ReadEntries& wanted, const log::Source& source,
                                const std::vector<log::Place>& places) {
  node::EntriesLoaded loaded{wanted.group, wanted.first, wanted.last, {}};
  log::PosixFileSystem files;
  for (const log::Place& place : places) {
    const absl::Status status = log::read_place(
        files, source, place,
        [&](GroupId group, Term, Index index, std::string_view payload) -> absl::Status {
          if (group != wanted.group || index < wanted.first || index > wanted.last) {
            return absl::OkStatus();
          }
          const std::size_t at = index.v - wanted.first.v;
          if (at <= loaded.payloads.size()) {
            loaded.payloads.resize(at);
            loaded.payloads.emplace_back(payload);
          }
          return absl::OkStatus();
        });
    if (!status.ok()) break;
  }
  return loaded;
}

}  // namespace

void EntryReader::read(const node::ReadEntries& wanted,
                       std::function<void(node::EntriesLoaded)> loaded) {
  std::vector<log::Place> places;
  for (Index index = wanted.first; index <= wanted.last; index = index.next()) {
    const auto place = journal_->place(wanted.group, index);
    if (!place) break;
    if (places.empty() || places.back() != *place) places.push_back(*place);
  }
  const bool taken = cold_->submit([wanted, loaded, places = std::move(places),
                                    source = journal_->source()]() -> ColdThread::Completion {
    auto result = std::make_shared<node::EntriesLoaded>(read_places(wanted, source, places));
    return [loaded, result] { loaded(std::move(*result)); };
  });
  if (taken) return;
  refused_.push_back([wanted, loaded] { loaded({wanted.group, wanted.first, wanted.last, {}}); });
}

void EntryReader::deliver() {
  for (const auto& refused : std::exchange(refused_, {})) refused();
}

}  // namespace pawl::daemon
