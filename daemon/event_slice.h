// One bounded read of a group's events for the event feed, done on the cold thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/ids.h"
#include "engine/event_parts.h"
#include "log/file_system.h"
#include "log/record.h"
#include "log/source.h"

namespace pawl::daemon {

struct EventLine {
  Index index;  // of the entry
  Index run;
  bool last_of_entry = false;
  std::string json;
};

struct EventSlice {
  absl::Status status;
  GroupId group;
  std::vector<EventLine> lines;
  Index next;  // the first index that was not read
};

// Runs whose data was deleted, with their salts: their payloads are shown by their digests.
using ScrubbedRuns = std::map<Index, engine::Salt>;

// Reads the entries `from` .. `through` of a group as far as they lie in `place`, rendered.
EventSlice read_events(log::FileSystem& files, const log::Source& source, const log::Place& place,
                       GroupId group, Index from, Index through, const ScrubbedRuns& scrubbed);

}  // namespace pawl::daemon
