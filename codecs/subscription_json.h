// How durable subscriptions read in the API. api.md, "Events".
#pragma once

#include <string>
#include <string_view>

#include "engine/subscription.h"

namespace pawl::codecs {

class JsonWriter;

// A place in the feed as its cursors have it: "1-a.2f.0" (version, then one hexadecimal index a
// group).
std::string event_place_text(const engine::EventPlace& place);

// Appends one: {name, cursor, status: kept or lost, max_lag, begun_at, acked_at, lost_at?, actor}.
void append_subscription(const engine::Subscription& subscription, std::string* out);

// The members of an event, within an object.
void write_subscription_event(JsonWriter& w, const engine::SubscriptionEvent& event);

}  // namespace pawl::codecs
