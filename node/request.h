// What may be asked of a node, and what it answers: plain values, free of HTTP. The daemon parses
// and checks a request into one of these; the node decides, commits, and answers with a status and
// a JSON body (the same bytes that an idempotency key replays).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "dsl/value.h"
#include "engine/batch.h"
#include "engine/command.h"
#include "engine/dedupe.h"
#include "engine/limit_rows.h"
#include "engine/namespace_book.h"
#include "engine/subscription.h"

namespace pawl::node {

// Names a request until it is answered; given by the caller, never reused by it.
using RequestId = Strong<struct RequestIdTag, std::uint64_t>;

// A run by id (its newest), or by uid (then `id` may be empty).
struct RunRef {
  std::string id;
  std::optional<RunUid> uid;
};

struct StartRun {
  std::string workflow;
  std::optional<std::uint32_t> version;  // absent: the default
  std::string id;                        // "": derived from the idempotency key
  dsl::Value input;
  std::vector<std::pair<std::string, std::string>> tags;  // sorted by name
  std::optional<TimeMs> start_at;
  std::optional<engine::CalledBy> caller;  // of a CallRun's
};

// The id that the run gets: the one it asks for, or one that is derived from the key.
std::string started_run_id(const StartRun& start, std::string_view key);

// The same by another run, which it is to be the child of.
struct CallRun {
  StartRun start;  // with its caller
};

// A signal, move, cancel ... of one run. Answered with the run's envelope after it.
struct CommandRun {
  RunRef run;
  engine::Command command;
};

// An outcome of a handed-out task: CompleteTask or FailTask; the token names run, step and attempt.
struct ReportTask {
  std::string token;
  engine::Command command;  // step and attempt are filled in from the token
};

// Several outcomes; answered together, each with its own status.
struct ReportTasks {
  std::vector<ReportTask> items;
};

struct HeartbeatTask {
  std::string token;
  std::optional<dsl::Value> details;
};

struct PollTasks {
  std::string queue;  // as it is kept (engine/namespace.h), as are all names here
  // The same queue of further namespaces: tasks are handed out by turns. Between boxes a poll is
  // for one queue at a time.
  std::vector<std::string> others;
  std::string worker;
  std::vector<std::string> types;  // empty: all
  std::uint32_t max = 1;
  std::int64_t wait_ms = 0;
};

// The text has been parsed (it is valid) by whoever submits this.
struct DeployWorkflow {
  std::string name;
  std::string text;
  bool activate = true;
};

struct SetDefault {
  std::string workflow;
  std::uint32_t version = 0;
  std::string reason;
};

// Holds a queue back, or lets it go on: while it is paused, none of its tasks is handed out. Its
// tasks' times go on, and what is out already may be answered.
struct PauseQueue {
  std::string queue;
  std::string reason;
};
struct ResumeQueue {
  std::string queue;
  std::string reason;
};

// A box comes, gets a vote, or goes; the groups follow one after the other. Of a cluster.
struct ChangeBoxes {
  enum class What : std::uint8_t { add, promote, remove };
  What what = What::add;
  NodeId box;
  std::string address;   // of an added box: HOST:PORT
  bool promote = false;  // of an added box: by itself, once it has everything
};

// Of a schedule by its full name, WORKFLOW.NAME: holds it back, lets it go on, fires it now, or
// makes up for the firings between two moments (the first excluded, the last included).
struct ChangeSchedule {
  enum class What : std::uint8_t { pause, resume, trigger, backfill };
  std::string name;
  What what = What::pause;
  std::string reason;
  TimeMs from, to;  // of a backfill
};

// What a schedule wants to know of a group: how many runs of the workflow are open. Nothing is
// changed. `list`: also which ones, newest first, from before a run on (0: the newest), and whether
// a worker may still be at a task of one that has closed.
struct SurveyRuns {
  GroupId group;
  std::string workflow;
  bool list = false;
  Index before;
};

// An operator vouches for a clock: the time of all groups goes on from there. Nothing happens if it
// is there already.
struct AcceptTime {
  TimeMs wall;  // of the box that was asked, then
};

// A verb for all runs that fit and exist (engine/batch.h). Whoever asks has read, after a barrier,
// how far each group of runs is.
struct BeginBatch {
  engine::BatchSpec spec;
  std::vector<Index> through;  // by group from 1 on
  std::uint64_t matching = 0;
};
// Nothing if it is over.
struct StopBatch {
  engine::BatchId batch;
  std::string reason;
};
// A group is done with its part: its leader's own request, until it is heard (node/batches.h).
struct EndBatchPart {
  engine::BatchId batch;
  GroupId group;
  engine::BatchCounts counts;
};
struct ChangeBatch {
  std::variant<BeginBatch, StopBatch, EndBatchPart> change;
};

// A durable subscription begins (engine/subscription.h), or begins anew where a place is given.
// Whoever asks has read, after a barrier, how far each group is.
struct PutSubscription {
  std::string name;
  bool has_place = false;          // absent: one that is there stays where it is
  engine::EventPlace next, whole;  // of a new one: `whole`, unless there is a place
  std::optional<std::int64_t> max_lag_ms;
};
// All before this place was taken. Of several that come close together one entry is made.
struct AckSubscription {
  std::string name;
  engine::EventPlace next;
};
struct DeleteSubscription {
  std::string name;
};
struct ChangeSubscription {
  std::variant<PutSubscription, AckSubscription, DeleteSubscription> change;
};

// A run's permit of a limit, to the group that keeps the limit: asked for (200 it is held, 202 it
// waits), or given back. Asked again it is the same.
struct ChangePermit {
  GroupId group;
  engine::LimitName limit;
  engine::PermitAsk ask;
  bool gives_back = false;  // then only the permit of `ask` counts
};

// A namespace (engine/namespace_book.h) is made, or has another quota from now on.
struct PutNamespace {
  std::string name;
  engine::NamespaceQuota quota;
  std::string reason;
};
// Refused unless nothing of it is left but definitions, which go with it.
struct DeleteNamespace {
  std::string name;
};
// A group's leader has runs to start for which its share is too small, or no tokens. Its own
// request (node/quotas.h).
struct WantShare {
  std::string name;
  GroupId group;
  engine::NamespaceShare need;  // all it needs; 0: it has enough of that
  std::uint32_t starts = 0;     // tokens
};
struct ChangeNamespace {
  std::variant<PutNamespace, DeleteNamespace, WantShare> change;
};
// What group 0's leader wants to know of a group: what is used of a namespace. Answered by a leader
// that has seen the change of the book (engine::NamespaceBook::changes) or a later one.
struct SurveyNamespace {
  GroupId group;
  std::string name;
  std::uint64_t change = 0;
};

// Nothing is changed: answered with ReadReady once the node's tables hold all that was acknowledged
// before the request came in (a ReadIndex on every group).
struct Barrier {
  std::optional<RunRef> run;  // this run is wanted whole: it is loaded first if it is cold
};

struct IfMatch {
  RunUid uid;
  Seq seq;
};

using Operation =
    std::variant<StartRun, CommandRun, ReportTask, ReportTasks, HeartbeatTask, PollTasks,
                 DeployWorkflow, SetDefault, PauseQueue, ResumeQueue, Barrier, ChangeBoxes,
                 AcceptTime, CallRun, ChangeSchedule, SurveyRuns, ChangeBatch, ChangeSubscription,
                 ChangeNamespace, SurveyNamespace, ChangePermit>;

// What group 0 keeps for all.
template <class T>
concept CatalogChange = std::is_same_v<T, DeployWorkflow> || std::is_same_v<T, SetDefault> ||
    std::is_same_v<T, PauseQueue> || std::is_same_v<T, ResumeQueue> ||
    std::is_same_v<T, ChangeBoxes> || std::is_same_v<T, AcceptTime> ||
    std::is_same_v<T, ChangeSchedule> || std::is_same_v<T, ChangeBatch> ||
    std::is_same_v<T, ChangeSubscription> || std::is_same_v<T, ChangeNamespace>;

struct Request {
  RequestId id;
  engine::Actor actor;
  std::string key;  // Idempotency-Key; "": none was sent
  // Where none was sent: what the box minted instead (derives a missing run id).
  std::string minted_key;
  Digest digest{};                // of method, path and body; meaningful with a key
  engine::ForwardedAs forwarded;  // without a key, of several boxes: what it is known by
  std::optional<IfMatch> if_match;
  std::int64_t deadline_ms = 0;  // monotonic; past it the outcome is unknown (504)
  Operation operation;
};

struct Answer {
  RequestId id;
  std::uint16_t status = 200;
  std::string body;      // JSON
  std::string etag;      // "uid.seq" of the run it speaks of, or ""
  std::string location;  // of a new run, or ""
  // Of a poll: the tasks in it. If the answer can't be sent, say Undelivered with them.
  std::vector<std::string> tokens;
};

}  // namespace pawl::node
