#include "daemon/history_walk.h"

#include <algorithm>

#include "codecs/entry.h"
#include "codecs/event_json.h"
#include "codecs/json.h"
#include "codecs/run_changes.h"
#include "engine/event_bytes.h"
#include "engine/evolve.h"
#include "log/place_reader.h"

namespace pawl::daemon {
namespace {

constexpr std::size_t kFoldSliceBytes = 256 << 10;  // of events, then other reads have their turn

}  // namespace

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
    const bool goes_on = options_.folds || entry.first_seq > options_.after;
    next_ = goes_on ? entry.previous : Index(0);
    if (entry.events.empty()) continue;
    begin_ = entry.first_seq;
    if (options_.through.v > 0 && entry.first_seq > options_.through) continue;
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
  if (options_.folds) return;
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
      render_event(event, this_seq, kept.time, nullptr);
    }
  }
  return absl::OkStatus();
}

// With `before`, also what the event changed: the run after it is the one that was folded.
void HistoryWalk::render_event(const engine::Event& event, Seq seq, TimeMs time,
                               const engine::Run* before) {
  HistoryItem item;
  item.seq = seq;
  std::string body;
  if (options_.with_body) {
    engine::encode_event(event, {options_.salt, seq, time}, engine::EventForm::hashed, &body);
  }
  codecs::append_event(event, seq, time, body, &item.json);
  if (before != nullptr) {
    std::string changes;
    codecs::JsonWriter w(&changes);
    codecs::write_changes(w, *before, *folded_);
    item.json.pop_back();  // the object goes on
    item.json += ",\"changes\":" + changes + "}";
  }
  items_bytes_ += item.json.size();
  items_.push_back(std::move(item));
}

absl::Status HistoryWalk::fold_slice() {
  std::size_t bytes = 0;
  while (!kept_.empty() && bytes < kFoldSliceBytes) {
    bytes += kept_.front().events.size() + 1;
    absl::Status status = fold_entry(kept_.front());
    if (!status.ok()) return status;
    kept_bytes_ -= std::min(kept_bytes_, kept_.front().events.size());
    kept_.pop_front();
  }
  return absl::OkStatus();
}

absl::Status HistoryWalk::fold_entry(const Kept& entry) {
  if (folded_ == nullptr) folded_ = std::make_shared<engine::Run>();
  const bool first = folded_->seq.v == 0;
  std::vector<engine::Event> events;
  auto status = engine::decode_events(entry.events, first ? nullptr : &folded_->identity->salt,
                                      entry.first_seq, &events);
  if (!status.ok()) return status;
  Seq seq = entry.first_seq;
  for (engine::Event& event : events) {
    const bool past_end = options_.through.v > 0 && seq > options_.through;
    if (past_end && !options_.whole_entries) return absl::OkStatus();
    status = fold_event(event, seq, entry.time);
    if (!status.ok()) return status;
    seq = seq.next();
  }
  return absl::OkStatus();
}

absl::Status HistoryWalk::fold_event(engine::Event& event, Seq seq, TimeMs time) {
  const bool wanted = options_.limit > 0 && seq > options_.after;
  const bool room = items_.size() < options_.limit && items_bytes_ < options_.bytes_max;
  more_ |= wanted && !room;
  if (more_) return absl::OkStatus();  // nobody asks for the run itself
  if (options_.scrubs) engine::scrub(&event, {options_.salt, seq, time});
  engine::Run before;
  if (wanted) before = *folded_;
  if (!engine::evolve(folded_.get(), event, time, &scratch_)) {
    return absl::DataLossError("an event of the history does not fit the run");
  }
  if (wanted) render_event(event, seq, time, &before);
  return absl::OkStatus();
}

}  // namespace pawl::daemon
