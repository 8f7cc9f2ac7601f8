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
#include <utility>
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

class FrozenDedupe;

class Dedupe {
 public:
  // Of a forwarded request: its process, then its number.
  using ForwardedKey = std::pair<std::uint64_t, std::uint64_t>;

  // Null if there is none (any more).
  const KeyedAnswer* find(std::string_view key) const;
  const KeyedAnswer* find(const ForwardedAs& forwarded) const;
  // The box that sent the request has its answer or has given up.
  bool is_over(const ForwardedAs& forwarded) const;
  // A fold: remembers the answer and forgets what is too old, too many or over.
  void remember(KeyedAnswer answer);
  // A fold: what answers that show this run have of it is gone, but for who it was.
  void scrub(const std::string& run_id, const RunUid& uid);
  std::size_t size() const { return by_order_.size(); }

  // What remember() forgets or replaces is told first, until another one or null is given.
  void set_frozen(FrozenDedupe* frozen) { frozen_ = frozen; }

  // --- as snapshot records (snapshot_records.h) ---
  const std::map<std::uint64_t, KeyedAnswer>& kept() const { return by_order_; }
  const std::map<ForwardedKey, KeyedAnswer>& forwarded() const { return forwarded_; }
  void encode_head(std::string* out) const;
  // Of an empty one, then record after record in their order; false if malformed.
  bool decode_head(ByteReader* in);
  bool decode_kept(std::string_view body);
  bool decode_forwarded(std::string_view body);
  // Replaces the content by that of a snapshot before format 3; false if malformed.
  bool decode_format_2(std::string_view bytes);

 private:
  struct Process {
    std::uint64_t id = 0;
    std::uint64_t open_from = 0;
    std::size_t answers = 0;  // of forwarded_
  };
  using Forwarded = std::map<ForwardedKey, KeyedAnswer>;

  void forget_kept(std::map<std::uint64_t, KeyedAnswer>::iterator at);
  void forget_forwarded(Process* process, Forwarded::iterator at);
  void forget_before(Process* process, std::uint64_t open_from);
  void remember_forwarded(KeyedAnswer answer);
  Process& heard_of(std::uint64_t id);
  const Process* process(std::uint64_t id) const;
  Forwarded::iterator first_of(const Process& process) {
    return forwarded_.lower_bound({process.id, 0});
  }
  bool add_process(std::uint64_t id, std::uint64_t open_from);
  bool add_kept(std::uint64_t number, KeyedAnswer answer);
  bool add_forwarded(std::uint64_t id, std::uint64_t number, KeyedAnswer answer);

  std::uint64_t next_ = 0;
  std::map<std::uint64_t, KeyedAnswer> by_order_;
  absl::flat_hash_map<std::string, std::uint64_t> by_key_;  // looked up, never iterated
  std::vector<Process> processes_;  // at most kForwardingProcessesMax; the last heard of is last
  Forwarded forwarded_;             // of these, each from its open_from on
  FrozenDedupe* frozen_ = nullptr;
};

}  // namespace pawl::engine
