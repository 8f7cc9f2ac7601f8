#include "daemon/run_filter.h"

#include <algorithm>
#include <charconv>

#include "dsl/expression.h"
#include "engine/waiting.h"

namespace pawl::daemon {
namespace {

std::optional<TimeMs> read_time(QueryReader& query, std::string_view name) {
  const auto text = query.text(name);
  if (!text) return std::nullopt;
  dsl::Timestamp timestamp;
  if (!dsl::parse_timestamp(*text, &timestamp)) {
    query.fail("`" + std::string(name) +
               "` must be an RFC 3339 time, such as 2026-11-21T09:00:00Z");
    return std::nullopt;
  }
  return TimeMs(timestamp.seconds * 1000 + timestamp.nanos / 1'000'000);
}

bool has_tag(const engine::Run& run, const std::pair<std::string, std::string>& wanted) {
  const auto& tags = run.identity->tags;
  return std::any_of(tags.begin(), tags.end(), [&](const engine::Tag& tag) {
    return tag.name == wanted.first && tag.value == wanted.second;
  });
}

}  // namespace

std::string RunPosition::text() const {
  return std::to_string(started_at.v) + "~" + to_string(uid);
}

bool RunPosition::parse(std::string_view text, RunPosition* out) {
  const auto tilde = text.find('~');
  if (tilde == std::string_view::npos) return false;
  RunPosition position;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + tilde, position.started_at.v);
  if (error != std::errc{} || end != text.data() + tilde ||
      !parse_run_uid(std::string(text.substr(tilde + 1)), &position.uid)) {
    return false;
  }
  *out = position;
  return true;
}

// Within a group runs are in order of their start, because its time never goes back: the place is
// found by halving the range of indexes.
RunWalk::RunWalk(const node::Node& node, const std::optional<RunPosition>& after) {
  for (std::size_t g = 1; g < node.group_count(); ++g) {
    const auto& runs = node.group(GroupId(static_cast<std::uint16_t>(g))).tables().runs();
    auto next = runs.end();
    if (after && !runs.empty()) {
      // Runs with an index in [.., low) start before the position, those in [high, ..] do not.
      std::uint64_t low = runs.begin()->first.v;
      std::uint64_t high = std::prev(runs.end())->first.v + 1;
      while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        const auto at = runs.lower_bound(Index(middle));
        if (at != runs.end() && RunPosition::of(*at->second) < *after) {
          low = at->first.v + 1;
        } else {
          high = middle;
        }
      }
      next = runs.lower_bound(Index(low));
    }
    parts_.push_back({&runs, next});
  }
}

const engine::Run* RunWalk::next() {
  Part* newest = nullptr;
  for (Part& part : parts_) {
    if (part.next == part.runs->begin()) continue;
    if (newest == nullptr || RunPosition::of(*std::prev(newest->next)->second) <
                                 RunPosition::of(*std::prev(part.next)->second)) {
      newest = &part;
    }
  }
  if (newest == nullptr) return nullptr;
  --newest->next;
  return newest->next->second.get();
}

bool is_status(std::string_view text) {
  static constexpr std::string_view kStatuses[] = {"scheduled",  "running", "paused",
                                                   "completed",  "failed",  "cancelled",
                                                   "terminated", "closed",  "open"};
  return std::find(std::begin(kStatuses), std::end(kStatuses), text) != std::end(kStatuses);
}

bool RunFilter::read(const Call& call, QueryReader& query) {
  workflow = query.text("workflow");
  status = query.text("status");
  state = query.text("state");
  id_prefix = query.text("id_prefix");
  started_after = read_time(query, "started_after");
  started_before = read_time(query, "started_before");
  closed_after = read_time(query, "closed_after");
  closed_before = read_time(query, "closed_before");
  for (const auto& [name, value] : call.query) {
    if (name.starts_with("tag.")) tags.emplace_back(name.substr(4), value);
  }
  if (status && !is_status(*status)) {
    query.fail(
        "`status` can be scheduled, running, paused, completed, failed, cancelled, terminated, "
        "open or closed");
  }
  return query.ok();
}

bool RunFilter::matches(const engine::Run& run) const {
  if (workflow && *workflow != run.workflow()) return false;
  if (status) {
    const bool fits = *status == "closed" ? run.closed()
                      : *status == "open" ? !run.closed()
                                          : *status == engine::to_string(run.status);
    if (!fits) return false;
  }
  if (state) {
    const auto states = run.states();
    if (std::find(states.begin(), states.end(), *state) == states.end()) return false;
  }
  if (id_prefix && !run.id().starts_with(*id_prefix)) return false;
  if (started_after && run.started_at <= *started_after) return false;
  if (started_before && run.started_at >= *started_before) return false;
  if (closed_after && (!run.closed_at || *run.closed_at <= *closed_after)) return false;
  if (closed_before && (!run.closed_at || *run.closed_at >= *closed_before)) return false;
  return std::all_of(tags.begin(), tags.end(), [&](const auto& tag) { return has_tag(run, tag); });
}

}  // namespace pawl::daemon
