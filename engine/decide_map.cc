// A map, as decided:
//
//   entered --map.started--> as many items as may be at once are begun
//   an item is over --> the next is begun; none is left: save, next
//   one failed, `tolerate` is used up --> the rest is cancelled, sys.tolerance (decide_error.cc)
//   retried --> the items that did not complete are begun again
//
// A decision begins a limited number of items; a timer due at once begins the next of them.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/limits.h"
#include "engine/decider.h"

namespace pawl::engine {
namespace {

// A count, or a share such as "5%" of `count`, rounded down.
bool tolerated(const dsl::Value& value, std::uint32_t count, std::uint32_t* out) {
  if (value.kind() == dsl::Kind::int64) {
    if (value.as_int() < 0) return false;
    *out = static_cast<std::uint32_t>(
        std::min<std::int64_t>(value.as_int(), static_cast<std::int64_t>(count)));
    return true;
  }
  if (value.kind() != dsl::Kind::string || !value.as_string().ends_with('%')) return false;
  const std::string& text = value.as_string();
  double share = 0;
  if (!absl::SimpleAtod(absl::string_view(text.data(), text.size() - 1), &share)) return false;
  if (!(share >= 0 && share <= 100)) return false;
  *out = static_cast<std::uint32_t>(std::floor(static_cast<double>(count) * share / 100));
  return true;
}

}  // namespace

bool Decider::plan_map(const dsl::MapSpec& map, MapStarted* started, Error* error) {
  const EvalScope s = scope();
  dsl::Value items, most, tolerate;
  if (!evaluate_template(map.items, s, "map", &budget_, &items, error)) return false;
  if (items.kind() != dsl::Kind::list) {
    *error = expression_error("map", map.items.line, "is not a list");
    return false;
  }
  if (items.as_list().size() > limits::kMapItemsMax) {
    *error = {"sys.too_big",
              absl::StrCat("a map of ", items.as_list().size(), " items; at most ",
                           limits::kMapItemsMax, " are allowed"),
              {}};
    return false;
  }
  if (!fits(items, "map", 0, error)) return false;
  started->count = static_cast<std::uint32_t>(items.as_list().size());
  if (!evaluate_template(map.parallel, s, "concurrency", &budget_, &most, error)) return false;
  if (most.kind() != dsl::Kind::int64 || most.as_int() < 1) {
    *error = expression_error("concurrency", map.parallel.line, "is no number of at least 1");
    return false;
  }
  started->most = static_cast<std::uint32_t>(std::min(most.as_int(), limits::kMapConcurrencyMax));
  if (map.batch) started->batch = started->most = *map.batch;
  if (!evaluate_template(map.tolerate, s, "tolerate", &budget_, &tolerate, error)) return false;
  if (!tolerated(tolerate, started->count, &started->tolerate)) {
    *error = expression_error("tolerate", map.tolerate.line,
                              "is neither a count nor a share such as \"5%\"");
    return false;
  }
  started->items = Payload::of(std::move(items));
  return true;
}

void Decider::run_map(const dsl::State& state) {
  MapStarted started;
  started.frame = at_;
  Raised raised;
  if (!frames_room(1, &raised.error) || !plan_map(*state.map, &started, &raised.error)) {
    return raise(std::move(raised));
  }
  emit(std::move(started));
  begin_items();
}

void Decider::begin_items() {
  const std::uint32_t map_frame = at_;
  const dsl::State& state = current_state();
  for (;;) {
    const Gather& gather = *run_->gather(map_frame);
    const bool left = !gather.again.empty() || gather.next < gather.count;
    if (!left && gather.open == 0) return finish_map();
    if (!left || gather.open >= gather.most) return;
    const std::uint32_t index = gather.again.empty() ? gather.next : gather.again.front();
    // A group begins once the one before it is over.
    if (gather.batch > 0 && gather.open > 0 && index % gather.batch == 0) return;
    Error error;
    const bool room = frames_room(1, &error);
    if (!room && gather.open > 0) return;
    const bool busy = frames_opened_ >= limits::kFramesOpenedPerDecisionMax ||
                      decision_.events.size() >= limits::kDecisionEventsMax / 2;
    if (!room || busy) {
      const auto armed = [map_frame](const Timer& t) {
        return t.kind == TimerKind::gather && t.frame == map_frame;
      };
      if (std::any_of(run_->timers.begin(), run_->timers.end(), armed)) return;
      const std::int64_t wait_ms = room ? 0 : limits::kMapRoomWaitMs;
      emit(TimersArmed{{timer(TimerKind::gather, map_frame, after_ms(wait_ms))}});
      return;
    }
    ++frames_opened_;
    open_frame(FrameRole::item, state.map->as, index, state.map->body, "do");
  }
}

void Decider::finish_map() { after_result(current_state(), item_results()); }

dsl::Value Decider::item_results() const {
  const Gather& gather = *run_->gather(at_);
  dsl::List results(gather.count);
  for (const auto& chunk : gather.chunks) {
    for (const Gathered& item : chunk->items) {
      if (!item.failed) results[item.index] = item.result.value;
    }
  }
  return dsl::Value::list(std::move(results));
}

dsl::Value Decider::failed_items() const {
  const Gather* gather = run_->gather(at_);
  dsl::List failed;
  if (gather == nullptr) return dsl::Value::list(std::move(failed));
  const auto put = [](dsl::Map* map, const char* key, dsl::Value value) {
    map->emplace_back(dsl::Value::string(key), std::move(value));
  };
  for (const auto& chunk : gather->chunks) {
    for (const Gathered& item : chunk->items) {
      if (!item.failed) continue;
      dsl::Map error, entry;
      put(&error, "data", item.error.data());
      put(&error, "message", dsl::Value::string(item.error.message()));
      put(&error, "type", dsl::Value::string(item.error.type));
      put(&entry, "error", dsl::Value::map(std::move(error)));
      put(&entry, "index", dsl::Value::int64(item.index));
      put(&entry, "item", gather->items.value.as_list()[item.index]);
      failed.push_back(dsl::Value::map(std::move(entry)));
    }
  }
  return dsl::Value::list(std::move(failed));
}

}  // namespace pawl::engine
