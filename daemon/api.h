// The API: requests become calls, calls become node inputs or reads, answers become responses.
// Lives on the loop thread, between the HTTP layer (which calls request()) and the node.
//
//   write:     request -> parse -> Node::handle -> ... -> Answer -> respond
//   read:      request -> parse -> Barrier -> ReadReady -> handler reads the node's tables ->
//   respond immediate: request -> handler -> respond
//
// Handlers are grouped by file: api_runs, api_tasks, api_workflows, api_lists, api_events,
// api_batches, api_namespaces, api_cluster, api_system. They know names as clients do, and give the
// node those that things are kept under (Call::kept).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/random.h"
#include "daemon/awaits.h"
#include "daemon/call.h"
#include "daemon/feeds.h"
#include "daemon/http.h"
#include "daemon/key_rotation.h"
#include "daemon/metrics.h"
#include "daemon/roles.h"
#include "node/node.h"

namespace pawl::daemon {

class Api final : public HttpHandler {
 public:
  struct Parts {
    node::Node* node = nullptr;
    log::Journal* journal = nullptr;
    HttpAnswers* answers = nullptr;
    ColdThread* cold = nullptr;
    const Metrics* metrics = nullptr;
    std::function<node::Now()> now;
    NodeId box{1};
    std::function<void(std::string*)> more_metrics;  // appended to /metrics
    // Of several boxes; else never called.
    std::function<void(const node::OutgoingFrame&)> send;
    std::function<void(const node::ReadEntries&)> read_entries;
    std::function<void(node::SnapshotWork)> snapshot_work;
    std::function<void(const std::vector<std::pair<NodeId, std::string>>&)> set_peers;
    std::function<void(const std::string&)> notice;  // for the log
    // Null without a keyring.
    std::function<KeyRotation*()> rotation;
    std::uint64_t seed = 0;  // of minted keys
  };

  explicit Api(Parts parts);
  ~Api() override;

  void set_roles(const RoleMap* roles) { roles_ = roles; }

  // HttpHandler
  void request(const Request& request) override;
  void cancelled(RequestId id) override;
  void stream_writable(RequestId id) override;

  // Gives the node an input, after those that wait, and delivers what comes out.
  void handle(node::Input input);
  // Gives the node the requests that have come since: at the end of a turn.
  void work();
  bool has_work() const { return !waiting_.empty(); }
  // Expires parked awaits, keeps follows alive. Monotonic ms.
  void tick(std::int64_t mono_ms);
  std::int64_t next_wake_mono_ms() const;
  // Ends parked requests: the daemon is stopping.
  void stop();
  // Not empty: the node has said that the process must stop, with this message.
  const std::string& fatal() const { return fatal_; }

  // --- handlers, named by the route table ---
  void get_root(Call& call);
  void get_version(Call& call);
  void get_health(Call& call);
  void get_ready(Call& call);
  void get_metrics(Call& call);
  void get_openapi(Call& call);
  void post_time_accept(Call& call);
  void get_cluster(Call& call);
  void get_applied(Call& call);
  void post_transfer(Call& call);
  void post_members(Call& call);
  void get_keys(Call& call);
  void post_keys_rotate(Call& call);

  void put_workflow(Call& call);
  void post_check(Call& call);
  void post_default(Call& call);
  void get_workflows(Call& call);
  void get_workflow(Call& call);
  void get_workflow_version(Call& call);
  void get_graph(Call& call);
  void get_usage(Call& call);

  void post_run(Call& call);
  void get_runs(Call& call);
  void get_run(Call& call);
  void get_history(Call& call);
  void get_await(Call& call);
  void post_signal(Call& call);
  void post_move(Call& call);
  void post_verb(Call& call);
  void post_retry(Call& call);
  void post_reset(Call& call);
  void post_migrate(Call& call);
  void delete_data(Call& call);

