#include "node/shares.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/feature_level.h"
#include "base/limits_namespaces.h"
#include "codecs/namespace_json.h"
#include "engine/namespace.h"
#include "node/refusals.h"

namespace pawl::node {
namespace {

using engine::NamespaceShare;

constexpr std::int64_t kBusyMs = 20;  // until an entry of the catalog may be applied
constexpr std::int64_t kAskAgainMs = 50;

std::string body_of(const engine::Namespace& known) {
  std::string body;
  codecs::append_namespace(known.put.name, &known, nullptr, &body);
  return body;
}

const WantShare& want_of(const Request& request) {
  return std::get<WantShare>(std::get<ChangeNamespace>(request.operation).change);
}

// As much of each share as there is of the quota that was lowered.
engine::NamespaceShares scaled(engine::NamespaceShares shares, std::int64_t NamespaceShare::*of,
                               const std::optional<std::int64_t>& quota) {
  std::int64_t sum = 0;
  for (const NamespaceShare& share : shares) sum += share.*of;
  const std::int64_t most = quota.value_or(0);
  for (NamespaceShare& share : shares) {
    if (sum <= most) break;
    const double part = static_cast<double>(share.*of) / static_cast<double>(sum);
    share.*of = std::min(share.*of, static_cast<std::int64_t>(part * static_cast<double>(most)));
  }
  return shares;
}

}  // namespace

void Node::Quotas::Shares::decide(const Request& request, const ChangeNamespace& op) {
  if (node_->groups_[0]->tables().feature_level() < kNamespaceLevel) {
    return node_->refuse(request.id, 409, "level-too-low", "A box runs an older version of pawl",
                         "there are namespaces once every box runs this version");
  }
  if (const auto* put = std::get_if<PutNamespace>(&op.change)) return decide_put(request, *put);
  if (const auto* wants = std::get_if<WantShare>(&op.change)) return want(request, *wants);
  decide_delete(request, std::get<DeleteNamespace>(op.change));
}

void Node::Quotas::Shares::conclude(const Request& request,
                                    const std::vector<engine::CatalogEvent>& events,
                                    std::uint16_t status, std::string body) {
  std::optional<Proposal> proposal;
  if (!events.empty()) engine::encode_catalog_events(events, &proposal.emplace().entry.catalog);
  Answer answer;
  answer.id = request.id;
  answer.status = status;
  answer.body = std::move(body);
  node_->conclude_catalog(request, std::move(proposal), std::move(answer));
}

void Node::Quotas::Shares::decide_put(const Request& request, const PutNamespace& op) {
  const engine::NamespaceBook& book = node_->catalog().namespaces();
  const engine::Namespace* known = book.find(op.name);
  if (!engine::is_namespace_name(op.name)) {
    return node_->refuse(request.id, 400, "bad-path", "The path is malformed",
                         namespace_name_problem());
  }
  if (known == nullptr && book.all().size() >= limits::kNamespacesMax) {
    return node_->refuse(request.id, 429, "too-many-namespaces", "There are many namespaces",
                         absl::StrCat("there are ", limits::kNamespacesMax,
                                      " namespaces: delete one that nobody uses"));
  }
  engine::Namespace after = known == nullptr ? engine::Namespace{} : *known;
  after.put = {op.name, op.quota, op.reason, node_->stamp_, request.actor};
  if (known == nullptr) after.created_at = node_->stamp_;
  const bool same = known != nullptr && !known->ending && known->put.quota == op.quota;
  if (same) return conclude(request, {}, 200, body_of(*known));
  after.ending = false;
  std::vector<engine::CatalogEvent> events{engine::NamespaceEvent(after.put)};
  engine::NamespaceShares shares = scaled(after.shares, &NamespaceShare::runs, op.quota.max_runs);
  shares = scaled(std::move(shares), &NamespaceShare::payload_bytes, op.quota.max_payload_bytes);
  if (shares != after.shares) {
    events.emplace_back(engine::NamespaceEvent(engine::NamespaceShared{op.name, shares}));
  }
  conclude(request, events, known == nullptr ? 201 : 200, body_of(after));
}

// --- the end of a namespace ---

// 409 says what is left.
bool Node::Quotas::Shares::is_left(const Request& request, const std::string& name,
                                   std::uint64_t runs) {
  std::size_t subscriptions = 0, batches = 0;
  for (const auto& [kept, subscription] : node_->catalog().subscriptions().all()) {
    if (engine::namespace_of(kept) == name) ++subscriptions;
  }
  for (const auto& [id, batch] : node_->catalog().batches().all()) {
    if (!batch.over_at && batch.begun.spec.filter.name_space() == name) ++batches;
  }
  if (runs + subscriptions + batches == 0) return false;
  node_->refuse(
      request.id, 409, "namespace-in-use", "Something of the namespace is left",
      absl::StrCat("it has ", runs, " runs, ", subscriptions, " subscriptions and ", batches,
                   " batches under way: end its runs (`pawl batch --namespace ", name,
                   "`), which are kept for as long as their [retention] says, and delete its "
                   "subscriptions; definitions and paused queues go with the namespace"));
  return true;
}

std::vector<engine::CatalogEvent> Node::Quotas::Shares::end_events(const Request& request,
                                                                   const std::string& name,
                                                                   bool gone) const {
  std::vector<engine::CatalogEvent> events;
  for (const auto& [kept, state] : node_->catalog().schedules().all()) {
    if (gone && engine::namespace_of(kept) == name) {
      events.emplace_back(engine::ScheduleEvent(engine::ScheduleGone{kept}));
    }
  }
  events.emplace_back(
      engine::NamespaceEvent(engine::NamespaceEnded{name, gone, node_->stamp_, request.actor}));
  return events;
}

void Node::Quotas::Shares::decide_delete(const Request& request, const DeleteNamespace& op) {
  const engine::Namespace* known = node_->catalog().namespaces().find(op.name);
  if (op.name == engine::kDefaultNamespace) {
    return node_->refuse(request.id, 409, "namespace-default", "The namespace is always there",
                         "`default` can't be deleted; PUT it without a quota to take away its own");
  }
  if (known == nullptr) {
    return node_->refuse_confirmed(*node_->groups_[0], request.id, 404, "namespace-unknown",
                                   "There is no such namespace", namespace_unknown(op.name));
  }
  std::uint64_t runs = 0;
  for (const auto& group : node_->groups_) {
    runs += node_->quotas_->usage(*group, op.name).runs;
  }
  if (is_left(request, op.name, runs)) return;
  if (!node_->cluster_) {
    std::vector<engine::CatalogEvent> events;
    if (!known->ending) events = end_events(request, op.name, false);
    std::vector<engine::CatalogEvent> last = end_events(request, op.name, true);
    events.insert(events.end(), last.begin(), last.end());
    return conclude(request, events, 200, body_of(*known));
  }
  Round& round = rounds_[op.name];
  if (round.ending) {
    return node_->refuse(request.id, 409, "change-under-way", "The namespace is being deleted",
                         "another request has asked for it: wait for its answer");
  }
  round.ending = request;
  round.usage.clear();
  if (!known->ending) {
    Proposal closing;
    engine::encode_catalog_events(end_events(request, op.name, false), &closing.entry.catalog);
    closing.entry.time = node_->stamp_;
    node_->under_way_.catalog_busy = true;
    ++node_->stats_.entries_proposed;
    node_->groups_[0]->propose(std::move(closing));
  }
  due_ = true;
}

void Node::Quotas::Shares::end(const std::string& name, Round* round) {
  const Request request = *std::exchange(round->ending, std::nullopt);
  const engine::Namespace known = *node_->catalog().namespaces().find(name);
  std::uint64_t runs = 0;
  for (const auto& [group, usage] : round->usage) runs += usage.runs;
  if (!is_left(request, name, runs)) {
    return conclude(request, end_events(request, name, true), 200, body_of(known));
  }
  Proposal reopening;
  engine::encode_catalog_events({engine::NamespaceEvent(known.put)}, &reopening.entry.catalog);
  reopening.entry.time = node_->stamp_;
  node_->under_way_.catalog_busy = true;
  ++node_->stats_.entries_proposed;
  node_->groups_[0]->propose(std::move(reopening));
}

// --- shares ---

void Node::Quotas::Shares::answer_want(const Request& request, const NamespaceShare& used,
                                       bool larger, std::uint64_t change) {
  const WantShare& op = want_of(request);
  const engine::Namespace* known = node_->catalog().namespaces().find(op.name);
  ShareAnswer said{change, larger, 0, used};
  if (larger && op.starts > 0 && known != nullptr && known->put.quota.starts_per_second) {
    said.tokens = tokens_[op.name].take(*known->put.quota.starts_per_second, op.starts,
                                        node_->now_.mono_ms, began_mono_ms_);
    said.larger = said.tokens > 0;
  }
  PendingAnswer pending;
  pending.answer.id = request.id;
  pending.answer.body = encode_share_answer(said);
  pending.item = -1;
  std::vector<PendingAnswer> answers;
  answers.push_back(std::move(pending));
  node_->answer_confirmed(*node_->groups_[0], std::move(answers));
}

void Node::Quotas::Shares::want(const Request& request, const WantShare& op) {
  const engine::NamespaceBook& book = node_->catalog().namespaces();
  const engine::Namespace* known = book.find(op.name);
  const std::size_t groups = node_->groups_.size();
  const NamespaceShare share = known == nullptr ? NamespaceShare{} : known->share(op.group);
  const bool has_enough =
      known == nullptr || known->ending || op.group.v >= groups ||
      (op.need.runs <= share.runs && op.need.payload_bytes <= share.payload_bytes);
  if (has_enough) return answer_want(request, {}, true, book.changes());
  rounds_[op.name].wanting.push_back(request);
  due_ = true;
}

void Node::Quotas::Shares::begin(const std::string& name, Round* round) {
  const auto count = static_cast<std::uint16_t>(node_->groups_.size());
  round->asking = true;
  round->number = ++next_round_;
  round->change = node_->catalog().namespaces().changes();
  round->usage.clear();
  for (std::uint16_t g = 1; g < count; ++g) round->missing.insert(GroupId(g));
  for (std::uint16_t g = 1; g < count; ++g) {
    Request request;
    request.id = node_->own_id();
    request.deadline_ms = node_->now_.mono_ms + limits::kErrandMs;
    request.operation = SurveyNamespace{GroupId(g), name, round->change};
    asked_[request.id] = {name, GroupId(g), round->number};
    node_->under_way_.outstanding.insert(request.id);
    node_->enter(request);
  }
}

bool Node::Quotas::Shares::settle(const Answer& answer) {
  const auto at = asked_.find(answer.id);
  if (at == asked_.end()) return false;
  const Asked asked = at->second;
  asked_.erase(at);
  const auto found = rounds_.find(asked.name);
  if (found == rounds_.end() || found->second.number != asked.round) return true;
  Round& round = found->second;
  if (!round.asking) return true;
  engine::NamespaceUsage usage;
  if (answer.status != 200 || !decode_usage(answer.body, &usage)) {
    round.asking = false;
    round.missing.clear();
    round.usage.clear();
    round.again_at = node_->now_.mono_ms + kAskAgainMs;
  } else {
    round.usage[asked.group] = usage;
    round.missing.erase(asked.group);
    if (round.missing.empty()) round.asking = false;
  }
  due_ = true;
  return true;
}

void Node::Quotas::Shares::opened(Term term) {
  if (term == term_) return;
  term_ = term;
  began_mono_ms_ = node_->now_.mono_ms;
}

void Node::Quotas::Shares::lost() {
  for (auto& [name, round] : std::exchange(rounds_, {})) {
    for (const Request& request : round.wanting) node_->retry(request.id);
    if (round.ending) node_->retry(round.ending->id);
  }
  tokens_.clear();
  wake_mono_ms_ = INT64_MAX;
}

void Node::Quotas::Shares::look() {
  if (looking_) return;
  looking_ = true;
  due_ = false;
  wake_mono_ms_ = INT64_MAX;
  if (node_->decides(*node_->groups_[0])) {
    for (auto& [name, round] : rounds_) look_at(name, &round);
    std::erase_if(rounds_, [](const auto& row) {
      return row.second.wanting.empty() && !row.second.ending && !row.second.asking;
    });
  }
  looking_ = false;
}

void Node::Quotas::Shares::look_at(const std::string& name, Round* round) {
  if (round->asking || (round->wanting.empty() && !round->ending)) return;
  const std::int64_t now = node_->now_.mono_ms;
  if (node_->under_way_.catalog_busy || now < round->again_at) {
    const std::int64_t at = std::max(round->again_at, now + kBusyMs);
    wake_mono_ms_ = std::min(wake_mono_ms_, at);
    return;
  }
  const engine::Namespace* known = node_->catalog().namespaces().find(name);
  if (known == nullptr) {  // gone meanwhile: whoever asks finds that out
    for (const Request& request : std::exchange(round->wanting, {})) {
      answer_want(request, {}, true, node_->catalog().namespaces().changes());
    }
    if (round->ending) node_->retry(std::exchange(round->ending, std::nullopt)->id);
    return;
  }
  const bool is_known =
      round->usage.size() + 1 == node_->groups_.size() && known->change <= round->change;
  if (!is_known) return begin(name, round);
  if (round->ending) {
    // PUT meanwhile: nobody wants it gone any more.
    if (known->ending) return end(name, round);
    const Request request = *std::exchange(round->ending, std::nullopt);
    return node_->refuse(request.id, 409, "change-under-way", "The namespace was put again",
                         "somebody has PUT it while it was being deleted");
  }
  carry_out(name, round);
}

// The same for open runs and for their bytes, `of` a share.
void Node::Quotas::Shares::divide(std::int64_t NamespaceShare::*of,
                                  std::uint64_t engine::NamespaceUsage::*by,
                                  const std::optional<std::int64_t>& quota, const Round& round,
                                  Plan* plan) const {
  if (!quota) return;
  std::vector<std::int64_t> used(plan->shares.size());
  std::int64_t held = 0;
  for (std::size_t g = 0; g < used.size(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g + 1));
    used[g] = static_cast<std::int64_t>(round.usage.at(group).*by);
    held += std::max(used[g], plan->shares[g].*of);
    plan->used.*of += used[g];
  }
  std::set<std::size_t> wanting;
  bool any_lacks = false;
  for (std::size_t i = 0; i < round.wanting.size(); ++i) {
    const WantShare& op = want_of(round.wanting[i]);
    const std::size_t g = op.group.v - std::size_t{1};
    if (op.need.*of <= plan->shares[g].*of) continue;
    wanting.insert(g);
    const std::int64_t has = std::max(used[g], plan->shares[g].*of);
    const std::int64_t missing = std::max<std::int64_t>(op.need.*of - has, 0);
    const std::int64_t spare = std::max<std::int64_t>(*quota - held, 0);
    const std::int64_t ahead = std::max<std::int64_t>(spare - missing, 0) /
                               (limits::kShareAhead * static_cast<std::int64_t>(used.size()));
    const std::int64_t give = std::min(missing + ahead, spare);
    // Above the quota nobody's share grows, not even to what it uses.
    const bool lacks = give < missing || held > *quota;
    plan->lacking[i] = plan->lacking[i] || lacks;
    any_lacks |= lacks;
    if (held > *quota || (give == 0 && missing > 0)) continue;
    plan->gained[i] = true;
    held += give;
    plan->shares[g].*of = has + give;
  }
  for (std::size_t g = 0; any_lacks && g < used.size(); ++g) {
    const std::int64_t unused = plan->shares[g].*of - used[g];
    if (wanting.contains(g) || unused <= 0) continue;
    plan->shares[g].*of -= (unused + 1) / 2;
    plan->freed = true;
  }
}

