#include "node/survey.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/limits.h"

namespace pawl::node {
namespace {

bool any_open(const engine::Tables& tables, const std::string& workflow) {
  const auto& open = tables.open_by_version();
  const auto first = open.lower_bound({workflow, 0});
  return first != open.end() && first->first.first == workflow;
}

// No run rests that has a task.
bool any_at_work(const engine::Tables& tables, const std::string& workflow) {
  bool found = false;
  tables.runs().for_each_awake([&](Index, const engine::Run& run) {
    if (found || !run.closed() || run.workflow() != workflow) return;
    found = std::any_of(run.steps.begin(), run.steps.end(), [](const auto& step) {
      return step->status == engine::StepStatus::withdrawn;
    });
  });
  return found;
}

}  // namespace

SurveyAnswer survey(const engine::Tables& tables, const SurveyRuns& asked) {
  SurveyAnswer answer;
  answer.busy = any_open(tables, asked.workflow);
  if (!asked.list) return answer;
  if (!answer.busy) {
    answer.busy = any_at_work(tables, asked.workflow);
    return answer;
  }
  const engine::RunStore& runs = tables.runs();
  Index at = asked.before.v == 0 ? runs.last() : runs.before(asked.before);
  for (std::size_t n = 0; at.v != 0; at = runs.before(at), ++n) {
    if (n >= limits::kSurveyLookedAtMax || answer.runs.size() >= limits::kSurveyRunsMax) {
      answer.more = Index(at.v + 1);
      break;
    }
    const engine::KeptRun kept = runs.kept(at);
    const engine::RunSummary summary = engine::summary_of(kept);
    if (summary.workflow != asked.workflow || engine::is_closed(summary.status)) continue;
    answer.runs.push_back({tables.group(), at});
  }
  return answer;
}

std::string encode_survey(const SurveyAnswer& answer) {
  std::string bytes;
  ByteWriter w(&bytes);
  w.u8(answer.busy ? 1 : 0);
  w.varint(answer.more.v);
  w.varint(answer.runs.size());
  for (const RunUid& run : answer.runs) {
    w.varint(run.group.v);
    w.varint(run.index.v);
  }
  return bytes;
}

bool decode_survey(std::string_view bytes, SurveyAnswer* answer) {
  ByteReader r(bytes);
  const std::uint8_t busy = r.u8();
  answer->busy = busy == 1;
  answer->more = Index(r.varint());
  const std::uint64_t count = r.varint();
  if (busy > 1 || count > limits::kSurveyRunsMax) return false;
  for (std::uint64_t i = 0; i < count && r.ok(); ++i) {
    const std::uint64_t group = r.varint();
    const std::uint64_t index = r.varint();
    if (group >= limits::kGroupsMax) return false;
    answer->runs.push_back({GroupId(static_cast<std::uint16_t>(group)), Index(index)});
  }
  return r.done();
}

}  // namespace pawl::node
