#include "engine/dedupe.h"

#include <algorithm>
#include <utility>

#include "absl/strings/string_view.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "engine/frozen_dedupe.h"

namespace pawl::engine {
namespace {

bool decode_outcome(ByteReader* in, KeyedAnswer* answer) {
  const std::uint64_t status = in->varint();
  answer->status = static_cast<std::uint16_t>(status);
  answer->body = in->str();
  return in->ok() && status <= 999;
}

bool decode_keyed(ByteReader* in, KeyedAnswer* answer) {
  answer->key = in->str();
  const std::string_view request = in->raw(answer->request.size());
  if (in->ok()) std::memcpy(answer->request.data(), request.data(), request.size());
  answer->at = TimeMs(in->svarint());
  return decode_outcome(in, answer);
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

const KeyedAnswer* Dedupe::find(const ForwardedAs& as) const {
  const auto answer = forwarded_.find({as.process, as.number});
  return answer == forwarded_.end() ? nullptr : &answer->second;
}

bool Dedupe::is_over(const ForwardedAs& as) const {
  const Process* p = process(as.process);
  return p != nullptr && as.number < p->open_from;
}

// --- the folds ---

void Dedupe::forget_kept(std::map<std::uint64_t, KeyedAnswer>::iterator at) {
  by_key_.erase(at->second.key);
  const auto node = by_order_.extract(at);
  if (frozen_ != nullptr) frozen_->kept_goes(node.key(), node.mapped());
}

void Dedupe::forget_forwarded(Process* process, Forwarded::iterator at) {
  --process->answers;
  const auto node = forwarded_.extract(at);
  if (frozen_ != nullptr) frozen_->forwarded_changes(node.key(), &node.mapped());
}

void Dedupe::forget_before(Process* process, std::uint64_t open_from) {
  process->open_from = open_from;
  while (process->answers > 0) {
    const auto first = first_of(*process);
    if (first->first.second >= open_from) break;
    forget_forwarded(process, first);
  }
}

// The process, as the one that was heard of last.
Dedupe::Process& Dedupe::heard_of(std::uint64_t id) {
  if (const Process* known = process(id)) {
    const auto at = processes_.begin() + (known - processes_.data());
    std::rotate(at, at + 1, processes_.end());
    return processes_.back();
  }
  if (processes_.size() >= limits::kForwardingProcessesMax) {
    Process& silent = processes_.front();
    while (silent.answers > 0) forget_forwarded(&silent, first_of(silent));
    processes_.erase(processes_.begin());
  }
  return processes_.emplace_back(Process{id, 0, 0});
}

void Dedupe::remember_forwarded(KeyedAnswer answer) {
  const ForwardedAs as = answer.forwarded;
  heard_of(as.process);
  // What is that old nobody waits for, even if its process was never heard of again.
  for (Process& p : processes_) {
    while (p.answers > 0) {
      const auto first = first_of(p);
      if (first->second.at.v >= answer.at.v - limits::kForwardedRememberedMs) break;
      forget_before(&p, first->first.second + 1);
    }
  }
  Process& p = processes_.back();
  forget_before(&p, std::max(p.open_from, as.open_from));
  if (as.number < p.open_from) return;
  answer.forwarded.open_from = 0;
  const ForwardedKey key(as.process, as.number);
  const auto at = forwarded_.find(key);
  if (frozen_ != nullptr) {
    frozen_->forwarded_changes(key, at == forwarded_.end() ? nullptr : &at->second);
  }
  p.answers += at == forwarded_.end() ? 1 : 0;
  forwarded_.insert_or_assign(key, std::move(answer));
  if (p.answers > limits::kForwardedAnswersMax) {
    // Should its box still wait, it will say that the outcome is unknown.
    forget_before(&p, first_of(p)->first.second + 1);
  }
}

void Dedupe::remember(KeyedAnswer answer) {
  if (answer.forwarded) {
    remember_forwarded(std::move(answer));
    return;
  }
  const std::int64_t oldest_ms = answer.at.v - limits::kRememberedMs;
  if (const auto at = by_key_.find(answer.key); at != by_key_.end()) {
    forget_kept(by_order_.find(at->second));
  }
  while (!by_order_.empty() && (by_order_.begin()->second.at.v < oldest_ms ||
                                by_order_.size() >= limits::kDedupeKeysPerGroupMax)) {
    forget_kept(by_order_.begin());
  }
  by_key_[answer.key] = next_;
  by_order_.emplace_hint(by_order_.end(), next_, std::move(answer));
  ++next_;
}

// --- snapshots ---

bool Dedupe::add_process(std::uint64_t id, std::uint64_t open_from) {
  if (id == 0 || process(id) != nullptr) return false;
  processes_.push_back({id, open_from, 0});
  return true;
}

bool Dedupe::add_kept(std::uint64_t number, KeyedAnswer answer) {
  if (number >= next_ || (!by_order_.empty() && number <= by_order_.rbegin()->first)) return false;
  if (by_order_.size() >= limits::kDedupeKeysPerGroupMax) return false;
  if (!by_key_.emplace(answer.key, number).second) return false;
  by_order_.emplace_hint(by_order_.end(), number, std::move(answer));
  return true;
}

bool Dedupe::add_forwarded(std::uint64_t id, std::uint64_t number, KeyedAnswer answer) {
  const auto at = std::find_if(processes_.begin(), processes_.end(),
                               [id](const Process& p) { return p.id == id; });
  if (at == processes_.end() || number < at->open_from) return false;
  if (++at->answers > limits::kForwardedAnswersMax) return false;
  answer.forwarded = {id, number, 0};
  return forwarded_.emplace(ForwardedKey(id, number), std::move(answer)).second;
}

void Dedupe::encode_head(std::string* out) const {
  ByteWriter writer(out);
  writer.varint(next_);
  writer.varint(processes_.size());
  for (const Process& process : processes_) {
    writer.varint(process.id);
    writer.varint(process.open_from);
  }
}

bool Dedupe::decode_head(ByteReader* in) {
  PAWL_CHECK(by_order_.empty() && processes_.empty());
  next_ = in->varint();
  const std::uint64_t count = in->varint();
  if (count > limits::kForwardingProcessesMax) return false;
  for (std::uint64_t i = 0; i < count && in->ok(); ++i) {
    const std::uint64_t id = in->varint();
    const std::uint64_t open_from = in->varint();
    if (!in->ok() || !add_process(id, open_from)) return false;
  }
  return in->ok();
}

bool Dedupe::decode_kept(std::string_view body) {
  ByteReader in(body);
  const std::uint64_t number = in.varint();
  KeyedAnswer answer;
  return decode_keyed(&in, &answer) && in.done() && add_kept(number, std::move(answer));
}

bool Dedupe::decode_forwarded(std::string_view body) {
  ByteReader in(body);
  const std::uint64_t process = in.varint();
  const ForwardedKey key(process, in.varint());
  if (!forwarded_.empty() && key <= forwarded_.rbegin()->first) return false;
  KeyedAnswer answer;
  answer.at = TimeMs(in.svarint());
  return decode_outcome(&in, &answer) && in.done() &&
         add_forwarded(key.first, key.second, std::move(answer));
}

// Answers that are remembered are envelopes, or speak of no run. An envelope begins with the id
// (which has nothing to be escaped) and the uid. A fold: neither text may ever change.
void Dedupe::scrub(const std::string& run_id, const RunUid& uid) {
  const std::string who = "{\"id\":\"" + run_id + "\",\"uid\":\"" + to_string(uid) + "\",";
  static constexpr const char* kDeleted = "\"status\":\"data_deleted\"";
  // One that says no more than that may be the deletion's own.
  const auto shows = [&who](const KeyedAnswer& answer) {
    const std::string_view body = answer.body;
    return body.starts_with(who) && !body.substr(who.size()).starts_with(kDeleted);
  };
  for (auto& [number, answer] : by_order_) {
    if (!shows(answer)) continue;
    if (frozen_ != nullptr) frozen_->kept_goes(number, answer);
    answer.body = who + kDeleted + "}";
  }
  for (auto& [key, answer] : forwarded_) {
    if (!shows(answer)) continue;
    if (frozen_ != nullptr) frozen_->forwarded_changes(key, &answer);
    answer.body = who + kDeleted + "}";
  }
}

// Grammar: varint next, varint count, then each: varint number, str key, 32 bytes request, zigzag
// at, varint status, str body; varint count of processes, then each: varint id, varint open_from,
// varint count, then each: varint number, zigzag at, varint status, str body.
bool Dedupe::decode_format_2(std::string_view bytes) {
  ByteReader in(bytes);
  Dedupe decoded;
  decoded.next_ = in.varint();
  for (std::uint64_t n = in.varint(); n > 0; --n) {
    const std::uint64_t number = in.varint();
    KeyedAnswer answer;
    if (!decode_keyed(&in, &answer) || !decoded.add_kept(number, std::move(answer))) return false;
  }
  const std::uint64_t count = in.varint();
  if (count > limits::kForwardingProcessesMax) return false;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const std::uint64_t id = in.varint();
    const std::uint64_t open_from = in.varint();
    if (!in.ok() || !decoded.add_process(id, open_from)) return false;
    for (std::uint64_t n = in.varint(); n > 0; --n) {
      const std::uint64_t number = in.varint();
      KeyedAnswer answer;
      answer.at = TimeMs(in.svarint());
      if (!decode_outcome(&in, &answer)) return false;
      if (!decoded.add_forwarded(id, number, std::move(answer))) return false;
    }
  }
  if (!in.done()) return false;
  *this = std::move(decoded);
  return true;
}

}  // namespace pawl::engine
