#include "node/batches.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/feature_level.h"
#include "base/limits_batches.h"
#include "codecs/batch_json.h"

namespace pawl::node {
namespace {

using engine::BatchStep;

// Ids of requests that no client has (errands.cc has the other half of that range).
constexpr std::uint64_t kBatchIds = std::uint64_t{7} << 61;
constexpr std::int64_t kRun = 1'000;  // what one costs of the credit

engine::RunSummary summary(const engine::RunStore& runs, Index run, engine::KeptRun* kept) {
  *kept = runs.kept(run);
  return engine::summary_of(*kept);
}

}  // namespace

// --- events ---

void Node::Batches::applied(GroupId group, std::string_view steps, bool own) {
  due_ = true;
  if (!own) return;
  std::vector<BatchStep> decoded;
  PAWL_CHECK(engine::decode_batch_steps(steps, &decoded));
  for (const BatchStep& step : decoded) {
    if (step.what == BatchStep::What::forget) forgetting_.erase(group);
    const auto pass = passes_.find({step.batch, group});
    if (pass == passes_.end() || step.counts.changed == 0) continue;
    PAWL_CHECK(pass->second.under_way > 0);
    --pass->second.under_way;
  }
}

void Node::Batches::lost(GroupId group) {
  std::erase_if(passes_, [group](const auto& pass) { return pass.first.second == group; });
  forgetting_.erase(group);
}

bool Node::Batches::settle(const Answer& answer) {
  const auto told = told_.find(answer.id);
  if (told == told_.end()) return false;
  tell_again_[told->second] = node_->now_.mono_ms + limits::kBatchAgainMs;
  wake_at(tell_again_[told->second]);
  told_.erase(told);
  return true;
}

// --- of a job ---

const Node::Batches::Pass* Node::Batches::pass_of(const Group& group, const Job& job) const {
  const auto at = passes_.find({job.batch, group.id()});
  return at == passes_.end() ? nullptr : &at->second;
}

bool Node::Batches::expects(const Group& group, const Job& job) const {
  const Pass* pass = pass_of(group, job);
  return pass != nullptr && !pass->ended && pass->waits_for == job.run;
}

Node::Batches::Pass* Node::Batches::pass_of(const Group& group, const Job& job) {
  PAWL_CHECK(expects(group, job));
  return &passes_.at({job.batch, group.id()});
}

void Node::Batches::behind(Pass* pass, const Job& job) {
  PAWL_CHECK(pass->at < job.run);
  pass->at = job.run;
  pass->waits_for = Index(0);
  if (!looking_) due_ = true;
}

void Node::Batches::refused(const Group& group, const Job& job, std::string_view type,
                            std::string_view detail) {
  if (!expects(group, job)) return;
  Pass* pass = pass_of(group, job);
  behind(pass, job);
  engine::BatchCounts one;
  one.refused = 1;
  one.refusals.push_back({RunUid{group.id(), job.run}, job.run_id, std::string(type),
                          std::string(detail.substr(0, limits::kBatchRefusalBytesMax))});
  pass->untold.add(one);
}

void Node::Batches::unchanged(const Group& group, const Job& job, bool gone) {
  Pass* pass = pass_of(group, job);
  behind(pass, job);
  if (!gone) ++pass->untold.unchanged;
}

BatchStep Node::Batches::changed(const Group& group, const Job& job) {
  Pass* pass = pass_of(group, job);
  behind(pass, job);
  ++pass->under_way;
  BatchStep step{job.batch, BatchStep::What::met, job.run, std::exchange(pass->untold, {})};
  pass->tell_at = 0;
  step.counts.changed = 1;
  return step;
}

// --- going through the runs ---

void Node::Batches::wake_at(std::int64_t mono_ms) {
  wake_mono_ms_ = std::min(wake_mono_ms_, mono_ms);
}

void Node::Batches::look() {
  if (looking_) return;
  due_ = false;
  looking_ = true;
  wake_mono_ms_ = INT64_MAX;
  const engine::BatchBook& book = node_->definitions_.catalog().batches();
  const auto is_over = [&book](const auto& of_key) {
    const engine::Batch* batch = book.find(of_key.first.first);
    return batch == nullptr || batch->turn() != of_key.first.second;
  };
  std::erase_if(passes_, is_over);
  std::erase_if(tell_again_, is_over);
  for (const auto& [id, batch] : book.all()) {
    if (batch.over_at) continue;
    Group& group = node_->mutable_group(batch.turn());
    const bool may = group.tables().feature_level() >= kBatchLevel;
    if (may && node_->decides(group)) drive(batch, group);
  }
  for (const auto& group : node_->groups_) {
    if (group->id().v > 0 && node_->decides(*group)) forget_old(*group);
  }
  looking_ = false;
}

void Node::Batches::drive(const engine::Batch& batch, Group& group) {
  const Key key{batch.begun.batch, group.id()};
  const engine::BatchRows& rows = group.tables().batches();
  const engine::BatchRow* row = rows.find(key.first);
  if (rows.is_done(key.first)) {
    passes_.erase(key);
    return tell(key, row == nullptr ? engine::BatchCounts{} : row->counts);
  }
  Pass& pass = pass_of(key, row);
  if (!pass.ended && !batch.stopped) go_through(batch, group, &pass);
  if (pass.ended || !node_->decides(group)) return;
  if (batch.stopped) {
    pass.ended = true;
    return propose(group, {key.first, BatchStep::What::done, pass.at, std::move(pass.untold)});
  }
  if (pass.untold.empty()) return;
  const std::int64_t now = node_->now_.mono_ms;
  if (pass.tell_at == 0) pass.tell_at = now + limits::kBatchTellMs;
  if (now < pass.tell_at) return wake_at(pass.tell_at);
  pass.tell_at = 0;
  propose(group, {key.first, BatchStep::What::met, pass.at, std::exchange(pass.untold, {})});
}

Node::Batches::Pass& Node::Batches::pass_of(const Key& key, const engine::BatchRow* row) {
  const auto [at, is_new] = passes_.try_emplace(key);
  Pass& pass = at->second;
  if (!is_new) return pass;
  if (row != nullptr) pass.at = row->through;
  pass.credit_at = node_->now_.mono_ms;
  return pass;
}

void Node::Batches::go_through(const engine::Batch& batch, Group& group, Pass* pass) {
  const std::int64_t now = node_->now_.mono_ms;
  if (pass->waits_for.v != 0 && now < pass->waits_until) return wake_at(pass->waits_until);
  pass->waits_for = Index(0);  // it got lost with what it waited in; should it come, nobody waits
  const Index end = batch.begun.through[group.id().v - 1u];
  for (std::size_t n = 0; n < limits::kBatchLookedAtMax; ++n) {
    if (pass->under_way >= limits::kBatchUnderWayMax) return;
    if (!node_->decides(group) || !has_room(batch)) return wake_at(now + limits::kBatchAgainMs);
    const Index next = group.tables().runs().after(pass->at);
    if (next.v == 0 || next > end) {
      pass->ended = true;
      return propose(group, {batch.begun.batch, BatchStep::What::done, std::max(pass->at, end),
                             std::move(pass->untold)});
    }
    if (!wants(batch, group, next)) {
      pass->at = next;
      continue;
    }
    if (!takes_credit(batch, pass)) return;
    pass->waits_for = next;
    pass->waits_until = now + limits::kBatchAgainMs;
    submit(batch, group, next);
    if (pass->waits_for.v != 0) return wake_at(pass->waits_until);
  }
  wake_at(now);
}

bool Node::Batches::wants(const engine::Batch& batch, const Group& group, Index run) const {
  const engine::RunStore& runs = group.tables().runs();
  engine::KeptRun kept;
  const engine::BatchSpec& spec = batch.begun.spec;
  if (!spec.filter.fits(summary(runs, run, &kept))) return false;
  return !spec.needs_run() || spec.matches(*runs.made(kept));
}

// As Node::lacks_room has it for a client's.
bool Node::Batches::has_room(const engine::Batch& batch) const {
  const RoomLevel level = node_->under_way_.room.level;
  const bool begins_work = batch.begun.spec.verb == engine::BatchVerb::signal;
  if (node_->journal_->queued_bytes() >= limits::kJournalQueuedBytesMax) return false;
  return level == RoomLevel::plenty || (level == RoomLevel::little && !begins_work);
}

// A tenth of a second's worth is saved up at most.
bool Node::Batches::takes_credit(const engine::Batch& batch, Pass* pass) {
  const std::int64_t rate = batch.begun.spec.rate;
  const std::int64_t now = node_->now_.mono_ms;
  const std::int64_t ms = std::clamp<std::int64_t>(now - pass->credit_at, 0, kRun);
  pass->credit = std::min(pass->credit + rate * ms, std::max(kRun, rate * 100));
  pass->credit_at = now;
  if (pass->credit < kRun) {
    wake_at(now + (kRun - pass->credit + rate - 1) / rate);
    return false;
  }
  pass->credit -= kRun;
  return true;
}

void Node::Batches::submit(const engine::Batch& batch, Group& group, Index run) {
  Job job;
  job.run_id = group.tables().runs().id_of(run);
  job.run = run;
  job.command = batch.begun.spec.command(batch.begun.batch);
  job.actor = batch.begun.actor;
  job.batch = batch.begun.batch;
  node_->submit(group, std::move(job));
}

void Node::Batches::propose(Group& group, BatchStep step) {
  Proposal proposal;
  proposal.entry.time = node_->stamp_;
  engine::encode_batch_steps({std::move(step)}, &proposal.entry.batches);
  ++node_->stats_.entries_proposed;
  group.propose(std::move(proposal));
}

// As a request, which takes the way that clients' do; repeated until the catalog shows it.
void Node::Batches::tell(const Key& key, const engine::BatchCounts& counts) {
  const std::int64_t now = node_->now_.mono_ms;
  const auto again = tell_again_.find(key);
  if (again != tell_again_.end() && now < again->second) return wake_at(again->second);
  tell_again_[key] = now + limits::kErrandMs + limits::kErrandAgainMs;
  wake_at(tell_again_[key]);
  Request request;
  request.id = node_->cluster_ ? node_->own_id() : RequestId(kBatchIds + ++next_id_);
  request.deadline_ms = now + limits::kErrandMs;
  request.operation = ChangeBatch{EndBatchPart{key.first, key.second, counts}};
  told_[request.id] = key;
  node_->under_way_.outstanding.insert(request.id);
  if (node_->cluster_) {
    node_->enter(request);
  } else {
    node_->queue_catalog_request(request);
  }
}

// Rows of batches before the first that is open: nobody asks for them again.
void Node::Batches::forget_old(Group& group) {
  const engine::BatchRows& rows = group.tables().batches();
  if (rows.all().empty() || forgetting_.contains(group.id())) return;
  const engine::BatchBook& book = node_->definitions_.catalog().batches();
  const engine::BatchId open = book.oldest_open();
  const engine::BatchId through = open.v > 0 ? open.prev() : book.last();
  if (rows.all().begin()->first > through) return;
  for (const auto& [id, row] : rows.all()) {
    if (id <= through && !row.done) return;
  }
  forgetting_[group.id()] = through;
  propose(group, {through, BatchStep::What::forget, Index(0), {}});
}

}  // namespace pawl::node
