#include "tests/node/storm.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "engine/residency.h"
#include "engine/waiting.h"
#include "node/needed.h"
#include "tests/log/journal_model.h"
#include "tests/node/chronicle.h"
#include "tests/node/host.h"
#include "tests/node/storm_flows.h"

namespace pawl::node {
namespace {

constexpr int kSteps = 260;
constexpr int kRunIds = 7;
constexpr int kHealRoundsMax = 120;      // then whatever is still open is stuck
constexpr std::int64_t kHealMs = 5'000;  // a round
constexpr std::int64_t kSettledMs = 120'000;
constexpr char kQueue[] = "default";

constexpr FlowTimes kTimes = {20'000, 1'000, 40'000, 6'000, 90'000, false};

// How hard what blows, a step. Each is off in half of the storms.
struct Weather {
  double crash = 0;
  double slow_disk = 0;    // a step passes without the disk's turn
  double lazy_worker = 0;  // a token is forgotten
  double late_worker = 0;  // it is kept for later, or answered again
  double failing = 0;      // outcomes that are failures
  double lost_answer = 0;  // a poll's answer does not arrive
  double slow_load = 0;
  double failed_load = 0;
  double pauses = 0;  // of runs and of the queue
  double long_wait = 0;
  double snapshots = 0;
  double operators = 0;   // cancel, terminate, retry
  bool gives_up = false;  // segments that nothing needs; then snapshots stand for them
};

Weather draw(Random* random) {
  Weather w;
  for (const auto& [strength, most] :
       {std::pair{&w.crash, 0.12}, std::pair{&w.slow_disk, 0.9}, std::pair{&w.lazy_worker, 0.4},
        std::pair{&w.late_worker, 0.5}, std::pair{&w.failing, 0.6}, std::pair{&w.lost_answer, 0.3},
        std::pair{&w.slow_load, 0.9}, std::pair{&w.failed_load, 0.5}, std::pair{&w.pauses, 0.08},
        std::pair{&w.long_wait, 0.15}, std::pair{&w.snapshots, 0.1},
        std::pair{&w.operators, 0.06}}) {
    if (random->chance(0.5)) *strength = random->unit() * most;
  }
  w.gives_up = random->chance(0.4);
  return w;
}

enum class Kind { start, add, outcome, deployment, other };

// Something a client wants, over all its tries.
struct Want {
  Kind kind = Kind::other;
  std::int64_t number = 0;  // what the journal is searched for
  Operation operation;
  Asking asking;
  bool repeatable = false;  // a key, a dedupe id or a token makes repeats safe
  bool replayed = false;    // the same key has the same answer, word for word
  int open = 0;             // tries under way
  bool acknowledged = false;
  bool in_doubt = false;  // a try may have taken effect unheard
  bool refused = false;   // the newest answer
  std::string body;       // of the first acknowledgement
};

// A repeat would tell.
bool unsettled(const Want& wanted) {
  return wanted.repeatable && wanted.in_doubt && !wanted.acknowledged && !wanted.refused;
}

class Storm {
 public:
  Storm(std::uint64_t seed, const StormBugs& bugs, bool print)
      : bugs_(bugs),
        print_(print),
        random_(seed),
        weather_(draw(&random_)),
        times_(with_history(kTimes, seed)),
        host_(with_rest({NodeId(1), {}, 2, seed})) {
    host_.planted.completes_before_disk = bugs.completes_before_disk;
    host_.planted.drops_syncs = bugs.drops_syncs;
    host_.planted.keeps_files = bugs.keeps_files;
    Random other(~seed);
    scrubs_ = Random(seed ^ 0x5c0b);
    if (other.chance(0.5)) keep_ms_ = other.between(100, 30'000);
    host_.keep_closed(keep_ms_);
  }

  StormResult run() {
    try {
      host_.boot();
      for (const std::string& text : {flow(0), again(kTimes)}) host_.deploy(text);
      heed();
      for (int i = 0; i < kSteps; ++i) step();
      heal();
      judge();
    } catch (const std::exception& broken) {
      result_.failure = broken.what();
    }
    return result_;
  }

 private:
  // --- the weather (this file) ---
  void step();
  void disk_turn();
  void time_turn();
  void crash_turn();
  void down();
  void come_up();
  void begin_snapshots();
  void snapshot_turn();
  void compact();
  void scrub();
  std::string blob();
  std::string spoilt(const GroupSnapshot& snapshot);
  void loads_turn(bool faults);

  // --- clients ---
  void client_turn();
  void start_something();
  void signal_something();
  void operate();
  void delete_one();
  void pause_queue();
  void read_something();
  void repeat_something();
  std::size_t want(Want wanted);
  void attempt(std::size_t index);

  // --- workers ---
  void worker_turn();
  void poll();
  void answer_task(std::size_t token);
  void report_both();

  // --- what comes back ---
  void heed();
  void heed_want(std::size_t index, const Answer& answer);
  void heed_poll(const Answer& answer);
  bool started_before_pause(const TaskRef& task) const;
  void heed_reads();
  void heed_read(RequestId id);
  void heed_queue(const Answer& answer);
  void check_envelope(const Answer& answer);

  // --- the end ---
  void heal();
  std::string unrest();
  void nurse();
  void judge();
  void judge_counts(const Chronicle& chronicle);
  void judge_runs(const Chronicle& chronicle);
  void judge_tables();

  std::string flow(int deployed) const { return node::flow(times_, deployed); }
  std::string some_id() {
    const std::int64_t n = random_.between(0, kRunIds - 1);
    return absl::StrCat("r", n);
  }
  template <class... Parts>
  void say(const Parts&... parts) {
    const std::string line = absl::StrCat(host_.now.mono_ms, " ", parts...);
    for (const char c : line) {
      result_.trace = (result_.trace ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
    }
    if (print_) std::fprintf(stderr, "%s\n", line.c_str());
  }
  static void rule(bool holds, const std::string& otherwise) {
    if (!holds) throw std::runtime_error(otherwise);
  }
  RequestId ask(const Operation& operation, const Asking& asking = {}) {
    const RequestId id = host_.ask(operation, asking);
    return id;
  }

  const StormBugs bugs_;
  const bool print_;
  Random random_;
  Random scrubs_{5};  // when a pass goes on
  const Weather weather_;
  const FlowTimes times_;
  Host host_;
  std::optional<std::int64_t> keep_ms_;  // closed runs are forgotten
  StormResult result_;
  std::int64_t next_number_ = 1;
  std::vector<Want> wants_;
  std::map<RequestId, std::size_t> tries_;  // under way
  std::vector<RunUid> uids_;
  struct Poll {
    std::string key;
    bool cancelled = false;
  };
  std::map<RequestId, Poll> polls_;
  std::map<TaskRef, std::string> handed_;  // with the key of their poll
  std::vector<std::string> tokens_;        // workers hold them
  std::vector<std::string> dead_;          // their workers are gone
  std::map<RequestId, std::vector<std::size_t>> reports_;
  std::map<RequestId, RunRef> reads_;
  std::optional<RequestId> queue_change_;
  bool queue_pausing_ = false;
  bool queue_paused_ = false;
  TimeMs queue_paused_at_;  // asked for
  int deployments_ = 0;
  bool load_failed_ = false;
  bool calm_ = false;  // the faults have stopped
};

// --- the weather ---

void Storm::step() {
  ++result_.steps;
  if (!host_.up()) {
    down();
    come_up();
    if (!host_.up()) return;
  }
  if (random_.chance(weather_.crash)) return crash_turn();
  if (random_.chance(0.75)) client_turn();
  if (random_.chance(0.5)) worker_turn();
  heed();
  if (!random_.chance(weather_.slow_disk)) disk_turn();
  if (host_.up() && !random_.chance(weather_.slow_load)) loads_turn(/*faults=*/true);
  if (host_.up() && random_.chance(0.4)) time_turn();
  if (host_.up() && random_.chance(weather_.snapshots)) begin_snapshots();
  if (host_.up()) snapshot_turn();
  if (host_.up() && weather_.gives_up && scrubs_.chance(0.05)) delete_one();
  heed();
}

// A batch begins, or one under way ends, or both.
void Storm::disk_turn() {
  if (host_.under_way()) host_.finish();
  heed();
  if (host_.up() && !host_.under_way()) host_.begin();
  if (host_.up() && host_.under_way() && random_.chance(0.5)) host_.finish();
}

void Storm::time_turn() {
  const bool far = random_.chance(weather_.long_wait);
  host_.stall(far ? random_.between(5'000, 45'000) : random_.between(1, 1'500));
  if (bugs_.hears_the_dead) {
    for (const auto* held : {&tokens_, &dead_}) {
      for (const std::string& token : *held) ask(HeartbeatTask{token, std::nullopt});
    }
  }
  host_.tick();
}

void Storm::crash_turn() {
  const double how = random_.unit();
  say("crash");
  ++result_.crashes;
  if (host_.under_way() && how < 0.5) {
    host_.crash_within_batch(random_.below(6));
  } else if (how < 0.8) {
    host_.crash();
  } else {
    host_.kill();
  }
  down();
}

// Whoever waited for an answer gets none.
void Storm::down() {
  heed();
  for (const auto& [id, index] : tries_) {
    --wants_[index].open;
    wants_[index].in_doubt = true;
  }
  tries_.clear();
  for (const auto& [id, parts] : reports_) {
    for (const std::size_t part : parts) {
      --wants_[part].open;
      wants_[part].in_doubt = true;
    }
  }
  reports_.clear();
  polls_.clear();
  reads_.clear();
  queue_change_.reset();
  if (queue_pausing_) queue_paused_ = false;  // unheard
  load_failed_ = false;
}

void Storm::come_up() {
  // Snapshots may be lost where the journal is whole.
  if (!weather_.gives_up && random_.chance(0.3)) {
    host_.snapshots.clear();
    host_.snapshot_places.clear();
  }
  if (!host_.snapshots.empty()) ++result_.snapshots_used;
  host_.stall(random_.between(10, 3'000));
  host_.boot(/*only_open=*/true);
  if (bugs_.compares_tables) judge_tables();
  if (random_.chance(0.7)) host_.drain();
}

void Storm::begin_snapshots() {
  for (std::uint16_t g = 0; g < host_.node->group_count(); ++g) {
    const GroupId group(g);
    if (!host_.copies.contains(group))
      host_.copies.emplace(group, Copying(host_.node.get(), group));
  }
}

// Those that are being taken get on, each for itself, and one that is whole takes its place.
void Storm::snapshot_turn() {
  for (auto at = host_.copies.begin(); at != host_.copies.end();) {
    const bool more =
        !random_.chance(0.7) || at->second.go_on(1 + random_.below(3), 1 + random_.below(400));
    if (more) {
      ++at;
      continue;
    }
    const GroupSnapshot& taken = at->second.whole();
    host_.snapshots.resize(host_.node->group_count());
    host_.snapshot_places.resize(host_.node->group_count());
    const bool spoils = bugs_.forgets_keys || bugs_.forgets_timers;
    host_.snapshots[taken.group.v] = spoils ? spoilt(taken) : taken.bytes;
    host_.snapshot_places[taken.group.v] = {taken.index, taken.term};
    const Index now = host_.node->group(taken.group).applied();
    result_.copied_under_change += now > taken.index ? 1 : 0;
    at = host_.copies.erase(at);
  }
  if (!weather_.gives_up || host_.snapshots.empty()) return;
  host_.give_up_segments();
  result_.most_given_up = std::max(result_.most_given_up, host_.journal->oldest_segment() - 1);
  if (random_.chance(0.1)) compact();
  if (host_.up() && scrubs_.chance(0.3)) scrub();
}

// At times the power goes meanwhile.
void Storm::compact() {
  if (random_.chance(0.8)) {
    result_.compacted += static_cast<std::uint64_t>(host_.compact());
    return;
  }
  host_.files.reset_operations();
  host_.files.stop_at(random_.below(12));
  host_.compact();
  const bool stopped = host_.files.stopped();
  host_.files.stop_at(~std::uint64_t{0});
  if (!stopped) return;
  ++result_.crashes_in_compaction;
  host_.crash();
  down();
}

// A pass goes on; at times the power goes meanwhile.
void Storm::scrub() {
  host_.files.reset_operations();
  if (scrubs_.chance(0.2)) host_.files.stop_at(scrubs_.below(12));
  result_.scrubbed += host_.scrub() ? 1 : 0;
  const bool stopped = host_.files.stopped();
  host_.files.stop_at(~std::uint64_t{0});
  if (!stopped) return;
  host_.crash();
  down();
}

// Where segments are to be given up there must be some: text that no compression makes small.
std::string Storm::blob() {
  if (!weather_.gives_up) return std::string(5'000, 'b');
  std::string text(40'000, '\0');
  for (char& c : text) c = static_cast<char>('a' + random_.below(26));
  return text;
}

// The snapshot with a part of it missing.
std::string Storm::spoilt(const GroupSnapshot& snapshot) {
  if (snapshot.group.v == 0) return snapshot.bytes;
  engine::Tables tables{snapshot.group};
  rule(engine::Tables::decode(snapshot.bytes, &tables), "a snapshot can't be read");
  if (bugs_.forgets_keys) tables.dedupe() = engine::Dedupe();
  if (bugs_.forgets_timers) {
    std::vector<Index> indexes;
    for (const auto& [index, run] : tables.runs()) indexes.push_back(index);
    for (const Index index : indexes) {
      auto run = std::make_shared<engine::Run>(*tables.find(index));
      run->timers.clear();
      tables.replace_values(index, std::move(run));
    }
  }
  std::string encoded;
  tables.encode(&encoded);
  return encoded;
}

void Storm::loads_turn(bool faults) {
  for (const LoadRun& wanted : std::exchange(host_.loads, {})) {
    if (faults && random_.chance(weather_.failed_load)) {
      ++result_.loads_failed;
      load_failed_ = true;
      host_.give(RunLoaded{wanted.group, wanted.run, nullptr, "made to fail"});
      continue;
    }
    ++result_.loads;
    RunLoaded loaded = host_.load(wanted);
    if (bugs_.loads_wrong_values) {
      for (engine::Frame& frame : loaded.run->frames) {
        for (engine::Variable& variable : frame.vars.edit()) {
          if (variable.name == "blob") variable.value.value = dsl::Value::string("another's");
        }
      }
    }
    host_.give(std::move(loaded));
    heed_reads();
  }
}

// --- clients ---

void Storm::client_turn() {
  const double what = random_.unit();
  if (random_.chance(weather_.operators)) return operate();
  if (random_.chance(weather_.pauses)) return pause_queue();
  if (what < 0.15) return start_something();
  if (what < 0.65) return signal_something();
  if (what < 0.75) return read_something();
  repeat_something();
}

std::size_t Storm::want(Want wanted) {
  wants_.push_back(std::move(wanted));
  attempt(wants_.size() - 1);
  return wants_.size() - 1;
}

void Storm::attempt(std::size_t index) {
  Want& wanted = wants_[index];
  ++wanted.open;
  const RequestId id = ask(wanted.operation, wanted.asking);
  tries_[id] = index;
  say("ask ", id.v, " for ", index);
  // The bug: what carries requests sends one again that it believes lost.
  if (bugs_.repeats_requests && !wanted.repeatable && random_.chance(0.2)) {
    ask(wanted.operation, wanted.asking);
  }
}

void Storm::start_something() {
  Want wanted;
  wanted.kind = Kind::start;
  wanted.number = next_number_++;
  wanted.repeatable = random_.chance(0.7);
  const bool named = !wanted.repeatable || random_.chance(0.6);
  if (deployments_ < 2 && random_.chance(0.05)) {
    wanted.kind = Kind::deployment;
    wanted.number = ++deployments_;
    wanted.repeatable = true;
    wanted.operation = DeployWorkflow{"flow", flow(deployments_), random_.chance(0.5)};
  } else {
    StartRun start = start_of(named ? some_id() : "", random_.chance(0.75) ? "flow" : "again",
                              absl::StrCat(R"({"n": )", wanted.number, "}"));
    if (random_.chance(0.1)) {
      start.start_at = TimeMs(host_.now.wall_ms + random_.between(-1'000, 20'000));
    }
    wanted.operation = std::move(start);
  }
  if (wanted.repeatable) {
    wanted.replayed = wanted.kind == Kind::start;
    wanted.asking.key = absl::StrCat("key-", wants_.size());
    wanted.asking.body = wanted.asking.key;
  }
  want(std::move(wanted));
}

void Storm::signal_something() {
  Want wanted;
  std::string name = "add";
  const double which = random_.unit();
  std::string payload = "null";
  if (which < 0.5) {
    wanted.kind = Kind::add;
    wanted.number = next_number_++;
    payload = absl::StrCat(R"({"id": )", wanted.number, "}");
  } else if (which < 0.56) {
    name = "blob";
    payload = R"({"text": ")" + blob() + R"("})";
  } else {
    name = which < 0.8 ? "work" : which < 0.9 ? "nap" : which < 0.95 ? "leave" : "stop";
  }
  CommandRun command = signal_of(some_id(), name, payload);
  if (!uids_.empty() && random_.chance(0.15)) {
    command.run = RunRef{"", uids_[random_.below(uids_.size())]};
  }
  const double safe = random_.unit();
  if (safe < 0.35) {
    wanted.asking.key = wanted.asking.body = absl::StrCat("key-", wants_.size());
    wanted.repeatable = wanted.replayed = true;
  } else if (safe < 0.6) {
    std::get<engine::Signal>(command.command).dedupe_id = absl::StrCat("id-", wants_.size());
    // By id the newest run is meant, which a repeat may find to be another.
    wanted.repeatable = command.run.uid.has_value();
  }
  wanted.operation = std::move(command);
  want(std::move(wanted));
}

void Storm::operate() {
  Want wanted;
  engine::Command command = operator_command(&random_);
  wanted.operation = command_of(some_id(), std::move(command));
  want(std::move(wanted));
}

// Closed runs are few, and few of them are met by chance.
void Storm::delete_one() {
  const Node& node = *host_.node;
  std::vector<std::string> closed;
  for (std::uint16_t g = 0; g < node.group_count(); ++g) {
    for (const auto& [version, runs] : node.group(GroupId(g)).tables().closed_by_version()) {
      for (const engine::ClosedRun& run : runs) {
        closed.push_back(node.group(GroupId(g)).tables().runs().id_of(run.run));
      }
    }
  }
  if (closed.empty()) return;
  Want wanted;
  wanted.operation = command_of(closed[scrubs_.below(closed.size())], engine::DeleteData{"storm"});
  want(std::move(wanted));
}

// One change at a time, so that it is known what the queue is.
void Storm::pause_queue() {
  if (queue_change_) return;
  const bool pause = !queue_paused_ && !calm_;
  queue_pausing_ = pause;
  if (!pause) queue_paused_ = false;
  queue_paused_at_ = TimeMs(host_.now.wall_ms);
  queue_change_ = pause ? ask(PauseQueue{kQueue, "storm"}) : ask(ResumeQueue{kQueue, "over"});
  say(pause ? "pause" : "resume", " the queue");
}

void Storm::read_something() {
  RunRef ref{some_id(), std::nullopt};
  if (!uids_.empty() && random_.chance(0.6)) ref = RunRef{"", uids_[random_.below(uids_.size())]};
  const RequestId id = ask(Barrier{ref});
  reads_[id] = ref;
  heed_reads();
}

void Storm::repeat_something() {
  if (wants_.empty()) return;
  const std::size_t index = random_.below(wants_.size());
  const Want& wanted = wants_[index];
  if (!wanted.repeatable || wanted.open > 1) return;
  // An old outcome may have been forgotten; an id that was taken may be free by now.
  if (wanted.refused && !wanted.acknowledged && !wanted.in_doubt) return;
  ++result_.repeats;
  attempt(index);
}

// --- workers ---

void Storm::worker_turn() {
  if (tokens_.size() >= 2 && random_.chance(0.1)) return report_both();
  if (!tokens_.empty() && random_.chance(0.6)) return answer_task(random_.below(tokens_.size()));
  poll();
}

void Storm::poll() {
  Poll made;
  Asking asking;
  if (random_.chance(0.4)) {
    asking.key = made.key = absl::StrCat("poll-", random_.below(5));
  }
  const std::int64_t wait_ms = random_.chance(0.5) ? 0 : random_.between(100, 20'000);
  const auto max = static_cast<std::uint32_t>(random_.between(1, 4));
  const RequestId id = ask(poll_of(max, wait_ms, kQueue), asking);
  polls_[id] = made;
  if (random_.chance(weather_.lost_answer) && !host_.answered(id)) {
    polls_[id].cancelled = true;
    host_.give(Cancelled{id});
  }
}

void Storm::answer_task(std::size_t which) {
  const std::string token = tokens_[which];
  if (random_.chance(0.25)) {
    HeartbeatTask heartbeat{token, std::nullopt};
    if (random_.chance(0.5)) heartbeat.details = dsl::Value::int64(next_number_++);
    ask(heartbeat);
    return;
  }
  const bool forgets = random_.chance(weather_.lazy_worker);
  if (forgets || !random_.chance(weather_.late_worker)) {
    tokens_.erase(tokens_.begin() + static_cast<std::ptrdiff_t>(which));
  }
  if (forgets) {
    dead_.push_back(token);
    return;
  }
  Want wanted;
  wanted.repeatable = true;
  if (random_.chance(weather_.failing)) {
    wanted.operation = fail_of(token, random_.chance(0.5) ? "broken" : "slow");
  } else {
    wanted.kind = Kind::outcome;
    wanted.number = next_number_++;
    wanted.operation = complete_of(token, absl::StrCat(R"({"m": )", wanted.number, "}"));
  }
  want(std::move(wanted));
}

void Storm::report_both() {
  ReportTasks both;
  std::vector<std::size_t> parts;
  for (int i = 0; i < 2; ++i) {
    Want wanted;
    wanted.kind = Kind::outcome;
    wanted.number = next_number_++;
    wanted.repeatable = true;
    wanted.open = 1;
    const ReportTask report =
        complete_of(tokens_.back(), absl::StrCat(R"({"m": )", wanted.number, "}"));
    wanted.operation = report;
    both.items.push_back(report);
    tokens_.pop_back();
    parts.push_back(wants_.size());
    wants_.push_back(std::move(wanted));
  }
  const RequestId id = ask(both);
  reports_[id] = parts;
}

// --- what comes back ---

void Storm::heed() {
  for (const RequestId id : std::exchange(host_.unheeded, {})) {
    const auto at = host_.answers.find(id);
    if (at == host_.answers.end()) continue;
    const Answer answer = std::move(at->second);
    at->second = Answer{};
    say("answer ", id.v, " ", answer.status, " ", answer.body.size());
    rule(answer.status != 500 || load_failed_, "500 though every run could be loaded");
    if (const auto tried = tries_.find(id); tried != tries_.end()) {
      const std::size_t index = tried->second;
      tries_.erase(tried);
      heed_want(index, answer);
    } else if (const auto report = reports_.find(id); report != reports_.end()) {
      const std::vector<std::size_t> parts = report->second;
      reports_.erase(report);
      const dsl::Value body = json(answer.body);
      for (std::size_t i = 0; i < parts.size(); ++i) {
        Answer part = answer;
        if (answer.status == 200) {
          const dsl::Value& item = body.field("items")->as_list().at(i);
          part.status = static_cast<std::uint16_t>(item.field("status")->as_int());
        }
        heed_want(parts[i], part);
      }
    } else if (polls_.contains(id)) {
      heed_poll(answer);
    } else if (queue_change_ == id) {
      heed_queue(answer);
    }
    reads_.erase(id);
  }
}

void Storm::heed_want(std::size_t index, const Answer& answer) {
  Want& wanted = wants_[index];
  --wanted.open;
  if (answer.status == 504) {
    wanted.in_doubt = true;
    return;
  }
  wanted.refused = answer.status >= 300;
  if (wanted.refused) return;
  const bool first = !wanted.acknowledged;
  // The id's open run was shown to a start that found it there: nothing was started.
  if (wanted.kind == Kind::start && answer.status == 200) {
    wanted.refused = true;
    check_envelope(answer);
    return;
  }
  wanted.acknowledged = true;
  ++result_.acknowledged;
  if (first) wanted.body = answer.body;
  if (wanted.replayed) {
    const bool deleted = answer.body.ends_with(R"("status":"data_deleted"})");
    rule(answer.body == wanted.body || deleted, "a request repeated by its key had another answer");
  }
  if (!first || wanted.kind == Kind::outcome || wanted.kind == Kind::deployment) return;
  check_envelope(answer);
  RunUid uid;
  const std::string etag = answer.etag.substr(0, answer.etag.find('.'));
  if (wanted.kind == Kind::start && parse_run_uid(etag, &uid)) uids_.push_back(uid);
}

// An answer shows the run whole, or without any values.
void Storm::check_envelope(const Answer& answer) {
  if (answer.body.size() < 3) return;  // of an outcome
  rule(answer.body.find(R"("cold":true)") == std::string::npos,
       "a run was shown without its values: " + answer.body);
}

void Storm::heed_poll(const Answer& answer) {
  const Poll made = polls_.at(answer.id);
  polls_.erase(answer.id);
  rule(!made.cancelled, "a poll was answered whose client had gone");
  if (answer.status != 200) return;
  const bool lost = random_.chance(weather_.lost_answer) && !calm_;
  for (const std::string& token : answer.tokens) {
    TaskRef task;
    rule(parse_token(token, &task), "a token can't be read");
    const auto known = handed_.find(task);
    const bool repeated = known != handed_.end();
    rule(!repeated || (!made.key.empty() && known->second == made.key),
         "one attempt reached two workers");
    rule(repeated || !queue_paused_ || started_before_pause(task),
         "a task of a paused queue was handed out");
    handed_[task] = made.key;
    ++result_.handed_out;
    if (!lost) tokens_.push_back(token);
  }
  if (lost && host_.up()) host_.give(Undelivered{answer.tokens});
}

// Handed out before the pause, in an answer that a crash lost: the poll was repeated by its key.
bool Storm::started_before_pause(const TaskRef& task) const {
  if (!host_.up()) return false;
  GroupId group;
  const engine::Run* run = host_.node->find(RunRef{"", RunUid{task.group, task.run}}, &group);
  const engine::Step* step = run == nullptr ? nullptr : run->step(task.step);
  return step != nullptr && !step->poll_key.empty() && step->started_at < queue_paused_at_;
}

// Within the very turn in which the node says that they are ready.
void Storm::heed_reads() {
  for (const ReadReady& ready : host_.outputs.reads) heed_read(ready.id);
}

// A run is read: it must be just what its history folds to.
void Storm::heed_read(RequestId id) {
  const RunRef ref = reads_.at(id);
  reads_.erase(id);
  GroupId group;
  const engine::Run* run = host_.node->find(ref, &group);
  if (run == nullptr) return;
  rule(!engine::is_cold(*run), "a cold run was to be read");
  const RunLoaded folded = host_.load(LoadRun{group, run->uid().index, run->last_entry});
  folded.run->first_entry = run->first_entry;  // of those that went before it tells nothing
  folded.run->older = run->older;
  rule(*run == *folded.run,
       "a run that was read differs from its history in " + first_difference(*run, *folded.run));
}

void Storm::heed_queue(const Answer& answer) {
  queue_change_.reset();
  if (queue_pausing_ && answer.status == 200) queue_paused_ = true;
}

// --- the end ---

// Clients and workers that mean well.
void Storm::nurse() {
  for (std::size_t i = 0; i < wants_.size(); ++i) {
    if (wants_[i].open == 0 && unsettled(wants_[i])) attempt(i);
  }
  if (!queue_change_ && host_.node->definitions().catalog().is_paused(kQueue)) pause_queue();
  for (std::uint16_t g = 1; g < host_.node->group_count(); ++g) {
    std::vector<std::string> paused, failed;
    for (const auto& [index, run] : host_.node->group(GroupId(g)).tables().runs()) {
      if (run->status == engine::RunStatus::paused) paused.push_back(run->id());
      if (!run->incidents.empty()) failed.push_back(run->id());
    }
    for (const std::string& id : paused) ask(command_of(id, engine::Resume{""}));
    for (const std::string& id : failed) {
      ask(command_of(id, engine::RetryIncident{std::nullopt, ""}));
    }
  }
  polls_[ask(poll_of(20, 0, kQueue))] = Poll{};
  host_.drain();
  heed();
  for (const std::string& token : std::exchange(tokens_, {})) {
    Want wanted;
    wanted.kind = Kind::outcome;
    wanted.number = next_number_++;
    wanted.repeatable = true;
    wanted.operation = complete_of(token, absl::StrCat(R"({"m": )", wanted.number, "}"));
    want(std::move(wanted));
  }
  host_.drain();
  heed();
}

// What is open that would not wait for a client, or "".
std::string Storm::unrest() {
  if (!tries_.empty()) return absl::StrCat("request ", tries_.begin()->first.v, " has no answer");
  if (!reports_.empty()) return "a report has no answer";
  if (!reads_.empty()) return "a read is not ready";
  if (queue_change_) return "a queue's change has no answer";
  if (!host_.loads.empty()) return "runs are loaded";
  for (std::uint16_t g = 1; g < host_.node->group_count(); ++g) {
    for (const auto& [index, run] : host_.node->group(GroupId(g)).tables().runs()) {
      const std::string name = absl::StrCat("run ", run->id(), " ", to_string(run->uid()));
      if (!run->steps.empty()) {
        return absl::StrCat(name, " has a task that is ", engine::to_string(run->steps[0]->status));
      }
      if (!run->incidents.empty()) return name + " has an incident";
      if (!run->timers.empty()) return name + " has a timer";
      if (!run->closed() && (run->status != engine::RunStatus::running || run->state() != "idle")) {
        return absl::StrCat(name, " is ", engine::to_string(run->status), " in ", run->state());
      }
    }
  }
  for (std::size_t i = 0; i < wants_.size(); ++i) {
    if (unsettled(wants_[i])) return absl::StrCat("request ", i, " is in doubt");
  }
  return "";
}

void Storm::heal() {
  calm_ = true;
  host_.planted.completes_before_disk = false;
  if (!host_.up()) {
    down();
    come_up();
  }
  host_.drain();
  heed();
  for (int round = 0; round < kHealRoundsMax; ++round) {
    if (!host_.up()) return;
    if (bugs_.hears_the_dead) {
      for (const std::string& token : dead_) ask(HeartbeatTask{token, std::nullopt});
    }
    loads_turn(/*faults=*/false);
    nurse();
    host_.advance(kHealMs);
    loads_turn(/*faults=*/false);
    host_.drain();
    heed();
    if (unrest().empty()) break;
  }
  const std::string open = unrest();
  rule(open.empty(), "this did not end within the bounded time after the faults: " + open);
  host_.advance(kSettledMs);
  loads_turn(/*faults=*/false);
  host_.drain();
  heed();
  rule(host_.node->next_wake_mono_ms() == INT64_MAX, "a timer, lease or poll was left behind");
}

void Storm::judge() {
  result_.leases_lost = host_.node->stats().leases_lost;
  const Chronicle chronicle = read_chronicle(host_.whole(), kFlowAttempts, kTimes.nap_ms);
  result_.events = chronicle.events;
  rule(chronicle.problem.empty(), chronicle.problem);
  rule(chronicle.kept_ms_min == INT64_MAX || (keep_ms_ && chronicle.kept_ms_min >= *keep_ms_),
       "a run, or a generation, was forgotten too early");
  result_.forgotten = chronicle.forgotten.size();
  result_.continued = chronicle.continued;
  result_.generations_forgotten = chronicle.generations_forgotten;
  judge_counts(chronicle);
  judge_runs(chronicle);
  const std::string audit = host_.audit();
  rule(audit.empty(), audit);
  if (bugs_.compares_tables) judge_tables();
  // Once more, from what the disk has for sure.
  host_.crash();
  host_.files = host_.whole();  // segments are back: what a mark said of them is no longer so
  host_.files.forget(absl::StrCat(log::kDirectory, "/scrubbed"));
  host_.snapshots.clear();
  host_.snapshot_places.clear();
  host_.boot();
  const Chronicle durable = read_chronicle(host_.whole(), kFlowAttempts, kTimes.nap_ms);
  rule(durable.problem.empty(), durable.problem);
  judge_counts(durable);
}

void Storm::judge_counts(const Chronicle& chronicle) {
  for (const Want& wanted : wants_) {
    const std::map<std::int64_t, int>* counts = wanted.kind == Kind::start     ? &chronicle.starts
                                                : wanted.kind == Kind::add     ? &chronicle.adds
                                                : wanted.kind == Kind::outcome ? &chronicle.outcomes
                                                                               : nullptr;
    if (counts == nullptr) continue;
    const auto at = counts->find(wanted.number);
    const int count = at == counts->end() ? 0 : at->second;
    const std::string what =
        absl::StrCat("request ", &wanted - wants_.data(), " took effect ", count, " times");
    if (wanted.acknowledged) {
      rule(count == 1, what + " but was acknowledged");
    } else if (!wanted.in_doubt) {
      rule(count == 0, what + " but was refused");
    } else {
      rule(count <= 1, what);
    }
  }
  for (const auto& [task, key] : handed_) {
    rule(chronicle.handed_out.contains(task), "a worker has a token that the journal lacks");
  }
}

// What the handlers made of the signals: each once, none missing.
void Storm::judge_runs(const Chronicle& chronicle) {
  for (const auto& [uid, adds] : chronicle.adds_of) {
    GroupId group;
    const engine::Run* run = host_.node->find(RunRef{"", uid}, &group);
    const bool forgotten = chronicle.forgotten.contains(uid);
    rule((run == nullptr) == forgotten, "a run of the journal is not there, or still is");
    if (forgotten) continue;
    if (run->closed()) continue;
    std::set<std::int64_t> log;
    for (const dsl::Value& id : run->variable(0, "log")->value.value.as_list()) {
      rule(log.insert(id.as_int()).second, "a signal was handled twice");
    }
    rule(log == adds, "a signal that was received was not handled");
  }
  for (const Want& wanted : wants_) {
    if (wanted.kind != Kind::deployment || !wanted.acknowledged) continue;
    const auto* flow = host_.node->definitions().catalog().find("flow");
    const std::string& text = std::get<DeployWorkflow>(wanted.operation).text;
    const auto same = [&](const engine::CatalogVersion& version) { return version.text == text; };
    rule(std::count_if(flow->versions.begin(), flow->versions.end(), same) == 1,
         "a deployment that was acknowledged is not there once");
  }
}

// What is cold is each box's own affair; all else must be equal.
std::string without_cold(const Node& node, GroupId group) {
  std::string encoded;
  node.group(group).tables().encode(&encoded);
  engine::Tables tables{group};
  if (!engine::Tables::decode(encoded, &tables)) throw std::runtime_error("tables are unreadable");
  std::vector<Index> large;
  for (const auto& [index, run] : tables.runs()) {
    if (run->closed() && run->state_bytes >= engine::kColdBytesMin) large.push_back(index);
  }
  for (const Index index : large) {
    tables.replace_values(index, engine::without_values(*tables.find(index)));
  }
  encoded.clear();
  tables.encode(&encoded);
  return encoded;
}

// All that is applied, folded again from the journal alone.
void Storm::judge_tables() {
  std::string error;
  const auto fresh = host_.replayed(&error);
  rule(fresh != nullptr, error);
  const engine::Catalog& live = host_.node->definitions().catalog();
  rule(live == fresh->definitions().catalog(), "the catalog is not what the journal folds to");
  for (std::uint16_t g = 0; g < host_.node->group_count(); ++g) {
    const std::string problem = host_.node->group(GroupId(g)).tables().check_invariants();
    rule(problem.empty(), problem);
    rule(without_cold(*host_.node, GroupId(g)) == without_cold(*fresh, GroupId(g)),
         absl::StrCat("the tables of group ", g, " are not what the journal folds to"));
  }
}

}  // namespace

StormResult run_storm(std::uint64_t seed, const StormBugs& bugs, bool print) {
  return Storm(seed, bugs, print).run();
}

}  // namespace pawl::node
