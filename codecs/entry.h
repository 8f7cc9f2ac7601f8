// A log entry's payload: our plain struct to flatbuffers bytes (entry.fbs) and back. Raft's own
// entries (a leader's no-op) have an empty payload and are not seen here.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/feature_level.h"
#include "base/ids.h"
#include "engine/channel.h"
#include "engine/dedupe.h"

namespace pawl::codecs {

struct OutgoingMessage {
  GroupId to;
  engine::Message message;
  friend bool operator==(const OutgoingMessage&, const OutgoingMessage&) = default;
};

// All events of one command (or of several that waited for one another) on one run, and what goes
// with them. Fields that do not apply are zero or empty.
struct Entry {
  std::uint16_t level = kFeatureLevel;
  TimeMs time;
  Index run;
  Index previous;
  Seq first_seq;
  std::string events;                        // stored form
  std::vector<engine::KeyedAnswer> answers;  // `at` is the entry's time
  std::vector<OutgoingMessage> sends;
  GroupId receive_from;  // meaningful if receive.number > 0
  engine::Message receive;
  GroupId ack_to;  // meaningful if ack_through > 0
  std::uint64_t ack_through = 0;
  std::string catalog;
  std::uint16_t raise_level = 0;
  // What the leader knew to be committed when it wrote this: whoever holds the entry holds that
  // many committed ones (log matching), also after a restart.
  Index committed;
  std::string membership;  // membership_bytes.h; empty: the entry brings none
  // Closed runs that nobody is to know of any more; ascending. Of kJournalLevel.
  std::vector<Index> forgets;
  // Runs whose generations are forgotten up to this number; ascending. Of kJournalLevel.
  std::vector<std::pair<Index, std::uint32_t>> forgets_generations;
  std::string batches;  // steps of batches (engine/batch_rows.h); of kBatchLevel
  std::string limits;   // changes of limits (engine/limit_rows.h); of kPermitLevel
  friend bool operator==(const Entry&, const Entry&) = default;
};

// Encodes entries one after the other into one reused flatbuffers builder.
class EntryEncoder {
 public:
  EntryEncoder();
  ~EntryEncoder();
  EntryEncoder(const EntryEncoder&) = delete;
  EntryEncoder& operator=(const EntryEncoder&) = delete;

  // The view is valid until the next call.
  std::string_view encode(const Entry& entry);

 private:
  struct Builder;
  Builder* builder_;
};

// Verifies and decodes. False with a reason on anything that is not an entry: rubbish, or a level
// above kFeatureLevel (the group stops with that message: an unknown entry is never skipped).
bool decode_entry(std::string_view bytes, Entry* entry, std::string* error);

// The entry once its run's data is deleted: payloads are their digests (event_bytes.h), and answers
// say no more than which run they are of. `salt` is the run's. An error: it is no entry.
absl::StatusOr<std::string> scrub_entry(std::string_view bytes,
                                        const std::array<unsigned char, 16>& salt);

// Only the run that an entry is of; 0 if it is of none, or is no entry.
Index run_of_entry(std::string_view bytes);

}  // namespace pawl::codecs
