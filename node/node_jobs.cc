// Mailboxes and entries: how jobs become one entry of their run, and what opens the mailbox again.
#include <algorithm>

#include "base/check.h"
#include "base/feature_level.h"
#include "base/limits.h"
#include "codecs/problem.h"
#include "codecs/run_json.h"
#include "engine/namespace.h"
#include "engine/run_id.h"
#include "node/assembly.h"
#include "node/batches.h"
#include "node/node.h"
#include "node/pasts.h"
#include "node/planted.h"
#include "node/quotas.h"
#include "node/refusals.h"
#include "node/scrubbing.h"

namespace pawl::node {
namespace {

constexpr std::size_t kEnvelopeBytesUsual = 1200;  // of a small run: spares growing the text
// What an entry may hold before the rest of the mailbox waits for the next one. One more decision
// and its answer always fit.
constexpr std::size_t kEventsPerAssemblyMax = 1000;
constexpr std::size_t kAssemblyBytesMax = limits::kEntryBytesMax / 8;
static_assert(kAssemblyBytesMax + limits::kDecisionBytesMax + limits::kDedupeAnswerBytesMax <=
              limits::kEntryBytesMax / 8 * 7);

std::string etag_of(const engine::Run& run) {
  return to_string(run.uid()) + "." + std::to_string(run.seq.v);
}

// A refusal that rests on the state the entry so far leaves: it is answered with the entry.
[[gnu::cold]] PendingAnswer refused(const Job& job, std::uint16_t status, std::string_view type,
                                    std::string_view title, std::string_view detail) {
  PendingAnswer pending;
  pending.item = job.item;
  pending.answer.id = job.request;
  pending.answer.status = status;
  pending.answer.body = codecs::problem_json(status, type, title, detail);
  return pending;
}

// The very call that is made again has made this run.
bool called_before(const engine::Run& run, const engine::Start& start) {
  const auto& caller = run.tree->caller;
  return start.caller && caller && caller->call == start.caller->call &&
         caller->uid == RunUid{start.caller->group, start.caller->index};
}

// Else it is closed, and another run has its id by now.
bool has_id(const Group& group, const engine::Run& run) {
  const engine::Run* newest = group.tables().find_id(run.id());
  return newest != nullptr && newest->uid() == run.uid();
}

// It asks what would come of it, and nothing is to.
bool is_dry(const Job& job) {
  const auto* migrate = std::get_if<engine::Migrate>(&job.command);
  return migrate != nullptr && migrate->dry_run;
}

bool begins_work(const Job& job) {
  return std::holds_alternative<engine::Start>(job.command) ||
         std::holds_alternative<engine::Signal>(job.command);
}

// The same request is among those of the entry. (Of a job without key and number none is.)
bool is_among(const std::vector<engine::KeyedAnswer>& answers, const Job& job) {
  return std::any_of(answers.begin(), answers.end(), [&](const engine::KeyedAnswer& answer) {
    return answer.key == job.key && answer.forwarded.process == job.forwarded.process &&
           answer.forwarded.number == job.forwarded.number;
  });
}

}  // namespace

void Node::submit(Group& group, Job job) {
  if (!decides(group)) {
    retry_job(group, job);
    return;
  }
  if (replay_answer(group, job) || (!job.key.empty() && wait_for_key(group, job))) return;
  if (job.reply != Reply::nothing && lacks_room(job.request, job.item, begins_work(job))) return;
  if (Pasts::wait(this, group, job)) return;
  Mailboxes& mailboxes = mailboxes_[group.id().v];
  if (mailboxes.busy(job.run_id)) {
    const RequestId request = job.request;
    const int item = job.item;
    if (!mailboxes.wait(std::move(job))) {
      ++stats_.refused_full;
      refuse(request, 429, "run-busy", "Too many commands wait for this run",
             "try again in a second", item);
    }
    return;
  }
  if (wait_for_load(group, job)) return;
  std::vector<Job> jobs;
  jobs.push_back(std::move(job));
  decide_all(group, std::move(jobs));
}

// Refuses the request (or item) if the disk has no room for it. Little room is for what ends work
// that is under way: outcomes, and what an operator ends, deletes or changes in the cluster. What
// the node itself wants (timers, hand-outs, forgetting, membership) is not asked here.
bool Node::lacks_room(RequestId id, int item, bool begins_work) {
  const RoomChanged& room = under_way_.room;
  if (room.level == RoomLevel::plenty || (room.level == RoomLevel::little && !begins_work)) {
    return false;
  }
  ++stats_.refused_room;
  Answer refusal;
  refusal.id = id;
  refusal.status = 507;
  refusal.body = room_problem(room);
  answer(std::move(refusal), item);
  return true;
}

// Makes the job wait for the entry that its key is under way with; false if there is none.
bool Node::wait_for_key(Group& group, Job& job) {
  const auto under_way = under_way_.jobs_by_key.find(job.key);
  if (under_way == under_way_.jobs_by_key.end()) return false;
  if (under_way->second.size() >= limits::kMailboxCommandsMax) {
    ++stats_.refused_full;
    refuse(job.request, 429, "run-busy", "Too many requests with this Idempotency-Key wait",
           "try again in a second", job.item);
    return true;
  }
  under_way->second.emplace_back(group.id(), std::move(job));
  return true;
}

// Answers from the dedupe table; false if the request is new.
bool Node::replay_answer(Group& group, const Job& job) {
  if ((job.key.empty() && !job.forwarded) || planted(Bug::forget_keys)) return false;
  const engine::Dedupe& dedupe = group.tables().dedupe();
  if (dedupe.is_over(job.forwarded)) {
    drop_over(job.request);
    return true;
  }
  const engine::KeyedAnswer* known =
      job.forwarded ? dedupe.find(job.forwarded) : dedupe.find(job.key);
  if (known == nullptr) return false;
  if (!job.forwarded && known->request != job.digest) {
    refuse_confirmed(group, job.request, 422, "idempotency-key-reused",
                     "The Idempotency-Key was used for another request",
                     "send the very same method, path and body with a key, or a new key", job.item);
    return true;
  }
  ++stats_.answers_replayed;
  Answer replay;
  replay.id = job.request;
  replay.status = known->status;
  replay.body = known->body;
  std::vector<PendingAnswer> answers;
  answers.push_back({std::move(replay), job.item});
  answer_confirmed(group, std::move(answers));
  return true;
}

void Node::decide_all(Group& group, std::vector<Job> jobs) {
  if (!decides(group)) {
    for (const Job& job : jobs) retry_job(group, job);
    return;
  }
  Assembly a;
  std::size_t done = 0;
  while (done < jobs.size() && a.events.size() < kEventsPerAssemblyMax &&
         a.encoded.size() + a.answer_bytes < kAssemblyBytesMax) {
    if (!decide_one(group, jobs[done], &a)) break;
    ++done;
  }
  if (a.events.empty()) {
    PAWL_CHECK(done == jobs.size());
    answer_confirmed(group, std::move(a.answers));
    return;
  }
  offer(group, &a);
  const std::string run_id = a.run_id;
  propose(group, &a);
  for (; done < jobs.size(); ++done) {
    const bool kept = mailboxes_[group.id().v].wait(std::move(jobs[done]));
    PAWL_CHECK(kept);
  }
}

engine::Context Node::context(const Job& job, const dsl::Definition* definition) {
  engine::Context context;
  context.now = stamp_;
  context.seed = random_.next();
  context.actor = job.actor;
  context.definition = definition;
  context.run_groups = options_.run_groups;
  if (definition == nullptr || !std::holds_alternative<engine::Checkpoint>(job.command)) {
    return context;
  }
  const std::string name = engine::qualified_like(job.run_id, definition->name);
  const auto latest = definitions_.resolve(name, std::nullopt);
  if (!latest) return context;
  context.latest = definitions_.find(name, *latest);
  context.latest_version = *latest;
  return context;
}

// The run a job is for, as it is once what is in the entry so far is folded. False: the entry is
// for another run, the job waits for the next one.
bool Node::target(Group& group, const Job& job, const Assembly& a, const engine::Run** run) {
  Index index = job.run;
  if (index.v == 0) {
    const engine::Run* newest = group.tables().find_id(job.run_id);
    index = a.starts ? a.run : newest == nullptr ? Index(0) : newest->uid().index;
  }
  if (a.after != nullptr) {
    *run = a.after.get();
    return index == a.run;
  }
  *run = index.v == 0 ? nullptr : group.tables().find(index);
  return true;
}

// False: the job must wait for the entry that is being put together.
bool Node::decide_one(Group& group, Job& job, Assembly* a) {
  // Another copy may have been answered while the job waited, or be in an entry under way: in this
  // one, then the job waits for the next, or under the key in another run's.
  if (job.batch.v > 0 && !batches_->expects(group, job)) return true;
  if (replay_answer(group, job)) return true;
  if (is_among(a->keyed, job)) return false;
  if (!job.key.empty() && wait_for_key(group, job)) return true;
  if (std::holds_alternative<engine::Start>(job.command)) return decide_start(group, job, a);
  const auto* reset = std::get_if<engine::Reset>(&job.command);
  const bool migrates = std::holds_alternative<engine::Migrate>(job.command);
  const bool begins =
      reset != nullptr || migrates || std::holds_alternative<engine::Checkpoint>(job.command);
  if (begins && a->after != nullptr) return false;  // a generation begins with an entry
  const engine::Run* run = nullptr;
  if (!target(group, job, *a, &run)) return false;
  if (run == nullptr) {
    if (job.batch.v > 0) batches_->unchanged(group, job, /*gone=*/true);
    a->answers.push_back(
        refused(job, 404, "run-unknown", "There is no such run", run_unknown(job.run_id)));
    return true;
  }
  if (job.if_match && (job.if_match->uid != run->uid() || job.if_match->seq != run->seq)) {
    a->answers.push_back(
        refused(job, 412, "wrong-seq", "The run has changed since",
                "it is at \"" + etag_of(*run) + "\" now: read it again and decide anew"));
    return true;
  }
  // While another run of the id was busy, a job by uid has waited for one that is cold.
  if (a->after == nullptr && wait_for_load(group, job)) return true;
  if (Pasts::wait(this, group, job)) return true;
  if (reset != nullptr && !has_id(group, *run)) {
    a->answers.push_back(refused(job, 409, "run-id-taken", "The id is that of another run",
                                 "a newer run of the id can't be together with this one: name it"));
    return true;
  }
  const engine::Run& decided_by = reset != nullptr ? *reset->past : *run;
  const dsl::Definition* definition = definition_of(decided_by, job, a);
  if (definition == nullptr) return true;
  if (a->after == nullptr) {
    a->run_id = job.run_id;
    a->run = run->uid().index;
    a->previous = begins ? Index(0) : run->last_entry;
    a->first_seq = run->seq.next();
  }
  engine::Context context = this->context(job, definition);
  if (!Pasts::find_version(this, group, job, *run, &context, a)) return true;
  engine::Decision decision = engine::decide(*run, job.command, context);
  if (std::holds_alternative<engine::Signal>(job.command) && !decision.events.empty()) {
    const std::uint64_t now = decision.after->state_bytes;
    const auto more = static_cast<std::int64_t>(now - std::min(now, run->state_bytes));
    if (quotas_->holds_back(group, job, {0, more}, a)) return true;
  }
  if (migrates && !is_dry(job) && !decision.events.empty()) {
    pin(group, run->workflow(), context.latest_version, a);
  }
  conclude(group, job, *run, std::move(decision), a);
  return true;
}

// The definition that the run's next decision needs: the very one that it was started with, since
// a number may have been given to another one where what group 0 knew was lost (lone_voter.h). Null
// if this box lacks it; the job is then settled: it waits until what group 0 has deployed has come
// here, or is refused.
const dsl::Definition* Node::definition_of(const engine::Run& run, const Job& job, Assembly* a) {
  const dsl::Definition* definition = definitions_.find(run.workflow(), run.version());
  // By the hash of the build that stored it, or of this one.
  const Digest& own = run.identity->definition;
  if (definition != nullptr &&
      (definition->hash == own ||
       definitions_.catalog().find(run.workflow(), run.version())->hash == own)) {
    return definition;
  }
  if (job.reply == Reply::nothing) {
    if (job.batch.v > 0 && !lags_behind(run.workflow(), run.version())) {
      batches_->refused(*groups_[run.uid().group.v], job, "definition-missing",
                        "this box lacks the run's definition");
    }
    try_lease_again(run, job.command);
    return nullptr;
  }
  if (lags_behind(run.workflow(), run.version())) {
    postpone(job.request);
    return nullptr;
  }
  a->answers.push_back(
      refused(job, 503, "definition-missing", "This box lacks the run's definition",
              "version " + std::to_string(run.version()) + " of " +
                  std::string(engine::plain_name(run.workflow())) +
                  (definition == nullptr
                       ? " can't be read by this version of pawl, or was lost with other boxes: "
                         "start a newer one, or deploy it again"
                       : " is another one here: the run's own was lost with other boxes")));
  return nullptr;
}

bool Node::decide_start(Group& group, Job& job, Assembly* a) {
  if (a->after != nullptr) return false;
  auto& start = std::get<engine::Start>(job.command);
  if (quotas_->is_closed(group, job, a)) return true;
  const auto version = definitions_.resolve(job.workflow, job.version);
  const dsl::Definition* definition = version ? definitions_.find(job.workflow, *version) : nullptr;
  if (definition == nullptr && job.version && lags_behind(job.workflow, *job.version)) {
    postpone(job.request);
    return true;
  }
  if (definition == nullptr) {
    a->answers.push_back(refused(job, 404, "workflow-unknown", "There is no such workflow version",
                                 workflow_unknown(job.workflow, job.version)));
    return true;
  }
  const std::uint16_t level = start.caller ? kFlowLevel : definition->feature_level;
  if (group.tables().feature_level() < level) {
    a->answers.push_back(refused(job, 503, "level-too-low", "A box runs an older version of pawl",
                                 "the workflow can run once every box runs this version"));
    return true;
  }
  start.version = *version;
  const engine::Run* existing = group.tables().find_id(job.run_id);
  if (existing != nullptr && !job.terminated_existing) {
    switch (settle_id(group, job, *existing, *definition, a)) {
      case IdSettled::start:
        break;
      case IdSettled::answered:
        return true;
      case IdSettled::after_termination:
        return false;
    }
  }
  const RunUid uid{group.id(), group.next_index()};
  auto decision = engine::decide_start(uid, start, context(job, definition));
  if (decision.refusal != engine::Refusal::none) {
    a->answers.push_back({refusal_answer(job.request, decision, nullptr), job.item});
    return true;
  }
  const auto bytes = static_cast<std::int64_t>(decision.after->state_bytes);
  if (quotas_->holds_back(group, job, {1, bytes}, a)) return true;
  a->run_id = job.run_id;
  a->run = uid.index;
  a->previous = Index(0);  // a refused job before it may have been for the id's last run
  a->first_seq = Seq(1);
  a->starts = true;
  pin(group, job.workflow, *version, a);
  const std::shared_ptr<const engine::Run> run = decision.after;
  conclude(group, job, *run, std::move(decision), a);
  return true;
}

// What the workflow's [id] says to a start whose id is taken.
Node::IdSettled Node::settle_id(Group& group, Job& job, const engine::Run& existing,
                                const dsl::Definition& definition, Assembly* a) {
  Answer said;
  said.id = job.request;
  if (called_before(existing, std::get<engine::Start>(job.command))) {
    said.etag = etag_of(existing);
    codecs::append_envelope(existing, &definition, &said.body);
    a->answers.push_back({std::move(said), job.item});
    return IdSettled::answered;
  }
  switch (engine::resolve_id(existing, definition)) {
    case engine::IdConflictAction::start:
      return IdSettled::start;
    case engine::IdConflictAction::refuse:
      said.status = 409;
      said.body = codecs::id_taken_problem(existing);
      break;
    case engine::IdConflictAction::use_existing:
      said.etag = etag_of(existing);
      codecs::append_envelope(existing, &definition, &said.body);
      break;
    case engine::IdConflictAction::terminate_then_start: {
      if (definition_of(existing, job, a) == nullptr) return IdSettled::answered;
      Job terminate;
      terminate.run_id = job.run_id;
      terminate.run = existing.uid().index;
      terminate.command = engine::Terminate{"replaced by a new start of the same id"};
      terminate.actor = job.actor;
      job.terminated_existing = true;
      decide_one(group, terminate, a);
      PAWL_CHECK(!a->events.empty());
      return IdSettled::after_termination;
    }
  }
  a->answers.push_back({std::move(said), job.item});
  return IdSettled::answered;
}

// Takes a decision on `run` into the entry and writes the job's answer.
void Node::conclude(Group& group, Job& job, const engine::Run& run, engine::Decision decision,
                    Assembly* a) {
  if (decision.refusal != engine::Refusal::none) {
    if (job.batch.v > 0) {
      batches_->refused(group, job, refusal_type(decision.refusal), decision.detail);
    }
    if (job.reply == Reply::nothing) return;
    a->answers.push_back({refusal_answer(job.request, decision, &run), job.item});
    return;
  }
  if (planted(Bug::delete_nothing) && job.reply == Reply::deleted) decision.events.clear();
  const bool changed = !decision.events.empty() && !is_dry(job);
  if (job.reply != Reply::nothing) {
    write_answer(group, job, decision.events.empty() ? run : *decision.after, changed, a);
  }
  if (job.batch.v > 0) {
    if (!changed) return batches_->unchanged(group, job, /*gone=*/false);
    a->batches.push_back(batches_->changed(group, job));
  }
  if (!changed) return;
  a->take(std::move(decision));
}

void Node::write_answer(Group& group, Job& job, const engine::Run& run, bool changed, Assembly* a) {
  PendingAnswer pending;
  pending.item = job.item;
  Answer& answer = pending.answer;
  answer.id = job.request;
  if (job.reply == Reply::outcome) {
    answer.body = "{}";
    if (planted(Bug::unknown_outcome)) answer.status = 404;
    const auto* done = std::get_if<engine::CompleteTask>(&job.command);
    const auto* failed = std::get_if<engine::FailTask>(&job.command);
    if (done != nullptr) a->ended.push_back({group.id(), a->run, done->step, done->attempt});
    if (failed != nullptr) a->ended.push_back({group.id(), a->run, failed->step, failed->attempt});
  } else if (job.reply == Reply::deleted) {
    auto boxes = boxes_scrubbed(*this, group.id(), run.last_entry);
    if (changed) {  // the entry is yet to come
      for (codecs::BoxScrubbed& box : boxes) box.scrubbed = false;
    }
    answer.status = codecs::all_scrubbed(boxes) ? 200 : 202;
    answer.etag = etag_of(run);
    codecs::append_data_deleted(run, boxes, &answer.body);
  } else {
    answer.body.reserve(kEnvelopeBytesUsual);
    answer.status = job.reply == Reply::started ? 201 : 200;
    if (job.reply == Reply::started) answer.location = codecs::run_location(run.id());
    if (!is_dry(job)) answer.etag = etag_of(run);
    codecs::append_envelope(run, definitions_.find(run.workflow(), run.version()), &answer.body);
  }
  if ((!job.key.empty() || job.forwarded) && changed) {
    // Its replays must say the same, so it is shortened for the first client too.
    if (answer.body.size() > limits::kDedupeAnswerBytesMax) {
      answer.body.clear();
      codecs::append_envelope(run, definitions_.find(run.workflow(), run.version()), &answer.body,
                              {.input = false, .vars = false, .output = false});
    }
    a->answer_bytes += answer.body.size();
    a->keyed.push_back({job.key, job.digest, job.forwarded, stamp_, answer.status, answer.body});
  }
  a->answers.push_back(std::move(pending));
}

void Node::propose(Group& group, Assembly* a) {
  Proposal proposal;
  proposal.entry.time = stamp_;
  proposal.entry.run = a->run;
  proposal.entry.previous = a->previous;
  proposal.entry.first_seq = a->first_seq;
  proposal.entry.sends = std::move(a->sends);
  for (const engine::KeyedAnswer& keyed : a->keyed) {
    if (keyed.key.empty()) continue;
    under_way_.jobs_by_key.try_emplace(keyed.key);
    proposal.keys.push_back(keyed.key);
  }
  proposal.entry.answers = std::move(a->keyed);
  proposal.entry.events = std::move(a->encoded);
  engine::encode_batch_steps(a->batches, &proposal.entry.batches);
  proposal.events = std::move(a->events);
  proposal.after = std::move(a->after);
  proposal.run_id = a->run_id;
  proposal.answers = std::move(a->answers);
  if (planted(Bug::answer_at_proposal)) {
    for (PendingAnswer& early : std::exchange(proposal.answers, {}))
      answer(early.answer, early.item);
  }
  proposal.grants = std::move(a->grants);
  proposal.ended = std::move(a->ended);
  if (a->starts) quotas_->starts(group, a->run_id, *proposal.after);
  mailboxes_[group.id().v].acquire(a->run_id);
  ++stats_.entries_proposed;
  group.propose(std::move(proposal));
}

void Node::retry_keyed(const std::string& key) {
  const auto it = under_way_.jobs_by_key.find(key);
  if (it == under_way_.jobs_by_key.end()) return;
  std::vector<std::pair<GroupId, Job>> jobs = std::move(it->second);
  under_way_.jobs_by_key.erase(it);
  for (auto& job : jobs) left_.keyed_retries.push_back(std::move(job));
}

}  // namespace pawl::node
