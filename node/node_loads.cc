// Runs that are not in memory: a cold run is loaded before it is decided on or shown
// (engine/residency.h). While it is loaded what comes for it waits in order (UnderWay::loads).
#include "base/check.h"
#include "base/limits.h"
#include "engine/residency.h"
#include "node/batches.h"
#include "node/forgetting.h"
#include "node/node.h"
#include "node/pasts.h"

namespace pawl::node {

// Asks for the run if it is cold. True: whoever needs it must wait for RunLoaded.
bool Node::load_if_cold(Group& group, const engine::Run& run) {
  if (!engine::is_cold(run)) return false;
  const std::pair key(group.id(), run.uid().index);
  if (!under_way_.loads.contains(key)) {
    under_way_.loads[key];
    ask_load(group, run);
  }
  return true;
}

// A run's newest entry may be committed by other boxes before it is on the disk here: what is read
// back is asked for when it is.
void Node::ask_load(const Group& group, const engine::Run& run) {
  if (group.raft().durable() < run.last_entry) return;
  under_way_.loads[{group.id(), run.uid().index}].newest = run.last_entry;
  out_->loads.push_back({group.id(), run.uid().index, run.last_entry});
}

// More is on the disk.
void Node::ask_loads() {
  std::vector<std::pair<GroupId, Index>> forgotten;
  for (const auto& [key, load] : under_way_.loads) {
    if (load.newest.v > 0) continue;
    const Group& group = *groups_[key.first.v];
    const engine::Run* run = group.tables().find(key.second);
    run != nullptr ? ask_load(group, *run) : forgotten.push_back(key);
  }
  for (const auto& [group, run] : forgotten) forgetting_->settle_load(*groups_[group.v], run);
}

// The only voter of every group, leading with its own entry applied: the tables hold all that was
// acknowledged (dissertation 6.4, with a majority of one).
void Node::on_operation(Request& request, Barrier& op) { show(request, op); }

// The tables are far enough; the run that is wanted whole may have to be loaded.
void Node::show(const Request& request, const Barrier& op) {
  if (op.run) {
    GroupId group;
    const engine::Run* run = find(*op.run, &group);
    if (run != nullptr && load_if_cold(mutable_group(group), *run)) {
      under_way_.loads[{group, run->uid().index}].reads.push_back(request.id);
      return;
    }
  }
  under_way_.outstanding.erase(request.id);
  out_->reads.push_back({request.id});
}

// Makes the job wait for its run; false if the run is resident and the job can be decided. A start
// needs nothing of its id's last run but that it is closed; what is to be deleted need not be read.
bool Node::wait_for_load(Group& group, Job& job) {
  if (std::holds_alternative<engine::Start>(job.command)) return false;
  if (std::holds_alternative<engine::DeleteData>(job.command)) return false;
  const engine::Run* run =
      job.run.v > 0 ? group.tables().find(job.run) : group.tables().find_id(job.run_id);
  if (run == nullptr || !load_if_cold(group, *run)) return false;
  std::vector<Job>& waiting = under_way_.loads[{group.id(), run->uid().index}].jobs;
  if (waiting.size() >= limits::kMailboxCommandsMax && job.reply != Reply::nothing) {
    ++stats_.refused_full;
    refuse(job.request, 429, "run-busy", "Too many commands wait for this run",
           "try again in a second", job.item);
    return true;
  }
  waiting.push_back(std::move(job));
  return true;
}

void Node::on_loaded(RunLoaded& loaded) {
  if (loaded.through.v > 0) return Pasts::loaded(this, loaded);
  const auto it = under_way_.loads.find({loaded.group, loaded.index});
  PAWL_CHECK(it != under_way_.loads.end());
  Group& group = mutable_group(loaded.group);
  const engine::Run* known = group.tables().find(loaded.index);
  if (known == nullptr) {
    forgetting_->settle_load(group, loaded.index);
    settle();
    return;
  }
  if (known->last_entry != it->second.newest) {
    // It has changed since: another box leads the group, and nothing of it waits here. What was
    // asked for may be of a generation that was forgotten meanwhile.
    it->second.newest = Index(0);
    ask_load(group, *known);
    return;
  }
  UnderWay::Load load = std::move(it->second);
  under_way_.loads.erase(it);
  const bool fits = loaded.run != nullptr && engine::is_same_run(*known, *loaded.run);
  if (!fits) {
    ++stats_.loads_failed;
    refuse_load(*known, load, loaded);
    return;
  }
  ++stats_.loads;
  group.tables().replace_values(loaded.index, std::move(loaded.run));
  for (const RequestId id : load.reads) {
    under_way_.outstanding.erase(id);
    out_->reads.push_back({id});
  }
  for (Job& job : load.jobs) submit(group, std::move(job));
  unload_later(loaded.group, loaded.index);
  settle();
}

void Node::refuse_load(const engine::Run& run, const UnderWay::Load& load,
                       const RunLoaded& loaded) {
  const bool is_lost = loaded.is_lost;
  const std::string why =
      loaded.error.empty() ? "its history does not give its hash" : loaded.error;
  const std::string detail = is_lost ? why : "the journal could not be read: " + why;
  const std::uint16_t status = is_lost ? 410 : 500;
  const char* const type = is_lost ? "history-lost" : "journal-unreadable";
  for (const RequestId id : load.reads) {
    refuse(id, status, type, "The run could not be loaded", detail);
  }
  for (const Job& job : load.jobs) {
    if (job.reply == Reply::nothing) {
      if (job.batch.v > 0) {
        batches_->refused(*groups_[run.uid().group.v], job, type, detail);
      }
      try_lease_again(run, job.command);
      continue;
    }
    refuse(job.request, status, type, "The run could not be loaded", detail, job.item);
  }
}

// The end of a task's lease, or its return, could not be decided: it is looked at once more a lease
// later.
void Node::try_lease_again(const engine::Run& run, const engine::Command& command) {
  const auto* lost = std::get_if<engine::LoseLease>(&command);
  const auto* returned = std::get_if<engine::ReturnTask>(&command);
  if (lost == nullptr && returned == nullptr) return;
  const engine::StepId id = lost != nullptr ? lost->step : returned->step;
  const engine::Step* step = run.step(id);
  if (step == nullptr) return;
  leases_.grant({run.uid().group, run.uid().index, id, step->attempt}, step->lease_ms,
                now_.mono_ms);
}

void Node::unload_later(GroupId group, Index run) {
  const engine::Run* closed = groups_[group.v]->tables().find(run);
  if (closed == nullptr || closed->state_bytes < engine::kColdBytesMin) return;
  under_way_.unloads.emplace_back(group, run);
}

// Closed runs with large payloads: at the next input, when their end has been told to whoever
// asked.
void Node::unload_closed() {
  for (const auto& [group, index] : std::exchange(under_way_.unloads, {})) {
    engine::Tables& tables = mutable_group(group).tables();
    const engine::Run* run = tables.find(index);
    if (run == nullptr || !run->closed() || engine::is_cold(*run)) continue;
    if (run->state_bytes < engine::kColdBytesMin) continue;  // it was reset since, and closed again
    if (run->has_errands()) continue;  // its caller is to be told: it comes again then
    if (mailboxes_[group.v].busy(run->id())) {
      under_way_.unloads.emplace_back(group, index);  // what is under way may still need it
      continue;
    }
    ++stats_.unloads;
    tables.replace_values(index, engine::without_values(*run));
  }
}

}  // namespace pawl::node
