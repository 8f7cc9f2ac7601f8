// Quotas of namespaces (engine/namespace_book.h), where they are kept: the leader of a run's group
// lets a run start, or a signal grow it, as far as the group's share of the quota goes.
//
//   start --within the share--> decided
//         --more than it--> waits; a larger share is asked for --it has come--> decided anew
//                                                              --there is none--> 429
//
// What is used is what the tables have and what was proposed and is not applied yet. A box alone
// leads all groups: it goes by the quota itself, and nobody waits.
//
// A leader may not go by a share that was taken from its predecessor: before it starts a run in a
// namespace that has a quota, or may be gone, it has read group 0's log as far as it went when its
// term began (decision 0072).
//
// Starts a second are counted by group 0's leader, who gives tokens out; a leader asks for as many
// as it has starts waiting, and lets go of those it has not used after a second.
//
// All that group 0's leader does is in node/shares.h. Memory, gone with the process.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "node/node.h"

namespace pawl::node {

// What a leader of group 0 answers to WantShare, as bytes in an answer's body.
struct ShareAnswer {
  std::uint64_t change = 0;  // of the book, with the share it speaks of
  bool larger = false;       // than it was; else there is nothing to be had
  std::uint32_t tokens = 0;
  engine::NamespaceShare used;  // by all groups, if it had to ask them
};
std::string encode_share_answer(const ShareAnswer& answer);
bool decode_share_answer(std::string_view bytes, ShareAnswer* answer);

// What a group's leader answers to SurveyNamespace: with what is under way.
std::string encode_usage(const engine::NamespaceUsage& usage);
bool decode_usage(std::string_view bytes, engine::NamespaceUsage* usage);

// Tokens for starts: so many a second, a second's worth at most saved up.
class StartTokens {
 public:
  // As many as there are, at most `wanted`. `began_mono_ms`: it has filled since.
  std::uint32_t take(std::int64_t rate, std::uint32_t wanted, std::int64_t now_mono_ms,
                     std::int64_t began_mono_ms);

 private:
  bool begun_ = false;
  std::int64_t thousandths_ = 0;
  std::int64_t at_mono_ms_ = 0;
};

class Node::Quotas {
 public:
  class Shares;  // what is group 0's leader's to do
  explicit Quotas(Node* node);
  ~Quotas();
  Shares& shares() { return *shares_; }

  // --- of a job that starts a run, or signals one, as it is decided ---
  // The namespace takes no runs, or it is not known here yet whether it does: the job is settled.
  bool is_closed(Group& group, Job& job, Assembly* a);
  // It would use more than there is: the job is answered, or waits.
  bool holds_back(Group& group, Job& job, const engine::NamespaceShare& more, Assembly* a);
  // Its entry is about to be proposed.
  void starts(const Group& group, std::string_view run_id, const engine::Run& run);

  // --- events ---
  void changed(const engine::NamespaceEvent& event);
  void opened(const Group& group);
  void lost(GroupId group);
  bool settle(const Answer& answer);
  bool settle_barrier(RequestId id);

  // Of a request to group 0, which this box leads: its namespace is not there. It was refused then.
  bool is_closed(const Request& request);
  // More than half of the requests that wait here for leaders are of the request's namespace, and
  // others need room: it is to be refused (429).
  bool crowds_out(const Request& request);

  void survey(Request& request, const SurveyNamespace& op);
  // What is used of a namespace in a group, with what is under way here.
  engine::NamespaceUsage usage(const Group& group, std::string_view name_space);

  bool unsettled() const;
  void look();
  std::int64_t next_wake_mono_ms() const;

 private:
  using Key = std::pair<GroupId, std::string>;  // and a namespace
  struct Waiter {
    Job job;
    engine::NamespaceShare more;
  };
  // Starts of a group in a namespace that wait.
  struct Line {
    std::deque<Waiter> waiting;
    bool asked = false;
    std::uint64_t after_change = 0;  // to be decided anew once the book is so far
    bool again = false;              // likewise, since an answer has come
    std::int64_t again_until = 0;    // it may never be so far: the answer's box has lost its lead
    std::int64_t ask_at = 0;         // not before
    std::int64_t refused_until = 0;
    ShareAnswer refusal;
    std::uint32_t tokens = 0;
    std::int64_t tokens_until = 0;
  };
  struct Starting {
    Index entry;
    std::string name_space;
    std::uint64_t payload_bytes = 0;
  };

  bool is_caught_up(const Group& group) const;
  engine::NamespaceShare used(const Group& group, std::string_view name_space);
  bool takes_token(const Key& key, const engine::NamespaceQuota& quota);
  bool wait(const Key& key, Job& job, const engine::NamespaceShare& more, Assembly* a);
  void refuse(const Key& key, const Job& job, const engine::NamespaceShare& more,
              const engine::NamespaceShare& used, Assembly* a);
  void look_at_lines();
  void look_at(const Key& key, Line* line);
  void ask(const Key& key, Line* line);
  std::int64_t refused_ms(const Key& key, const std::deque<Waiter>& waiting);
  void decide_anew(const Key& key, Line* line);

  Node* node_;
  std::unique_ptr<Shares> shares_;
  bool due_ = false;
  bool looking_ = false;
  std::int64_t wake_mono_ms_ = INT64_MAX;
  std::map<Key, Line> lines_;
  std::map<GroupId, std::deque<Starting>> starting_;
  std::map<std::string, StartTokens> tokens_;  // of a box alone
  // The leadership in which group 0's log is being read, or was.
  struct CatchingUp {
    Term term;
    RequestId barrier;  // 0: it was
  };
  std::map<GroupId, CatchingUp> catching_up_;
  std::map<RequestId, Key> asked_;
  std::map<std::string, std::size_t, std::less<>> held_;  // requests that wait, by namespace
  std::size_t held_all_ = 0;
  std::int64_t held_mono_ms_ = -1;  // when they were counted
};

}  // namespace pawl::node
