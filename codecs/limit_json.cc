#include "codecs/limit_json.h"

#include "base/limits_permits.h"
#include "codecs/json.h"
#include "codecs/namespace_json.h"
#include "engine/namespace.h"

namespace pawl::codecs {
namespace {

// "100/1m": with the largest unit that divides the window.
std::string rate_text(std::uint32_t rate, std::int64_t window_ms) {
  constexpr std::pair<std::int64_t, const char*> kUnits[] = {
      {86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1000, "s"}, {1, "ms"}};
  for (const auto& [unit, name] : kUnits) {
    if (window_ms % unit == 0) {
      return std::to_string(rate) + "/" + std::to_string(window_ms / unit) + name;
    }
  }
  return "";
}

void write_bounds(JsonWriter& w, std::uint32_t concurrency, std::uint32_t rate,
                  std::int64_t window_ms) {
  if (concurrency > 0) w.field("concurrency", std::uint64_t{concurrency});
  if (rate > 0) w.field("rate", rate_text(rate, window_ms));
}

void write_permit(JsonWriter& w, const engine::PermitId& permit) {
  w.field("uid", to_string(permit.run)).field("permit", std::uint64_t{permit.number});
}

}  // namespace

void append_limit(const engine::LimitName& name, const engine::LimitRow& row, std::string* out) {
  JsonWriter w(out);
  w.begin_object();
  write_name(w, "name", name.first);
  w.field("key", name.second);
  write_bounds(w, row.concurrency, row.rate, row.window_ms);
  w.field("held", std::uint64_t{row.held.size()});
  w.field("waiting", std::uint64_t{row.waiting.size()});
  if (const auto due = row.due()) w.plain_key("next_at").time_ms(due->v);
  std::size_t shown = 0;
  w.plain_key("holders").begin_array();
  for (const auto& [permit, holder] : row.held) {
    if (++shown > limits::kPermitsShownMax) break;
    w.begin_object().field("run", engine::plain_name(holder.run));
    write_permit(w, permit);
    w.plain_key("since").time_ms(holder.since.v).end_object();
  }
  w.end_array().plain_key("queue").begin_array();
  shown = 0;
  for (const auto& [place, waiter] : row.waiting) {
    if (++shown > limits::kPermitsShownMax) break;
    w.begin_object().field("run", engine::plain_name(waiter.ask.run));
    write_permit(w, waiter.ask.permit);
    w.plain_key("priority").int64(waiter.ask.priority);
    w.plain_key("since").time_ms(waiter.since.v).end_object();
  }
  w.end_array().end_object();
}

void write_limit_change(JsonWriter& w, const engine::LimitChange& change) {
  static constexpr const char* kWhat[] = {"waits", "granted", "gone"};
  w.begin_object().field("limit", change.limit.first).field("key", change.limit.second);
  w.field("what", kWhat[static_cast<std::size_t>(change.what)]);
  write_permit(w, change.ask.permit);
  if (!change.ask.run.empty()) w.field("run", change.ask.run);
  write_bounds(w, change.ask.concurrency, change.ask.rate, change.ask.window_ms);
  w.end_object();
}

}  // namespace pawl::codecs
