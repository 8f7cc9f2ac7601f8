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
absl::Status read_places(const log::Source& source, const std::vector<log::Place>& places,
                         node::EntriesLoaded* loaded) {
  log::PosixFileSystem files;
  for (const log::Place& place : places) {
    const absl::Status status = log::read_place(
        files, source, place,
        [&](GroupId group, Term, Index index, std::string_view payload) -> absl::Status {
          if (group != loaded->group || index < loaded->first || index > loaded->last) {
            return absl::OkStatus();
          }
          const std::size_t at = index.v - loaded->first.v;
          if (at <= loaded->payloads.size()) {
            loaded->payloads.resize(at);
            loaded->payloads.emplace_back(payload);
          }
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
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
  const bool taken = cold_->submit([this, wanted, loaded, places = std::move(places),
                                    source = journal_->source()]() -> ColdThread::Completion {
    auto result = std::make_shared<node::EntriesLoaded>();
    *result = {wanted.group, wanted.first, wanted.last, {}};
    const absl::Status status = read_places(source, places, result.get());
    return [this, loaded, result, status] {
      tell(status);
      loaded(std::move(*result));
    };
  });
  if (taken) return;
  refused_.push_back([wanted, loaded] { loaded({wanted.group, wanted.first, wanted.last, {}}); });
}

// Once as long as nothing changes: the box that lacks them asks again at once. What was given up
// meanwhile is no fault, and what is damaged the DamageWatch meets.
void EntryReader::tell(const absl::Status& status) {
  const std::string why = absl::IsNotFound(status) ? "" : std::string(status.message());
  if (!why.empty() && why != told_) {
    logger_->write(LogLevel::warning, "journal: entries that another box lacks can't be read",
                   {{"why", why}});
  }
  told_ = why;
}

void EntryReader::deliver() {
  for (const auto& refused : std::exchange(refused_, {})) refused();
}

}  // namespace pawl::daemon
