// A log entry as JSON, with all that is in it: what `pawl journal dump` prints. Its events are
// those of the API's history; a version's definition, a kept answer's body are strings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "base/ids.h"

namespace pawl::codecs {

// Where an entry was found.
struct EntryPosition {
  GroupId group;
  Term term;
  Index index;
  std::uint64_t segment = 0;
  std::uint32_t offset = 0;  // of its frame
  bool replaced = false;     // a later entry made it void
};

// Appends one object: {"group", "index", "term", "segment", "offset", "replaced"?}, and then what
// the entry has of: "noop", "at", "level", "run", "previous", "committed", "events", "answers",
// "sends", "receive", "ack", "catalog", "batches", "raise_level", "members". DataLoss, and nothing
// appended, if the payload is not an entry that this build knows all of.
absl::Status append_entry(const EntryPosition& position, std::string_view payload,
                          std::string* out);

}  // namespace pawl::codecs
