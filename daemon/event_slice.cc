#include "daemon/event_slice.h"

#include "codecs/entry.h"
#include "codecs/event_json.h"
#include "engine/event_bytes.h"
#include "log/place_reader.h"

namespace pawl::daemon {
namespace {

absl::Status render_entry(Index index, std::string_view payload, const ScrubbedRuns& scrubbed,
                          EventSlice* slice) {
  codecs::Entry entry;
  std::string error;
  if (!codecs::decode_entry(payload, &entry, &error)) return absl::DataLossError(error);
  std::vector<engine::Event> events;
  auto status = engine::decode_events(entry.events, nullptr, entry.first_seq, &events);
  if (!status.ok()) return status;
  const auto scrubs = scrubbed.find(entry.run);
  Seq seq = entry.first_seq;
  for (std::size_t i = 0; i < events.size(); ++i, seq = seq.next()) {
    if (scrubs != scrubbed.end()) engine::scrub(&events[i], {scrubs->second, seq, entry.time});
    EventLine line{index, entry.run, i + 1 == events.size(), ""};
    codecs::append_event(events[i], seq, entry.time, {}, &line.json);
    slice->lines.push_back(std::move(line));
  }
  return absl::OkStatus();
}

}  // namespace

EventSlice read_events(log::FileSystem& files, const log::Source& source, const log::Place& place,
                       GroupId group, Index from, Index through, const ScrubbedRuns& scrubbed) {
  EventSlice slice;
  slice.group = group;
  slice.next = from;
  slice.status = log::read_place(
      files, source, place,
      [&](GroupId g, Term, Index index, std::string_view payload) -> absl::Status {
        if (g != group || index < from || index > through) return absl::OkStatus();
        // An index that occurs again replaces that entry and all after it.
        while (!slice.lines.empty() && slice.lines.back().index >= index) slice.lines.pop_back();
        slice.next = index.next();
        return payload.empty() ? absl::OkStatus() : render_entry(index, payload, scrubbed, &slice);
      });
  if (slice.status.ok() && slice.next == from) {
    slice.status =
        absl::DataLossError("the journal no longer holds index " + std::to_string(from.v));
  }
  return slice;
}

}  // namespace pawl::daemon
