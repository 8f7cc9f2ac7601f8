#include "node/subscriptions.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/feature_level.h"
#include "base/limits_subscriptions.h"
#include "codecs/problem.h"
#include "codecs/subscription_json.h"
#include "engine/namespace.h"

namespace pawl::node {
namespace {

constexpr std::int64_t kBusyMs = 20;  // until an entry of the catalog may be applied

std::string body_of(const engine::Subscription& subscription) {
  std::string body;
  codecs::append_subscription(subscription, &body);
  return body;
}

// Nothing of a run is between them: group 0 has none.
bool same_events(const engine::EventPlace& a, const engine::EventPlace& b) {
  return a.size() == b.size() && std::equal(a.begin() + 1, a.end(), b.begin() + 1);
}

}  // namespace

void Node::Subscriptions::lost() {
  for (const Request& request : std::exchange(acks_, {})) node_->retry(request.id);
  wake_mono_ms_ = INT64_MAX;
}

void Node::Subscriptions::decide(const Request& request, const ChangeSubscription& op) {
  if (const auto* put = std::get_if<PutSubscription>(&op.change)) return decide_put(request, *put);
  if (const auto* ack = std::get_if<AckSubscription>(&op.change)) return decide_ack(request, *ack);
  decide_delete(request, std::get<DeleteSubscription>(op.change));
}

void Node::Subscriptions::refuse_unknown(const Request& request, const std::string& name) {
  node_->refuse_confirmed(*node_->groups_[0], request.id, 404, "subscription-unknown",
                          "There is no such subscription",
                          "there is no subscription `" + std::string(engine::plain_name(name)) +
                              "`: PUT /v1/subscriptions/{name} makes one, GET /v1/subscriptions "
                              "lists them");
}

void Node::Subscriptions::conclude(const Request& request,
                                   std::optional<engine::SubscriptionEvent> event,
                                   const engine::Subscription& after, std::uint16_t status) {
  std::optional<Proposal> proposal;
  if (event) {
    engine::encode_catalog_events({std::move(*event)}, &proposal.emplace().entry.catalog);
  }
  Answer answer;
  answer.id = request.id;
  answer.status = status;
  answer.body = body_of(after);
  node_->conclude_catalog(request, std::move(proposal), std::move(answer));
}

void Node::Subscriptions::decide_put(const Request& request, const PutSubscription& op) {
  const engine::SubscriptionBook& book = node_->catalog().subscriptions();
  const engine::Subscription* known = book.find(op.name);
  const std::size_t groups = node_->groups_.size();
  if (node_->groups_[0]->tables().feature_level() < kSubscriptionLevel ||
      op.whole.size() != groups || (op.has_place && op.next.size() != groups)) {
    return node_->refuse(request.id, 409, "level-too-low", "A box runs an older version of pawl",
                         "subscriptions can be made once every box runs this version");
  }
  if (known == nullptr && book.all().size() >= limits::kSubscriptionsMax) {
    return node_->refuse(request.id, 429, "too-many-subscriptions", "There are many subscriptions",
                         absl::StrCat("there are ", limits::kSubscriptionsMax,
                                      " subscriptions: delete one that nobody reads"));
  }
  if (known != nullptr && known->lost_at && !op.has_place) {
    return node_->refuse(request.id, 409, "subscription-lost", "The subscription is lost",
                         "events behind its cursor may be gone: say with `after` where it begins "
                         "anew (a cursor, \"oldest\" or \"now\")");
  }
  engine::SubscriptionPut put{
      op.name,       op.has_place ? op.next : op.whole,
      op.whole,      op.max_lag_ms.value_or(limits::kSubscriptionLagMsDefault),
      node_->stamp_, request.actor};
  if (known != nullptr && !op.has_place) {
    const bool same = !op.max_lag_ms || *op.max_lag_ms == known->begun.max_lag_ms;
    if (same) return conclude(request, std::nullopt, *known, 200);
    put.next = known->next;
    put.whole = known->begun.whole;
  }
  if (known != nullptr && !op.max_lag_ms) put.max_lag_ms = known->begun.max_lag_ms;
  const engine::Subscription after{put, put.next, put.at, {}};
  conclude(request, std::move(put), after, known == nullptr ? 201 : 200);
}

void Node::Subscriptions::decide_delete(const Request& request, const DeleteSubscription& op) {
  const engine::Subscription* known = node_->catalog().subscriptions().find(op.name);
  if (known == nullptr) return refuse_unknown(request, op.name);
  conclude(request, engine::SubscriptionDeleted{op.name, node_->stamp_, request.actor}, *known,
           200);
}

// What is new waits for the next entry with acknowledgements.
void Node::Subscriptions::decide_ack(const Request& request, const AckSubscription& op) {
  const engine::Subscription* known = node_->catalog().subscriptions().find(op.name);
  if (known == nullptr) return refuse_unknown(request, op.name);
  if (known->lost_at) {
    return node_->refuse_confirmed(*node_->groups_[0], request.id, 410, "subscription-lost",
                                   "The subscription is lost",
                                   "it lagged for longer than its max_lag, and events behind its "
                                   "cursor may be gone: PUT it with `after` to begin anew");
  }
  if (op.next.size() != known->next.size()) {
    return node_->refuse(request.id, 400, "bad-field", "The request is not understood",
                         "`cursor` is of a store with another number of groups");
  }
  if (same_events(engine::later_of(known->next, op.next), known->next)) {
    return conclude(request, std::nullopt, *known, 200);
  }
  if (acks_.size() >= limits::kAcksWaitingMax) {
    return node_->refuse(request.id, 429, "queue-full", "Too many acknowledgements wait",
                         "try again in a second: one for many events is enough");
  }
  acks_.push_back(request);
  due_ = true;
}

void Node::Subscriptions::look() {
  due_ = false;
  wake_mono_ms_ = INT64_MAX;
  Group& group = *node_->groups_[0];
  if (!node_->decides(group) || group.tables().feature_level() < kSubscriptionLevel) return;
  if (acks_.empty() && node_->catalog().subscriptions().all().empty()) return;
  const std::int64_t now = node_->now_.mono_ms;
  if (node_->under_way_.catalog_busy) {
    wake_mono_ms_ = now + kBusyMs;
    return;
  }
  if (!acks_.empty()) {
    if (now >= next_acks_mono_ms_) return propose_acks();
    wake_mono_ms_ = next_acks_mono_ms_;
  }
  look_at_lags();
}

void Node::Subscriptions::propose(std::vector<engine::SubscriptionEvent> events,
                                  Proposal proposal) {
  engine::encode_catalog_events({events.begin(), events.end()}, &proposal.entry.catalog);
  proposal.entry.time = node_->stamp_;
  node_->under_way_.catalog_busy = true;
  ++node_->stats_.entries_proposed;
  wake_mono_ms_ = node_->now_.mono_ms + kBusyMs;
  node_->groups_[0]->propose(std::move(proposal));
}

// Of each subscription the last one; who came with an earlier one gets the same answer.
void Node::Subscriptions::propose_acks() {
  const std::vector<Request> acks = std::exchange(acks_, {});
  std::map<std::string, engine::Subscription> after;
  for (const Request& request : acks) {
    const auto& op =
        std::get<AckSubscription>(std::get<ChangeSubscription>(request.operation).change);
    const engine::Subscription* known = node_->catalog().subscriptions().find(op.name);
    if (known == nullptr || known->lost_at || known->next.size() != op.next.size()) continue;
    engine::Subscription& to = after.try_emplace(op.name, *known).first->second;
    to.next = engine::later_of(to.next, op.next);
    to.acked_at = node_->stamp_;
  }
  Proposal proposal;
  std::vector<engine::SubscriptionEvent> events;
  for (const auto& [name, subscription] : after) {
    events.emplace_back(engine::SubscriptionAcked{name, subscription.next, subscription.acked_at});
  }
  for (const Request& request : acks) {
    const auto& op =
        std::get<AckSubscription>(std::get<ChangeSubscription>(request.operation).change);
    const auto at = after.find(op.name);
    if (at == after.end()) {  // deleted or lost while it waited
      decide_ack(request, op);
      continue;
    }
    Answer answer;
    answer.id = request.id;
    answer.body = body_of(at->second);
    if (!request.key.empty() || request.forwarded) {
      proposal.entry.answers.push_back({request.key, request.digest, request.forwarded,
                                        node_->stamp_, answer.status, answer.body});
    }
    proposal.answers.push_back({std::move(answer), -1});
  }
  if (events.empty()) return;
  next_acks_mono_ms_ = node_->now_.mono_ms + limits::kAcksMs;
  propose(std::move(events), std::move(proposal));
}

bool Node::Subscriptions::at_end(const engine::Subscription& subscription) const {
  for (std::size_t g = 1; g < node_->groups_.size() && g < subscription.next.size(); ++g) {
    if (subscription.next[g] <= node_->groups_[g]->applied()) return false;
  }
  return true;
}

// Who is at the end is known to have been there; who was not for too long is lost.
void Node::Subscriptions::look_at_lags() {
  std::vector<engine::SubscriptionEvent> events;
  TimeMs next(INT64_MAX / 2);
  for (const auto& [name, subscription] : node_->catalog().subscriptions().all()) {
    if (subscription.lost_at) continue;
    const std::int64_t max_lag = subscription.begun.max_lag_ms;
    const bool there = at_end(subscription);
    const std::int64_t wait = there ? max_lag / limits::kSubscriptionLookShare : max_lag;
    const TimeMs due(subscription.acked_at.v + std::max<std::int64_t>(wait, 1));
    // It may fall behind, or catch up, meanwhile.
    next = std::min(next, due);
    if (node_->stamp_ < due) continue;
    if (there) {
      events.emplace_back(engine::SubscriptionAcked{name, subscription.next, node_->stamp_});
    } else {
      events.emplace_back(engine::SubscriptionLost{name, node_->stamp_});
    }
  }
  if (!events.empty()) return propose(std::move(events), {});
  if (next.v < INT64_MAX / 2) {
    wake_mono_ms_ = std::min(wake_mono_ms_, node_->time_.mono_ms_of(next));
  }
}

}  // namespace pawl::node
