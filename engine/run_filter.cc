#include "engine/run_filter.h"

#include <algorithm>
#include <iterator>

#include "engine/namespace.h"
#include "engine/waiting.h"

namespace pawl::engine {
namespace {

bool has_tag(const Run& run, const std::pair<std::string, std::string>& wanted) {
  const auto& tags = run.identity->tags;
  return std::any_of(tags.begin(), tags.end(), [&](const Tag& tag) {
    return tag.name == wanted.first && tag.value == wanted.second;
  });
}

}  // namespace

bool is_status_filter(std::string_view text) {
  static constexpr std::string_view kStatuses[] = {
      "scheduled", "running",    "paused",       "completed", "failed",
      "cancelled", "terminated", "data_deleted", "closed",    "open"};
  return std::find(std::begin(kStatuses), std::end(kStatuses), text) != std::end(kStatuses);
}

std::string_view RunFilter::name_space() const {
  return id_prefix ? namespace_of(*id_prefix) : kDefaultNamespace;
}

bool RunFilter::fits(const RunSummary& run) const {
  if (namespace_of(run.workflow) != name_space()) return false;
  if (workflow && *workflow != run.workflow) return false;
  if (status) {
    const bool closed = is_closed(run.status);
    const bool fits = *status == "closed" ? closed
                      : *status == "open" ? !closed
                                          : *status == to_string(run.status);
    if (!fits) return false;
  }
  if (state && *state != run.state) return false;
  if (started_after && run.started_at <= *started_after) return false;
  if (started_before && run.started_at >= *started_before) return false;
  if (closed_after && (!run.closed_at || *run.closed_at <= *closed_after)) return false;
  return !closed_before || (run.closed_at && *run.closed_at < *closed_before);
}

bool RunFilter::matches(const Run& run) const {
  if (id_prefix && !run.id().starts_with(*id_prefix)) return false;
  return std::all_of(tags.begin(), tags.end(), [&](const auto& tag) { return has_tag(run, tag); });
}

}  // namespace pawl::engine
