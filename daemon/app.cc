#include "daemon/app.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "daemon/api.h"
#include "daemon/box_links.h"
#include "daemon/cold_thread.h"
#include "daemon/compactor.h"
#include "daemon/config_cluster.h"
#include "daemon/config_reload.h"
#include "daemon/damage_watch.h"
#include "daemon/dictionary_trainer.h"
#include "daemon/disk_thread.h"
#include "daemon/entry_reader.h"
#include "daemon/event_loop.h"
#include "daemon/free_memory.h"
#include "daemon/http_server.h"
#include "daemon/kernel.h"
#include "daemon/metrics.h"
#include "daemon/opened_node.h"
#include "daemon/room_keeper.h"
#include "daemon/scrubber.h"
#include "daemon/signals.h"
#include "daemon/snapshot_keeper.h"
#include "daemon/store.h"
#include "daemon/system_clock.h"
#include "daemon/time_report.h"
#include "daemon/transfers.h"
#include "daemon/version.h"
#include "log/posix_file_system.h"
#include "node/needed.h"

extern char** environ;

namespace pawl::daemon {
namespace {

constexpr std::int64_t kClockTrustMs = 10'000;  // between looks at the kernel's clock state
constexpr std::int64_t kStopMs = 10'000;
// Without a write for so long the tail is marked, once: later damage is no torn tail then.
constexpr std::int64_t kQuietNs = 1'000'000'000;
constexpr std::int64_t kGiveUpNs = 1'000'000'000;  // between looks for segments to give up

// The server needs its handler before the API, which needs the server, can be made.
struct Forward final : HttpHandler {
  Api* api = nullptr;
  void request(const Request& request) override { api->request(request); }
  void cancelled(RequestId id) override { api->cancelled(id); }
  void stream_writable(RequestId id) override { api->stream_writable(id); }
};

}  // namespace

struct App::Impl : TurnHook {
  Impl(Options o, Logger* l) : options(std::move(o)), logger(*l), loop(&clock) {}
  // The server tells the API of requests that end with it, the API lets go of what it has for them.
  ~Impl() { http.reset(); }

  absl::Status open();
  absl::Status recover();
  absl::Status lead(log::FileSystem& files);
  void set_roles(const Config& config);
  absl::Status listen();
  void reload();
  void begin_stop();
  void hand_over();
  int run();

  void begin_turn(std::int64_t now_ns) override;
  void end_turn(std::int64_t now_ns) override;
  std::int64_t deadline_ns() const override;
  // What the HTTP server went on with at the end of the turn is worked on in another one.
  bool busy() const override { return api != nullptr && api->has_work(); }
  void take_batches();
  void next_batch(bool ahead);
  void continue_stop(std::int64_t now_ns);
  [[noreturn]] void die(std::string_view what, std::string_view why);
  node::Now now();

