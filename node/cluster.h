// What a node keeps beside its groups when there are other boxes: requests on their way to another
// leader, reads that ask one, polls that are lent, what is known of the others. All of it is memory
// and bounded by what clients may have under way; a node that is alone has none of it.
//
// A client's request:
//
//   held --(this box leads)--> decided here --(leadership lost, nothing proposed)--> held
//   held --(another leads)--> sent --(answer)--> answered
//                             sent --(not the leader, link lost, another leader, 2 s)--> held
//   held --(nobody leads)--> waiting --(a leader is known)--> held
//   any  --(deadline)--> 504 if it was ever with a leader, else 503
//
// It is sent again under the same number, so that it takes effect once: the leader answers from the
// group's dedupe table what it, or the one before it, has done already. Copies that come
// late do nothing: each is for the leader of one term, and that leader knows what it has answered.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "node/group.h"
#include "node/inputs.h"
#include "node/pace.h"
#include "node/peer_frames.h"
#include "node/request.h"

namespace pawl::node {

// Ids the node gives to requests of its own making; callers' ids have the top bit clear.
inline constexpr std::uint64_t kOwnRequestIds = std::uint64_t{1} << 63;

struct HeldRequest {
  Request request;
  GroupId group;
  std::uint64_t number = 0;  // as a ForwardedRequest
  NodeId sent_to;            // 0: not with another box
  Term sent_term;            // of the leader it was last sent to
  int leaders = 0;           // to whom it was sent; who leads again counts again
  bool tried = false;        // it was with a leader: its outcome may exist
  bool to_retry = false;     // it is in Cluster::retries; tried twice, it could be refused and done
};

// A request another box has sent here.
struct RemoteRequest {
  NodeId box;
  std::uint64_t base = 0;
  GroupId group;
  Term term;
  std::uint64_t id = 0;  // base + number
  std::string queue;     // of a poll
};

// What is remembered of the requests of one process of another box.
struct RemoteProcess {
  // For one group: a group that has none is no reason to forget those of another.
  struct Answers {
    std::uint64_t kept_from = 0;  // what is before it was answered too long ago to be remembered
    // By number, with the term they were given in; at most limits::kAnswersKeptMax.
    std::map<std::uint64_t, std::pair<Term, Answer>> finished;
  };
  std::uint64_t base = 0;
  std::uint64_t open_from = 0;  // what is before it is over
  std::map<GroupId, Answers> groups;

  // Its box says that what is before `number` is over.
  void over_before(std::uint64_t number);
};

// Who waits for a read index.
struct ReadWaiter {
  RequestId barrier;                   // not 0: a Barrier, or a start that needs the catalog
  NodeId box;                          // not 0: another box, with its context
  std::uint64_t context = 0;           // of that box
  std::vector<PendingAnswer> answers;  // else: answers that rest on no entry
};

// The reads of one group. At most one question is under way; whoever comes meanwhile shares the
// next one, since a read must not be answered by a question that was asked before it.
struct GroupReads {
  std::vector<ReadWaiter> next;
  std::vector<ReadWaiter> asked;
  bool asking = false;
  std::uint64_t context = 0;
  NodeId of;  // whom
  std::int64_t asked_mono_ms = 0;
  std::int64_t retry_mono_ms = 0;            // not before
  std::multimap<Index, RequestId> applying;  // answered, but this box has not applied so far
};

// A parked poll that another leader was asked to fill. Left unanswered for too long it is an
// orphan: the poll goes on without it, and what the leader gave to the loan's key goes back.
struct Loan {
  RequestId poll;  // 0: an orphan
  NodeId box;
  std::uint64_t number = 0;  // as a ForwardedRequest
  PollTasks wanted;
  std::string key;
  bool minted = false;  // the key, by this node
  std::int64_t begun_mono_ms = 0;
  std::int64_t sent_mono_ms = 0;
};

struct Cluster {
  std::vector<NodeId> peers;  // sorted
  std::set<NodeId> linked;    // peers that can be reached now
  std::map<NodeId, BoxStatus> statuses;
  // What was said since the start: it can't become less.
  std::map<NodeId, ScrubStatus> scrubbed;
  std::vector<bool> deciding;  // by group, at the last tick: this box decides
  std::int64_t next_tick_mono_ms = 0;
  std::int64_t next_status_mono_ms = 0;
  std::int64_t next_balance_mono_ms = 0;
  std::int64_t next_hand_over_mono_ms = 0;
  std::int64_t batch_mono_ms = 0;  // when the batch under way began; 0: none is
  Pace pace;

  // --- requests ---
  std::uint64_t next_own_id = kOwnRequestIds;
  std::uint64_t forward_base = 0;  // random: another process's ids are not taken for these
  std::map<RequestId, HeldRequest> held;
  std::map<std::uint64_t, RequestId> numbers;  // of held
  std::uint64_t next_number = 1;
  std::set<RequestId> waiting;  // of held: for a leader
  std::set<std::pair<std::int64_t, RequestId>> deadlines;
  std::deque<std::pair<std::int64_t, RequestId>> sent;  // when to send again, unless answered
  std::map<RequestId, RemoteRequest> remote;
  std::map<std::pair<NodeId, std::uint64_t>, RequestId> remote_ids;  // by base + number
  std::map<NodeId, std::deque<RemoteProcess>> remote_processes;      // newest first
  std::map<RequestId, std::pair<RequestId, int>> items;  // of a ReportTasks: whose, which
  std::deque<RequestId> retries;                         // to be routed again (settle)

  // --- reads, by group ---
  std::vector<GroupReads> reads;
  std::uint64_t next_context = 0;
  std::map<RequestId, std::pair<Request, int>> barriers;  // with groups it waits for
  struct ReadResult {
    GroupId group;
    std::uint64_t context = 0;
    Index index;
  };
  std::deque<ReadResult> read_results;  // to be told (settle)

  // --- polls ---
  std::map<std::uint64_t, Loan> loans;                 // by forwarded id
  std::map<std::string, std::set<NodeId>> demand;      // who has tasks for our polls
  std::map<std::string, std::set<NodeId>> advertised;  // whom we told so
  std::set<std::string> queues_touched;                // have a new task (settle)

  // --- channels ---
  std::map<std::pair<GroupId, GroupId>, std::int64_t> deliver_again_mono_ms;
  std::set<std::pair<GroupId, GroupId>> receiving;  // from, to: an entry of ours is under way

  // --- what raft said during this input (settle) ---
  std::deque<GroupId> leader_changes;
  std::deque<std::pair<GroupId, Proposal>> dropped;

  // The request, if it is still held, is routed again at the end of this turn: once.
  void retry_later(RequestId id);
  // The request is answered.
  void forget_held(RequestId id);
  // Whether the answer says "try again later" of a request that another leader has had: it waits
  // then, and is tried again.
  bool still_in_doubt(const Answer& answer);
  RemoteProcess& remote_process(NodeId box, std::uint64_t base);
  // For another copy of the request.
  void keep_answer(const RemoteRequest& to, const Answer& answer);
  bool is_linked(NodeId peer) const { return linked.contains(peer); }
  // How long this box's disk has been busy with one batch. A full one is as good as stalled.
  std::int64_t disk_ms(std::int64_t now_mono_ms, const RoomChanged& room) const;
  // A leadership would be no better off there.
  bool is_stalled(NodeId peer) const;
  // There is something for settle() to do.
  bool unsettled() const {
    return !leader_changes.empty() || !dropped.empty() || !read_results.empty() ||
           !retries.empty() || !queues_touched.empty();
  }
};

}  // namespace pawl::node
