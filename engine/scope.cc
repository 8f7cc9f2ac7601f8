#include "engine/scope.h"

#include <utility>

#include "engine/namespace.h"

namespace pawl::engine {
namespace {

using dsl::Map;
using dsl::Value;

void put(Map* map, const char* key, Value value) {
  map->emplace_back(Value::string(key), std::move(value));
}

}  // namespace

Value actor_value(const Actor& actor) {
  dsl::List gids;
  for (const std::uint32_t gid : actor.gids) gids.push_back(Value::int64(gid));
  Map map;
  put(&map, "box", Value::int64(static_cast<std::int64_t>(actor.box.v)));
  put(&map, "gids", Value::list(std::move(gids)));
  put(&map, "uid", Value::int64(actor.uid));
  return Value::map(std::move(map));
}

dsl::Timestamp timestamp_of(TimeMs time) {
  std::int64_t seconds = time.v / 1000;
  std::int64_t ms = time.v % 1000;
  if (ms < 0) {
    ms += 1000;
    --seconds;
  }
  return {seconds, static_cast<std::int32_t>(ms * 1'000'000)};
}

void EvalScope::set_error(const Error& error, std::uint32_t attempt) {
  Map map;
  put(&map, "attempt", Value::int64(attempt));
  put(&map, "data", error.data);
  put(&map, "message", Value::string(error.message));
  put(&map, "type", Value::string(error.type));
  error_ = Value::map(std::move(map));
}

void EvalScope::set_signal(Value payload, const Actor& actor) {
  signal_ = std::move(payload);
  sender_ = &actor;
  actor_.reset();
}

void EvalScope::overlay(const std::vector<NamedPayload>& vars) {
  if (vars.empty()) return;
  Map map = this->vars()->as_map();
  for (const NamedPayload& x : vars) map.emplace_back(Value::string(x.name), x.value.value);
  vars_ = Value::map(std::move(map));  // of equal keys the later wins
}

const Value* EvalScope::find(std::string_view name) const {
  if (name == "vars") return vars();
  if (name == "input") return &run_.identity->input.value;
  if (name == "run") return run_value();
  if (name == "result" && result_) return &*result_;
  if (name == "error" && error_) return &*error_;
  if (name == "signal" && signal_) return &*signal_;
  if (name == "actor" && sender_ != nullptr) {
    if (!actor_) actor_ = actor_value(*sender_);
    return &*actor_;
  }
  if (name == "failed" && failed_) return &*failed_;
  return frame_ == 0 ? nullptr : item(name);
}

// That of the innermost map which gives its items this name.
const Value* EvalScope::item(std::string_view name) const {
  constexpr std::string_view kIndex = "_index";
  for (std::uint32_t at = frame_; at > 0; at = run_.parent(at)) {
    const InnerFrame* inner = run_.inner(at);
    if (inner == nullptr) return nullptr;
    if (inner->role != FrameRole::item || !name.starts_with(inner->name)) continue;
    const std::string_view rest = name.substr(inner->name.size());
    if (rest == kIndex) {
      return &indexes_.try_emplace(at, Value::int64(inner->index)).first->second;
    }
    const Gather* gather = run_.gather(inner->parent);
    if (!rest.empty() || gather == nullptr) continue;
    const dsl::List& items = gather->items.value.as_list();
    return inner->index < items.size() ? &items[inner->index] : nullptr;
  }
  return nullptr;
}

const Value* EvalScope::vars() const {
  if (!vars_) vars_ = run_.vars_value(frame_);
  return &*vars_;
}

const Value* EvalScope::run_value() const {
  if (run_map_) return &*run_map_;
  Map map;
  put(&map, "generation", Value::int64(run_.generation));
  put(&map, "id", Value::string(std::string(plain_name(run_.id()))));
  put(&map, "now", Value::timestamp(timestamp_of(now_)));
  put(&map, "started_at", Value::timestamp(timestamp_of(run_.started_at)));
  put(&map, "uid", Value::string(to_string(run_.uid())));
  put(&map, "version", Value::int64(run_.version()));
  put(&map, "workflow", Value::string(std::string(plain_name(run_.workflow()))));
  run_map_ = Value::map(std::move(map));
  return &*run_map_;
}

}  // namespace pawl::engine
