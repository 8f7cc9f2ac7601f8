#include "daemon/run_filter.h"

#include <charconv>

#include "dsl/expression.h"

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
    const GroupId group(static_cast<std::uint16_t>(g));
    const engine::RunStore& runs = node.group(group).tables().runs();
    Index end = runs.last().next();
    if (after) {
      // Of the runs with an index below `low` all start before the position, from `high` on none.
      std::uint64_t low = runs.first().v, high = end.v;
      while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        const Index at = runs.before(Index(middle + 1));
        if (at.v == 0 || at.v < low) {
          low = middle + 1;
          continue;
        }
        const RunPosition position{engine::summary_of(runs.kept(at)).started_at, {group, at}};
        position < * after ? low = middle + 1 : high = at.v;
      }
      end = Index(low);
    }
    Part& part = parts_.emplace_back();
    part.group = group;
    part.runs = &runs;
    go(&part, end);
  }
}

void RunWalk::go(Part* part, Index before) {
  part->run = part->runs->before(before);
  if (part->run.v == 0) return;
  part->kept = part->runs->kept(part->run);
  part->summary = engine::summary_of(part->kept);
}

bool RunWalk::next() {
  if (at_ != nullptr) go(at_, at_->run);
  at_ = nullptr;
  for (Part& part : parts_) {
    if (part.run.v == 0) continue;
    const RunPosition here{part.summary.started_at, {part.group, part.run}};
    if (at_ == nullptr || position() < here) at_ = &part;
  }
  return at_ != nullptr;
}

std::shared_ptr<const engine::Run> RunWalk::run() const { return at_->runs->made(at_->kept); }

bool RunFilter::read(const Call& call, QueryReader& query) {
  workflow = query.text("workflow");
  if (workflow) workflow = call.kept(*workflow);
  status = query.text("status");
  state = query.text("state");
  id_prefix = call.kept(query.text("id_prefix").value_or(""));
  if (id_prefix->empty()) id_prefix.reset();
  started_after = read_time(query, "started_after");
  started_before = read_time(query, "started_before");
  closed_after = read_time(query, "closed_after");
  closed_before = read_time(query, "closed_before");
  for (const auto& [name, value] : call.query) {
    if (name.starts_with("tag.")) tags.emplace_back(name.substr(4), value);
  }
  if (status && !engine::is_status_filter(*status)) {
    query.fail(
        "`status` can be scheduled, running, paused, completed, failed, cancelled, terminated, "
        "data_deleted, open or closed");
  }
  return query.ok();
}

}  // namespace pawl::daemon
