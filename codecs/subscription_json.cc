#include "codecs/subscription_json.h"

#include <charconv>

#include "codecs/json.h"
#include "codecs/namespace_json.h"

namespace pawl::codecs {
namespace {

void write_actor(JsonWriter& w, const engine::Actor& actor) {
  w.plain_key("actor").begin_object().field("box", actor.box.v);
  w.field("uid", std::uint64_t{actor.uid}).plain_key("gids").begin_array();
  for (const std::uint32_t gid : actor.gids) w.uint64(gid);
  w.end_array().end_object();
}

// In the language's words; whole seconds or milliseconds.
std::string duration_text(std::int64_t ms) {
  return ms % 1'000 == 0 ? std::to_string(ms / 1'000) + "s" : std::to_string(ms) + "ms";
}

JsonWriter& write_typed(JsonWriter& w, std::string_view type, std::string_view name) {
  w.field("type", type);
  write_name(w, "name", name);
  return w;
}

struct EventWriter {
  JsonWriter& w;
  void operator()(const engine::SubscriptionPut& e) const {
    write_typed(w, "subscription.put", e.name);
    w.field("cursor", event_place_text(e.next)).field("whole", event_place_text(e.whole));
    w.field("max_lag", duration_text(e.max_lag_ms)).plain_key("at").time_ms(e.at.v);
    write_actor(w, e.actor);
  }
  void operator()(const engine::SubscriptionAcked& e) const {
    write_typed(w, "subscription.acked", e.name);
    w.field("cursor", event_place_text(e.next)).plain_key("at").time_ms(e.at.v);
  }
  void operator()(const engine::SubscriptionLost& e) const {
    write_typed(w, "subscription.lost", e.name).plain_key("at").time_ms(e.at.v);
  }
  void operator()(const engine::SubscriptionDeleted& e) const {
    write_typed(w, "subscription.deleted", e.name).plain_key("at").time_ms(e.at.v);
    write_actor(w, e.actor);
  }
};

}  // namespace

std::string event_place_text(const engine::EventPlace& place) {
  std::string out = "1-";
  for (std::size_t g = 0; g < place.size(); ++g) {
    char digits[17];
    const auto end = std::to_chars(digits, digits + sizeof digits, place[g].v, 16).ptr;
    if (g > 0) out.push_back('.');
    out.append(digits, end);
  }
  return out;
}

void append_subscription(const engine::Subscription& subscription, std::string* out) {
  JsonWriter w(out);
  w.begin_object();
  write_name(w, "name", subscription.begun.name);
  w.field("cursor", event_place_text(subscription.next));
  w.field("status", subscription.lost_at ? "lost" : "kept");
  w.field("max_lag", duration_text(subscription.begun.max_lag_ms));
  w.plain_key("begun_at").time_ms(subscription.begun.at.v);
  w.plain_key("acked_at").time_ms(subscription.acked_at.v);
  if (subscription.lost_at) w.plain_key("lost_at").time_ms(subscription.lost_at->v);
  write_actor(w, subscription.begun.actor);
  w.end_object();
}

void write_subscription_event(JsonWriter& w, const engine::SubscriptionEvent& event) {
  std::visit(EventWriter{w}, event);
}

}  // namespace pawl::codecs
