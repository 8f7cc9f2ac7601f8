// One server's groups, sans-I/O: inputs in, outputs out. The daemon and the simulator drive this
// same code. It owns the order in which things may happen:
//
//   request -> decide -> propose -> (journal) -> commit -> fold -> answer -> effects
//
// Life cycle: make a Node; restore snapshots; give recovery() to Journal::open; start(). Then
// handle() for every input, next_batch() at the end of each turn and when one is done, and tick no
// later than next_wake_mono_ms(). One thread owns it all. A crash leaves what the journal holds.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "engine/decide.h"
#include "log/journal.h"
#include "node/cluster.h"
#include "node/definitions.h"
#include "node/freeze.h"
#include "node/inputs.h"
#include "node/node_options.h"
#include "node/node_stats.h"
#include "node/node_time.h"
#include "node/outputs.h"
#include "node/polls.h"
#include "node/under_way.h"
#include "node/unsettled.h"

namespace pawl::node {

class Node : private GroupOwner {
 public:
  explicit Node(const NodeOptions& options);
  ~Node() override;
  void restore_snapshot(Thawed thawed, Index index, Term term);  // before the journal is read
  // Hears the journal. An entry that can't be read or folded ends the recovery with its reason.
  log::RecoverySink& recovery();
  // Elects itself where it is the only voter: ready() once the first batch is on the disk.
  void start(log::Journal* journal, const Now& now);
  // --- running ---
  void handle(const Now& now, Input input, Outputs* outputs);
  // What the disk thread is to do next, or null; until batch_done(). `room`: room ahead, too.
  const log::Batch* next_batch(bool room = true);
  // The disk has done it. It may get the next_batch(); then handle(BatchCompleted).
  void batch_done(const Now& now, std::uint64_t id);
  std::int64_t next_wake_mono_ms() const;  // when a Tick is due, monotonic; INT64_MAX: never
  void keep_closed(std::optional<std::int64_t> ms);  // NodeOptions::keep_closed_ms, from now on
  bool ready() const;  // every group is whole and has a leader that may decide, or another box
  std::vector<GroupId> rebuilding() const;  // those begun anew, not yet whole again
  bool alone() const { return cluster_ == nullptr; }
  bool leads(GroupId id) const { return decides(*groups_[id.v]); }  // and may decide
  const Cluster* cluster() const { return cluster_.get(); }
  const NodeOptions& options() const { return options_; }
  bool time_known() const { return alone() || time_.known(); }  // stamps are given
  bool time_held() const { return time_.held() || !time_known(); }
  std::size_t group_count() const { return groups_.size(); }
  const Group& group(GroupId id) const { return *groups_[id.v]; }
  GroupId group_of(std::string_view run_id) const;
  const engine::Run* find(const RunRef& ref, GroupId* group) const;  // null if there is none
  Definitions& definitions() { return definitions_; }
  const engine::Catalog& catalog() const { return definitions_.catalog(); }
  const Polls& polls() const { return polls_; }
  const NodeStats& stats() const { return stats_; }
  std::optional<TimeMs> lease_until(const TaskRef& task) const;  // group time; nullopt: not out
  void scrubbed(const std::vector<Index>& through);              // its mark, by group (scrubbing.h)
  std::unique_ptr<Freeze> freeze(GroupId group);  // one at a time; kept once durable() is there

 private:
  class Recovery;
  class Boxes;
  class Resting;
  class Forgetting;
  class Errands;
  class Batches;
  class Permits;
  class Schedules;
  class Subscriptions;
  class Quotas;
  class Installs;
  struct Assembly;
  struct Pasts;
  // GroupOwner: takes note; settle() acts.
  void on_applied(Group& group, Index index, const codecs::Entry& entry,
                  const engine::Applied& applied, Proposal* proposal) override;
  void on_ready(Group& group) override;
  void on_leader(Group& group) override;
  void on_dropped(Group& group, Proposal proposal) override;
  void on_read(Group& group, std::uint64_t context, Index index) override;
  void on_send(NodeId to, const codecs::RaftEnvelope& envelope) override;
  void on_entries_wanted(GroupId group, Index first, Index last) override;
  SnapshotOwner* snapshots() override;

