#include "node/entry_sender.h"

#include <utility>

#include "base/check.h"

namespace pawl::node {

void EntrySender::send(const raft::Message& message, Out* out) {
  const auto* append = std::get_if<raft::Append>(&message.body);
  std::vector<std::string_view> payloads;
  if (append == nullptr || append->count == 0) {
    out->send(message, payloads);
    return;
  }
  const auto waiting = waiting_.find(message.to);
  if (waiting == waiting_.end() && attach(*append, &payloads)) {
    out->send(message, payloads);
  } else {
    waiting_[message.to].push_back(message);
  }
}

bool EntrySender::attach(const raft::Append& append,
                         std::vector<std::string_view>* payloads) const {
  payloads->clear();
  payloads->reserve(append.count);
  for (Index index = append.prev.index.next(); index <= append.through(); index = index.next()) {
    const std::string* cached = cache_->find(index);
    if (cached == nullptr && index >= loaded_first_ && index.v - loaded_first_.v < loaded_.size()) {
      cached = &loaded_[index.v - loaded_first_.v];
    }
    if (cached == nullptr) return false;
    payloads->push_back(*cached);
  }
  return true;
}

// Of all that waits for one box at once: a read takes as long as many entries do, and raft's window
// bounds what waits.
std::optional<EntrySender::Range> EntrySender::wanted() {
  if (reading_ || waiting_.empty()) return std::nullopt;
  const std::deque<raft::Message>& queue = waiting_.begin()->second;
  const auto& front = std::get<raft::Append>(queue.front().body);
  Range range{front.prev.index.next(), front.through()};
  for (const raft::Message& message : queue) {
    const auto& append = std::get<raft::Append>(message.body);
    if (append.prev.index == range.last) range.last = append.through();
  }
  reading_ = range;
  return reading_;
}

void EntrySender::loaded(const Range& range, std::vector<std::string> payloads, Out* out) {
  PAWL_CHECK(reading_ == range);
  reading_.reset();
  loaded_first_ = range.first;
  loaded_ = std::move(payloads);
  if (std::exchange(void_, false)) loaded_.clear();
  if (loaded_.size() <= range.last.v - range.first.v) {
    waiting_.clear();
  } else {
    send_waiting(out);
  }
  loaded_.clear();
}

void EntrySender::send_waiting(Out* out) {
  std::vector<std::string_view> payloads;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    std::deque<raft::Message>& queue = it->second;
    while (!queue.empty() && attach(std::get<raft::Append>(queue.front().body), &payloads)) {
      out->send(queue.front(), payloads);
      queue.pop_front();
    }
    it = queue.empty() ? waiting_.erase(it) : std::next(it);
  }
}

}  // namespace pawl::node
