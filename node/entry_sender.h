// Attaches payloads to the Appends of one group: from the cache, or, for a follower that lags, read
// back from the journal first. Appends to one box leave in the order raft gave them, since each
// builds on the one before; other messages pass them by.
//
//   send --(cached)--> out      send --(not cached)--> waiting --(loaded)--> out
//
// One read is under way at a time; what waits is bounded by raft's window for each follower.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "node/entry_cache.h"
#include "node/planted.h"
#include "raft/message.h"

namespace pawl::node {

class EntrySender {
 public:
  struct Range {
    Index first, last;
    friend bool operator==(const Range&, const Range&) = default;
  };
  // Takes each message whose payloads are there; they are views, valid for the call.
  class Out {
   public:
    virtual ~Out() = default;
    virtual void send(const raft::Message& message,
                      const std::vector<std::string_view>& payloads) = 0;
  };

  explicit EntrySender(const EntryCache* cache) : cache_(cache) {}

  // An Append with entries; anything else needs no payload and goes at once.
  void send(const raft::Message& message, Out* out);
  // What is to be read from the journal now, or nothing. Said once for each read.
  std::optional<Range> wanted();
  // The read is done: payloads of the range's entries in order, or fewer if they could not be read
  // (what needed them is forgotten: raft sends it again).
  void loaded(const Range& range, std::vector<std::string> payloads, Out* out);
  // Forgets what waits: the group does not lead any more. A read that is under way is void: when it
  // is done, this box may lead again and other entries have the same indexes.
  void clear() {
    waiting_.clear();
    void_ = reading_.has_value() && !planted(Bug::keep_void_reads);
  }

 private:
  bool attach(const raft::Append& append, std::vector<std::string_view>* payloads) const;
  void send_waiting(Out* out);

  const EntryCache* cache_;
  std::map<NodeId, std::deque<raft::Message>> waiting_;  // Appends, by box
  std::optional<Range> reading_;
  bool void_ = false;  // what is being read may have been replaced
  Index loaded_first_;
  std::vector<std::string> loaded_;  // of the last read
};

}  // namespace pawl::node
