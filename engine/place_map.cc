#include "engine/place_map.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace pawl::engine {
namespace {

constexpr std::int64_t kComputed = -1;

std::int64_t literal_ms(const dsl::Template& delay) {
  dsl::Duration d;
  if (!delay.is_literal()) return kComputed;
  if (delay.literal.kind() == dsl::Kind::duration) {
    d = delay.literal.as_duration();
  } else if (delay.literal.kind() != dsl::Kind::string ||
             !dsl::parse_duration(delay.literal.as_string(), &d)) {
    return kComputed;
  }
  return d.seconds * 1000 + (d.nanos + 999'999) / 1'000'000;
}

}  // namespace

const std::vector<dsl::TimerHandler>& handlers_of(TimerKind kind, const dsl::Definition& definition,
                                                  const dsl::State* state) {
  const bool every = kind == TimerKind::every || kind == TimerKind::root_every;
  if (state == nullptr) return every ? definition.every : definition.after;
  return every ? state->every : state->after;
}

std::optional<std::uint64_t> counterpart(const std::vector<dsl::TimerHandler>& from,
                                         std::uint64_t owner,
                                         const std::vector<dsl::TimerHandler>& to) {
  if (owner >= from.size()) return std::nullopt;
  const std::int64_t ms = literal_ms(from[owner].delay);
  std::uint64_t before = 0;
  for (std::uint64_t i = 0; i < owner; ++i) before += literal_ms(from[i].delay) == ms ? 1 : 0;
  for (std::uint64_t i = 0; i < to.size(); ++i) {
    if (literal_ms(to[i].delay) == ms && before-- == 0) return i;
  }
  return std::nullopt;
}

std::string PlaceMap::root_state(std::string_view name) const {
  if (to_.migrate) {
    for (const auto& [old, now] : to_.migrate->states) {
      if (old == name) return now;
    }
  }
  return std::string(name);
}

std::string PlaceMap::place(std::string_view place) const {
  const std::size_t colon = place.find(':');
  if (colon == std::string_view::npos) return place.empty() ? "" : root_state(place);
  if (colon > 0) return std::string(place);  // in a flow: its states keep their names
  const std::size_t slash = place.find('/');
  const std::string_view state = place.substr(1, slash == place.npos ? slash : slash - 1);
  std::string out = ":" + root_state(state);
  if (slash != place.npos) out += place.substr(slash);
  return out;
}

std::optional<std::string> PlaceMap::handler(std::string_view place, std::string_view name) const {
  const bool after = name.starts_with("after."), every = name.starts_with("every.");
  if (!after && !every) return std::string(name);
  const std::size_t hash = name.rfind('#');
  if (hash == name.npos) return std::nullopt;
  const std::string index(name.substr(6, hash - 6));
  std::uint64_t owner = 0;
  if (!absl::SimpleAtoi(index, &owner)) return std::nullopt;
  const dsl::State* before = nullptr;
  const dsl::State* now = nullptr;
  if (!place.empty()) {
    before = dsl::find_state(from_, place);
    now = dsl::find_state(to_, this->place(place));
    if (before == nullptr || now == nullptr) return std::nullopt;
  }
  const auto at = timer(every ? TimerKind::every : TimerKind::after, before, now, owner);
  if (!at) return std::nullopt;
  return absl::StrCat(every ? "every." : "after.", *at, std::string(name.substr(hash)));
}

std::optional<std::uint64_t> PlaceMap::timer(TimerKind kind, const dsl::State* before,
                                             const dsl::State* after, std::uint64_t owner) const {
  return counterpart(handlers_of(kind, from_, before), owner, handlers_of(kind, to_, after));
}

}  // namespace pawl::engine
