#include "engine/catalog.h"

#include <iterator>

#include "base/limits.h"
#include "engine/namespace.h"

namespace pawl::engine {

const CatalogVersion* CatalogWorkflow::find(std::uint32_t version) const {
  return version == 0 || version > versions.size() ? nullptr : &versions[version - 1];
}

const CatalogVersion* CatalogWorkflow::find_hash(const Digest& hash) const {
  for (const CatalogVersion& v : versions) {
    if (v.hash == hash) return &v;
  }
  return nullptr;
}

namespace {

bool fold_stored(CatalogWorkflow* workflow, const VersionStored& e) {
  if (e.version != workflow->versions.size() + 1) return false;
  if (workflow->find_hash(e.hash) != nullptr) return false;
  workflow->name = e.name;
  workflow->versions.push_back({e.version, e.text, e.hash, e.revision, e.at, e.actor, {}});
  return true;
}

bool fold_default(CatalogWorkflow* workflow, const DefaultChanged& e) {
  if (workflow->find(e.version) == nullptr) return false;
  workflow->default_version = e.version;
  workflow->default_reason = e.reason;
  workflow->default_since = e.at;
  workflow->default_by = e.actor;
  return true;
}

bool fold_pinned(CatalogWorkflow* workflow, const VersionPinned& e) {
  if (workflow->find(e.version) == nullptr) return false;
  workflow->versions[e.version - 1].pinned_by.insert(e.group);
  return true;
}

}  // namespace

static_assert(
    std::is_same_v<std::variant_alternative_t<kRosterEvents, CatalogEvent>, BoxesFounded>);
static_assert(
    std::is_same_v<std::variant_alternative_t<kRosterEvents + 4, CatalogEvent>, BoxKnown>);

bool Catalog::fold_roster(const CatalogEvent& event) {
  return std::visit(
      [this](const auto& e) {
        if constexpr (requires { roster_.apply(e); }) {
          return roster_.apply(e);
        } else {
          return false;
        }
      },
      event);
}

bool Catalog::fold_paused(const QueuePaused& e) {
  if (e.queue.empty() || is_paused(e.queue)) return false;
  if (paused_queues_.size() >= static_cast<std::size_t>(limits::kQueuesPausedMax)) return false;
  paused_queues_.emplace(e.queue, QueuePause{e.reason, e.at, e.actor});
  return true;
}

// With a namespace that is gone goes what it has here.
bool Catalog::fold_namespace(const NamespaceEvent& event) {
  if (!namespaces_.apply(event)) return false;
  const auto* ended = std::get_if<NamespaceEnded>(&event);
  if (ended == nullptr || !ended->gone) return true;
  const auto is_its = [ended](const auto& row) { return namespace_of(row.first) == ended->name; };
  for (auto at = workflows_.begin(); at != workflows_.end();) {
    if (is_its(*at)) version_count_ -= at->second.versions.size();
    at = is_its(*at) ? workflows_.erase(at) : std::next(at);
  }
  std::erase_if(paused_queues_, is_its);
  return true;
}

bool Catalog::apply(const CatalogEvent& event) {
  if (is_roster_event(event)) return fold_roster(event);
  if (const auto* schedule = std::get_if<ScheduleEvent>(&event)) {
    return std::visit([this](const auto& e) { return schedules_.apply(e); }, *schedule);
  }
  if (const auto* batch = std::get_if<BatchEvent>(&event)) return batches_.apply(*batch);
  if (const auto* subscription = std::get_if<SubscriptionEvent>(&event)) {
    return subscriptions_.apply(*subscription);
  }
  if (const auto* change = std::get_if<NamespaceEvent>(&event)) return fold_namespace(*change);
  if (const auto* paused = std::get_if<QueuePaused>(&event)) return fold_paused(*paused);
  if (const auto* resumed = std::get_if<QueueResumed>(&event)) {
    return paused_queues_.erase(resumed->queue) > 0;
  }
  if (const auto* stored = std::get_if<VersionStored>(&event)) {
    if (stored->name.empty() || version_count_ >= limits::kDefinitionsMax) return false;
    if (find(stored->name) == nullptr && stored->version != 1) return false;
    if (!fold_stored(&workflows_[stored->name], *stored)) return false;
    ++version_count_;
    return true;
  }
  const auto* changed = std::get_if<DefaultChanged>(&event);
  const auto* pinned = std::get_if<VersionPinned>(&event);
  const auto at = workflows_.find(changed != nullptr ? changed->name : pinned->name);
  if (at == workflows_.end()) return false;
  return changed != nullptr ? fold_default(&at->second, *changed)
                            : fold_pinned(&at->second, *pinned);
}

const CatalogWorkflow* Catalog::find(std::string_view name) const {
  const auto at = workflows_.find(name);
  return at == workflows_.end() ? nullptr : &at->second;
}

const CatalogVersion* Catalog::find(std::string_view name, std::uint32_t version) const {
  const CatalogWorkflow* workflow = find(name);
  return workflow == nullptr ? nullptr : workflow->find(version);
}

}  // namespace pawl::engine
