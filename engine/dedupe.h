// Answers by idempotency key, kept in the run's group so that they survive a failover: 24 hours,
// and at most limits::kDedupeKeysPerGroupMax (the oldest are forgotten first).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "base/digest.h"
#include "base/ids.h"

namespace pawl::engine {

struct KeyedAnswer {
  std::string key;
  Digest request{};  // of method, path and body: the same key with another request is refused (422)
  TimeMs at;
  std::uint16_t status = 0;
  std::string body;
  friend bool operator==(const KeyedAnswer&, const KeyedAnswer&) = default;
};

class Dedupe {
 public:
  const KeyedAnswer* find(std::string_view key) const;
  // A fold: remembers the answer and forgets what is too old or too many.
  void remember(KeyedAnswer answer);
  std::size_t size() const { return by_order_.size(); }

  void encode(std::string* out) const;
  // Replaces the content; false if malformed.
  bool decode(std::string_view bytes);

 private:
  void forget_oldest();
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, KeyedAnswer> by_order_;
  absl::flat_hash_map<std::string, std::uint64_t> by_key_;  // looked up, never iterated
};

}  // namespace pawl::engine
