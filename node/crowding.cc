// Whose a request is: of those that wait for a group's leader, in a line of bounded length, no
// namespace may fill that alone; and group 0 keeps nothing for one that is not there.
#include "base/limits_namespaces.h"
#include "engine/namespace.h"
#include "node/quotas.h"
#include "node/refusals.h"

namespace pawl::node {
namespace {

struct NameOf {
  std::string_view operator()(const StartRun& op) const { return op.workflow; }
  std::string_view operator()(const CallRun& op) const { return op.start.workflow; }
  std::string_view operator()(const CommandRun& op) const { return op.run.id; }
  std::string_view operator()(const DeployWorkflow& op) const { return op.name; }
  std::string_view operator()(const SetDefault& op) const { return op.workflow; }
  std::string_view operator()(const ChangeSchedule& op) const { return op.name; }
  std::string_view operator()(const PauseQueue& op) const { return op.queue; }
  std::string_view operator()(const ChangeBatch& op) const {
    const auto* begins = std::get_if<BeginBatch>(&op.change);
    if (begins == nullptr) return "";
    const auto& prefix = begins->spec.filter.id_prefix;
    return prefix ? std::string_view(*prefix) : "";
  }
  std::string_view operator()(const ChangeSubscription& op) const {
    const auto* put = std::get_if<PutSubscription>(&op.change);
    return put == nullptr ? std::string_view() : put->name;
  }
  // Of tasks, which are named by tokens, and of all namespaces.
  template <class Other>
  std::string_view operator()(const Other&) const {
    return "";
  }
};

// "" if it is nobody's.
std::string_view namespace_of(const Request& request) {
  const std::string_view name = std::visit(NameOf(), request.operation);
  return name.empty() ? "" : engine::namespace_of(name);
}

}  // namespace

bool Node::Quotas::is_closed(const Request& request) {
  const std::string_view name = namespace_of(request);
  if (name.empty() || node_->catalog().namespaces().is_open(name)) return false;
  node_->refuse_confirmed(*node_->groups_[0], request.id, 404, "namespace-unknown",
                          "There is no such namespace", namespace_unknown(name));
  return true;
}

bool Node::Quotas::crowds_out(const Request& request) {
  const auto& held = node_->cluster_->held;
  const std::string_view name = namespace_of(request);
  const bool alone = node_->catalog().namespaces().all().empty();
  if (held.size() < limits::kCrowdedRequests || alone || name.empty()) return false;
  if (node_->now_.mono_ms - held_mono_ms_ >= limits::kCrowdCountMs || held_mono_ms_ < 0) {
    held_mono_ms_ = node_->now_.mono_ms;
    held_.clear();
    held_all_ = held.size();
    for (const auto& [id, one] : held) ++held_[std::string(namespace_of(one.request))];
  }
  const auto its = held_.find(name);
  return its != held_.end() && 2 * its->second > held_all_;
}

}  // namespace pawl::node
