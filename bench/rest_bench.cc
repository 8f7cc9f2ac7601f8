// A box with many runs that wait, each with a payload and a timer: what they take of memory, how
// long the loop pauses for a snapshot of them, how long a start takes from that, and how long all
// their timers take that are due in the same second. In one process, without HTTP: the node, its
// journal on a real disk with the disk's own thread, and the cold thread.
//
//   rest_bench make DIRECTORY [RUNS [PAYLOAD_BYTES [words|random [STARTS_A_SECOND]]]]
//                                                                     starts them, takes snapshots
//   rest_bench wake DIRECTORY [RUNS]                                  starts anew, fires the timers
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "base/check.h"
#include "base/random.h"
#include "daemon/cold_thread.h"
#include "daemon/disk_thread.h"
#include "daemon/free_memory.h"
#include "daemon/opened_node.h"
#include "daemon/snapshot_keeper.h"
#include "log/posix_file_system.h"

// gperftools' interface in C; absent where another allocator is linked.
extern "C" {
[[gnu::weak]] int MallocExtension_GetNumericProperty(const char* property, std::size_t* value);
}

namespace {

using namespace pawl;

constexpr char kWorkflow[] = R"toml(
dsl = 1
name = "order"
start = "waiting"
[input]
number = "int"
text = "string"
[signal.paid]
[state.waiting]
after = [ { in = "1h", next = "expired" } ]
on.paid = { next = "done" }
[state.done]
end = "completed"
[state.expired]
end = "completed"
)toml";

double seconds() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

