#include "node/pasts.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/feature_level.h"
#include "base/limits.h"
#include "codecs/problem.h"
#include "node/assembly.h"
#include "node/refusals.h"

namespace pawl::node {
namespace {

// Where the history of a generation ends that has an event, and the first one it has.
struct Stretch {
  Index newest;
  Seq begin;
};

Stretch stretch_with(const engine::Run& run, Seq seq) {
  for (const engine::Generation& generation : *run.older) {
    if (seq <= generation.last_seq) return {generation.last_entry, generation.first_seq};
  }
  return {run.last_entry, run.checkpoint.v > 0 ? run.checkpoint : Seq(1)};
}

// The run, or the generation that has the event, is not kept any more.
bool is_forgotten(const Group& group, Index run, Seq seq) {
  const engine::Run* known = group.tables().find(run);
  return known == nullptr || seq < stretch_with(*known, seq).begin;
}

}  // namespace

bool Node::Pasts::wait(Node* node, Group& group, Job& job) {
  auto* reset = std::get_if<engine::Reset>(&job.command);
  if (reset == nullptr) return false;
  const engine::Run* run =
      job.run.v > 0 ? group.tables().find(job.run) : group.tables().find_id(job.run_id);
  if (run == nullptr) return false;  // it is refused
  if (reset->past != nullptr && reset->past->uid() == run->uid()) return false;
  const auto refused = [&](std::uint16_t status, const char* type, const char* title,
                           const std::string& detail) {
    node->refuse_confirmed(group, job.request, status, type, title, detail);
    return true;
  };
  if (group.tables().feature_level() < kResetLevel) {
    return refused(409, "level-too-low", "A box runs an older version of pawl",
                   "runs can be reset once every box runs this version");
  }
  if (reset->to > run->seq || reset->to.v == 0) {
    return refused(404, "seq-unknown", "The run has no such event",
                   absl::StrCat("its newest event is ", run->seq.v));
  }
  const Stretch stretch = stretch_with(*run, reset->to);
  if (reset->to < stretch.begin) {
    return refused(410, "history-forgotten", "That part of the run's history is no longer kept",
                   absl::StrCat("the oldest event that is kept there is ", stretch.begin.v));
  }
  if (group.raft().durable() < stretch.newest) {  // not on this disk yet
    node->postpone(job.request);
    return true;
  }
  const Index index = run->uid().index;
  std::vector<Job>& waiting = node->under_way_.pasts[{group.id(), index, reset->to}];
  if (waiting.empty()) {
    node->out_->loads.push_back({group.id(), index, stretch.newest, reset->to});
  } else if (waiting.size() >= limits::kMailboxCommandsMax) {
    ++node->stats_.refused_full;
    node->refuse(job.request, 429, "run-busy", "Too many commands wait for this run",
                 "try again in a second");
    return true;
  }
  waiting.push_back(std::move(job));
  return true;
}

bool Node::Pasts::find_version(Node* node, Group& group, const Job& job, const engine::Run& run,
                               engine::Context* context, Assembly* a) {
  const auto* migrate = std::get_if<engine::Migrate>(&job.command);
  if (migrate == nullptr) return true;
  const auto refused = [&](std::uint16_t status, const char* type, const char* title,
                           const std::string& detail) {
    PendingAnswer pending;
    pending.item = job.item;
    pending.answer.id = job.request;
    pending.answer.status = status;
    pending.answer.body = codecs::problem_json(status, type, title, detail);
    a->answers.push_back(std::move(pending));
    return false;
  };
  const auto version = node->definitions_.resolve(run.workflow(), migrate->version);
  const dsl::Definition* to = version ? node->definitions_.find(run.workflow(), *version) : nullptr;
  if (to == nullptr && migrate->version && node->lags_behind(run.workflow(), *migrate->version)) {
    node->postpone(job.request);
    return false;
  }
  if (to == nullptr) {
    return refused(404, "workflow-unknown", "There is no such workflow version",
                   workflow_unknown(run.workflow(), migrate->version));
  }
  if (group.tables().feature_level() < std::max(kMigrateLevel, to->feature_level)) {
    return refused(409, "level-too-low", "A box runs an older version of pawl",
                   "runs can be moved to another version once every box runs this one");
  }
  context->latest = to;
  context->latest_version = *version;
  return true;
}

void Node::Pasts::loaded(Node* node, RunLoaded& loaded) {
  const auto it = node->under_way_.pasts.find({loaded.group, loaded.index, loaded.through});
  if (it == node->under_way_.pasts.end()) return;
  std::vector<Job> jobs = std::move(it->second);
  node->under_way_.pasts.erase(it);
  Group& group = node->mutable_group(loaded.group);
  const std::shared_ptr<const engine::Run> past = std::move(loaded.run);
  for (Job& job : jobs) {
    if (past == nullptr && is_forgotten(group, loaded.index, loaded.through)) {
      node->submit(group, std::move(job));  // which says so, or finds a newer run of the id
      continue;
    }
    if (past == nullptr) {
      node->refuse(job.request, loaded.is_lost ? 410 : 500,
                   loaded.is_lost ? "history-lost" : "journal-unreadable",
                   "The run's past could not be read", loaded.error);
      continue;
    }
    std::get<engine::Reset>(job.command).past = past;
    node->submit(group, std::move(job));
  }
  node->settle();
}

}  // namespace pawl::node
