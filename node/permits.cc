#include "node/permits.h"

#include <algorithm>

#include "base/check.h"
#include "base/feature_level.h"
#include "base/limits_permits.h"
#include "codecs/json.h"
#include "engine/command.h"

namespace pawl::node {
namespace {

using engine::LimitChange;
using engine::PermitState;

// Ids of requests that no client has (errands.cc, schedules.cc and batches.cc have the others).
constexpr std::uint64_t kPermitIds = std::uint64_t{27} << 59;

// The run is gone, or does not want the permit; anything else says nothing of that.
bool is_unwanted(const Answer& answer) {
  dsl::Value body;
  codecs::JsonError ignored;
  if (answer.status != 404 && answer.status != 409) return false;
  if (!codecs::parse_json(answer.body, &body, &ignored)) return false;
  const dsl::Value* type = body.field("type");
  return type != nullptr && (*type == dsl::Value::string("run-unknown") ||
                             *type == dsl::Value::string("nothing-to-do"));
}

}  // namespace

void Node::on_operation(Request& request, ChangePermit& op) { permits_->decide(request, op); }

void Node::Permits::decide(const Request& request, const ChangePermit& op) {
  if (!engine::is_sound(op.limit, op.ask, op.gives_back)) {
    return node_->refuse(request.id, 400, "permit-unsound", "No run asks for such a permit",
                         "its limit's name, key or numbers are out of their bounds");
  }
  if (node_->groups_[op.group.v]->tables().feature_level() < kPermitLevel) {
    return node_->refuse(request.id, 503, "level-too-low", "A box runs an older version of pawl",
                         "limits are kept once every box runs this version");
  }
  if (!op.gives_back && node_->lacks_room(request.id, -1, true)) return;
  Desk& desk = desks_[op.group];
  if (desk.asked.size() >= limits::kPermitsAskedMax) {
    ++node_->stats_.refused_full;
    return node_->refuse(request.id, 429, "queue-full", "Too many permits are being asked for",
                         "try again in a second");
  }
  desk.asked.push_back({request, op});
  due_ = true;
}

void Node::Permits::applied(GroupId group, std::string_view changes, bool own) {
  due_ = true;
  if (own) desks_[group].under_way = false;
  if (node_->opened_[group.v].v == 0) return;
  std::vector<LimitChange> decoded;
  PAWL_CHECK(engine::decode_limit_changes(changes, &decoded));
  for (const LimitChange& change : decoded) {
    const Holder holder{group, change.limit, change.ask.permit};
    if (change.what == LimitChange::What::gone) forget(holder);
    if (change.what != LimitChange::What::granted) continue;
    // One that did not wait is told by the answer.
    const bool waited = change.ask.run.empty();
    check_at(holder, waited ? 0 : limits::kPermitCheckMs, limits::kPermitCheckMs);
  }
}

// Whoever leads anew knows of no holder whether it was told.
void Node::Permits::opened(const Group& group) {
  due_ = true;
  std::int64_t ms = limits::kPermitCheckMs;
  for (const auto& [limit, row] : group.tables().limits().all()) {
    for (const auto& [permit, holder] : row.held) {
      check_at({group.id(), limit, permit}, ms, limits::kPermitCheckMs);
      ms += limits::kPermitCheckSpreadMs;
    }
  }
}

void Node::Permits::lost(GroupId group) {
  const auto desk = desks_.find(group);
  if (desk != desks_.end()) {
    for (const Asked& asked : desk->second.asked) node_->retry(asked.request.id);
    desks_.erase(desk);
  }
  std::erase_if(checks_, [group](const auto& x) { return x.first.group == group; });
  std::erase_if(by_time_, [group](const auto& x) { return x.second.group == group; });
}

// --- deciding ---

std::int64_t Node::Permits::due_mono_ms(const Group& group) const {
  const auto& due = group.tables().limits().by_due();
  return due.empty() ? INT64_MAX : node_->time_.mono_ms_of(due.begin()->first);
}

std::int64_t Node::Permits::next_wake_mono_ms() const {
  std::int64_t wake = INT64_MAX;
  if (!by_time_.empty() && asked_.size() < limits::kPermitChecksMax) {
    wake = by_time_.begin()->first;
  }
  for (const auto& group : node_->groups_) {
    if (group->tables().limits().by_due().empty() || !node_->decides(*group)) continue;
    const auto desk = desks_.find(group->id());
    if (desk != desks_.end() && desk->second.under_way) continue;
    wake = std::min(wake, due_mono_ms(*group));
  }
  return wake;
}

void Node::Permits::look() {
  due_ = false;
  for (const auto& group : node_->groups_) {
    if (group->id().v == 0 || !node_->decides(*group)) continue;
    const bool asked = desks_.contains(group->id()) && !desks_[group->id()].asked.empty();
    if (asked || due_mono_ms(*group) <= node_->now_.mono_ms) serve(*group, &desks_[group->id()]);
  }
}

void Node::Permits::look_at_holders() {
  for (std::size_t n = 0; n < limits::kPermitChecksMax && !by_time_.empty(); ++n) {
    const auto [at, holder] = *by_time_.begin();
    if (at > node_->now_.mono_ms || asked_.size() >= limits::kPermitChecksMax) return;
    by_time_.erase(by_time_.begin());
    ask_holder(holder);
  }
}

void Node::Permits::serve(Group& group, Desk* desk) {
  if (desk->under_way) return;
  engine::LimitDecision decision(group.tables().limits(), node_->stamp_);
  std::vector<PendingAnswer> answers;
  for (std::size_t n = 0; n < limits::kPermitsPerEntryMax && !desk->asked.empty(); ++n) {
    const auto [request, change] = std::move(desk->asked.front());
    desk->asked.pop_front();
    PermitState state = PermitState::none;
    if (change.gives_back) {
      decision.give_back(change.limit, change.ask.permit);
    } else {
      state = decision.ask(change.limit, change.ask);
    }
    if (request.id.v != 0) answer(request, state, &answers);
  }
  decision.grant_due(limits::kPermitsPerEntryMax);
  if (decision.changes().empty()) return node_->answer_confirmed(group, std::move(answers));
  Proposal proposal;
  proposal.entry.time = node_->stamp_;
  engine::encode_limit_changes(decision.changes(), &proposal.entry.limits);
  proposal.answers = std::move(answers);
  desk->under_way = true;
  ++node_->stats_.entries_proposed;
  group.propose(std::move(proposal));
}

void Node::Permits::answer(const Request& request, PermitState state,
                           std::vector<PendingAnswer>* all) {
  PendingAnswer pending;
  pending.answer.id = request.id;
  pending.answer.body = "{}";
  if (state == PermitState::waits) pending.answer.status = 202;
  if (state == PermitState::no_room) {
    ++node_->stats_.refused_full;
    pending.answer.status = 429;
  }
  all->push_back(std::move(pending));
}

// --- holders ---

void Node::Permits::check_at(const Holder& holder, std::int64_t ms, std::int64_t again_ms) {
  forget(holder);
  const std::int64_t at = node_->now_.mono_ms + ms;
  checks_[holder] = {at, again_ms};
  by_time_.insert({at, holder});
}

void Node::Permits::forget(const Holder& holder) {
  const auto known = checks_.find(holder);
  if (known == checks_.end()) return;
  by_time_.erase({known->second.at, holder});
  checks_.erase(known);
}

// It is told once more that it holds the permit: whoever does not want it says so.
void Node::Permits::ask_holder(const Holder& holder) {
  Request request;
  request.id = node_->cluster_ ? node_->own_id() : RequestId(kPermitIds + ++next_id_);
  request.deadline_ms = node_->now_.mono_ms + limits::kErrandMs;
  request.operation =
      CommandRun{{"", holder.permit.run},
                 engine::TakePermit{holder.permit.number, holder.limit.first, holder.limit.second}};
  asked_[request.id] = holder;
  node_->under_way_.outstanding.insert(request.id);
  if (node_->cluster_) {
    node_->enter(request);
  } else {
    std::visit([&](auto& op) { node_->on_operation(request, op); }, request.operation);
  }
}

bool Node::Permits::settle(const Answer& answer) {
  const auto asked = asked_.find(answer.id);
  if (asked == asked_.end()) return false;
  const Holder holder = asked->second;
  asked_.erase(asked);
  const auto check = checks_.find(holder);
  if (check == checks_.end()) return true;  // given back meanwhile, or the group was lost
  const std::int64_t again_ms = check->second.again_ms;
  if (answer.status < 300) {
    check_at(holder, again_ms, std::min(2 * again_ms, limits::kPermitCheckMsMax));
  } else if (is_unwanted(answer)) {
    forget(holder);
    ChangePermit change{holder.group, holder.limit, {}, true};
    change.ask.permit = holder.permit;
    desks_[holder.group].asked.push_back({Request{}, std::move(change)});
    due_ = true;
  } else {
    check_at(holder, limits::kErrandAgainMs, again_ms);
  }
  return true;
}

}  // namespace pawl::node