  void get_subscriptions(Call& call);
  void get_subscription(Call& call);
  void put_subscription(Call& call);
  void delete_subscription(Call& call);
  void post_ack(Call& call);

  void get_schedules(Call& call);
  void get_schedule(Call& call);
  void post_schedule_verb(Call& call);

  void post_batch(Call& call);
  void get_batches(Call& call);
  void get_batch(Call& call);
  void delete_batch(Call& call);

  void get_namespaces(Call& call);
  void get_namespace(Call& call);
  void put_namespace(Call& call);
  void delete_namespace(Call& call);

  void get_incidents(Call& call);
  void get_queues(Call& call);
  void get_limits(Call& call);
  void get_tasks(Call& call);
  void get_events(Call& call);
  void post_poll(Call& call);
  void post_queue_verb(Call& call);
  void post_complete(Call& call);
  void post_fail(Call& call);
  void post_heartbeat(Call& call);
  void post_task_batch(Call& call);

 private:
  [[gnu::cold]] void refuse(RequestId id, const Problem& problem);
  [[gnu::cold]] void refuse(RequestId id, std::uint16_t status, std::string_view type,
                            std::string_view title, std::string_view detail);
  void respond_json(RequestId id, int status, std::string_view body);
  void submit(Call& call, node::Operation operation);
  KeyRotation* rotation_for(RequestId id);
  void answer_keys(RequestId id, const KeyRotation::Result& result);
  bool read_common(Call& call, node::Request* request, Problem* problem);
  void handle_all(std::span<node::Input> inputs);
  void deliver(node::Outputs& outputs);
  // `allow`: a 405's header of this name.
  void respond(node::Answer& answer, std::string_view allow = {});
  // The run a path names, with ?uid=; refuses and returns null if there is none.
  const engine::Run* run_of(Call& call, GroupId* group);
  void get_past(Call& call, const engine::Run& run, GroupId group);
  bool has_generation(Call& call, const engine::Run& run, std::uint32_t generation);
  bool run_ref(Call& call, node::RunRef* ref);
  bool poll_namespaces(Call& call, const std::vector<std::string>& names, const std::string& queue,
                       node::PollTasks* poll);
  // False if there is no such schedule, or this build can't read its definition.
  bool append_schedule(const std::string& name, std::string* out);
  const engine::CatalogWorkflow* workflow_of(Call& call);
  const engine::CatalogVersion* version_of(Call& call);
  void changed(GroupId group, Index run);
  void answer_await(const Await& await, const engine::Run& run, bool reached);
  void await_searched(const Await& await, bool found);
  void park_await(Await await, const engine::Run& run);
  const dsl::Definition* definition_of(const engine::Run& run);
  // Once this box has all that was committed before the call came: `then`; refused if it can't.
  void after_barrier(RequestId id, std::int64_t deadline_ms, std::function<void()> then);
  void go_on(RequestId id);
  // Whether the call's namespace takes requests, as far as this box knows.
  bool has_namespace(const Call& call) const;
  [[gnu::cold]] void refuse_namespace(const Call& call);
  // Once this box has all that was committed before: the same request again.
  void request_later(const Request& request);
  void serve(const Request& request, bool waited);
  bool begin_subscribed(Call& call, EventFeed* feed);
  void count_batch(RequestId id);
  void count_batches();
  bool counts_batches() const;

  Parts parts_;
  const RoleMap* roles_ = nullptr;
  Random random_;
  Awaits awaits_;
  Feeds feeds_;
  absl::flat_hash_map<RequestId, std::unique_ptr<Call>> reads_;     // wait for their barrier
  std::map<RequestId, std::unique_ptr<struct BatchCount>> counts_;  // of batches that are to begin
  absl::flat_hash_map<RequestId, std::function<void()>> after_barrier_;
  std::vector<node::Input> waiting_;  // requests of this turn
  std::vector<std::unique_ptr<node::Outputs>> spare_outputs_;
  std::string fatal_;
};

}  // namespace pawl::daemon
