// What all groups share, kept by group 0: the definitions, every version ever deployed and which
// one starts use, the queues that are paused, the batches (batch.h), the subscriptions
// (subscription.h), the namespaces (namespace_book.h), and the cluster's boxes. Names in it are as
// they are kept (namespace.h). A fold of group 0's entries, equal on every replica.
// The catalog keeps texts and metadata; the node parses texts.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "engine/batch.h"
#include "engine/command.h"
#include "engine/namespace_book.h"
#include "engine/roster.h"
#include "engine/schedule.h"
#include "engine/subscription.h"

namespace pawl::engine {

// --- the events of the catalog ---

// A new version: its number is the newest of the name plus one.
struct VersionStored {
  std::string name;
  std::uint32_t version = 0;
  std::string text;
  Digest hash{};         // of the canonical text
  std::string revision;  // the author's own name of it
  TimeMs at;
  Actor actor;
  friend bool operator==(const VersionStored&, const VersionStored&) = default;
};
struct DefaultChanged {
  std::string name;
  std::uint32_t version = 0;
  std::string reason;
  TimeMs at;
  Actor actor;
  friend bool operator==(const DefaultChanged&, const DefaultChanged&) = default;
};
// A group holds runs of this version.
struct VersionPinned {
  GroupId group;
  std::string name;
  std::uint32_t version = 0;
  friend bool operator==(const VersionPinned&, const VersionPinned&) = default;
};
// From now on no task of the queue is handed out. Of feature level 2, as is QueueResumed.
struct QueuePaused {
  std::string queue;
  std::string reason;
  TimeMs at;
  Actor actor;
  friend bool operator==(const QueuePaused&, const QueuePaused&) = default;
};
struct QueueResumed {
  std::string queue;
  std::string reason;
  TimeMs at;
  Actor actor;
  friend bool operator==(const QueueResumed&, const QueueResumed&) = default;
};
using CatalogEvent =
    std::variant<VersionStored, DefaultChanged, VersionPinned, QueuePaused, QueueResumed,
                 BoxesFounded, BoxAdded, BoxPromoted, BoxRemoved, BoxKnown, BatchEvent,
                 SubscriptionEvent, ScheduleEvent, NamespaceEvent>;

// From this index on five of the variant's events are the roster's.
inline constexpr std::size_t kRosterEvents = 5;
inline bool is_roster_event(const CatalogEvent& event) {
  return event.index() >= kRosterEvents && event.index() < kRosterEvents + 5;
}

void encode_catalog_events(const std::vector<CatalogEvent>& events, std::string* out);
// False if malformed, or of a kind this build does not know.
bool decode_catalog_events(std::string_view bytes, std::vector<CatalogEvent>* events);

struct CatalogVersion {
  std::uint32_t version = 0;
  std::string text;
  Digest hash{};
  std::string revision;
  TimeMs stored_at;
  Actor stored_by;
  std::set<GroupId> pinned_by;
  friend bool operator==(const CatalogVersion&, const CatalogVersion&) = default;
};

struct CatalogWorkflow {
  std::string name;
  std::uint32_t default_version = 0;  // 0: none yet
  std::string default_reason;
  TimeMs default_since;
  Actor default_by;
  std::vector<CatalogVersion> versions;  // version n at n - 1
  friend bool operator==(const CatalogWorkflow&, const CatalogWorkflow&) = default;

  const CatalogVersion* find(std::uint32_t version) const;
  // The version with this hash, or null.
  const CatalogVersion* find_hash(const Digest& hash) const;
  const CatalogVersion* newest() const { return versions.empty() ? nullptr : &versions.back(); }
};

// Why, since when and by whom a queue is paused.
struct QueuePause {
  std::string reason;
  TimeMs since;
  Actor by;
  friend bool operator==(const QueuePause&, const QueuePause&) = default;
};

class Catalog {
 public:
  // Folds one event; false (and nothing changed) if it does not fit: a version out of order, or
  // unknown, or past limits::kDefinitionsMax; a queue that is paused already, is not paused, or is
  // one more than limits::kQueuesPausedMax; what the roster, the schedules, the batches, the
  // subscriptions or the namespaces do not take.
  bool apply(const CatalogEvent& event);

  const CatalogWorkflow* find(std::string_view name) const;
  const CatalogVersion* find(std::string_view name, std::uint32_t version) const;
  // By name.
  const std::map<std::string, CatalogWorkflow, std::less<>>& workflows() const {
    return workflows_;
  }
  std::size_t version_count() const { return version_count_; }
  bool is_paused(std::string_view queue) const {
    return paused_queues_.find(queue) != paused_queues_.end();
  }
  // By name.
  const std::map<std::string, QueuePause, std::less<>>& paused_queues() const {
    return paused_queues_;
  }
  const Schedules& schedules() const { return schedules_; }
  const Roster& roster() const { return roster_; }
  const BatchBook& batches() const { return batches_; }
  const SubscriptionBook& subscriptions() const { return subscriptions_; }
  const NamespaceBook& namespaces() const { return namespaces_; }

  void encode(std::string* out) const;
  // Replaces the content; false if malformed.
  bool decode(std::string_view bytes);
  friend bool operator==(const Catalog&, const Catalog&) = default;

 private:
  bool fold_paused(const QueuePaused& e);
  bool fold_roster(const CatalogEvent& event);
  bool fold_namespace(const NamespaceEvent& event);

  std::map<std::string, CatalogWorkflow, std::less<>> workflows_;
  std::size_t version_count_ = 0;
  std::map<std::string, QueuePause, std::less<>> paused_queues_;
  Schedules schedules_;
  Roster roster_;
  BatchBook batches_;
  SubscriptionBook subscriptions_;
  NamespaceBook namespaces_;
};

}  // namespace pawl::engine