  // node.cc
  void on_request(Request& request);
  void on_cancelled(RequestId id);
  void on_undelivered(const Undelivered& lost);
  void on_batch();
  void on_tick();
  void settle();
  void answer(Answer answer, int item = -1);
  [[gnu::cold]] void refuse(RequestId id, std::uint16_t status, std::string_view type,
                            std::string_view title, std::string_view detail, int item = -1);
  bool admit(const Request& request);
  void expire_deadlines();
  void expire(RequestId id, bool tried);
  bool decides(const Group& group) const;
  void open(Group& group);
  void release_mailboxes();
  void check_fatal();
  void raise_feature_level(Group& group, std::uint16_t level);
  TimeMs stamp_now();
  void make_cluster();
  void hold_candidacy();
  // node_peers.cc
  void on_frame(const PeerFrame& frame);
  void on_raft(const PeerFrame& frame);
  void on_status(NodeId from, const BoxStatus& status);
  void on_link(const PeerLink& link);
  void on_loaded_entries(EntriesLoaded& loaded);
  void tick_groups();
  void send_frame(NodeId to, codecs::FrameKind kind, const auto& frame) {
    out_->frames.push_back({to, kind, encode(frame)});
  }
  void balance();
  void leave_stalled_disk();
  void settle_cluster();
  void settle_leader(Group& group);
  void close(Group& group);
  void settle_dropped(Group& group, Proposal& proposal);
  // node_routing.cc
  RequestId own_id();
  void enter(Request& request);
  bool group_of_request(const Request& request, GroupId* group);
  void enter_items(Request& request, ReportTasks& op);
  void hold(Request request, GroupId group);
  void route(RequestId id);
  void send_to_leader(RequestId id, HeldRequest& held, NodeId leader);
  void retry(RequestId id);
  void retry_job(const Group& group, const Job& job);
  void postpone(RequestId id);
  void drop_over(RequestId id);
  void route_again();
  bool settle_answer(Answer& answer);
  void on_forwarded(NodeId from, ForwardedRequest& frame);
  void on_forwarded_answer(NodeId from, ForwardedAnswer& frame);
  RemoteRequest forget_remote(RequestId id);
  bool answered_before(NodeId from, const ForwardedRequest& frame);
  void answer_not_leader(RequestId id);
  [[gnu::cold]] void refuse_confirmed(Group& group, RequestId id, std::uint16_t status,
                                      std::string_view type, std::string_view title,
                                      std::string_view detail, int item = -1);
  void answer_confirmed(Group& group, std::vector<PendingAnswer> answers);
  // node_reads.cc
  void begin_barrier(Request& request, Barrier& op);
  void barrier_step(RequestId id);
  void add_reader(GroupId group, ReadWaiter reader);
  void ask(GroupId group);
  void on_read_ask(NodeId from, const ReadAsk& frame);
  void finish_read(const Cluster::ReadResult& result);
  void satisfy(GroupId group, ReadWaiter& reader, Index index);
  void bounce(GroupId group, ReadWaiter& reader);
  void applied_further(GroupId group);
  void retry_reads();
  // node_loans.cc
  std::string mint_key();
  bool lend(ParkedPoll& poll);
  void on_loan_answer(NodeId from, ForwardedAnswer& frame);
  void end_loan(ParkedPoll& poll);
  void expire_loans();
  void orphan_loan(std::uint64_t id, Loan* loan);
  void settle_poll(ParkedPoll& poll);
  void advertise();
  void advertise_all();
  void on_demand(NodeId from, const std::string& queue);
  void return_to_leader(const TaskRef& task);
  // node_requests.cc
  void on_operation(Request& request, StartRun& op);
  void on_operation(Request& request, CallRun& op);
  void on_operation(Request& request, CommandRun& op);
  void on_operation(Request& request, ReportTask& op);
  void on_operation(Request& request, ReportTasks& op);
  void on_operation(Request& request, HeartbeatTask& op);
  void on_operation(Request& request, Barrier& op);
  void on_operation(Request& request, SurveyRuns& op);
  void on_operation(Request& request, ChangePermit& op);
  void on_operation(Request& request, SurveyNamespace& op);
  void begin_report_batch(RequestId id, const ReportTasks& op);
  bool report_job(const Request& request, ReportTask& report, int item, Job* job, GroupId* group);
  void answer_item(Answer item_answer, int item);
  void take_details(const TaskRef& task, const engine::Run& run, Lease* lease, dsl::Value details);
  // node_jobs.cc
  void submit(Group& group, Job job);
  bool lacks_room(RequestId id, int item, bool begins_work);
  bool wait_for_key(Group& group, Job& job);
  bool replay_answer(Group& group, const Job& job);
  void decide_all(Group& group, std::vector<Job> jobs);
  bool decide_one(Group& group, Job& job, Assembly* a);
  bool decide_start(Group& group, Job& job, Assembly* a);
  enum class IdSettled : std::uint8_t { start, answered, after_termination };
  const dsl::Definition* definition_of(const engine::Run& run, const Job& job, Assembly* a);
  IdSettled settle_id(Group& group, Job& job, const engine::Run& existing,
                      const dsl::Definition& definition, Assembly* a);
  bool lags_behind(const std::string& workflow, std::uint32_t version) const;
  bool target(Group& group, const Job& job, const Assembly& a, const engine::Run** run);
  void conclude(Group& group, Job& job, const engine::Run& run, engine::Decision decision,
                Assembly* a);
  void write_answer(Group& group, Job& job, const engine::Run& run, bool changed, Assembly* a);
  void propose(Group& group, Assembly* a);
  void retry_keyed(const std::string& key);
  // node_tasks.cc
  void on_operation(Request& request, PollTasks& op);
  void offer(Group& group, Assembly* a);
  void offer_waiting(Group& group, Index run);
  void give_to(Group& group, Job job, const engine::Step& step, ParkedPoll* poll);
  bool hands_out(const std::string& queue) const;
  void on_room(const RoomChanged& room);
  ParkedPoll* poll_for(const engine::Step& step);
  void fill(ParkedPoll& poll);
  void fill_parked(const std::string& queue);
  bool repeat_poll(const Request& request);
  void granted(const Grant& grant, Group& group);
  void remember_poll(const ParkedPoll& poll);
  void answer_poll(const ParkedPoll& poll);
  void answer_full_polls();
  void expire_polls();
  void expire_leases();
  void give_back(const TaskRef& task);
  void lease_all_started(Group& group);
  void fire_timers(Group* group);
  // node_loads.cc
  bool load_if_cold(Group& group, const engine::Run& run);
  void ask_load(const Group& group, const engine::Run& run);
  void ask_loads();
  void show(const Request& request, const Barrier& op);
  bool wait_for_load(Group& group, Job& job);
  void on_loaded(RunLoaded& loaded);
  void refuse_load(const engine::Run& run, const UnderWay::Load& load, const RunLoaded& loaded);
  void try_lease_again(const engine::Run& run, const engine::Command& command);
  void unload_later(GroupId group, Index run);
  void unload_closed();
  // node_catalog.cc
  void on_operation(Request& request, CatalogChange auto&) { queue_catalog_request(request); }
  void queue_catalog_request(Request& request);
  void next_catalog_request();
  void decide_catalog(const Request& request, const DeployWorkflow& op);
  void decide_catalog(const Request& request, const SetDefault& op);
  void decide_catalog(const Request& request, const PauseQueue& op);
  void decide_catalog(const Request& request, const ResumeQueue& op);
  void decide_catalog(const Request& request, const ChangeBoxes& op);
  void decide_catalog(const Request& request, const AcceptTime& op);
  void conclude_catalog(const Request& request, std::optional<Proposal> proposal, Answer result);
  bool catalog_applied(const codecs::Entry& entry);
  // node_channels.cc
  void pin(Group& group, const std::string& workflow, std::uint32_t version, Assembly* a);
  void deliver_messages(Group& from);
  void acknowledge(Group& sender, GroupId receiver, std::uint64_t through);
  void on_delivery(NodeId from, const Delivery& frame);
  void on_delivery_taken(const DeliveryTaken& frame);
  void receive_message(GroupId sender, Group& receiver, const engine::Message& message);
  void deliver_again();
  Group& mutable_group(GroupId id) { return *groups_[id.v]; }
  engine::Context context(const Job& job, const dsl::Definition* definition);

