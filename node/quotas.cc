#include "node/quotas.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/limits_namespaces.h"
#include "codecs/problem.h"
#include "engine/namespace.h"
#include "node/assembly.h"
#include "node/forgetting.h"
#include "node/refusals.h"
#include "node/shares.h"

namespace pawl::node {
namespace {

using engine::NamespaceQuota;
using engine::NamespaceShare;

constexpr std::int64_t kAskAgainMs = 100;

PendingAnswer problem(const Job& job, std::uint16_t status, std::string_view type,
                      std::string_view title, std::string_view detail) {
  PendingAnswer pending;
  pending.item = job.item;
  pending.answer.id = job.request;
  pending.answer.status = status;
  pending.answer.body = codecs::problem_json(status, type, title, detail);
  return pending;
}

bool lacks(const std::optional<std::int64_t>& quota, std::int64_t used, std::int64_t more,
           std::int64_t limit) {
  return quota && more > 0 && used + more > limit;
}

// With the share or, of a box alone, the quota as the limit.
bool lacks_share(const NamespaceQuota& quota, const NamespaceShare& used,
                 const NamespaceShare& more, const NamespaceShare& limit) {
  return lacks(quota.max_runs, used.runs, more.runs, limit.runs) ||
         lacks(quota.max_payload_bytes, used.payload_bytes, more.payload_bytes,
               limit.payload_bytes);
}

NamespaceShare whole(const NamespaceQuota& quota) {
  return {quota.max_runs.value_or(0), quota.max_payload_bytes.value_or(0)};
}

std::string refusal_text(const std::string& name, const NamespaceQuota& quota,
                         const NamespaceShare& more, const NamespaceShare& used) {
  const std::string its = absl::StrCat("the namespace `", name, "` ");
  if (lacks(quota.max_runs, used.runs, more.runs, *quota.max_runs)) {
    return absl::StrCat(its, "has ", used.runs,
                        " open runs, and its quota is max_runs = ", *quota.max_runs,
                        ": wait until some have closed, or raise it with `pawl ", "namespaces put ",
                        name, " --max-runs N`");
  }
  if (lacks(quota.max_payload_bytes, used.payload_bytes, more.payload_bytes,
            quota.max_payload_bytes.value_or(0))) {
    return absl::StrCat(its, "has open runs that hold ", used.payload_bytes, " bytes, this takes ",
                        more.payload_bytes,
                        " more, and its quota is max_payload_bytes = ", *quota.max_payload_bytes,
                        ": wait until some have closed, or raise it with", " `pawl namespaces put ",
                        name, " --max-payload-bytes N`");
  }
  if (more.runs > 0 && quota.starts_per_second) {
    return absl::StrCat(its, "starts at most starts_per_second = ", *quota.starts_per_second,
                        " runs: try again in a second, or raise it with `pawl namespaces put ",
                        name, " --starts-per-second N`");
  }
  return absl::StrCat(its, "is close to its quota, and other groups of runs hold what is left: ",
                      "try again in a second");
}

}  // namespace

std::string encode_share_answer(const ShareAnswer& answer) {
  std::string bytes;
  ByteWriter w(&bytes);
  w.varint(answer.change);
  w.u8(answer.larger ? 1 : 0);
  w.varint(answer.tokens);
  w.svarint(answer.used.runs);
  w.svarint(answer.used.payload_bytes);
  return bytes;
}

bool decode_share_answer(std::string_view bytes, ShareAnswer* answer) {
  ByteReader r(bytes);
  answer->change = r.varint();
  const std::uint8_t larger = r.u8();
  answer->larger = larger == 1;
  const std::uint64_t tokens = r.varint();
  answer->tokens = static_cast<std::uint32_t>(tokens);
  answer->used = {r.svarint(), r.svarint()};
  return r.done() && larger <= 1 && tokens <= limits::kShareWaitingMax;
}

std::string encode_usage(const engine::NamespaceUsage& usage) {
  std::string bytes;
  ByteWriter w(&bytes);
  w.varint(usage.runs);
  w.varint(usage.open_runs);
  w.varint(usage.payload_bytes);
  return bytes;
}

bool decode_usage(std::string_view bytes, engine::NamespaceUsage* usage) {
  ByteReader r(bytes);
  *usage = {r.varint(), r.varint(), r.varint()};
  return r.done();
}

std::uint32_t StartTokens::take(std::int64_t rate, std::uint32_t wanted, std::int64_t now_mono_ms,
                                std::int64_t began_mono_ms) {
  if (!begun_) at_mono_ms_ = began_mono_ms;
  begun_ = true;
  const std::int64_t ms = std::clamp<std::int64_t>(now_mono_ms - at_mono_ms_, 0, 1'000);
  thousandths_ = std::min(thousandths_ + rate * ms, rate * 1'000);
  at_mono_ms_ = now_mono_ms;
  const auto taken =
      static_cast<std::uint32_t>(std::min<std::int64_t>(wanted, thousandths_ / 1'000));
  thousandths_ -= std::int64_t{taken} * 1'000;
  return taken;
}

Node::Quotas::Quotas(Node* node) : node_(node), shares_(std::make_unique<Shares>(node)) {}

Node::Quotas::~Quotas() = default;

// --- of a job ---

bool Node::Quotas::is_caught_up(const Group& group) const {
  if (!node_->cluster_) return true;
  const auto at = catching_up_.find(group.id());
  return at != catching_up_.end() && at->second.term == group.raft().term() &&
         at->second.barrier.v == 0;
}

bool Node::Quotas::is_closed(Group& group, Job& job, Assembly* a) {
  const std::string_view name = engine::namespace_of(job.run_id);
  const engine::NamespaceBook& book = node_->catalog().namespaces();
  if (name == engine::kDefaultNamespace && book.find(name) == nullptr) return false;
  // What this box has of group 0 may be older than what the request rests on.
  const bool may_lag = node_->cluster_ && !node_->decides(*node_->groups_[0]);
  if (!is_caught_up(group) || (!book.is_open(name) && may_lag)) {
    node_->postpone(job.request);
    return true;
  }
  if (book.is_open(name)) return false;
  a->answers.push_back(problem(job, 404, "namespace-unknown", "There is no such namespace",
                               namespace_unknown(name)));
  return true;
}

bool Node::Quotas::holds_back(Group& group, Job& job, const NamespaceShare& more, Assembly* a) {
  if (job.reply == Reply::nothing) return false;  // an operator's batch
  const std::string_view name = engine::namespace_of(job.run_id);
  const engine::Namespace* known = node_->catalog().namespaces().find(name);
  if (known == nullptr || known->put.quota.empty()) return false;
  if (!is_caught_up(group)) {
    node_->postpone(job.request);
    return true;
  }
  const Key key{group.id(), std::string(name)};
  const NamespaceQuota& quota = known->put.quota;
  const NamespaceShare used = this->used(group, name);
  const NamespaceShare limit = node_->cluster_ ? known->share(group.id()) : whole(quota);
  const bool fits =
      !lacks_share(quota, used, more, limit) && (more.runs == 0 || takes_token(key, quota));
  if (fits) return false;
  if (node_->cluster_) return wait(key, job, more, a);
  refuse(key, job, more, used, a);
  return true;
}

void Node::Quotas::starts(const Group& group, std::string_view run_id, const engine::Run& run) {
  const std::string_view name = engine::namespace_of(run_id);
  const bool counts =
      name != engine::kDefaultNamespace || node_->catalog().namespaces().find(name) != nullptr;
  if (!counts) return;
  std::deque<Starting>& starting = starting_[group.id()];
  while (!starting.empty() && starting.front().entry <= group.applied()) starting.pop_front();
  starting.push_back({group.next_index(), std::string(name), run.closed() ? 0 : run.state_bytes});
}

engine::NamespaceUsage Node::Quotas::usage(const Group& group, std::string_view name_space) {
  engine::NamespaceUsage sum = group.tables().usage_of(name_space);
  const auto at = starting_.find(group.id());
  if (at == starting_.end()) return sum;
  for (const Starting& starting : at->second) {
    if (starting.entry <= group.applied() || starting.name_space != name_space) continue;
    ++sum.runs;
    ++sum.open_runs;
    sum.payload_bytes += starting.payload_bytes;
  }
  return sum;
}

// Of a box alone: in all groups.
NamespaceShare Node::Quotas::used(const Group& group, std::string_view name_space) {
  NamespaceShare sum;
  const auto add = [&](const Group& one) {
    const engine::NamespaceUsage usage = this->usage(one, name_space);
    sum.runs += static_cast<std::int64_t>(usage.open_runs);
    sum.payload_bytes += static_cast<std::int64_t>(usage.payload_bytes);
  };
  if (node_->cluster_) {
    add(group);
  } else {
    for (const auto& one : node_->groups_) add(*one);
  }
  return sum;
}

bool Node::Quotas::takes_token(const Key& key, const NamespaceQuota& quota) {
  if (!quota.starts_per_second) return true;
  const std::int64_t now = node_->now_.mono_ms;
  if (!node_->cluster_) return tokens_[key.second].take(*quota.starts_per_second, 1, now, 0) == 1;
  Line& line = lines_[key];
  if (now > line.tokens_until) line.tokens = 0;
  if (line.tokens == 0) return false;
  --line.tokens;
  return true;
}

void Node::Quotas::refuse(const Key& key, const Job& job, const NamespaceShare& more,
                          const NamespaceShare& used, Assembly* a) {
  const engine::Namespace* known = node_->catalog().namespaces().find(key.second);
  const NamespaceQuota quota = known == nullptr ? NamespaceQuota{} : known->put.quota;
  ++node_->stats_.refused_quota;
  PendingAnswer refusal = problem(job, 429, "quota-exceeded", "The namespace is at its quota",
                                  refusal_text(key.second, quota, more, used));
  if (a != nullptr) {
    a->answers.push_back(std::move(refusal));
    return;
  }
  std::vector<PendingAnswer> answers;
  answers.push_back(std::move(refusal));
  node_->answer_confirmed(node_->mutable_group(key.first), std::move(answers));
}

bool Node::Quotas::wait(const Key& key, Job& job, const NamespaceShare& more, Assembly* a) {
  Line& line = lines_[key];
  const bool full = line.waiting.size() >= limits::kShareWaitingMax;
  if (full || (node_->now_.mono_ms < line.refused_until && line.waiting.empty())) {
    refuse(key, job, more, line.refusal.used, a);
    return true;
  }
  line.waiting.push_back({std::move(job), more});
  due_ = true;
  return true;
}

// --- events ---

void Node::Quotas::changed(const engine::NamespaceEvent& event) {
  due_ = true;
  shares_->changed();
  const auto* ended = std::get_if<engine::NamespaceEnded>(&event);
  if (ended == nullptr || !ended->gone) return;
  node_->definitions_.forget(ended->name);
  node_->forgetting_->definitions_changed();
}

// The first thing a leader asks is how far group 0's log goes.
void Node::Quotas::opened(const Group& group) {
  if (group.id().v == 0) shares_->opened(group.raft().term());
  if (!node_->cluster_ || group.id().v == 0) return;
  CatchingUp& mine = catching_up_[group.id()];
  if (mine.term == group.raft().term()) return;
  node_->cluster_->barriers.erase(mine.barrier);
  mine = {group.raft().term(), node_->own_id()};
  node_->cluster_->barriers[mine.barrier] = {Request{}, 1};
  node_->add_reader(GroupId(0), {mine.barrier, {}, 0, {}});
}

bool Node::Quotas::settle_barrier(RequestId id) {
  for (auto& [group, mine] : catching_up_) {
    if (mine.barrier != id) continue;
    mine.barrier = RequestId(0);
    due_ = true;
    return true;
  }
  return false;
}

void Node::Quotas::lost(GroupId group) {
  if (group.v == 0) shares_->lost();
  if (const auto at = catching_up_.find(group); at != catching_up_.end()) {
    node_->cluster_->barriers.erase(at->second.barrier);
    catching_up_.erase(at);
  }
  starting_.erase(group);
  for (auto at = lines_.begin(); at != lines_.end();) {
    if (at->first.first != group) {
      ++at;
      continue;
    }
    const std::deque<Waiter> waiting = std::move(at->second.waiting);
    at = lines_.erase(at);
    for (const Waiter& waiter : waiting) node_->retry_job(node_->mutable_group(group), waiter.job);
  }
}

bool Node::Quotas::settle(const Answer& answer) {
  const auto asked = asked_.find(answer.id);
  if (asked == asked_.end()) return shares_->settle(answer);
  const auto at = lines_.find(asked->second);
  asked_.erase(asked);
  due_ = true;
  if (at == lines_.end()) return true;
  Line& line = at->second;
  line.asked = false;
  line.ask_at = node_->now_.mono_ms + kAskAgainMs;
  ShareAnswer said;
  if (answer.status != 200 || !decode_share_answer(answer.body, &said)) return true;
  line.again = true;
  line.again_until = node_->now_.mono_ms + limits::kErrandAgainMs;
  line.after_change = said.change;
  line.refusal = said;
  if (said.tokens > 0) {
    line.tokens += said.tokens;
    line.tokens_until = node_->now_.mono_ms + limits::kStartTokensMs;
  }
  return true;
}

void Node::Quotas::survey(Request& request, const SurveyNamespace& op) {
  Group& group = node_->mutable_group(op.group);
  if (node_->catalog().namespaces().changes() < op.change) {
    if (node_->cluster_) node_->postpone(request.id);
    return;
  }
  PendingAnswer pending;
  pending.answer.id = request.id;
  pending.answer.body = encode_usage(usage(group, op.name));
  pending.item = -1;
  std::vector<PendingAnswer> answers;
  answers.push_back(std::move(pending));
  node_->answer_confirmed(group, std::move(answers));
}

// --- who waits ---

bool Node::Quotas::unsettled() const { return due_ || shares_->unsettled(); }

std::int64_t Node::Quotas::next_wake_mono_ms() const {
  return std::min(wake_mono_ms_, shares_->next_wake_mono_ms());
}

void Node::Quotas::look() {
  look_at_lines();
  shares_->look();
}

void Node::Quotas::look_at_lines() {
  if (looking_) return;
  looking_ = true;
  due_ = false;
  wake_mono_ms_ = INT64_MAX;
  std::vector<Key> keys;
  keys.reserve(lines_.size());
  for (const auto& [key, line] : lines_) keys.push_back(key);
  for (const Key& key : keys) {
    const auto at = lines_.find(key);
    if (at != lines_.end() && node_->decides(*node_->groups_[key.first.v])) {
      look_at(key, &at->second);
    }
  }
  std::erase_if(lines_, [this](const auto& row) {
    const Line& line = row.second;
    const std::int64_t now = node_->now_.mono_ms;
    const bool used =
        line.asked || (line.tokens > 0 && line.tokens_until >= now) || line.refused_until > now;
    return line.waiting.empty() && !used;
  });
  looking_ = false;
}

void Node::Quotas::look_at(const Key& key, Line* line) {
  std::erase_if(line->waiting, [this](const Waiter& waiter) {
    return !node_->under_way_.outstanding.contains(waiter.job.request);
  });
  if (line->again && node_->catalog().namespaces().changes() >= line->after_change) {
    decide_anew(key, line);
  }
  if (line->waiting.empty() || line->asked) return;
  if (line->again && node_->now_.mono_ms < line->again_until) {
    wake_mono_ms_ = std::min(wake_mono_ms_, line->again_until);
    return;
  }
  line->again = false;
  if (node_->now_.mono_ms < line->ask_at) {
    wake_mono_ms_ = std::min(wake_mono_ms_, line->ask_at);
  } else {
    ask(key, line);
  }
}

// How long nobody asks again: a token comes sooner than a share.
std::int64_t Node::Quotas::refused_ms(const Key& key, const std::deque<Waiter>& waiting) {
  const engine::Namespace* known = node_->catalog().namespaces().find(key.second);
  if (known == nullptr || !known->put.quota.starts_per_second) return limits::kShareRefusedMs;
  const NamespaceShare used = this->used(*node_->groups_[key.first.v], key.second);
  for (const Waiter& waiter : waiting) {
    if (lacks_share(known->put.quota, used, waiter.more, known->share(key.first))) {
      return limits::kShareRefusedMs;
    }
  }
  const std::int64_t rate = std::max<std::int64_t>(*known->put.quota.starts_per_second, 1);
  return std::min(1'000 / rate, limits::kShareRefusedMs);
}

// Lines are never taken away while this runs: only look() and lost() do that.
void Node::Quotas::decide_anew(const Key& key, Line* line) {
  line->again = false;
  line->ask_at = 0;
  std::deque<Waiter> waiting = std::exchange(line->waiting, {});
  if (!line->refusal.larger) {
    line->refused_until = node_->now_.mono_ms + refused_ms(key, waiting);
    for (const Waiter& waiter : waiting) {
      refuse(key, waiter.job, waiter.more, line->refusal.used, nullptr);
    }
    return;
  }
  Group& group = node_->mutable_group(key.first);
  for (Waiter& waiter : waiting) node_->submit(group, std::move(waiter.job));
}

void Node::Quotas::ask(const Key& key, Line* line) {
  const engine::Namespace* known = node_->catalog().namespaces().find(key.second);
  const NamespaceQuota quota = known == nullptr ? NamespaceQuota{} : known->put.quota;
  WantShare want;
  want.name = key.second;
  want.group = key.first;
  const NamespaceShare used = this->used(*node_->groups_[key.first.v], key.second);
  if (quota.max_runs) want.need.runs = used.runs;
  if (quota.max_payload_bytes) want.need.payload_bytes = used.payload_bytes;
  for (const Waiter& waiter : line->waiting) {
    if (quota.max_runs) want.need.runs += waiter.more.runs;
    if (quota.max_payload_bytes) want.need.payload_bytes += waiter.more.payload_bytes;
    if (quota.starts_per_second && waiter.more.runs > 0) ++want.starts;
  }
  Request request;
  request.id = node_->own_id();
  request.deadline_ms = node_->now_.mono_ms + limits::kErrandMs;
  request.operation = ChangeNamespace{std::move(want)};
  line->asked = true;
  asked_[request.id] = key;
  node_->under_way_.outstanding.insert(request.id);
  node_->enter(request);
}

}  // namespace pawl::node
