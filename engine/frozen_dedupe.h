// A group's answers (dedupe.h) as they are at one moment, read in slices while more are remembered
// and others forgotten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/dedupe.h"
#include "engine/frozen_map.h"

namespace pawl::engine {

class FrozenDedupe {
 public:
  explicit FrozenDedupe(const Dedupe& dedupe);

  // Appends records until they are `bytes_max`; false if those were the last.
  bool next(const Dedupe& dedupe, std::size_t bytes_max, std::string* out);
  // Answers that next() has given so far.
  std::uint64_t kept_count() const { return kept_count_; }
  std::uint64_t forwarded_count() const { return forwarded_count_; }

  // --- what the dedupe tells ---
  void kept_goes(std::uint64_t number, const KeyedAnswer& answer) {
    if (kept_.wants(number)) kept_.keep(number, answer);
  }
  // Null: it comes.
  void forwarded_changes(const Dedupe::ForwardedKey& key, const KeyedAnswer* before) {
    if (!forwarded_.wants(key)) return;
    forwarded_.keep(key, before == nullptr ? std::nullopt : std::optional(*before));
  }

 private:
  FrozenMap<std::uint64_t, KeyedAnswer> kept_;
  FrozenMap<Dedupe::ForwardedKey, KeyedAnswer> forwarded_;
  bool kept_taken_ = false;
  std::uint64_t kept_count_ = 0, forwarded_count_ = 0;
};

}  // namespace pawl::engine
