// Answers that are kept in the run's group, so that they survive a failover and a request that is
// sent again takes effect once.
//
// By idempotency key, for the client that chose it: 24 hours, and at most
// limits::kDedupeKeysPerGroupMax (the oldest are forgotten first).
//
// By number, for a box that forwards its clients' requests: as long as that box has one under way
// that is as old, and for a minute. Each process of a box counts its requests and tells with each
// the oldest that is still open; what is before that is over, nobody waits for it, and a copy that
// comes late must do nothing. These are the sessions of the Raft dissertation, section 6.3.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/bytes.h"
#include "base/digest.h"
#include "base/ids.h"

namespace pawl::engine {

// A request as the box counts it that has forwarded it.
struct ForwardedAs {
  std::uint64_t process = 0;  // drawn at its start; 0: the request was not forwarded
  std::uint64_t number = 0;
  std::uint64_t open_from = 0;  // at most `number`; what is before it is over. 0 once remembered
  explicit operator bool() const { return process != 0; }
  friend bool operator==(const ForwardedAs&, const ForwardedAs&) = default;
};

struct KeyedAnswer {
  std::string key;        // "": it is known by `forwarded`
  Digest request{};       // of method, path and body: the same key with another request is refused
                          // (422); zero without a key
  ForwardedAs forwarded;  // without a key
  TimeMs at;
  std::uint16_t status = 0;
  std::string body;
  friend bool operator==(const KeyedAnswer&, const KeyedAnswer&) = default;
};

class Dedupe {
 public:
  // Null if there is none (any more).
  const KeyedAnswer* find(std::string_view key) const;
  const KeyedAnswer* find(const ForwardedAs& forwarded) const;
  // The box that sent the request has its answer or has given up.
  bool is_over(const ForwardedAs& forwarded) const;
  // A fold: remembers the answer and forgets what is too old, too many or over.
  void remember(KeyedAnswer answer);
  std::size_t size() const { return by_order_.size(); }

  void encode(std::string* out) const;
  // Replaces the content; false if malformed.
  bool decode(std::string_view bytes);

 private:
  struct Process {
    std::uint64_t id = 0;
    std::uint64_t open_from = 0;
    std::map<std::uint64_t, KeyedAnswer> answers;  // by number, from open_from on
  };

  void forget_oldest();
  void remember_forwarded(KeyedAnswer answer);
  const Process* process(std::uint64_t id) const;
  bool decode_processes(ByteReader* in);

  std::uint64_t next_ = 0;
  std::map<std::uint64_t, KeyedAnswer> by_order_;
  absl::flat_hash_map<std::string, std::uint64_t> by_key_;  // looked up, never iterated
  std::vector<Process> processes_;  // at most kForwardingProcessesMax; the last heard of is last
};

}  // namespace pawl::engine
