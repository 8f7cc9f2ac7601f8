// What group 0's leader does for durable subscriptions (engine/subscription.h): it takes
// acknowledgements, many into one entry, and marks as lost who lags for too long.
//
//   an ack --waits for the second's entry--> proposed with others --applied--> answered
//
// How long one lags is counted from the last time it is known to have been at the end: of one that
// stays there without an acknowledgement, because nothing comes, that is written down now and then.
//
// Memory, gone with the leadership: the acknowledgements that wait; who asked is sent on.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "node/node.h"

namespace pawl::node {

class Node::Subscriptions {
 public:
  explicit Subscriptions(Node* node) : node_(node) {}

  // The catalog has changed, or this box may decide for group 0.
  void changed() { due_ = true; }
  // It decides no longer.
  void lost();
  // A request of group 0's leader.
  void decide(const Request& request, const ChangeSubscription& op);

  bool unsettled() const { return due_; }
  void look();
  // Monotonic ms at which look() has something to do; INT64_MAX: never, as things are.
  std::int64_t next_wake_mono_ms() const { return wake_mono_ms_; }

 private:
  void decide_put(const Request& request, const PutSubscription& op);
  void decide_ack(const Request& request, const AckSubscription& op);
  void decide_delete(const Request& request, const DeleteSubscription& op);
  void refuse_unknown(const Request& request, const std::string& name);
  void conclude(const Request& request, std::optional<engine::SubscriptionEvent> event,
                const engine::Subscription& after, std::uint16_t status);
  void propose_acks();
  void propose(std::vector<engine::SubscriptionEvent> events, Proposal proposal);
  bool at_end(const engine::Subscription& subscription) const;
  void look_at_lags();

  Node* node_;
  bool due_ = false;
  std::int64_t wake_mono_ms_ = INT64_MAX;
  std::int64_t next_acks_mono_ms_ = 0;
  std::vector<Request> acks_;  // AckSubscriptions, as they came
};

}  // namespace pawl::node
