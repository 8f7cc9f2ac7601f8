#include "daemon/history_walk.h"

#include <algorithm>

#include "codecs/entry.h"
#include "codecs/event_json.h"
#include "engine/event_bytes.h"
#include "engine/evolve.h"
#include "log/place_reader.h"

namespace pawl::daemon {

absl::Status HistoryWalk::missing() const {
  return absl::OutOfRangeError(
      "entry " + std::to_string(next_.v) + " of group " + std::to_string(options_.group.v) +
      ", and what the run's events before it were, was damaged and given up");
}

absl::Status HistoryWalk::step(log::FileSystem& files, const log::Source& source,
                               const log::Place& place) {
  struct Found {
    Index index;
    codecs::Entry entry;
  };
  std::vector<Found> found;  // ascending
  auto status = log::read_place(
      files, source, place,
      [&](GroupId group, Term, Index index, std::string_view payload) -> absl::Status {
        if (group != options_.group || index > next_ || payload.empty()) return absl::OkStatus();
        // An index that occurs again replaces that entry and all after it.
        while (!found.empty() && found.back().index >= index) found.pop_back();
        Found one;
        std::string error;
        one.index = index;
        if (!codecs::decode_entry(payload, &one.entry, &error)) return absl::DataLossError(error);
        if (one.entry.run == options_.run) found.push_back(std::move(one));
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  if (found.empty() || found.back().index != next_) {
    return missing();
  }
  for (auto it = found.rbegin(); it != found.rend() && it->index == next_; ++it) {
    const codecs::Entry& entry = it->entry;
    next_ = entry.first_seq > options_.after ? entry.previous : Index(0);
    if (entry.events.empty()) continue;
    Kept kept{entry.first_seq, entry.time, std::move(it->entry.events)};
    if (!options_.wanted) {
      keep(std::move(kept));
      continue;
    }
    absl::Status searched = search(kept);
    if (!searched.ok() || found_) return searched;
  }
  return absl::OkStatus();
}

// Every kept entry has at least one event: what is past the page need not be kept.
void HistoryWalk::keep(Kept kept) {
  kept_bytes_ += kept.events.size();
  kept_.push_front(std::move(kept));
  while (kept_.size() > 1 &&
         (kept_.size() > options_.limit + 1 || kept_bytes_ > options_.bytes_max)) {
    kept_bytes_ -= kept_.back().events.size();
    kept_.pop_back();
    more_ = true;
  }
}

absl::Status HistoryWalk::search(const Kept& entry) {
  std::vector<engine::Event> events;
  auto status = engine::decode_events(entry.events, nullptr, entry.first_seq, &events);
  if (!status.ok()) return status;
  Seq seq = entry.first_seq;
  for (const engine::Event& event : events) {
    if (seq > options_.after && options_.wanted(event, entry.time)) {
      found_ = true;
      next_ = Index(0);
      return absl::OkStatus();
    }
    seq = seq.next();
  }
  return absl::OkStatus();
}

absl::Status HistoryWalk::render() {
  for (const Kept& kept : kept_) {
    std::vector<engine::Event> events;
    auto status = engine::decode_events(kept.events, &options_.salt, kept.first_seq, &events);
    if (!status.ok()) return status;
    Seq seq = kept.first_seq;
    for (engine::Event& event : events) {
      const Seq this_seq = seq;
      seq = seq.next();
      if (this_seq <= options_.after) continue;
      if (items_.size() >= options_.limit) {
        more_ = true;
        return absl::OkStatus();
      }
      if (options_.scrubs) engine::scrub(&event, {options_.salt, this_seq, kept.time});
      HistoryItem item;
      item.seq = this_seq;
      std::string body;
      if (options_.with_body) {
        engine::encode_event(event, {options_.salt, this_seq, kept.time}, engine::EventForm::hashed,
                             &body);
      }
      codecs::append_event(event, this_seq, kept.time, body, &item.json);
      items_.push_back(std::move(item));
    }
  }
  return absl::OkStatus();
}

absl::Status HistoryWalk::fold(std::shared_ptr<engine::Run>* run) {
  auto folded = std::make_shared<engine::Run>();
  engine::HashScratch scratch;
  for (const Kept& kept : kept_) {
    std::vector<engine::Event> events;
    const bool first = folded->seq.v == 0;
    auto status = engine::decode_events(kept.events, first ? nullptr : &folded->identity->salt,
                                        kept.first_seq, &events);
    if (!status.ok()) return status;
    for (const engine::Event& event : events) {
      if (!engine::evolve(folded.get(), event, kept.time, &scratch)) {
        return absl::DataLossError("an event of the history does not fit the run");
      }
    }
  }
  *run = std::move(folded);
  return absl::OkStatus();
}

}  // namespace pawl::daemon