Node::Quotas::Shares::Plan Node::Quotas::Shares::plan(const engine::Namespace& known,
                                                      const Round& round) const {
  Plan plan;
  plan.shares = known.shares;
  plan.shares.resize(node_->groups_.size() - 1);
  plan.gained.resize(round.wanting.size());
  plan.lacking.resize(round.wanting.size());
  const engine::NamespaceQuota& quota = known.put.quota;
  divide(&NamespaceShare::runs, &engine::NamespaceUsage::open_runs, quota.max_runs, round, &plan);
  divide(&NamespaceShare::payload_bytes, &engine::NamespaceUsage::payload_bytes,
         quota.max_payload_bytes, round, &plan);
  for (std::size_t i = 0; i < round.wanting.size(); ++i) {
    std::vector<Request>& to = !plan.lacking[i] ? plan.given
                               : plan.freed     ? plan.unmet
                               : plan.gained[i] ? plan.given
                                                : plan.denied;
    to.push_back(round.wanting[i]);
  }
  return plan;
}

void Node::Quotas::Shares::carry_out(const std::string& name, Round* round) {
  const engine::NamespaceBook& book = node_->catalog().namespaces();
  const engine::Namespace& known = *book.find(name);
  Plan made = plan(known, *round);
  round->wanting = std::move(made.unmet);
  round->usage.clear();
  std::uint64_t change = book.changes();
  if (made.shares != known.shares) {
    Proposal proposal;
    engine::encode_catalog_events(
        {engine::NamespaceEvent(engine::NamespaceShared{name, made.shares})},
        &proposal.entry.catalog);
    proposal.entry.time = node_->stamp_;
    node_->under_way_.catalog_busy = true;
    ++node_->stats_.entries_proposed;
    ++change;
    node_->groups_[0]->propose(std::move(proposal));
  }
  // Who is told of a share that is not committed yet waits until the book has it.
  for (const Request& request : made.given) answer_want(request, made.used, true, change);
  for (const Request& request : made.denied) answer_want(request, made.used, false, change);
}

}  // namespace pawl::node
