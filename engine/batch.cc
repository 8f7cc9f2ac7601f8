#include "engine/batch.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits_batches.h"

namespace pawl::engine {
namespace {

constexpr const char* kVerbs[] = {"cancel", "terminate", "pause", "resume",
                                  "retry",  "signal",    "move",  "scrub"};
static_assert(std::size(kVerbs) == static_cast<std::size_t>(kLastBatchVerb) + 1);

dsl::Value value_of(const std::string& args) {
  dsl::Value value;
  if (!args.empty() && !dsl::Value::decode(args, &value)) return {};
  return value;
}

}  // namespace

const char* to_string(BatchVerb verb) { return kVerbs[static_cast<std::size_t>(verb)]; }

std::optional<BatchVerb> parse_batch_verb(std::string_view text) {
  for (std::size_t i = 0; i < std::size(kVerbs); ++i) {
    if (text == kVerbs[i]) return static_cast<BatchVerb>(i);
  }
  return std::nullopt;
}

bool BatchSpec::needs_run() const {
  return filter.id_prefix.has_value() || !filter.tags.empty() || verb == BatchVerb::retry;
}

// A run without an incident is none that `retry` is meant for.
bool BatchSpec::matches(const Run& run) const {
  return filter.matches(run) && (verb != BatchVerb::retry || !run.incidents.empty());
}

// The run's history says by its reason, or its dedupe id, which batch it was.
Command BatchSpec::command(BatchId batch) const {
  std::string why = absl::StrCat("batch ", batch.v);
  if (!reason.empty()) absl::StrAppend(&why, ": ", reason);
  switch (verb) {
    case BatchVerb::cancel:
      return Cancel{std::move(why)};
    case BatchVerb::terminate:
      return Terminate{std::move(why)};
    case BatchVerb::pause:
      return Pause{std::move(why)};
    case BatchVerb::resume:
      return Resume{std::move(why)};
    case BatchVerb::retry:
      return RetryIncident{std::nullopt, std::move(why)};
    case BatchVerb::signal:
      return Signal{signal, value_of(args), absl::StrCat("pawl.batch.", batch.v), {}, {}};
    case BatchVerb::scrub:
      return DeleteData{std::move(why)};
    case BatchVerb::move:
      break;
  }
  Move move{from, to, std::move(why), std::nullopt, {}};
  const dsl::Value vars = value_of(args);
  if (vars.kind() != dsl::Kind::map) return move;
  for (const auto& [name, value] : vars.as_map()) move.vars.emplace_back(name.as_string(), value);
  return move;
}

void BatchCounts::add(const BatchCounts& more) {
  changed += more.changed;
  unchanged += more.unchanged;
  refused += more.refused;
  for (const BatchRefusal& refusal : more.refusals) {
    if (refusals.size() < limits::kBatchRefusalsKept) refusals.push_back(refusal);
  }
}

GroupId Batch::turn() const {
  if (over_at) return GroupId(0);
  return GroupId(static_cast<std::uint16_t>(parts.size() + 1));
}

bool BatchBook::begin(const BatchBegun& e) {
  if (e.batch <= last() || e.through.empty() || e.spec.rate == 0) return false;
  if (open_count() >= limits::kBatchesOpenMax) return false;
  batches_[e.batch].begun = e;
  std::size_t over = batches_.size() - open_count();
  for (auto at = batches_.begin(); over > limits::kBatchesKeptMax && at != batches_.end();) {
    at = at->second.over_at ? (--over, batches_.erase(at)) : std::next(at);
  }
  return true;
}

bool BatchBook::end_part(const BatchPartDone& e) {
  const auto at = batches_.find(e.batch);
  if (at == batches_.end() || e.group.v == 0 || at->second.turn() != e.group) return false;
  Batch& batch = at->second;
  batch.parts.emplace(e.group, e.counts);
  if (batch.stopped || batch.parts.size() == batch.begun.through.size()) batch.over_at = e.at;
  return true;
}

bool BatchBook::stop(const BatchStopped& e) {
  const auto at = batches_.find(e.batch);
  if (at == batches_.end() || at->second.over_at || at->second.stopped) return false;
  at->second.stopped = e;
  return true;
}

bool BatchBook::apply(const BatchEvent& event) {
  if (const auto* begun = std::get_if<BatchBegun>(&event)) return begin(*begun);
  if (const auto* done = std::get_if<BatchPartDone>(&event)) return end_part(*done);
  return stop(std::get<BatchStopped>(event));
}

const Batch* BatchBook::find(BatchId batch) const {
  const auto at = batches_.find(batch);
  return at == batches_.end() ? nullptr : &at->second;
}

std::size_t BatchBook::open_count() const {
  std::size_t open = 0;
  for (const auto& [id, batch] : batches_) open += batch.over_at ? 0 : 1;
  return open;
}

BatchId BatchBook::oldest_open() const {
  for (const auto& [id, batch] : batches_) {
    if (!batch.over_at) return id;
  }
  return BatchId(0);
}

}  // namespace pawl::engine
