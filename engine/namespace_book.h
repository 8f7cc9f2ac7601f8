// The namespaces there are (namespace.h), kept in the catalog (catalog.h): what each may have at
// most, and how much of that each group of runs may give out. `default` is always there, and stands
// in the book only once it was given a quota.
//
//   none --put--> open --put--> open          open --ended--> ending --ended, gone--> none
//                                             ending --put--> open
//
// In an ending namespace nothing starts. Its definitions and paused queues go with it.
//
// A share is what a group's leader goes by. Group 0's leader takes away from one before it gives
// to another, and asks whether that is heard before it does (node/quotas.h, decision 0072).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "engine/command.h"

namespace pawl::engine {

// Absent: no bound.
struct NamespaceQuota {
  std::optional<std::int64_t> max_runs;           // open ones
  std::optional<std::int64_t> max_payload_bytes;  // that open runs hold (Run::state_bytes)
  std::optional<std::int64_t> starts_per_second;
  bool empty() const { return *this == NamespaceQuota{}; }
  friend bool operator==(const NamespaceQuota&, const NamespaceQuota&) = default;
};

// Of a group: open runs, and bytes of theirs. Means nothing where the quota says nothing.
struct NamespaceShare {
  std::int64_t runs = 0;
  std::int64_t payload_bytes = 0;
  friend bool operator==(const NamespaceShare&, const NamespaceShare&) = default;
};
using NamespaceShares = std::vector<NamespaceShare>;  // by group from 1 on; shorter: nothing

// --- events of the catalog; of kNamespaceLevel ---

struct NamespacePut {
  std::string name;
  NamespaceQuota quota;
  std::string reason;
  TimeMs at;
  Actor actor;
  friend bool operator==(const NamespacePut&, const NamespacePut&) = default;
};
struct NamespaceEnded {
  std::string name;
  bool gone = false;
  TimeMs at;
  Actor actor;
  friend bool operator==(const NamespaceEnded&, const NamespaceEnded&) = default;
};
struct NamespaceShared {
  std::string name;
  NamespaceShares shares;
  friend bool operator==(const NamespaceShared&, const NamespaceShared&) = default;
};
using NamespaceEvent = std::variant<NamespacePut, NamespaceEnded, NamespaceShared>;

// The kinds of these events among the catalog's.
inline constexpr std::uint64_t kNamespaceKindFirst = 31;
inline constexpr std::uint64_t kNamespaceKindLast = 33;
void put(ByteWriter* w, const NamespaceEvent& event);  // the kind, then its fields
// The fields behind the kind; fails the reader if they are malformed.
NamespaceEvent get_namespace_event(std::uint64_t kind, ByteReader* in);

struct Namespace {
  NamespacePut put;  // the last one
  TimeMs created_at;
  bool ending = false;
  NamespaceShares shares;
  std::uint64_t change = 0;  // the last of the book's that was of it
  NamespaceShare share(GroupId group) const;
  friend bool operator==(const Namespace&, const Namespace&) = default;
};

class NamespaceBook {
 public:
  // A fold. False, and nothing changed: no name of a namespace, one that is not known (but to
  // put), `default` to be ended, one gone that was not ending, one more than
  // limits::kNamespacesMax, a number out of its bounds, shares of more than the quota.
  bool apply(const NamespaceEvent& event);

  const Namespace* find(std::string_view name) const;
  // Whether it is there, and not ending.
  bool is_open(std::string_view name) const;
  // By name.
  const std::map<std::string, Namespace, std::less<>>& all() const { return all_; }
  // How many events were folded: who has seen so many has seen all that was changed till then.
  std::uint64_t changes() const { return changes_; }

  void encode(std::string* out) const;
  // Replaces the content; false if malformed.
  bool decode(std::string_view bytes);
  friend bool operator==(const NamespaceBook&, const NamespaceBook&) = default;

 private:
  bool fold(const NamespacePut& e);
  bool fold(const NamespaceEnded& e);
  bool fold(const NamespaceShared& e);
  std::map<std::string, Namespace, std::less<>> all_;
  std::uint64_t changes_ = 0;
};

}  // namespace pawl::engine
