// Group 0's leader and the namespaces: it makes and ends them, and hands shares of their quotas to
// the groups (node/quotas.h). A group that needs more than its share gets it from what no share
// has, else from what others do not use:
//
//   wanted --all groups are asked what they use--> known --enough is left--> given
//          --nothing is left--> others' shares made smaller, committed --asked again--> known ...
//          --nothing can be taken--> no
//
// A share is made larger only when each leader has said that it has seen every share that was made
// smaller before. So the sum of what leaders go by is never more than the quota, whoever leads; a
// group that uses more than its share (the quota was lowered, its runs have grown) counts with what
// it uses.
//
// A namespace that is to go is closed first, then all groups are asked; it is opened again if one
// of them has a run.
//
// Memory, gone with the process: whoever waits asks again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "node/node.h"
#include "node/quotas.h"

namespace pawl::node {

class Node::Quotas::Shares {
 public:
  explicit Shares(Node* node) : node_(node) {}

  void decide(const Request& request, const ChangeNamespace& op);

  // --- events ---
  void changed() { due_ = true; }  // of the catalog's namespaces
  void opened(Term term);
  void lost();
  bool settle(const Answer& answer);

  bool unsettled() const { return due_; }
  void look();
  std::int64_t next_wake_mono_ms() const { return wake_mono_ms_; }

 private:
  // All that is under way for a namespace: at most one question to the groups.
  struct Round {
    std::vector<Request> wanting;  // WantShares
    std::optional<Request> ending;
    bool asking = false;
    std::uint64_t number = 0;
    std::uint64_t change = 0;  // of the book, when it was asked
    std::set<GroupId> missing;
    std::map<GroupId, engine::NamespaceUsage> usage;
    std::int64_t again_at = 0;  // not before
  };
  struct Asked {
    std::string name;
    GroupId group;
    std::uint64_t round = 0;
  };
  // What a plan comes to: new shares, and who is answered with it.
  struct Plan {
    engine::NamespaceShares shares;
    engine::NamespaceShare used;
    std::vector<bool> gained, lacking;  // of Round::wanting: any, and not all it needs
    bool freed = false;                 // shares are smaller: once that is heard there is more
    std::vector<Request> given, denied, unmet;
  };

  void decide_put(const Request& request, const PutNamespace& op);
  void decide_delete(const Request& request, const DeleteNamespace& op);
  void want(const Request& request, const WantShare& op);
  void conclude(const Request& request, const std::vector<engine::CatalogEvent>& events,
                std::uint16_t status, std::string body);
  bool is_left(const Request& request, const std::string& name, std::uint64_t runs);
  std::vector<engine::CatalogEvent> end_events(const Request& request, const std::string& name,
                                               bool gone) const;
  void begin(const std::string& name, Round* round);
  void look_at(const std::string& name, Round* round);
  void end(const std::string& name, Round* round);
  Plan plan(const engine::Namespace& known, const Round& round) const;
  void divide(std::int64_t engine::NamespaceShare::*of, std::uint64_t engine::NamespaceUsage::*by,
              const std::optional<std::int64_t>& quota, const Round& round, Plan* plan) const;
  void carry_out(const std::string& name, Round* round);
  void answer_want(const Request& request, const engine::NamespaceShare& used, bool larger,
                   std::uint64_t change);

  Node* node_;
  bool due_ = false;
  bool looking_ = false;
  std::int64_t wake_mono_ms_ = INT64_MAX;
  Term term_;  // in which this box leads, since then
  std::int64_t began_mono_ms_ = 0;
  std::uint64_t next_round_ = 0;
  std::map<std::string, Round> rounds_;
  std::map<std::string, StartTokens> tokens_;
  std::map<RequestId, Asked> asked_;
};

}  // namespace pawl::node
