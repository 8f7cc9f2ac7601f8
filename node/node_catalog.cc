// What group 0 keeps for all: deployments, defaults and paused queues, one entry at a time.
#include "base/check.h"
#include "base/limits.h"
#include "codecs/run_json.h"
#include "dsl/definition.h"
#include "node/batches.h"
#include "node/boxes.h"
#include "node/forgetting.h"
#include "node/quotas.h"
#include "node/refusals.h"
#include "node/schedules.h"
#include "node/shares.h"
#include "node/subscriptions.h"

namespace pawl::node {
namespace {

constexpr std::size_t kCatalogRequestsMax = 256;

// Nothing if nothing changes.
std::optional<Proposal> proposal_of(const std::vector<engine::CatalogEvent>& events) {
  if (events.empty()) return std::nullopt;
  Proposal proposal;
  engine::encode_catalog_events(events, &proposal.entry.catalog);
  return proposal;
}

Answer queue_answer(const Request& request, const std::string& queue, bool paused,
                    const std::vector<engine::CatalogEvent>& events) {
  Answer changed;
  changed.id = request.id;
  codecs::append_queue_pause(queue, paused, !events.empty(), &changed.body);
  return changed;
}

}  // namespace

// The version exists where it is asked for, and this box has not heard of it yet.
bool Node::lags_behind(const std::string& workflow, std::uint32_t version) const {
  if (!cluster_ || decides(*groups_[0])) return false;
  const engine::CatalogWorkflow* known = definitions_.catalog().find(workflow);
  return known == nullptr || known->find(version) == nullptr;
}

void Node::queue_catalog_request(Request& request) {
  if (under_way_.catalog_requests.size() >= kCatalogRequestsMax) {
    ++stats_.refused_full;
    refuse(request.id, 429, "queue-full", "Too many deployments are waiting",
           "try again in a second");
    return;
  }
  under_way_.catalog_requests.push_back(std::move(request));
  next_catalog_request();
}

void Node::next_catalog_request() {
  while (!under_way_.catalog_busy && !under_way_.catalog_requests.empty() && decides(*groups_[0])) {
    Request request = std::move(under_way_.catalog_requests.front());
    under_way_.catalog_requests.pop_front();
    Job keyed;
    keyed.request = request.id;
    keyed.key = request.key;
    keyed.digest = request.digest;
    keyed.forwarded = request.forwarded;
    if (replay_answer(*groups_[0], keyed) || quotas_->is_closed(request)) continue;
    const bool deploys = std::holds_alternative<DeployWorkflow>(request.operation);
    if (lacks_room(request.id, -1, deploys)) continue;
    std::visit(
        [&](const auto& op) {
          using Op = std::decay_t<decltype(op)>;
          if constexpr (std::is_same_v<Op, ChangeSchedule>) {
            schedules_->change(request, op);
          } else if constexpr (std::is_same_v<Op, ChangeBatch>) {
            batches_->decide(request, op);
          } else if constexpr (std::is_same_v<Op, ChangeSubscription>) {
            subscriptions_->decide(request, op);
          } else if constexpr (std::is_same_v<Op, ChangeNamespace>) {
            quotas_->shares().decide(request, op);
          } else if constexpr (CatalogChange<Op>) {
            decide_catalog(request, op);
          }
        },
        request.operation);
  }
}

void Node::decide_catalog(const Request& request, const DeployWorkflow& op) {
  const auto parsed = dsl::parse_definition(op.text);
  if (parsed.definition == nullptr) {
    // The box that took the request could read it.
    refuse(request.id, 422, "definition-invalid", "The definition can't be deployed",
           "the box that leads group 0 can't read it: start the same version of pawl on all");
    return;
  }
  if (groups_[0]->tables().feature_level() < parsed.definition->feature_level) {
    refuse(request.id, 503, "level-too-low", "A box runs an older version of pawl",
           "what the definition uses can be deployed once every box runs this version");
    return;
  }
  const engine::CatalogWorkflow* workflow = definitions_.catalog().find(op.name);
  const engine::CatalogVersion* known =
      workflow == nullptr ? nullptr : workflow->find_hash(parsed.definition->hash);
  if (known == nullptr && definitions_.catalog().version_count() >= limits::kDefinitionsMax) {
    refuse(request.id, 429, "too-many-definitions", "The store is full of definitions",
           "this store holds " + std::to_string(limits::kDefinitionsMax) + " versions already");
    return;
  }
  if (op.activate && schedules_->refuses(request, op.name, *parsed.definition)) return;
  const std::uint32_t current = workflow == nullptr ? 0 : workflow->default_version;
  const std::uint32_t version = known != nullptr
                                    ? known->version
                                    : (workflow == nullptr ? 1 : workflow->newest()->version + 1);
  std::vector<engine::CatalogEvent> events;
  if (known == nullptr) {
    events.push_back(engine::VersionStored{op.name, version, op.text, parsed.definition->hash,
                                           parsed.definition->revision, stamp_, request.actor});
  }
  const bool change_default = op.activate && current != version;
  if (change_default) {
    events.push_back(engine::DefaultChanged{op.name, version, "deployed", stamp_, request.actor});
    schedules_->reconcile(op.name, parsed.definition.get(), request.actor, &events);
  }
  Answer deployed;
  deployed.id = request.id;
  deployed.status = known == nullptr ? 201 : 200;
  codecs::append_deployed(op.name, version, parsed.definition->hash, parsed.diagnostics,
                          change_default, &deployed.body);
  conclude_catalog(request, proposal_of(events), std::move(deployed));
}

void Node::decide_catalog(const Request& request, const SetDefault& op) {
  const engine::CatalogWorkflow* workflow = definitions_.catalog().find(op.workflow);
  if (workflow == nullptr || workflow->find(op.version) == nullptr) {
    refuse_confirmed(*groups_[0], request.id, 404, "workflow-unknown",
                     "There is no such workflow version",
                     workflow_unknown(op.workflow, op.version));
    return;
  }
  const dsl::Definition* definition = definitions_.find(op.workflow, op.version);
  if (definition != nullptr && schedules_->refuses(request, op.workflow, *definition)) return;
  std::vector<engine::CatalogEvent> events;
  if (workflow->default_version != op.version) {
    events.push_back(
        engine::DefaultChanged{op.workflow, op.version, op.reason, stamp_, request.actor});
    if (definition != nullptr) {
      schedules_->reconcile(op.workflow, definition, request.actor, &events);
    }
  }
  Answer changed;
  changed.id = request.id;
  codecs::append_default(op.workflow, op.version, !events.empty(), &changed.body);
  conclude_catalog(request, proposal_of(events), std::move(changed));
}

// From now on, not only from its commit, nothing of the queue is handed out: so nothing is after
// the pause was answered.
void Node::decide_catalog(const Request& request, const PauseQueue& op) {
  const engine::Catalog& catalog = definitions_.catalog();
  std::vector<engine::CatalogEvent> events;
  if (!catalog.is_paused(op.queue)) {
    if (catalog.paused_queues().size() >= static_cast<std::size_t>(limits::kQueuesPausedMax)) {
      refuse(request.id, 429, "too-many-paused-queues", "Too many queues are paused",
             std::to_string(limits::kQueuesPausedMax) + " queues are paused already: resume some");
      return;
    }
    events.push_back(engine::QueuePaused{op.queue, op.reason, stamp_, request.actor});
    under_way_.pausing_queue = op.queue;
  }
  conclude_catalog(request, proposal_of(events), queue_answer(request, op.queue, true, events));
}

void Node::decide_catalog(const Request& request, const ResumeQueue& op) {
  std::vector<engine::CatalogEvent> events;
  if (definitions_.catalog().is_paused(op.queue)) {
    events.push_back(engine::QueueResumed{op.queue, op.reason, stamp_, request.actor});
  }
  conclude_catalog(request, proposal_of(events), queue_answer(request, op.queue, false, events));
}

void Node::decide_catalog(const Request& request, const ChangeBoxes& op) {
  if (!boxes_) {
    refuse(request.id, 409, "not-a-cluster", "This box is alone",
           "a store that was made for one box stays that; a cluster is founded with its boxes: "
           "see `pawl cluster init`");
    return;
  }
  std::vector<engine::CatalogEvent> events;
  if (!boxes_->decide(request, op, &events)) return;
  Answer changed;
  changed.id = request.id;
  codecs::append_box_change(op.box, !events.empty(), &changed.body);
  conclude_catalog(request, proposal_of(events), std::move(changed));
}

// An entry of group 0 that brings nothing but its time: every box applies it, and none stamps
// anything older from then on (NodeTime::observe).
void Node::decide_catalog(const Request& request, const AcceptTime& op) {
  Answer accepted;
  accepted.id = request.id;
  const bool ahead = op.wall > stamp_;
  if (ahead) {
    time_.observe(op.wall, now_.mono_ms);
    stamp_ = op.wall;
  }
  codecs::append_accepted_time(stamp_, ahead, &accepted.body);
  conclude_catalog(request, ahead ? std::optional(Proposal()) : std::nullopt, std::move(accepted));
}

// Answers when the entry is applied; without one, when this box is known to lead.
void Node::conclude_catalog(const Request& request, std::optional<Proposal> proposal,
                            Answer result) {
  if (!proposal) {
    std::vector<PendingAnswer> answers;
    answers.push_back({std::move(result), -1});
    answer_confirmed(*groups_[0], std::move(answers));
    return;
  }
  if (!proposal->entry.catalog.empty()) under_way_.catalog_busy = true;
  proposal->entry.time = stamp_;
  if (!request.key.empty() || request.forwarded) {
    proposal->entry.answers.push_back(
        {request.key, request.digest, request.forwarded, stamp_, result.status, result.body});
  }
  proposal->answers.push_back({std::move(result), -1});
  ++stats_.entries_proposed;
  groups_[0]->propose(std::move(*proposal));
}

// False: the entry does not fit the catalog, and the group must stop.
bool Node::catalog_applied(const codecs::Entry& entry) {
  if (entry.receive.number > 0) {
    definitions_.catalog().apply(
        engine::VersionPinned{entry.receive_from, entry.receive.name, entry.receive.version});
  }
  if (entry.catalog.empty()) return true;
  std::vector<engine::CatalogEvent> events;
  if (!engine::decode_catalog_events(entry.catalog, &events)) return false;
  for (const engine::CatalogEvent& event : events) {
    if (!definitions_.catalog().apply(event)) return false;
    if (std::holds_alternative<engine::VersionStored>(event)) forgetting_->definitions_changed();
    schedules_->applied(event);
    if (std::holds_alternative<engine::QueuePaused>(event)) under_way_.pausing_queue.clear();
    if (engine::is_roster_event(event) && boxes_) boxes_->roster_changed();
    if (std::holds_alternative<engine::BatchEvent>(event)) batches_->changed();
    if (std::holds_alternative<engine::SubscriptionEvent>(event)) subscriptions_->changed();
    if (const auto* change = std::get_if<engine::NamespaceEvent>(&event)) quotas_->changed(*change);
    const auto* resumed = std::get_if<engine::QueueResumed>(&event);
    if (resumed != nullptr && out_ != nullptr) left_.resumed_queues.push_back(resumed->queue);
  }
  return true;
}

}  // namespace pawl::node
