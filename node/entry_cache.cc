#include "node/entry_cache.h"

#include "base/limits.h"

namespace pawl::node {

void EntryCache::append(Index index, std::string_view payload) {
  if (entries_.empty() || index.v != first_.v + entries_.size()) {
    entries_.clear();
    bytes_ = 0;
    first_ = index;
  }
  entries_.emplace_back(payload);
  bytes_ += payload.size() + sizeof(std::string);
}

void EntryCache::truncate_from(Index from) {
  while (!entries_.empty() && first_.v + entries_.size() > from.v) {
    bytes_ -= entries_.back().size() + sizeof(std::string);
    entries_.pop_back();
  }
}

void EntryCache::evict(Index durable) {
  while (bytes_ > limits::kEntryCacheBytesMax && !entries_.empty() && first_ <= durable) {
    bytes_ -= entries_.front().size() + sizeof(std::string);
    entries_.pop_front();
    first_ = first_.next();
  }
}

const std::string* EntryCache::find(Index index) const {
  if (index < first_ || index.v >= first_.v + entries_.size()) return nullptr;
  return &entries_[index.v - first_.v];
}

}  // namespace pawl::node
