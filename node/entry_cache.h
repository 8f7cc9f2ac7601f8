// The newest entries of one group's log, as bytes: what a leader sends to followers that keep up,
// without asking the disk. Older ones are read back from the journal (Outputs::entry_reads).
//
// Holds a suffix of the log. Entries that are not durable are never evicted, since nothing else
// has them; of the others as many as kEntryCacheBytesMax allows.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace pawl::node {

class EntryCache {
 public:
  // `index` follows the last one, or begins anew (what was there is forgotten).
  void append(Index index, std::string_view payload);
  // Forgets `from` and all after it.
  void truncate_from(Index from);
  // Forgets the oldest entries up to `durable` while there are too many bytes.
  void evict(Index durable);
  // Null if it is not here. The string is valid until the next change.
  const std::string* find(Index index) const;

 private:
  Index first_;  // of entries_; meaningless while it is empty
  std::deque<std::string> entries_;
  std::size_t bytes_ = 0;
};

}  // namespace pawl::node
