// Subscriptions, and their events as bytes: a kind (25 put, 26 acked, 27 lost, 28 deleted), then
// the fields in order.
#include "engine/subscription.h"

#include <algorithm>
#include <limits>

#include "base/limits_subscriptions.h"

namespace pawl::engine {
namespace {

void put_place(ByteWriter* w, const EventPlace& place) {
  w->varint(place.size());
  for (const Index index : place) w->varint(index.v);
}
EventPlace get_place(ByteReader* in) {
  EventPlace place;
  for (std::uint64_t n = in->varint(); n > 0 && in->ok(); --n) place.emplace_back(in->varint());
  return place;
}

void put_actor(ByteWriter* w, const Actor& actor) {
  w->varint(actor.box.v);
  w->varint(actor.uid);
  w->varint(actor.gids.size());
  for (const std::uint32_t gid : actor.gids) w->varint(gid);
}
std::uint32_t get_id(ByteReader* in) {
  const std::uint64_t x = in->varint();
  if (x > std::numeric_limits<std::uint32_t>::max()) in->fail();
  return static_cast<std::uint32_t>(x);
}
Actor get_actor(ByteReader* in) {
  Actor actor;
  actor.box = NodeId(in->varint());
  actor.uid = get_id(in);
  for (std::uint64_t n = in->varint(); n > 0 && in->ok(); --n) actor.gids.push_back(get_id(in));
  return actor;
}

void put_event(ByteWriter* w, const SubscriptionPut& e) {
  w->varint(25);
  w->str(e.name);
  put_place(w, e.next);
  put_place(w, e.whole);
  w->svarint(e.max_lag_ms);
  w->svarint(e.at.v);
  put_actor(w, e.actor);
}
void put_event(ByteWriter* w, const SubscriptionAcked& e) {
  w->varint(26);
  w->str(e.name);
  put_place(w, e.next);
  w->svarint(e.at.v);
}
void put_event(ByteWriter* w, const SubscriptionLost& e) {
  w->varint(27);
  w->str(e.name);
  w->svarint(e.at.v);
}
void put_event(ByteWriter* w, const SubscriptionDeleted& e) {
  w->varint(28);
  w->str(e.name);
  w->svarint(e.at.v);
  put_actor(w, e.actor);
}

// No group of `b` is before that of `a`.
bool is_behind(const EventPlace& a, const EventPlace& b) {
  for (std::size_t g = 0; g < a.size(); ++g) {
    if (b[g] < a[g]) return false;
  }
  return true;
}

}  // namespace

void put(ByteWriter* w, const SubscriptionEvent& event) {
  std::visit([w](const auto& e) { put_event(w, e); }, event);
}

SubscriptionEvent get_subscription_event(std::uint64_t kind, ByteReader* in) {
  std::string name(in->str());
  if (kind == 25) {
    SubscriptionPut e;
    e.name = std::move(name);
    e.next = get_place(in);
    e.whole = get_place(in);
    e.max_lag_ms = in->svarint();
    e.at = TimeMs(in->svarint());
    e.actor = get_actor(in);
    return e;
  }
  if (kind == 26) {
    SubscriptionAcked e;
    e.name = std::move(name);
    e.next = get_place(in);
    e.at = TimeMs(in->svarint());
    return e;
  }
  if (kind == 27) return SubscriptionLost{std::move(name), TimeMs(in->svarint())};
  if (kind != 28) in->fail();
  SubscriptionDeleted e;
  e.name = std::move(name);
  e.at = TimeMs(in->svarint());
  e.actor = get_actor(in);
  return e;
}

EventPlace later_of(const EventPlace& a, const EventPlace& b) {
  EventPlace later = a;
  for (std::size_t g = 0; g < std::min(a.size(), b.size()); ++g) later[g] = std::max(a[g], b[g]);
  return later;
}

bool SubscriptionBook::begin(const SubscriptionPut& e) {
  if (e.name.empty() || e.next.empty() || e.next.size() != e.whole.size()) return false;
  if (e.max_lag_ms <= 0) return false;
  if (find(e.name) == nullptr && all_.size() >= limits::kSubscriptionsMax) return false;
  all_.insert_or_assign(e.name, Subscription{e, e.next, e.at, {}});
  return true;
}

bool SubscriptionBook::acked(const SubscriptionAcked& e) {
  const auto at = all_.find(e.name);
  if (at == all_.end() || at->second.lost_at) return false;
  Subscription& known = at->second;
  if (e.next.size() != known.next.size() || !is_behind(known.next, e.next)) return false;
  known.next = e.next;
  known.acked_at = std::max(known.acked_at, e.at);
  return true;
}

bool SubscriptionBook::apply(const SubscriptionEvent& event) {
  if (const auto* put = std::get_if<SubscriptionPut>(&event)) return begin(*put);
  if (const auto* ack = std::get_if<SubscriptionAcked>(&event)) return acked(*ack);
  if (const auto* lost = std::get_if<SubscriptionLost>(&event)) {
    const auto at = all_.find(lost->name);
    if (at == all_.end() || at->second.lost_at) return false;
    at->second.lost_at = lost->at;
    return true;
  }
  return all_.erase(std::get<SubscriptionDeleted>(event).name) > 0;
}

const Subscription* SubscriptionBook::find(std::string_view name) const {
  const auto at = all_.find(name);
  return at == all_.end() ? nullptr : &at->second;
}

std::optional<Index> SubscriptionBook::held_from(GroupId group) const {
  std::optional<Index> from;
  for (const auto& [name, subscription] : all_) {
    if (subscription.lost_at || group.v >= subscription.next.size()) continue;
    const Index next = subscription.next[group.v];
    if (!from || next < *from) from = next;
  }
  return from;
}

void SubscriptionBook::put_all(ByteWriter* w) const {
  for (const auto& [name, subscription] : all_) {
    put_event(w, subscription.begun);
    const bool moved = subscription.next != subscription.begun.next;
    if (moved || subscription.acked_at != subscription.begun.at) {
      put_event(w, SubscriptionAcked{name, subscription.next, subscription.acked_at});
    }
    if (subscription.lost_at) put_event(w, SubscriptionLost{name, *subscription.lost_at});
  }
}

}  // namespace pawl::engine
