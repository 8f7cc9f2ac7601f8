#include "engine/dedupe.h"

#include <utility>

#include "absl/strings/string_view.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"

namespace pawl::engine {

const KeyedAnswer* Dedupe::find(std::string_view key) const {
  const auto at = by_key_.find(absl::string_view(key.data(), key.size()));
  if (at == by_key_.end()) return nullptr;
  const auto answer = by_order_.find(at->second);
  PAWL_CHECK(answer != by_order_.end());
  return &answer->second;
}

void Dedupe::remember(KeyedAnswer answer) {
  const std::int64_t oldest_ms = answer.at.v - limits::kRememberedMs;
  if (const auto at = by_key_.find(answer.key); at != by_key_.end()) {
    by_order_.erase(at->second);
    by_key_.erase(at);
  }
  while (!by_order_.empty() && (by_order_.begin()->second.at.v < oldest_ms ||
                                by_order_.size() >= limits::kDedupeKeysPerGroupMax)) {
    forget_oldest();
  }
  by_key_[answer.key] = next_;
  by_order_.emplace_hint(by_order_.end(), next_, std::move(answer));
  ++next_;
}

void Dedupe::forget_oldest() {
  by_key_.erase(by_order_.begin()->second.key);
  by_order_.erase(by_order_.begin());
}

// Grammar: varint next, varint count, then each: varint number, str key, 32 bytes request, zigzag
// at, varint status, str body.
void Dedupe::encode(std::string* out) const {
  ByteWriter writer(out);
  writer.varint(next_);
  writer.varint(by_order_.size());
  for (const auto& [number, answer] : by_order_) {
    writer.varint(number);
    writer.str(answer.key);
    writer.raw(as_view(answer.request));
    writer.svarint(answer.at.v);
    writer.varint(answer.status);
    writer.str(answer.body);
  }
}

bool Dedupe::decode(std::string_view bytes) {
  ByteReader in(bytes);
  Dedupe decoded;
  decoded.next_ = in.varint();
  const std::uint64_t count = in.varint();
  if (count > limits::kDedupeKeysPerGroupMax) return false;
  std::uint64_t least = 0;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const std::uint64_t number = in.varint();
    if (number < least || number >= decoded.next_) return false;
    least = number + 1;
    KeyedAnswer answer;
    answer.key = in.str();
    const std::string_view request = in.raw(answer.request.size());
    if (in.ok()) std::memcpy(answer.request.data(), request.data(), request.size());
    answer.at = TimeMs(in.svarint());
    const std::uint64_t status = in.varint();
    if (status > 999) return false;
    answer.status = static_cast<std::uint16_t>(status);
    answer.body = in.str();
    if (!decoded.by_key_.emplace(answer.key, number).second) return false;
    decoded.by_order_.emplace_hint(decoded.by_order_.end(), number, std::move(answer));
  }
  if (!in.done()) return false;
  *this = std::move(decoded);
  return true;
}

}  // namespace pawl::engine
