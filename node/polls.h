// Workers' polls that wait for a task.
//
//   parked --reserve--> parked (n on their way) --granted--> parked or full --take--> answered
//   parked --expired / cancelled--> gone
//
// A poll may be for a queue of several namespaces: it gets its tasks by turns, the next one from
// where one was taken longest ago, so that no namespace starves another.
//
// A poll is answered as soon as it has at least one task and none is on its way to it: the
// hand-outs are committed before the worker sees them.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "node/leases.h"
#include "node/request.h"

namespace pawl::node {

struct ParkedPoll {
  RequestId id;
  PollTasks poll;
  std::string key;
  bool minted = false;  // the key is the node's own: nobody repeats the poll by it
  std::int64_t deadline_mono_ms = 0;
  std::uint32_t reserved = 0;    // hand-outs proposed, not yet committed
  std::vector<TaskRef> granted;  // committed
  bool gone = false;             // its client went away while hand-outs were on their way
  bool lent = false;             // another box is asked to fill it (node_loans.cc)

  bool wants_more() const { return !gone && !lent && reserved + granted.size() < poll.max; }
  bool idle() const { return reserved == 0 && !lent; }
  bool takes(const std::string& type) const;
  // All that it is for.
  std::vector<std::string> queues() const;
};

class Polls {
 public:
  // False if too many are parked (429).
  bool park(ParkedPoll poll);
  ParkedPoll* find(RequestId id);
  // The oldest poll of the queue that wants a task of this type; null if there is none.
  ParkedPoll* match(const std::string& queue, const std::string& type);
  bool empty() const { return polls_.empty(); }
  // Takes the poll out; nullopt if it is gone.
  std::optional<ParkedPoll> take(RequestId id);
  // Takes out polls past their deadline that have nothing on its way.
  std::vector<ParkedPoll> take_expired(std::int64_t now_mono_ms);
  std::int64_t next_mono_ms() const;

  // A task of the queue is handed out, or asked for at another box.
  void served(const std::string& queue);
  // Which of these queues has waited longest for that; `queues` is not empty.
  std::size_t longest_unserved(const std::vector<std::string>& queues) const;

  std::size_t parked(const std::string& queue) const;
  // Those at the queue, oldest first.
  std::vector<RequestId> parked_at(const std::string& queue) const;
  // Workers (distinct names) parked at the queue.
  std::vector<std::string> workers(const std::string& queue) const;
  std::vector<std::string> queues() const;

 private:
  std::map<RequestId, ParkedPoll> polls_;
  std::map<std::string, std::set<RequestId>> by_queue_;
  std::set<std::pair<std::int64_t, RequestId>> by_deadline_;
  // When each was served last, as a number that grows; of at most limits::kServedQueuesMax.
  std::map<std::string, std::uint64_t> served_;
  std::uint64_t turn_ = 0;
};

}  // namespace pawl::node
