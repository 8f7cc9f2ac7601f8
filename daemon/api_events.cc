// The feed of events, and durable subscriptions to it.
#include <algorithm>

#include "base/limits_subscriptions.h"
#include "codecs/json.h"
#include "codecs/problem.h"
#include "codecs/subscription_json.h"
#include "daemon/api.h"
#include "daemon/routes.h"
#include "dsl/expression.h"

namespace pawl::daemon {
namespace {

// What the cursor would go on with is not in the journal any more.
bool behind(const EventCursor& cursor, const EventCursor& oldest) {
  for (std::size_t g = 0; g < cursor.next.size(); ++g) {
    if (cursor.next[g] < oldest.next[g]) return true;
  }
  return false;
}

// Each group has applied all that was acknowledged before this read came.
bool ahead(const node::Node& node, const EventCursor& cursor) {
  for (std::size_t g = 0; g < cursor.next.size(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    if (cursor.next[g] > node.group(group).applied().next()) return true;
  }
  return false;
}

std::string name_problem(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._:@~-").find(c) != std::string_view::npos;
  };
  if (name.size() > limits::kNameBytesMax || !std::all_of(name.begin(), name.end(), fits)) {
    return "a subscription's name is of at most " + std::to_string(limits::kNameBytesMax) +
           " of A-Z, a-z, 0-9 and . _ : @ ~ -";
  }
  return "";
}

constexpr std::string_view kLost =
    "it lagged for longer than its max_lag, or the store was made anew, and events behind its "
    "cursor may be gone: PUT it with `after` to begin anew";

// As far as this box has it: group 0 has no events, so nothing is missed there.
EventCursor place_of(const engine::Subscription& subscription, const EventCursor& oldest) {
  EventCursor cursor{subscription.next};
  cursor.next[0] = std::max(cursor.next[0], oldest.next[0]);
  return cursor;
}

}  // namespace

void Api::after_barrier(RequestId id, std::int64_t deadline_ms, std::function<void()> then) {
  node::Request barrier;
  barrier.id = node::RequestId(id.v);
  barrier.deadline_ms = deadline_ms;
  barrier.operation = node::Barrier{};
  after_barrier_[id] = std::move(then);
  waiting_.push_back(std::move(barrier));
}

// Where a feed begins that names a subscription; an answer was given if that is nowhere.
bool Api::begin_subscribed(Call& call, EventFeed* feed) {
  const engine::Subscription* known =
      parts_.node->catalog().subscriptions().find(feed->subscription);
  const EventCursor oldest = feeds_.oldest_events();
  if (known == nullptr) {
    refuse(call.id, 404, "subscription-unknown", "There is no such subscription",
           "PUT /v1/subscriptions/{name} makes one, GET /v1/subscriptions lists them");
    return false;
  }
  const bool fits = known->next.size() == parts_.node->group_count();
  if (known->lost_at || !fits || ahead(*parts_.node, {known->next})) {
    refuse(call.id, 410, "subscription-lost", "The subscription is lost", kLost);
    return false;
  }
  feed->from = place_of(*known, oldest);
  feed->whole = known->begun.whole;
  if (!behind(feed->from, oldest)) return true;
  if (parts_.node->alone()) {
    refuse(call.id, 410, "subscription-lost", "The subscription is lost", kLost);
  } else {
    refuse(call.id, 503, "events-elsewhere", "This box lacks events of the subscription",
           "it came, or was made anew, after they were committed: read from another box, and "
           "acknowledge; from there on any will do");
  }
  return false;
}

void Api::get_events(Call& call) {
  QueryReader query(call);
  EventFeed feed;
  feed.name_space = call.name_space;
  feed.limit = static_cast<std::size_t>(query.integer("limit", 1, INT64_MAX).value_or(INT64_MAX));
  feed.follow = query.flag("follow");
  feed.server_sent = call.accept.find("text/event-stream") != std::string::npos;
  feed.subscription = query.text("subscription").value_or("");
  if (!feed.subscription.empty()) feed.subscription = call.kept(feed.subscription);
  const EventCursor oldest = feeds_.oldest_events();
  feed.from = oldest;
  std::optional<std::string> after = query.text("after");
  if (after && !feed.subscription.empty()) {
    query.fail("a subscription goes on behind what was acknowledged: leave `after` out");
  }
  const bool resumes = feed.subscription.empty() && !call.last_event_id.empty();
  if (!after && resumes) after = call.last_event_id;
  if (after && query.ok()) {
    if (!EventCursor::parse(*after, parts_.node->group_count(), &feed.from)) {
      query.fail("`after` must be a cursor of this feed, as its {cursor} lines give it");
    } else if (ahead(*parts_.node, feed.from)) {
      query.fail(
          "`after` is ahead of all events of this store: it is of another store, or of this one "
          "before it was made anew; without it the feed begins anew");
    }
  }
  if (!query.ok()) {
    refuse(call.id, query.problem());
    return;
  }
  if (!feed.subscription.empty()) {
    if (begin_subscribed(call, &feed)) feeds_.events(call.id, std::move(feed));
    return;
  }
  if (behind(feed.from, oldest)) {
    node::Answer gone;
    gone.id = node::RequestId(call.id.v);
    gone.status = 410;
    gone.body = Feeds::events_gone_json(oldest);
    respond(gone);
    return;
  }
  feeds_.events(call.id, std::move(feed));
}

void Api::get_subscriptions(Call& call) {
  std::string body = R"({"items":[)";
  for (const auto& [name, subscription] : parts_.node->catalog().subscriptions().all()) {
    if (engine::namespace_of(name) != call.name_space) continue;
    if (body.back() != '[') body.push_back(',');
    codecs::append_subscription(subscription, &body);
  }
  body += R"(],"next_cursor":null})";
  respond_json(call.id, 200, body);
}

void Api::get_subscription(Call& call) {
  const engine::Subscription* known =
      parts_.node->catalog().subscriptions().find(call.kept(call.path[0]));
  if (known == nullptr) {
    return refuse(call.id, 404, "subscription-unknown", "There is no such subscription",
                  "GET /v1/subscriptions lists them");
  }
  std::string body;
  codecs::append_subscription(*known, &body);
  respond_json(call.id, 200, body);
}

void Api::put_subscription(Call& call) {
  BodyReader body(call.http->body, {"after", "max_lag"});
  node::PutSubscription put;
  put.name = call.path[0];
  const std::string after = body.has("after") ? body.required_text("after", 4'096) : "";
  if (body.has("max_lag")) {
    dsl::Duration lag;
    const std::string text = body.required_text("max_lag", 64);
    const bool read = dsl::parse_duration(text, &lag);
    const bool sane = read && lag.seconds <= limits::kSubscriptionLagMsMax / 1'000;
    put.max_lag_ms = sane ? lag.seconds * 1'000 + lag.nanos / 1'000'000 : 0;
    if (body.ok() && (!sane || *put.max_lag_ms < limits::kSubscriptionLagMsMin ||
                      *put.max_lag_ms > limits::kSubscriptionLagMsMax)) {
      body.fail("`max_lag` must be a duration of 1s to 30d");
    }
  }
  if (const std::string problem = name_problem(put.name); !problem.empty()) body.fail(problem);
  if (!body.ok()) return refuse(call.id, body.problem());
  auto request = std::make_shared<node::Request>();
  Problem problem;
  if (!read_common(call, request.get(), &problem)) return refuse(call.id, problem);
  put.name = call.kept(put.name);
  const RequestId id = call.id;
  after_barrier(id, request->deadline_ms, [this, id, after, put, request]() mutable {
    const node::Node& node = *parts_.node;
    for (std::size_t g = 0; g < node.group_count(); ++g) {
      put.whole.push_back(node.group(GroupId(static_cast<std::uint16_t>(g))).applied().next());
    }
    const EventCursor oldest = feeds_.oldest_events();
    EventCursor place{after == "oldest" ? oldest.next : put.whole};
    put.has_place = !after.empty();
    if (put.has_place && after != "oldest" && after != "now") {
      if (!EventCursor::parse(after, node.group_count(), &place) || ahead(node, place)) {
        return refuse(id, 400, "bad-field", "The request is not understood",
                      "`after` must be \"now\", \"oldest\" or a cursor of this store's feed");
      }
      if (behind(place, oldest)) {
        node::Answer gone;
        gone.id = request->id;
        gone.status = 410;
        gone.body = Feeds::events_gone_json(oldest);
        return respond(gone);
      }
    }
    put.next = place.next;
    request->operation = node::ChangeSubscription{std::move(put)};
    waiting_.push_back(std::move(*request));
  });
}

void Api::delete_subscription(Call& call) {
  BodyReader body(call.http->body, {});
  if (!body.ok()) return refuse(call.id, body.problem());
  submit(call, node::ChangeSubscription{node::DeleteSubscription{call.kept(call.path[0])}});
}

void Api::post_ack(Call& call) {
  BodyReader body(call.http->body, {"cursor"});
  const std::string text = body.required_text("cursor", 4'096);
  EventCursor cursor;
  if (body.ok() && !EventCursor::parse(text, parts_.node->group_count(), &cursor)) {
    body.fail("`cursor` must be one of this feed, as its {cursor} lines give it");
  }
  if (!body.ok()) return refuse(call.id, body.problem());
  auto request = std::make_shared<node::Request>();
  Problem problem;
  if (!read_common(call, request.get(), &problem)) return refuse(call.id, problem);
  request->operation =
      node::ChangeSubscription{node::AckSubscription{call.kept(call.path[0]), cursor.next}};
  const RequestId id = call.id;
  after_barrier(id, request->deadline_ms, [this, id, cursor, request] {
    if (ahead(*parts_.node, cursor)) {
      return refuse(id, 400, "bad-field", "The request is not understood",
                    "`cursor` is ahead of all events of this store");
    }
    waiting_.push_back(std::move(*request));
  });
}

}  // namespace pawl::daemon