  Options options;
  Logger& logger;
  SystemClock clock;
  Metrics metrics;
  Signals signals;  // before the threads: they inherit the blocked set
  EventLoop loop;
  StoreLock lock;
  StoreIdentity store;
  RoleMap roles;
  std::unique_ptr<node::Node> node;
  std::unique_ptr<log::Journal> journal;
  std::unique_ptr<DiskThread> disk;
  log::PosixFileSystem snapshot_files;
  std::unique_ptr<SnapshotKeeper> snapshots;  // outlives the cold thread, not the node
  std::unique_ptr<Scrubber> scrubber;         // likewise
  std::unique_ptr<Compactor> compactor;       // likewise
  std::unique_ptr<Transfers> transfers;       // likewise; of several boxes
  std::unique_ptr<ColdThread> cold;
  std::unique_ptr<RoomKeeper> room;
  FreeMemory free_memory;
  std::unique_ptr<DamageWatch> damage;
  Forward forward;
  std::unique_ptr<HttpServer> http;
  std::unique_ptr<Api> api;
  std::unique_ptr<DictionaryTrainer> trainer;
  std::unique_ptr<EntryReader> entries;  // of several boxes, as links
  std::unique_ptr<BoxLinks> links;
  std::vector<BatchDone> done;
  bool clock_trusted = false;
  std::int64_t clock_looked_ms = INT64_MIN / 2;
  TimeReport time_report;
  LoadedSnapshots snapshots_loaded;
  std::uint64_t uncovered_bytes = 0;  // of the journal, by these
  std::int64_t started_ns = 0;
  std::int64_t stop_by_ns = 0;            // 0: not stopping
  std::int64_t mark_at_ns = kNoDeadline;  // when the tail is marked, if nothing comes before
  std::int64_t give_up_at_ns = 0;         // when segments that nothing needs are looked for
  bool stop_snapshots_begun = false;
};

App::App(Options options, Logger* logger)
    : impl_(std::make_unique<Impl>(std::move(options), logger)) {}
App::~App() = default;
absl::Status App::open() { return impl_->open(); }
int App::run() { return impl_->run(); }

node::Now App::Impl::now() {
  node::Now now;
  now.mono_ms = loop.now_ns() / 1'000'000;
  now.wall_ms = clock.wall_ms();
  if (now.mono_ms - clock_looked_ms > kClockTrustMs) {
    clock_looked_ms = now.mono_ms;
    clock_trusted = options.dev || kernel_clock_synchronised();
  }
  now.wall_trusted = clock_trusted;
  return now;
}

absl::Status App::Impl::open() {
  started_ns = clock.monotonic_ns();
  run_in_batches();  // before the threads: they inherit it
  absl::Status status = lock.acquire(options.config.server.data);
  if (!status.ok()) return status;
  status = RoomKeeper::prepare(options.config.server.data, &logger);
  if (status.ok()) status = recover();
  if (!status.ok()) return status;
  disk = std::make_unique<DiskThread>(
      [files = std::make_shared<log::PosixFileSystem>()](const log::Batch& batch) {
        return log::execute(*files, batch);
      },
      DiskThread::Options{static_cast<int>(options.config.server.spin_us)}, loop.waker());
  cold = std::make_unique<ColdThread>(loop.waker());
  snapshots = std::make_unique<SnapshotKeeper>(
      SnapshotKeeper::Options{node.get(), cold.get(), &snapshot_files, journal->directory(),
                              store.id, snapshots_loaded, uncovered_bytes, clock.monotonic_ns()},
      &logger);
  scrubber = std::make_unique<Scrubber>(
      Scrubber::Options{node.get(), journal.get(), snapshots.get(), cold.get(), &snapshot_files,
                        options.config.journal.scrub_pause_ms},
      &logger);
  compactor =
      std::make_unique<Compactor>(Compactor::Options{node.get(), journal.get(), cold.get(),
                                                     &snapshot_files, &scrubber->scrubbing()},
                                  &logger);
  room = std::make_unique<RoomKeeper>(
      RoomKeeper::Options{options.config.server.data,
                          static_cast<std::uint64_t>(options.config.journal.segment_bytes),
                          journal.get(), cold.get(),
                          [this](const node::RoomChanged& now) { api->handle(now); }},
      &logger);
  return listen();
}

absl::Status App::Impl::recover() {
  const std::string& data = options.config.server.data;
  log::PosixFileSystem files;
  const auto opened = open_store(files, data, wanted_store(options.config), random_bytes(16));
  if (!opened.ok()) return opened.status();
  store = *opened;
  if (store.run_groups != options.config.store.groups) {
    logger.write(LogLevel::notice, "store: its number of groups is fixed, store.groups is ignored",
                 {{"groups", int{store.run_groups}}});
  }
  OpenNodeOptions node_options;
  node_options.directory = data;
  node_options.store = store;
  for (const Config::Cluster::Peer& peer : other_boxes(options.config.cluster)) {
    node_options.neighbours.push_back(NodeId(static_cast<std::uint64_t>(peer.node)));
  }
  node_options.segment_bytes = static_cast<std::uint32_t>(options.config.journal.segment_bytes);
  node_options.preallocate = options.config.journal.preallocate;
  node_options.seed = random_seed();
  node_options.keep_closed_ms = options.config.history.closed_ms;
  node_options.now = now();
  node_options.mends = true;
  auto as_node = open_node(files, node_options, logger);
  if (!as_node.ok()) return as_node.status();
  tell_losses(*as_node, logger);
  snapshots_loaded = as_node->snapshots;
  uncovered_bytes = as_node->uncovered_bytes;
  journal = std::move(as_node->journal);
  node = std::move(as_node->node);
  Scrubber::load(files, *journal, node.get());
  const log::RecoveryReport& report = as_node->report;
  if (node->alone()) {
    absl::Status elected = lead(files);
    if (!elected.ok()) return elected;
  }
  const std::int64_t took_ms = (clock.monotonic_ns() - started_ns) / 1'000'000;
  logger.write(LogLevel::info, "store: recovered",
               {{"data", data},
                {"entries", report.entries},
                {"bytes", report.bytes},
                {"snapshots", as_node->snapshots.count},
                {"torn_bytes_cut", report.torn_bytes_cut},
                {"ms", took_ms}});
  if (report.torn_bytes_cut > 0) {
    logger.write(LogLevel::notice, "store: cut a torn tail that was never acknowledged",
                 {{"bytes", report.torn_bytes_cut}});
  }
  return absl::OkStatus();
}

void App::Impl::set_roles(const Config& config) {
  std::vector<std::string> unknown;
  roles = make_roles(config, Accounts::of_this_machine(), &unknown);
  for (const std::string& name : unknown) {
    logger.write(LogLevel::warning, "roles: no such user or group, it grants nothing",
                 {{"name", name}});
  }
  if (options.dev) roles.add_uid(Role::admin, ::getuid());
}

absl::Status App::Impl::listen() {
  set_roles(options.config);
  HttpServer::Options http_options;
  http_options.socket_path = options.config.server.socket;
  http_options.socket_mode = static_cast<int>(options.config.server.socket_mode);
  if (const std::string& group = options.config.server.socket_group; !group.empty()) {
    std::uint32_t gid = 0;
    if (!Accounts::of_this_machine().gid_of(group, &gid)) {
      return absl::InvalidArgumentError("server.socket_group: there is no group `" + group + "`");
    }
    http_options.socket_group = gid;
  }
  http_options.boot = static_cast<std::uint32_t>(random_seed());
  http = std::make_unique<HttpServer>(&loop, &clock, &forward, &metrics.http, http_options);
  Api::Parts parts;
  parts.node = node.get();
  parts.journal = journal.get();
  parts.answers = http.get();
  parts.cold = cold.get();
  parts.metrics = &metrics;
  parts.now = [this] { return now(); };
  parts.seed = random_seed();
  parts.box = store.box;
  parts.more_metrics = [this](std::string* out) {
    snapshots->append_metrics(out);
    append_compaction_metrics(compactor->metrics(), *journal, out);
    scrubber->append_metrics(out);
    damage->append_metrics(out);
    if (transfers != nullptr) append_transfer_metrics(transfers->metrics(), out);
    room->append_metrics(out);
    if (links != nullptr) append_link_metrics(links->metrics(), out);
  };
  parts.set_peers = [this](const auto& peers) { links->set_peers(peers); };
  parts.notice = [this](const std::string& text) {
    logger.write(LogLevel::notice, "cluster: " + text, {});
  };
  parts.rotation = [this] { return links == nullptr ? nullptr : links->rotation(); };
  parts.send = [this](const node::OutgoingFrame& frame) { links->send(frame); };
  parts.read_entries = [this](const node::ReadEntries& wanted) {
    entries->read(wanted, [this](node::EntriesLoaded loaded) { api->handle(std::move(loaded)); });
  };
  parts.snapshot_work = [this](node::SnapshotWork work) { transfers->take(std::move(work)); };
  api = std::make_unique<Api>(std::move(parts));
  api->set_roles(&roles);
  damage = std::make_unique<DamageWatch>(node.get(), journal.get(), &logger);
  trainer = std::make_unique<DictionaryTrainer>(journal.get(), cold.get());
  forward.api = api.get();
  loop.add_hook(this);
  loop.set_spin_us(static_cast<int>(options.config.server.spin_us));
  if (!node->alone()) {
    Transfers::Options moving{node.get(), journal.get(),   snapshots.get(),
                              cold.get(), &snapshot_files, store.run_groups,
                              {}};
    moving.report = [this](node::SnapshotReport done) { api->handle(std::move(done)); };
    transfers = std::make_unique<Transfers>(std::move(moving), &logger);
    entries = std::make_unique<EntryReader>(journal.get(), cold.get(), &logger);
    links = std::make_unique<BoxLinks>(&loop, &logger);
    absl::Status linked = links->open(options.config, cold.get(), api.get());
    if (!linked.ok()) return linked;
  }
  return http->listen();
}

// Commits the first entries of this start (every group's no-op) before anyone can ask for anything:
// no client ever sees a box that is not ready.
absl::Status App::Impl::lead(log::FileSystem& files) {
  node::Outputs outputs;
  while (!node->ready()) {
    const log::Batch* batch = journal->begin_batch();
    PAWL_CHECK(batch != nullptr);
    absl::Status status = log::execute(files, *batch);
    // A full disk: without the room that it would have made ahead it may fit.
    if (absl::IsResourceExhausted(status)) {
      status = log::execute(files, *journal->lacked_room(batch->id));
    }
    if (!status.ok()) return status;
    node->batch_done(now(), batch->id);
    node->handle(now(), node::BatchCompleted{}, &outputs);
    if (!outputs.fatal.empty()) return absl::DataLossError(outputs.fatal);
    outputs.clear();
  }
  return absl::OkStatus();
}

int App::Impl::run() {
  const absl::Status started = signals.start(
      &loop, [this] { begin_stop(); }, [this] { reload(); });
  if (!started.ok()) {
    logger.write(LogLevel::error, "start: signals", {{"why", std::string(started.message())}});
    return 1;
  }
  logger.write(LogLevel::info, "ready",
               {{"version", kVersion},
                {"socket", options.config.server.socket},
                {"groups", int{store.run_groups}},
                {"start_us", (clock.monotonic_ns() - started_ns) / 1000}});
  loop.run();
  if (links != nullptr) links->close();
  logger.write(LogLevel::info, "stopped");
  return 0;
}

void App::Impl::die(std::string_view what, std::string_view why) {
  // Nothing more may be acknowledged: the process ends here, without unwinding.
  logger.write(LogLevel::error, what, {{"why", why}});
  ::_exit(1);
}

void App::Impl::begin_turn(std::int64_t) {
  take_batches();
  cold->deliver();
  if (entries != nullptr) entries->deliver();
}

void App::Impl::take_batches() {
  done.clear();
  if (!disk->take_done(&done)) return;
  for (const BatchDone& batch : done) {
    ++metrics.disk.batches;
    metrics.disk.batch_time.record_ns(batch.took_ns);
    if (batch.status.ok()) {
      mark_at_ns = loop.now_ns() + kQuietNs;
      // The disk goes on with what waited while this batch is answered.
      node->batch_done(now(), batch.id);
      next_batch(false);
      api->handle(node::BatchCompleted{});
    } else if (absl::IsResourceExhausted(batch.status)) {
      room->lacked(batch.id, batch.status);
    } else {
      ++metrics.disk.failures;
      die("journal: a write failed, stopping before anything more is acknowledged",
          std::string(batch.status.message()));
    }
    if (!api->fatal().empty()) die("node: stopping", api->fatal());
  }
}

void App::Impl::next_batch(bool ahead) {
  if (disk->under_way() > 0) return;
  const log::Batch* batch = room->again();
  if (batch == nullptr) batch = node->next_batch(ahead);
  if (batch == nullptr) return;
  metrics.disk.operations += batch->operations.size();
  for (const log::Operation& operation : batch->operations) {
    if (const auto* write = std::get_if<log::WriteFile>(&operation)) {
      metrics.disk.bytes += write->bytes.size();
    }
  }
  disk->submit(*batch);
}

void App::Impl::end_turn(std::int64_t now_ns) {
  api->work();
  const std::int64_t mono_ms = now_ns / 1'000'000;
  if (node->next_wake_mono_ms() <= mono_ms) api->handle(node::Tick{});
  if (api->next_wake_mono_ms() <= mono_ms) api->tick(mono_ms);
  if (!node->alone()) api->handle(node::TurnEnd{});
  if (!api->fatal().empty()) die("node: stopping", api->fatal());
  const std::string damaged = damage->turn();
  if (!damaged.empty()) die("journal: damaged, stopping: a start fetches it from others", damaged);
  time_report.look(*node, logger);
  trainer->turn();
  snapshots->turn(now_ns, journal->stats().payload_bytes);
  if (stop_by_ns == 0 && !room->scarce()) {
    scrubber->turn(now_ns, compactor->under_way(), transfers.get());
  }
  compactor->turn(now_ns, snapshots->held());
  if (transfers != nullptr) transfers->turn(now_ns);
  if (give_up_at_ns <= now_ns) {
    give_up_at_ns = now_ns + kGiveUpNs;
    journal->recycle_below(node::first_segment_needed(*node, *journal, snapshots->held()));
  }
  if (stop_by_ns != 0) continue_stop(now_ns);
  if (mark_at_ns <= now_ns) {
    mark_at_ns = kNoDeadline;
    journal->mark_synced();
  }
  room->turn(now_ns);
  free_memory.turn(now_ns);
  next_batch(true);
}

std::int64_t App::Impl::deadline_ns() const {
  std::int64_t wake_ms = std::min(node->next_wake_mono_ms(), api->next_wake_mono_ms());
  std::int64_t wake = wake_ms > kNoDeadline / 1'000'000 ? kNoDeadline : wake_ms * 1'000'000;
  wake = std::min({wake, mark_at_ns, snapshots->deadline_ns(), room->deadline_ns(),
                   free_memory.deadline_ns(), scrubber->deadline_ns(loop.now_ns())});
  // While stopping, look again soon: connections end in their own time.
  if (stop_by_ns != 0) wake = std::min(wake, loop.now_ns() + 20'000'000);
  return wake;
}

void App::Impl::reload() {
  const std::optional<Config> config =
      read_config_again(options.config_file, environ, options.flags, options.loaded, logger);
  if (!config) return;
  logger.set_level(config->log.level);
  set_roles(*config);
  node->keep_closed(config->history.closed_ms);
  scrubber->set_pause(config->journal.scrub_pause_ms);
  logger.write(LogLevel::info, "reload: done");
}

void App::Impl::begin_stop() {
  if (stop_by_ns != 0) {
    loop.stop();
    return;
  }
  logger.write(LogLevel::info, "stopping");
  stop_by_ns = loop.now_ns() + kStopMs * 1'000'000;
  hand_over();
  http->drain();
  api->stop();
}

// Another box leads what this one does before it goes, so that nobody waits for an election.
void App::Impl::hand_over() {
  if (node->alone() || node->cluster()->linked.empty()) return;
  const std::set<NodeId> linked = node->cluster()->linked;
  auto next = linked.begin();
  for (std::size_t g = 0; g < node->group_count(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    if (!node->leads(group)) continue;
    api->handle(node::TransferGroup{group, *next});
    if (++next == linked.end()) next = linked.begin();
  }
}

// Once no connection is left: snapshots, then the mark that the tail was promised, then the end.
void App::Impl::continue_stop(std::int64_t now_ns) {
  if (!http->empty() && now_ns < stop_by_ns) {
    api->stop();  // also what was still arriving when the stop began is not to be waited for
    return;
  }
  if (!stop_snapshots_begun) {
    stop_snapshots_begun = true;
    snapshots->stop(now_ns, journal->stats().payload_bytes);
    journal->mark_synced();
  }
  if (snapshots->under_way() && now_ns < stop_by_ns) return;
  if (room->waits() && now_ns < stop_by_ns) return;
  if (!room->waits() && (journal->pending() || disk->under_way() > 0)) return;
  loop.stop();
}

}  // namespace pawl::daemon
