#include "daemon/batch_count.h"

#include "base/limits_batches.h"
#include "codecs/batch_json.h"
#include "codecs/json.h"
#include "engine/namespace.h"
#include "engine/waiting.h"

namespace pawl::daemon {

void BatchCount::begin(const node::Node& node) {
  reading = true;
  for (std::size_t g = 1; g < node.group_count(); ++g) {
    batch().through.push_back(node.group(GroupId(static_cast<std::uint16_t>(g))).applied());
  }
}

void BatchCount::look_at(const engine::RunStore& runs, RunUid uid) {
  const engine::BatchSpec& spec = batch().spec;
  const engine::KeptRun kept = runs.kept(uid.index);
  const engine::RunSummary summary = engine::summary_of(kept);
  if (!spec.filter.fits(summary)) return;
  if (spec.needs_run() && !spec.matches(*runs.made(kept))) return;
  ++batch().matching;
  ++by_status_[engine::to_string(summary.status)];
  if (sample_.size() < limits::kBatchSampleMax) sample_.push_back(uid);
}

bool BatchCount::go_on(const node::Node& node) {
  for (std::size_t n = 0; n < limits::kBatchCountedMax; ++n) {
    if (at_.group.v >= node.group_count()) return false;
    const engine::RunStore& runs = node.group(at_.group).tables().runs();
    const Index next = runs.after(at_.index);
    if (next.v == 0 || next > batch().through[at_.group.v - 1u]) {
      at_ = {GroupId(static_cast<std::uint16_t>(at_.group.v + 1)), Index(0)};
      continue;
    }
    at_.index = next;
    look_at(runs, at_);
  }
  return true;
}

std::string BatchCount::answer(const node::Node& node) const {
  std::string body;
  codecs::JsonWriter w(&body);
  w.begin_object().field("dry_run", true).field("verb", engine::to_string(batch().spec.verb));
  w.plain_key("filter");
  codecs::write_filter(w, batch().spec.filter);
  w.field("matching", batch().matching).plain_key("by_status").begin_object();
  for (const auto& [status, count] : by_status_) w.key(status).uint64(count);
  w.end_object().plain_key("sample").begin_array();
  for (const RunUid& uid : sample_) {
    const engine::RunStore& runs = node.group(uid.group).tables().runs();
    if (!runs.contains(uid.index)) continue;  // forgotten while it was counted
    const engine::KeptRun kept = runs.kept(uid.index);
    const engine::RunSummary summary = engine::summary_of(kept);
    w.begin_object().field("run", engine::plain_name(runs.id_of(uid.index)));
    w.field("uid", to_string(uid)).field("workflow", engine::plain_name(summary.workflow));
    w.field("status", engine::to_string(summary.status));
    w.field("state", summary.state).end_object();
  }
  w.end_array().end_object();
  return body;
}

}  // namespace pawl::daemon
