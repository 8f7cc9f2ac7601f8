#include "raft/progress.h"

#include <algorithm>

#include "base/check.h"

namespace pawl::raft {

void Inflight::push(Index last) {
  PAWL_CHECK(size_ < last_.size());
  last_[(begin_ + size_) % last_.size()] = last;
  ++size_;
}

void Inflight::acknowledge(Index match) {
  while (size_ > 0 && last_[begin_] <= match) {
    begin_ = (begin_ + 1) % static_cast<std::uint32_t>(last_.size());
    --size_;
  }
}

void Progress::become_probe(Index from) {
  PAWL_CHECK(from > match);
  mode = Mode::probe;
  next = from;
  probe_sent = false;
  sent_by_heartbeat = sent_by_heartbeat_before = from.prev();
  inflight.clear();
}

void Progress::become_replicate(Index from) {
  become_probe(from);
  mode = Mode::replicate;
}

void Progress::heartbeat_sent() {
  sent_by_heartbeat_before = sent_by_heartbeat;
  sent_by_heartbeat = next.prev();
}

const char* to_string(Progress::Mode mode) {
  switch (mode) {
    case Progress::Mode::probe:
      return "probe";
    case Progress::Mode::replicate:
      return "replicate";
    case Progress::Mode::install:
      return "install";
  }
  PAWL_UNREACHABLE();
}

}  // namespace pawl::raft
