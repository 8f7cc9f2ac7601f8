#include "engine/dedupe.h"

#include <algorithm>
#include <utility>

#include "absl/strings/string_view.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"

namespace pawl::engine {
namespace {

bool decode_outcome(ByteReader* in, KeyedAnswer* answer) {
  const std::uint64_t status = in->varint();
  answer->status = static_cast<std::uint16_t>(status);
  answer->body = in->str();
  return status <= 999;
}

}  // namespace

const KeyedAnswer* Dedupe::find(std::string_view key) const {
  const auto at = by_key_.find(absl::string_view(key.data(), key.size()));
  if (at == by_key_.end()) return nullptr;
  const auto answer = by_order_.find(at->second);
  PAWL_CHECK(answer != by_order_.end());
  return &answer->second;
}

const Dedupe::Process* Dedupe::process(std::uint64_t id) const {
  const auto at = std::find_if(processes_.begin(), processes_.end(),
                               [id](const Process& p) { return p.id == id; });
  return at == processes_.end() ? nullptr : &*at;
}

const KeyedAnswer* Dedupe::find(const ForwardedAs& forwarded) const {
  const Process* p = process(forwarded.process);
  if (p == nullptr) return nullptr;
  const auto answer = p->answers.find(forwarded.number);
  return answer == p->answers.end() ? nullptr : &answer->second;
}

bool Dedupe::is_over(const ForwardedAs& forwarded) const {
  const Process* p = process(forwarded.process);
  return p != nullptr && forwarded.number < p->open_from;
}

void Dedupe::remember_forwarded(KeyedAnswer answer) {
  const ForwardedAs as = answer.forwarded;
  if (const Process* known = process(as.process)) {
    const auto at = processes_.begin() + (known - processes_.data());
    std::rotate(at, at + 1, processes_.end());
  } else {
    if (processes_.size() >= limits::kForwardingProcessesMax) processes_.erase(processes_.begin());
    processes_.push_back({as.process, 0, {}});
  }
  // What is that old nobody waits for, even if its process was never heard of again.
  for (Process& p : processes_) {
    while (!p.answers.empty() &&
           p.answers.begin()->second.at.v < answer.at.v - limits::kForwardedRememberedMs) {
      p.open_from = p.answers.begin()->first + 1;
      p.answers.erase(p.answers.begin());
    }
  }
  Process& p = processes_.back();
  p.open_from = std::max(p.open_from, as.open_from);
  p.answers.erase(p.answers.begin(), p.answers.lower_bound(p.open_from));
  if (as.number < p.open_from) return;
  answer.forwarded.open_from = 0;
  p.answers.insert_or_assign(as.number, std::move(answer));
  if (p.answers.size() > limits::kForwardedAnswersMax) {
    // Should its box still wait, it will say that the outcome is unknown.
    p.open_from = p.answers.begin()->first + 1;
    p.answers.erase(p.answers.begin());
  }
}

void Dedupe::remember(KeyedAnswer answer) {
  if (answer.forwarded) {
    remember_forwarded(std::move(answer));
    return;
  }
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
// at, varint status, str body; varint count of processes, then each: varint id, varint open_from,
// varint count, then each: varint number, zigzag at, varint status, str body.
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
  writer.varint(processes_.size());
  for (const Process& process : processes_) {
    writer.varint(process.id);
    writer.varint(process.open_from);
    writer.varint(process.answers.size());
    for (const auto& [number, answer] : process.answers) {
      writer.varint(number);
      writer.svarint(answer.at.v);
      writer.varint(answer.status);
      writer.str(answer.body);
    }
  }
}

// False if what is there cannot be; a text that ends too early is `in`'s to tell.
bool Dedupe::decode_processes(ByteReader* in) {
  const std::uint64_t count = in->varint();
  if (count > limits::kForwardingProcessesMax) return false;
  for (std::uint64_t i = 0; i < count && in->ok(); ++i) {
    Process decoded;
    decoded.id = in->varint();
    decoded.open_from = in->varint();
    const std::uint64_t answers = in->varint();
    if (!in->ok()) return false;
    if (decoded.id == 0 || process(decoded.id) != nullptr) return false;
    if (answers > limits::kForwardedAnswersMax) return false;
    for (std::uint64_t n = 0; n < answers && in->ok(); ++n) {
      const std::uint64_t number = in->varint();
      if (number < decoded.open_from) return false;
      if (n > 0 && number <= decoded.answers.rbegin()->first) return false;
      KeyedAnswer& answer = decoded.answers[number];
      answer.forwarded = {decoded.id, number, 0};
      answer.at = TimeMs(in->svarint());
      if (!decode_outcome(in, &answer)) return false;
    }
    processes_.push_back(std::move(decoded));
  }
  return true;
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
    if (!decode_outcome(&in, &answer)) return false;
    if (!decoded.by_key_.emplace(answer.key, number).second) return false;
    decoded.by_order_.emplace_hint(decoded.by_order_.end(), number, std::move(answer));
  }
  if (!decoded.decode_processes(&in) || !in.done()) return false;
  *this = std::move(decoded);
  return true;
}

}  // namespace pawl::engine
