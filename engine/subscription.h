// Durable subscriptions to the feed of events: named places in it, kept in the catalog (catalog.h)
// and moved on by acknowledgements. What a subscription has not acknowledged is held for it: its
// journal segments are not given up, and closed runs with such events are not forgotten.
//
//   none --put--> kept --acked--> kept ...
//   kept --behind for longer than max_lag--> lost: nothing is held any more
//   kept, lost --put with a place--> kept from there on        any --deleted--> none
//
// Decision 0071.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "engine/command.h"

namespace pawl::engine {

// By group, from 0 on: the next entry that is wanted.
using EventPlace = std::vector<Index>;

// --- events of the catalog; of kSubscriptionLevel ---

// It begins, anew perhaps. Whoever reads from `next` on misses nothing that is at or behind
// `whole`: what was forgotten before it began is left out.
struct SubscriptionPut {
  std::string name;
  EventPlace next, whole;
  std::int64_t max_lag_ms = 0;
  TimeMs at;
  Actor actor;
  friend bool operator==(const SubscriptionPut&, const SubscriptionPut&) = default;
};
// How far it is, at this time; also if it is there still and nothing came.
struct SubscriptionAcked {
  std::string name;
  EventPlace next;
  TimeMs at;
  friend bool operator==(const SubscriptionAcked&, const SubscriptionAcked&) = default;
};
struct SubscriptionLost {
  std::string name;
  TimeMs at;
  friend bool operator==(const SubscriptionLost&, const SubscriptionLost&) = default;
};
struct SubscriptionDeleted {
  std::string name;
  TimeMs at;
  Actor actor;
  friend bool operator==(const SubscriptionDeleted&, const SubscriptionDeleted&) = default;
};
using SubscriptionEvent =
    std::variant<SubscriptionPut, SubscriptionAcked, SubscriptionLost, SubscriptionDeleted>;

// The kinds of these events among the catalog's.
inline constexpr std::uint64_t kSubscriptionKindFirst = 25;
inline constexpr std::uint64_t kSubscriptionKindLast = 28;
void put(ByteWriter* w, const SubscriptionEvent& event);  // the kind, then its fields
// The fields behind the kind; fails the reader if they are malformed.
SubscriptionEvent get_subscription_event(std::uint64_t kind, ByteReader* in);

struct Subscription {
  SubscriptionPut begun;
  EventPlace next;  // acknowledged is all before it
  TimeMs acked_at;  // it was there then
  std::optional<TimeMs> lost_at;
  friend bool operator==(const Subscription&, const Subscription&) = default;
};

// The place that both have reached: each group's later one.
EventPlace later_of(const EventPlace& a, const EventPlace& b);

class SubscriptionBook {
 public:
  // A fold. False, and nothing changed: a name that is not known, or empty, places of another
  // number of groups, an acknowledgement that goes back or of one that is lost, one more than
  // limits::kSubscriptionsMax.
  bool apply(const SubscriptionEvent& event);

  const Subscription* find(std::string_view name) const;
  // By name.
  const std::map<std::string, Subscription, std::less<>>& all() const { return all_; }
  // The first entry of the group that is held for one of them; absent: none is.
  std::optional<Index> held_from(GroupId group) const;
  // The events that make it, as a snapshot has them.
  void put_all(ByteWriter* w) const;
  friend bool operator==(const SubscriptionBook&, const SubscriptionBook&) = default;

 private:
  bool begin(const SubscriptionPut& e);
  bool acked(const SubscriptionAcked& e);
  std::map<std::string, Subscription, std::less<>> all_;
};

}  // namespace pawl::engine
