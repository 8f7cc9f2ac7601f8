#include "raft/progress.h"

#include <algorithm>

#include "base/check.h"

namespace pawl::raft {

void Inflight::push(Index last, std::uint64_t bytes) {
  PAWL_CHECK(size_ < sent_.size());
  sent_[(begin_ + size_) % sent_.size()] = {last, bytes};
  ++size_;
  bytes_ += bytes;
}

void Inflight::acknowledge(Index match) {
  while (size_ > 0 && sent_[begin_].last <= match) {
    bytes_ -= sent_[begin_].bytes;
    begin_ = (begin_ + 1) % static_cast<std::uint32_t>(sent_.size());
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

void Progress::become_install() {
  mode = Mode::install;
  probe_sent = false;
  inflight.clear();
  snapshot = Snapshot();
  stored = 0;
  chunk_sent = false;
}

void Progress::become_lost() {
  mode = Mode::lost;
  inflight.clear();
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
    case Progress::Mode::lost:
      return "lost";
  }
  PAWL_UNREACHABLE();
}

}  // namespace pawl::raft