// Of this thread: what others on the machine do is not in it.
double cpu_seconds() {
  timespec at{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}

// Resident bytes of this process.
std::uint64_t resident() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t whole = 0, pages = 0;
  in >> whole >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// Bytes that were asked of the allocator and not given back.
double in_use() {
  std::size_t bytes = 0;
  if (MallocExtension_GetNumericProperty != nullptr) {
    MallocExtension_GetNumericProperty("generic.current_allocated_bytes", &bytes);
  }
  return static_cast<double>(bytes);
}

// Like orders: names and numbers, or no two letters that belong together.
std::string payload_text(Random* random, std::size_t bytes, bool words) {
  static constexpr const char* kWords[] = {"customer", "delivery",     "address",
                                           "pending",  "article",      "quantity",
                                           "invoice",  "Hauptstrasse", "express"};
  std::string text;
  while (text.size() < bytes) {
    if (words) {
      text += kWords[random->below(std::size(kWords))];
      text += "=" + std::to_string(random->below(100'000)) + "; ";
    } else {
      text.push_back(static_cast<char>('!' + random->below(90)));
    }
  }
  text.resize(bytes);
  return text;
}

struct Box {
  // "make" and "wake" are two lives: the clock goes on where the first one's may have ended.
  explicit Box(std::string where) : directory(std::move(where)) {
    options.directory = directory;
    options.store.run_groups = 8;
    options.store.id.fill(1);
    options.seed = 1;
  }
  void open() {
    options.now = now;
    auto result = daemon::open_node(files, options, logger);
    if (!result.ok()) {
      std::fprintf(stderr, "%s\n", std::string(result.status().message()).c_str());
      std::exit(1);
    }
    opened = std::move(*result);
    disk = std::make_unique<daemon::DiskThread>(
        [this](const log::Batch& batch) { return log::execute(files, batch); },
        daemon::DiskThread::Options{}, nullptr);
    while (!opened.node->ready()) batch();
    cold = std::make_unique<daemon::ColdThread>(nullptr);
    daemon::SnapshotKeeper::Options keep;
    keep.node = opened.node.get();
    keep.cold = cold.get();
    keep.files = &snapshot_files;
    keep.directory = directory;
    keep.store = options.store.id;
    keep.loaded = opened.snapshots;
    keeper = std::make_unique<daemon::SnapshotKeeper>(std::move(keep), &logger);
  }
  void close() {
    disk.reset();
    cold.reset();
    keeper.reset();
    opened.node.reset();
    opened.journal.reset();
  }
  void give(node::Input input) {
    outputs.clear();
    opened.node->handle(now, std::move(input), &outputs);
    if (!outputs.fatal.empty()) {
      std::fprintf(stderr, "%s\n", outputs.fatal.c_str());
      std::exit(1);
    }
    loads += outputs.loads.size();
  }
  // One batch from its beginning to its end. False if there was nothing to write.
  bool batch() {
    submit();
    return finish(true);
  }
  // Gives the disk what there is to write, if it has nothing to do.
  void submit() {
    if (disk->under_way() > 0) return;
    const log::Batch* next = opened.node->next_batch();
    if (next != nullptr) disk->submit(*next);
  }
  // What the disk has done is answered; it goes on with what waited meanwhile. False if it had
  // nothing done.
  bool finish(bool wait) {
    if (disk->under_way() == 0) return false;
    done.clear();
    if (!disk->take_done(&done)) {
      if (!wait) return false;
      disk->wait_done(&done);
    }
    for (const daemon::BatchDone& batch : done) {
      PAWL_CHECK(batch.status.ok());
      opened.node->batch_done(now, batch.id);
      submit();
      give(node::BatchCompleted{});
    }
    return true;
  }
  void ask(node::Operation operation) {
    node::Request request;
    request.id = node::RequestId(++requests);
    request.minted_key = "minted-" + std::to_string(requests);
    request.deadline_ms = now.mono_ms + 60'000;
    request.operation = std::move(operation);
    give(std::move(request));
  }
  // Time passes until nobody rests who could: as an idle box's does.
  void settle() {
    for (int i = 0; i < 400'000 && opened.node->next_wake_mono_ms() < now.mono_ms + 20'000; ++i) {
      pass(std::max<std::int64_t>(0, opened.node->next_wake_mono_ms() - now.mono_ms));
      give(node::Tick{});
      while (batch()) continue;
    }
    give_back_memory();
  }
  void give_back_memory() {
    std::int64_t next_ns = released_ns + 1'000'000'000;
    for (; next_ns != INT64_MAX; next_ns = free_memory.deadline_ns()) {
      const double begun = seconds();
      free_memory.turn(next_ns);
      released_ns = next_ns;
      longest_release = std::max(longest_release, seconds() - begun);
    }
  }
  void pass(std::int64_t ms) {
    now.mono_ms += ms;
    now.wall_ms += ms;
  }
  std::size_t awake() const {
    std::size_t awake = 0;
    for (std::uint16_t g = 1; g <= 8; ++g) {
      awake += opened.node->group(GroupId(g)).tables().runs().awake_count();
    }
    return awake;
  }
  std::uint64_t open_runs() const {
    std::uint64_t open = 0;
    for (std::uint16_t g = 1; g <= 8; ++g) {
      for (const auto& [version, n] : opened.node->group(GroupId(g)).tables().open_by_version()) {
        open += n;
      }
    }
    return open;
  }

  std::string directory;
  log::PosixFileSystem files, snapshot_files;
  std::unique_ptr<daemon::DiskThread> disk;
  std::vector<daemon::BatchDone> done;
  daemon::Logger logger{2, daemon::LogLevel::warning};
  daemon::OpenNodeOptions options;
  daemon::OpenedNode opened;
  std::unique_ptr<daemon::SnapshotKeeper> keeper;
  std::unique_ptr<daemon::ColdThread> cold;
  daemon::FreeMemory free_memory;
  std::int64_t released_ns = 0;
  double longest_release = 0;
  node::Outputs outputs;
  node::Now now{1'000'000, 1'767'225'600'000, true};
  std::uint64_t requests = 0, loads = 0;
};

void start_runs(Box* box, std::uint64_t runs, std::size_t bytes, bool words, std::int64_t rate) {
  Random random(1);
  const double begun = seconds();
  for (std::uint64_t n = 0; n < runs; ++n) {
    node::StartRun start;
    start.workflow = "order";
    start.id = "order-" + std::to_string(100'000'000 + n);
    start.input = dsl::Value::map(
        {{dsl::Value::string("number"), dsl::Value::int64(static_cast<std::int64_t>(n))},
         {dsl::Value::string("text"), dsl::Value::string(payload_text(&random, bytes, words))}});
    box->ask(std::move(start));
    if (n % 64 == 63) {
      while (box->batch()) continue;
      box->pass(std::max<std::int64_t>(1, 64'000 / rate));
    }
  }
  while (box->batch()) continue;
  std::printf("started %llu runs in %.1f s\n", static_cast<unsigned long long>(runs),
              seconds() - begun);
}

void take_snapshots(Box* box) {
  double longest = 0, longest_cpu = 0;
  const double whole = seconds();
  std::uint64_t turns = 0;
  box->keeper->stop(0, UINT64_MAX / 2);
  while (box->keeper->under_way()) {
    const double begun = seconds(), begun_cpu = cpu_seconds();
    box->cold->deliver();
    box->keeper->turn(0, UINT64_MAX / 2);
    longest = std::max(longest, seconds() - begun);
    longest_cpu = std::max(longest_cpu, cpu_seconds() - begun_cpu);
    ++turns;
    if (!box->keeper->under_way()) break;
    box->cold->wait();
  }
  std::printf("snapshots: %.2f s in %llu turns, longest turn %.2f ms, %.2f ms of the processor\n",
              seconds() - whole, static_cast<unsigned long long>(turns), longest * 1e3,
              longest_cpu * 1e3);
}

void fire_all(Box* box) {
  const std::uint64_t open = box->open_runs();
  box->pass(2 * 3'600'000);
  const double begun = seconds(), begun_cpu = cpu_seconds();
  double longest = 0;
  std::int64_t passed_ms = 0;
  while (box->open_runs() > 0) {
    const double turn = seconds();
    box->give(node::Tick{});
    longest = std::max(longest, seconds() - turn);
    box->submit();
    // While timers are due that nobody has decided, the disk is not waited for.
    const bool idle = box->opened.node->next_wake_mono_ms() > box->now.mono_ms;
    if (!box->finish(idle) && idle) box->pass(1);
    // The box's clock goes as fast as the wall's.
    for (; passed_ms < static_cast<std::int64_t>((seconds() - begun) * 1e3); ++passed_ms) {
      box->pass(1);
    }
    if (seconds() - begun > 300) break;
  }
  while (box->batch()) continue;
  std::printf(
      "timers: %llu of %llu fired and committed in %.1f s (%.1f s of the processor), longest turn "
      "%.2f ms, %llu loads asked for\n",
      static_cast<unsigned long long>(open - box->open_runs()),
      static_cast<unsigned long long>(open), seconds() - begun, cpu_seconds() - begun_cpu,
      longest * 1e3, static_cast<unsigned long long>(box->loads));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (argc < 3 || (what != "make" && what != "wake")) {
    std::fprintf(stderr,
                 "usage: rest_bench make|wake DIRECTORY [RUNS [BYTES [words|random [RATE]]]]\n");
    return 2;
  }
  const std::uint64_t runs = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1'000'000;
  const std::size_t bytes = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 200;
  const std::int64_t rate = argc > 6 ? std::max(1, std::atoi(argv[6])) : 10'000;
  const bool words = argc <= 5 || std::string(argv[5]) != "random";
  prepare_digests();
  Box box(argv[2]);
  const std::uint64_t before = resident();
  const auto report = [&](const char* when) {
    std::printf("%s: %.0f bytes resident a run (%.0f MB in all, %.0f MB in use), %zu runs awake\n",
                when, static_cast<double>(resident() - before) / static_cast<double>(runs),
                static_cast<double>(resident()) / 1e6, in_use() / 1e6, box.awake());
    std::fflush(stdout);
  };
  const double begun = seconds();
  box.open();
  if (what == "make") {
    box.ask(node::DeployWorkflow{"order", kWorkflow, true});
    while (box.batch()) continue;
    start_runs(&box, runs, bytes, words, rate);
    report("started");
    box.settle();
    report("at rest");
    take_snapshots(&box);
    report("after snapshots");
  } else {
    std::printf("restart: %.2f s, %d snapshots, %llu bytes of them, %llu entries in the journal\n",
                seconds() - begun, box.opened.snapshots.count,
                static_cast<unsigned long long>(box.opened.snapshots.bytes),
                static_cast<unsigned long long>(box.opened.report.entries));
    report("restarted");
    box.settle();
    report("at rest");
    fire_all(&box);
    report("fired");
    box.settle();
    report("at rest");
    std::printf("longest pause to give back memory: %.2f ms\n", box.longest_release * 1e3);
  }
  box.close();
  return 0;
}