  NodeOptions options_;
  Random random_;
  NodeTime time_;
  Definitions definitions_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::vector<Mailboxes> mailboxes_;  // by group
  std::vector<Term> opened_;          // by group: the term in which it has become ready; 0: not
  std::unique_ptr<Cluster> cluster_;  // null: alone, as boxes_ is then
  std::unique_ptr<Boxes> boxes_;
  std::unique_ptr<Installs> installs_;  // likewise
  std::unique_ptr<Resting> resting_;
  log::Journal* journal_ = nullptr;
  bool may_campaign_ = true;
  std::unique_ptr<Recovery> recovery_;
  std::unique_ptr<Forgetting> forgetting_;
  std::unique_ptr<Errands> errands_;
  std::unique_ptr<Batches> batches_;
  std::unique_ptr<Permits> permits_;
  std::unique_ptr<Schedules> schedules_;
  std::unique_ptr<Subscriptions> subscriptions_;
  std::unique_ptr<Quotas> quotas_;
  Polls polls_;
  Leases leases_;
  NodeStats stats_;
  codecs::RaftMessageEncoder raft_encoder_;
  Now now_;  // this and the next two: valid within handle()
  TimeMs stamp_;
  Outputs* out_ = nullptr;
  Unsettled left_;
  UnderWay under_way_;
};

}  // namespace pawl::node
