#include "tests/sim/storm.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "engine/waiting.h"
#include "log/names.h"
#include "tests/node/chronicle.h"
#include "tests/node/storm_flows.h"
#include "tests/sim/apart.h"
#include "tests/sim/fingerprint.h"
#include "tests/sim/linear.h"
#include "tests/sim/oracle.h"
#include "tests/sim/weather.h"

namespace pawl::sim {
namespace {

using node::Answer;
using node::Asking;
using node::RequestId;
using node::RunRef;

constexpr int kRunIds = 7;
constexpr std::int64_t kHealMsMax = 120'000;
constexpr std::size_t kPlacesMax = 20'000;  // that the search for an order may visit
constexpr int kBoxesMax = 7;                // that ever are
constexpr int kResetsBit = 30;              // of StormOptions::calm
constexpr char kQueue[] = "default";
constexpr node::FlowTimes kTimes = {1'500, 200, 8'000, 2'000, 20'000};

enum class Kind { start, add, outcome, deployment, other };

// Where a run was seen: versions of one id grow.
struct Version {
  Index run;
  Seq seq;
  friend auto operator<=>(const Version&, const Version&) = default;
};

// Something a client wants, over all its tries.
struct Want {
  Kind kind = Kind::other;
  std::int64_t number = 0;  // what the history is searched for
  std::string run_id;       // if it names one
  node::Operation operation;
  Asking asking;
  bool repeatable = false;  // a key or a token makes repeats safe
  bool replayed = false;    // the same key has the same answer, word for word
  int open = 0;             // tries under way
  bool acknowledged = false;
  bool in_doubt = false;               // a try may have taken effect unheard
  bool refused = false;                // the newest answer
  bool not_found = false;              // an answer was 404
  bool data_deleted = false;           // an answer showed that the run's data is deleted
  std::string body;                    // of the first acknowledgement that had the run's data
  std::optional<std::size_t> in_list;  // its place in the history of its list
};

bool deletes(const Want& wanted) {
  const auto* command = std::get_if<node::CommandRun>(&wanted.operation);
  return command != nullptr && std::holds_alternative<engine::DeleteData>(command->command);
}

bool unsettled(const Want& wanted) {
  return wanted.repeatable && wanted.in_doubt && !wanted.acknowledged && !wanted.refused;
}

// A try: where, and what anybody had been told of the run before it.
struct Try {
  std::size_t want = 0;
  Version floor;
  bool data_deleted = false;  // its request was known to be without data when it was asked again
};

FleetOptions fleet_of(std::uint64_t seed, const Weather& weather, Random* random) {
  FleetOptions options;
  static constexpr int kBoxes[] = {3, 3, 3, 3, 3, 2, 1, 4, 5, 5};
  options.boxes = kBoxes[random->below(10)];
  const double groups = random->unit();
  options.run_groups = static_cast<std::uint16_t>(groups < 0.7    ? random->between(1, 4)
                                                  : groups < 0.98 ? random->between(5, 16)
                                                                  : 64);
  options.seed = seed;
  Random other(~seed);
  if (other.chance(0.5)) options.keep_closed_ms = other.between(50, 5'000);
  options.loss = weather.loss;
  options.repeat = weather.repeat;
  options.delay_ms_max = 1 + static_cast<int>(weather.delay_ms);
  options.late = weather.late;
  options.late_ms_max = static_cast<int>(weather.late_ms);
  options.disk_ms_max = 1 + static_cast<int>(weather.disk_ms);
  options.cold_ms_max = static_cast<int>(weather.cold_ms);
  return options;
}

class Storm {
 public:
  explicit Storm(const StormOptions& options)
      : options_(options),
        random_(options.seed),
        scrubs_(options.seed ^ 0x5c0b),
        resets_(options.seed ^ 0x7e5e7),
        resets_runs_(resets_.chance(0.5) && (options.calm >> kResetsBit & 1) == 0),
        weather_(draw_weather(&random_, options.calm)),
        times_(node::with_history(kTimes, options.seed)),
        fleet_(fleet_of(options.seed, weather_, &random_)),
        oracle_(&fleet_, options.seed, 0.002) {
    heal_at_.resize(static_cast<std::size_t>(fleet_.size()) + 1);
    if (options.print) print_requests();
  }

  StormResult run() {
    result_.boxes = fleet_.size();
    try {
      begin();
      const std::int64_t until = fleet_.now_ms + options_.ms;
      while (fleet_.now_ms < until) turn();
      heal();
      judge();
      for (int b = 1; b <= fleet_.size(); ++b) result_.installed += fleet_.box(b).taken;
    } catch (const std::exception& broken) {
      result_.failure = absl::StrCat(broken.what(), " (at ", fleet_.now_ms, ")");
    }
    result_.trace = fingerprint(std::to_string(fleet_.trace()), result_.trace);
    result_.virtual_ms = fleet_.now_ms - kStartMs;
    return result_;
  }

 private:
  void print_requests();

  // --- faults ---
  void begin();
  void turn();
  void step();
  void faults_turn();
  bool happens(double per_second) { return per_second > 0 && random_.chance(per_second / 1000); }
  int some_box() { return static_cast<int>(random_.between(1, fleet_.size())); }
  void down(int b);
  void lose(int b);
  void damage(int b);
  bool mended(int b);
  void boot(int b);
  void partition(bool silent);
  void jump(int b);
  void transfer();
  void change_boxes();
  bool is_out(int b);
  void retire_removed();
  void write_snapshots(int b);
  void copy_turn();
  void choose_snapshots(int b);
  void give_up(int b);
  void scrub(int b);
  void archive(int b);
  std::string blob();

  // --- clients ---
  void clients_turn();
  void client();
  void start_something();
  void signal_something();
  void operate();
  void reset_something();
  void delete_one();
  void pause_queue();
  void read_something(const std::string& id);
  void repeat_something();
  void use_list();
  void want(Want wanted);
  void attempt(std::size_t index);
  int up_box();

  // --- workers ---
  void worker();
  void poll();
  void answer_task(std::size_t which);
  void report_both();

  // --- what comes back ---
  void heed();
  void heed(int b, const Answer& answer);
  void heed_want(std::size_t index, const Answer& answer, const Try& tried);
  void heed_poll(int b, const Answer& answer);
  void heed_read(int b, RequestId id);
  void seen(const std::string& id, const Version& version, const Version& floor, bool wrote,
            const std::string& what);

  // --- the end ---
  void heal();
  void nurse();
  std::string unrest();
  std::string opinions();
  std::string stuck_run(const engine::Run& run);
  void judge();
  void judge_history();
  static bool forgotten_since(const Want& wanted, const node::Chronicle& chronicle);
  void judge_counts(const node::Chronicle& chronicle);
  void judge_runs(const node::Chronicle& chronicle);
  void judge_lists();

  std::string flow(int deployed) const { return node::flow(times_, deployed); }
  std::string some_id() { return absl::StrCat("r", random_.below(kRunIds)); }
  template <class... Parts>
  void say(const Parts&... parts) {
    const std::string line = absl::StrCat(fleet_.now_ms, " ", parts...);
    result_.trace = fingerprint(line, result_.trace);
    if (options_.print) std::fprintf(stderr, "%s\n", line.c_str());
  }
  static void rule(bool holds, const std::string& otherwise) {
    if (!holds) throw std::runtime_error(otherwise);
  }

  using Asked = std::pair<int, RequestId>;  // box, its request
  const StormOptions options_;
  Random random_;
  Random scrubs_;  // when a pass goes on
  Random resets_;
  const bool resets_runs_;  // in half of the storms
  const Weather weather_;
  const node::FlowTimes times_;
  Fleet fleet_;
  Oracle oracle_;
  StormResult result_;
  bool calm_ = false;
  std::vector<std::int64_t> heal_at_;  // when a box that is down, frozen or stalled is well again
  std::int64_t network_heals_ms_ = 0;
  std::set<int> ups_;      // boxes whose clients may wait for an answer
  int damaged_ = 0;        // the box whose disk was damaged
  int lost_ = 0;           // the same if it can't come back: it never starts again
  std::set<int> retired_;  // were removed, or never came to be members: they do not start again
  // What each box has written of each group, the newest last.
  std::map<std::pair<int, GroupId>, std::vector<node::GroupSnapshot>> snapshots_;
  std::vector<std::vector<std::string>> archived_;  // by group: committed entries from index 1 on

  std::int64_t next_number_ = 1;
  std::vector<Want> wants_;
  std::map<Asked, Try> tries_;
  std::map<std::string, Version> told_;               // the newest that anybody was told, by run id
  std::map<std::string, std::set<Version>> deleted_;  // of those, the ones without their data
  struct Poll {
    std::string key;
    bool cancelled = false;
  };
  std::map<Asked, Poll> polls_;
  std::map<node::TaskRef, std::string> handed_;  // with the key of their poll
  std::vector<std::string> tokens_;              // workers hold them
  std::map<Asked, std::vector<std::size_t>> reports_;
  struct Read {
    std::string id;
    Version floor;
    std::int64_t begun = 0;
  };
  std::map<Asked, Read> reads_;
  std::set<Asked> queue_changes_;
  int deployments_ = 0;
  // Runs that clients use as lists only, and what they saw, by a clock that counts questions and
  // answers.
  std::map<std::string, std::vector<ListOperation>> lists_;
  std::int64_t clock_ = 0;
};

// What boxes ask of and answer one another for clients, to stderr.
void Storm::print_requests() {
  fleet_.tap = [next = fleet_.tap](int from, const node::OutgoingFrame& frame) {
    next(from, frame);
    node::ForwardedRequest request;
    node::ForwardedAnswer answer;
    if (frame.kind == codecs::FrameKind::kForwardedRequest && decode(frame.payload, &request)) {
      const std::uint64_t id = request.base + request.number;
      std::fprintf(stderr, "  box %d forwards %llx to %llu: group %u term %llu key %s\n", from,
                   static_cast<unsigned long long>(id), static_cast<unsigned long long>(frame.to.v),
                   request.group.v, static_cast<unsigned long long>(request.term.v),
                   request.request.key.c_str());
    } else if (frame.kind == codecs::FrameKind::kForwardedAnswer &&
               decode(frame.payload, &answer)) {
      std::fprintf(
          stderr, "  box %d answers %llx to %llu: term %llu %s %u %s\n", from,
          static_cast<unsigned long long>(answer.id), static_cast<unsigned long long>(frame.to.v),
          static_cast<unsigned long long>(answer.term.v), answer.not_leader ? "not leader" : "",
          answer.answer.status, answer.answer.body.substr(0, 120).c_str());
    }
  };
}

// --- faults ---

void Storm::begin() {
  if (weather_.drift_ppm > 0) {
    const auto most = static_cast<std::int64_t>(weather_.drift_ppm);
    for (int b = 1; b <= fleet_.size(); ++b) fleet_.drift(b, random_.between(-most, most));
  }
  fleet_.boot_all();
  for (int b = 1; b <= fleet_.size(); ++b) ups_.insert(b);
  rule(fleet_.run_until([&] { return fleet_.settled(); }, 60'000), "no leaders at the beginning");
  for (const std::string& text : {flow(0), node::again(kTimes)}) {
    for (int tries = 0;; ++tries) {
      const dsl::ParsedDefinition parsed = dsl::parse_definition(text);
      Asking asking;
      asking.key = asking.body = "deploy-" + parsed.definition->name;
      const int status =
          fleet_.ask(some_box(), node::DeployWorkflow{parsed.definition->name, text, true}, asking)
              .status;
      if (status < 300) break;
      rule(tries < 20 && (status == 503 || status == 504), "the deployment was refused");
    }
  }
  for (const char* list : {"list-0", "list-1"}) {
    int status = 503;
    for (int tries = 0; status >= 300 && tries < 20; ++tries) {
      status = fleet_.ask(some_box(), node::start_of(list, "flow", R"({"n": 0})")).status;
    }
    rule(status < 300, "a list could not be started");
    lists_[list];
  }
  for (int b = 1; b <= fleet_.size(); ++b) fleet_.box(b).unheeded.clear();
}

void Storm::step() {
  copy_turn();
  fleet_.step();
  // A disk that failed has ended the process.
  for (int b = 1; b <= fleet_.size(); ++b) {
    if (!fleet_.box(b).up() && ups_.contains(b)) lose(b);
  }
  oracle_.look();
  if (weather_.gives_up && fleet_.now_ms % 10 == 0) {
    for (const int b : ups_) archive(b);
  }
  heed();
}

void Storm::turn() {
  faults_turn();
  clients_turn();
  step();
}

void Storm::faults_turn() {
  for (int b = 1; b <= fleet_.size(); ++b) {
    std::int64_t& at = heal_at_[static_cast<std::size_t>(b)];
    if (at == 0 || at > fleet_.now_ms || b == lost_) continue;
    at = 0;
    fleet_.mend_disk(b);
    if (!fleet_.box(b).up()) boot(b);
    fleet_.freeze(b, false);
    fleet_.stall_disk(b, false);
  }
  if (network_heals_ms_ != 0 && network_heals_ms_ <= fleet_.now_ms) {
    network_heals_ms_ = 0;
    fleet_.heal();
    say("network heals");
  }
  if (happens(weather_.crashes)) down(some_box());
  if (happens(weather_.blackouts)) {
    say("blackout");
    for (int b = 1; b <= fleet_.size(); ++b) down(b);
  }
  if (const int b = some_box(); happens(weather_.kills) && fleet_.box(b).up()) {
    say("kill ", b);
    fleet_.kill(b);
    lose(b);
  }
  if (const int b = some_box(); happens(weather_.bad_syncs) && fleet_.box(b).up()) {
    fleet_.fail_disk(b, random_.below(4));
  }
  if (happens(weather_.cuts)) partition(/*silent=*/false);
  if (happens(weather_.mutes)) partition(/*silent=*/true);
  const auto well_again = [&](int b) {
    heal_at_[static_cast<std::size_t>(b)] = fleet_.now_ms + random_.between(20, 2'500);
  };
  if (const int b = some_box(); happens(weather_.freezes) && fleet_.box(b).up()) {
    say("freeze ", b);
    fleet_.freeze(b, true);
    well_again(b);
  }
  if (const int b = some_box(); happens(weather_.stalls) && fleet_.box(b).up()) {
    say("stall the disk of ", b);
    fleet_.stall_disk(b, true);
    well_again(b);
  }
  if (const int b = some_box(); happens(weather_.fills) && fleet_.box(b).up()) {
    say("little space at ", b);
    fleet_.fill_disk(b, random_.below(40'000));
    well_again(b);
  }
  if (happens(weather_.losses) && fleet_.size() >= 3 && damaged_ == 0) damage(some_box());
  if (happens(weather_.jumps)) jump(some_box());
  if (happens(weather_.transfers)) transfer();
  // A box that is alone stays alone.
  if (happens(weather_.changes) && result_.boxes > 1) change_boxes();
  const double writes = weather_.gives_up ? 0.02 : weather_.snapshots > 0 ? 0.002 : 0;
  if (writes > 0 && random_.chance(writes)) write_snapshots(some_box());
  if (weather_.gives_up && random_.chance(0.02)) give_up(some_box());
  if (weather_.gives_up && scrubs_.chance(0.01)) delete_one();
  if (weather_.gives_up && scrubs_.chance(0.1)) {
    scrub(1 + static_cast<int>(scrubs_.below(static_cast<std::uint64_t>(fleet_.size()))));
  }
  if (random_.chance(0.0005)) oracle_.look_at_disks();
}

// Power loss.
void Storm::down(int b) {
  node::Host& host = fleet_.box(b);
  if (!host.up()) return;
  say("crash ", b);
  heed();
  if (host.under_way() && random_.chance(0.6)) {
    host.crash_within_batch(random_.below(6));
  } else {
    fleet_.crash(b);
  }
  lose(b);
}

// The box is gone: whoever waited there gets no answer.
void Storm::lose(int b) {
  ++result_.crashes;
  ups_.erase(b);
  say("lost ", b);
  fleet_.freeze(b, false);
  fleet_.mend_disk(b);
  heal_at_[static_cast<std::size_t>(b)] = fleet_.now_ms + random_.between(10, 3'000);
  const auto in_doubt = [&](std::size_t index) {
    --wants_[index].open;
    wants_[index].in_doubt = true;
  };
  const auto here = [b](const auto& each) { return each.first.first == b; };
  for (const auto& [asked, tried] : tries_) {
    if (asked.first == b) in_doubt(tried.want);
  }
  for (const auto& [asked, parts] : reports_) {
    if (asked.first == b) std::for_each(parts.begin(), parts.end(), in_doubt);
  }
  std::erase_if(tries_, here);
  std::erase_if(reports_, here);
  std::erase_if(polls_, here);
  std::erase_if(reads_, here);
  std::erase_if(queue_changes_, [b](const Asked& asked) { return asked.first == b; });
}

// A bit flips on the disk, or a sector is written where it does not belong. What the journal still
// reads is what was written. The box comes back by itself, and what it lost is fetched from others;
// unless its vote may be lost, or the damage looks like a torn tail (guarantees.md): then it takes
// part no more.
void Storm::damage(int b) {
  down(b);
  node::Host& host = fleet_.box(b);
  if (random_.chance(0.3)) host.files.crash(&random_);
  say("the disk of ", b, " is damaged");
  damaged_ = lost_ = b;
  oracle_.give_up(b);
  log::MemoryFileSystem files = host.files.durable();
  log::JournalModel before, after;
  log::JournalOptions options = log::small_options();
  options.rebuilds = host.rebuilds;
  if (!log::Journal::open(files, options, before, nullptr).ok()) return;
  std::vector<std::string> paths = files.paths();
  const bool any = random_.chance(0.1);
  std::erase_if(paths, [any](const std::string& p) {
    const std::string name = p.substr(p.find('/') + 1);
    return !any && !log::parse_segment_name(name) && !log::parse_kept_name(name);
  });
  if (paths.empty()) return;
  const std::string path = paths[random_.below(paths.size())];
  std::string bytes = files.contents(path);
  constexpr std::size_t kSector = log::MemoryFileSystem::kSectorBytes;
  if (bytes.size() < 2 * kSector) return;
  // Mostly where there is something.
  const std::size_t used = std::max(2 * kSector, bytes.find_last_not_of('\0') + 1);
  const std::size_t within = random_.chance(0.9) ? std::min(used, bytes.size()) : bytes.size();
  if (random_.chance(0.5)) {
    bytes[random_.below(within)] ^= static_cast<char>(1 << random_.below(8));
  } else {
    const std::size_t sectors = within / kSector;
    const std::string moved = bytes.substr(random_.below(sectors) * kSector, kSector);
    bytes.replace(random_.below(sectors) * kSector, kSector, moved);
  }
  files.set_contents(path, bytes);
  const auto opened = log::Journal::open(files, options, after, nullptr);
  rule(opened.ok() || !opened.status().message().empty(),
       "a damaged disk is refused without a word");
  bool lacks = false;
  for (const auto& [group, held] : before.groups) {
    lacks = lacks || !(after.groups[group] == held);
  }
  for (const auto& [group, held] : after.groups) {
    for (const auto& [index, entry] : held.entries) {
      const auto& written = before.groups[group].entries;
      const auto at = written.find(index);
      rule(!opened.ok() || (at != written.end() && at->second == entry),
           "a damaged disk gives an entry that was never written");
    }
  }
  if (opened.ok() && lacks) return;  // taken for a torn tail
  host.files.set_contents(path, bytes);
  lost_ = 0;
  ++result_.damaged;
}

// What a start does about damage; false if the box can't come back.
bool Storm::mended(int b) {
  node::Host& host = fleet_.box(b);
  const std::vector<log::Rebuild> before = host.rebuilds;
  if (!host.mend()) {
    say("box ", b, " can't come back");
    lost_ = b;
    oracle_.give_up(b);
    return false;
  }
  if (host.rebuilds == before) return true;
  ++result_.rebuilt;
  for (const log::Rebuild& rebuild : host.rebuilds) {
    const log::Rebuild* known = log::rebuild_of(before, rebuild.group);
    if (known == nullptr || !(*known == rebuild)) snapshots_.erase({b, rebuild.group});
  }
  return true;
}

void Storm::boot(int b) {
  node::Host& host = fleet_.box(b);
  say("boot ", b);
  if (random_.chance(0.3)) host.files.crash(&random_);  // the machine was off meanwhile
  choose_snapshots(b);
  if (b == damaged_ && !mended(b)) return;
  fleet_.boot(b);
  ups_.insert(b);
}

void Storm::write_snapshots(int b) {
  if (!fleet_.box(b).up()) return;
  say("snapshots of ", b);
  for (std::uint16_t g = 0; g <= fleet_.options.run_groups; ++g) {
    node::Host& host = fleet_.box(b);
    if (host.node->group(GroupId(g)).applied().v == 0 || host.copies.contains(GroupId(g))) continue;
    host.copies.emplace(GroupId(g), node::Copying(host.node.get(), GroupId(g)));
  }
}

// Those that are being taken get on; whole ones are kept once this box's own disk is as far.
void Storm::copy_turn() {
  for (const int b : ups_) {
    node::Host& host = fleet_.box(b);
    for (auto at = host.copies.begin(); at != host.copies.end();) {
      auto& [group, copy] = *at;
      if (!random_.chance(0.2) || (!copy.done() && copy.go_on(1 + random_.below(3), 200)) ||
          host.node->group(group).raft().durable() < copy.whole().index) {
        ++at;
        continue;
      }
      if (weather_.gives_up) {
        host.keep_snapshot(copy.whole());
      } else {
        snapshots_[{b, group}].push_back(copy.whole());
      }
      at = host.copies.erase(at);
    }
  }
}

// Each group's newest snapshot that can be read, if it is to have one.
void Storm::choose_snapshots(int b) {
  if (weather_.gives_up) return;  // it has its newest ones, and nothing else stands in for them
  node::Host& host = fleet_.box(b);
  host.snapshots.clear();
  host.snapshot_places.clear();
  if (!random_.chance(weather_.snapshots)) return;
  for (std::uint16_t g = 0; g <= fleet_.options.run_groups; ++g) {
    const auto& written = snapshots_[{b, GroupId(g)}];
    node::GroupSnapshot chosen;
    if (!written.empty())
      chosen = written[random_.chance(0.8) ? written.size() - 1 : random_.below(written.size())];
    host.snapshots.push_back(chosen.bytes);
    host.snapshot_places.emplace_back(chosen.index, chosen.term);
  }
}

// At times the disk fails meanwhile, or the power goes.
void Storm::give_up(int b) {
  node::Host& host = fleet_.box(b);
  if (!host.up()) return;
  archive(b);
  if (random_.chance(0.3)) {
    const bool power = random_.chance(0.5);
    host.files.reset_operations();
    if (power) {
      host.files.stop_at(random_.below(12));
    } else {
      host.files.fail_operation(random_.below(12), absl::UnavailableError("made to fail"));
    }
    result_.compacted += static_cast<std::uint64_t>(host.compact());
    const bool stopped = host.files.stopped();
    host.files.stop_at(~std::uint64_t{0});
    fleet_.mend_disk(b);
    if (stopped) return down(b);
  } else if (random_.chance(0.5)) {
    result_.compacted += static_cast<std::uint64_t>(host.compact());
  }
  host.give_up_segments();
  result_.given_up = std::max(result_.given_up, host.journal->oldest_segment() - 1);
}

// A pass that takes deleted data off the disk goes on; at times the disk fails, or the power goes.
void Storm::scrub(int b) {
  node::Host& host = fleet_.box(b);
  if (!host.up()) return;
  archive(b);
  if (scrubs_.chance(0.1)) {
    host.files.reset_operations();
    host.files.stop_at(scrubs_.below(12));
  }
  result_.scrubbed += host.scrub() ? 1 : 0;
  const bool stopped = host.files.stopped();
  host.files.stop_at(~std::uint64_t{0});
  if (stopped) down(b);
}

// What is committed, before a box gives up what it has of it.
void Storm::archive(int b) {
  node::Host& host = fleet_.box(b);
  archived_.resize(fleet_.options.run_groups + std::size_t{1});
  for (std::uint16_t g = 0; g < archived_.size(); ++g) {
    const node::Group& group = host.node->group(GroupId(g));
    std::vector<std::string>& known = archived_[g];
    const Index last = std::min(group.applied(), group.raft().durable());
    if (last.v <= known.size() || group.raft().trail().floor().index.v > known.size()) continue;
    node::EntriesLoaded read =
        host.load(node::ReadEntries{GroupId(g), Index(known.size() + 1), last});
    std::move(read.payloads.begin(), read.payloads.end(), std::back_inserter(known));
  }
}

void Storm::partition(bool silent) {
  std::vector<bool> left;
  for (int b = 0; b <= fleet_.size(); ++b) left.push_back(random_.chance(0.5));
  const bool one_way = random_.chance(0.4);
  const bool single = random_.chance(0.3);
  const int from = some_box(), to = some_box();
  for (int a = 1; a <= fleet_.size(); ++a) {
    for (int b = 1; b <= fleet_.size(); ++b) {
      if (a == b) continue;
      const bool parted = single ? (a == from && b == to) || (!one_way && a == to && b == from)
                                 : left[static_cast<std::size_t>(a)] && (one_way || true) &&
                                       !left[static_cast<std::size_t>(b)];
      if (!parted) continue;
      if (silent) {
        fleet_.mute(a, b);
        if (!one_way) fleet_.mute(b, a);
      } else {
        fleet_.cut(a, b);
        if (!one_way) fleet_.cut(b, a);
      }
    }
  }
  say(silent ? "silence" : "partition", one_way ? " one way" : "");
  network_heals_ms_ = fleet_.now_ms + random_.between(20, 3'000);
}

void Storm::jump(int b) {
  node::Host& host = fleet_.box(b);
  const std::int64_t most = random_.chance(0.2) ? 3'600'000 : 2'000;
  host.now.wall_ms += random_.between(-most, most);
  host.now.wall_trusted = random_.chance(0.5);
  say("clock of ", b);
}

void Storm::transfer() {
  const GroupId group(static_cast<std::uint16_t>(random_.below(fleet_.options.run_groups + 1U)));
  const int from = fleet_.leader(group);
  const int to = some_box();
  if (from == 0 || from == to || fleet_.frozen(from)) return;
  say("transfer ", group.v, " to ", to);
  fleet_.transfer(group, from, to);
}

// A box comes, gets its vote or goes, if that is allowed: whoever is asked decides.
void Storm::change_boxes() {
  using What = node::ChangeBoxes::What;
  node::ChangeBoxes change{What::remove, NodeId(static_cast<std::uint64_t>(some_box())), "", false};
  const double what = random_.unit();
  if (what < 0.5 && fleet_.size() < kBoxesMax) {
    const int b = fleet_.add_box();
    heal_at_.push_back(0);
    boot(b);
    change = {What::add, NodeId(static_cast<std::uint64_t>(b)), "box:1", random_.chance(0.8)};
  } else if (what < 0.7) {
    change.what = What::promote;
  }
  say("change ", static_cast<int>(change.what), " of box ", change.box.v);
  Want wanted;
  wanted.operation = change;
  want(std::move(wanted));
}

// Nobody counts on the box: no group has it as a member, as far as the leaders know.
bool Storm::is_out(int b) {
  const NodeId id(static_cast<std::uint64_t>(b));
  for (std::uint16_t g = 0; g <= fleet_.options.run_groups; ++g) {
    const int leader = fleet_.leader(GroupId(g));
    if (leader == 0) return false;
    const raft::Membership& now = fleet_.box(leader).node->group(GroupId(g)).raft().membership();
    if (now.joint() || now.is_member(id)) return false;
  }
  const int zero = fleet_.leader(GroupId(0));
  const auto* row = fleet_.box(zero).node->definitions().catalog().roster().find(id);
  return row == nullptr ? b > result_.boxes : row->role == engine::BoxRole::removed;
}

void Storm::retire_removed() {
  for (int b = 1; b <= fleet_.size(); ++b) {
    if (retired_.contains(b) || !is_out(b)) continue;
    say("retire ", b);
    retired_.insert(b);
    down(b);
  }
}

// --- clients ---

int Storm::up_box() {
  std::vector<int> up;
  for (int b = 1; b <= fleet_.size(); ++b) {
    if (fleet_.box(b).up() && !fleet_.frozen(b)) up.push_back(b);
  }
  return up.empty() ? 0 : up[random_.below(up.size())];
}

void Storm::clients_turn() {
  if (up_box() == 0) return;
  int count = random_.chance(0.06) ? 1 : 0;
  if (happens(weather_.bursts)) count += static_cast<int>(random_.between(5, 30));
  for (int i = 0; i < count; ++i) client();
  if (random_.chance(0.04)) worker();
  if (resets_runs_ && resets_.chance(0.004)) reset_something();
}

void Storm::client() {
  const double what = random_.unit();
  if (random_.chance(0.12)) return use_list();
  if (random_.chance(weather_.operators)) return operate();
  if (random_.chance(weather_.pauses)) return pause_queue();
  if (what < 0.15) return start_something();
  if (what < 0.6) return signal_something();
  if (what < 0.75) return read_something(some_id());
  repeat_something();
}

void Storm::use_list() {
  const std::string id = random_.chance(0.7) ? "list-0" : "list-1";
  if (random_.chance(0.4)) return read_something(id);
  Want wanted;
  wanted.kind = Kind::add;
  wanted.number = next_number_++;
  wanted.run_id = id;
  wanted.in_list = lists_[id].size();
  lists_[id].push_back({++clock_, std::numeric_limits<std::int64_t>::max(), wanted.number, {}});
  wanted.operation = node::signal_of(id, "add", absl::StrCat(R"({"id": )", wanted.number, "}"));
  if (random_.chance(0.3)) {
    wanted.asking.key = wanted.asking.body = absl::StrCat("key-", wants_.size());
    wanted.repeatable = wanted.replayed = true;
  }
  want(std::move(wanted));
}

void Storm::want(Want wanted) {
  wants_.push_back(std::move(wanted));
  attempt(wants_.size() - 1);
}

void Storm::attempt(std::size_t index) {
  Want& wanted = wants_[index];
  const int b = up_box();
  if (b == 0) return;
  ++wanted.open;
  const Version floor = wanted.run_id.empty() ? Version{} : told_[wanted.run_id];
  const RequestId id = fleet_.request(b, wanted.operation, wanted.asking);
  tries_[{b, id}] = {index, floor, wants_[index].data_deleted};
  say("box ", b, " ask ", id.v, " for ", index, " ", wanted.run_id, " kind ",
      static_cast<int>(wanted.kind), " number ", wanted.number);
}

void Storm::start_something() {
  Want wanted;
  wanted.kind = Kind::start;
  wanted.number = next_number_++;
  wanted.repeatable = random_.chance(0.6);
  const bool named = !wanted.repeatable || random_.chance(0.7);
  if (deployments_ < 2 && random_.chance(0.05)) {
    wanted.kind = Kind::deployment;
    wanted.number = ++deployments_;
    wanted.repeatable = true;
    wanted.operation = node::DeployWorkflow{"flow", flow(deployments_), random_.chance(0.5)};
  } else {
    if (named) wanted.run_id = some_id();
    node::StartRun start = node::start_of(wanted.run_id, random_.chance(0.75) ? "flow" : "again",
                                          absl::StrCat(R"({"n": )", wanted.number, "}"));
    if (random_.chance(0.1)) {
      start.start_at =
          TimeMs(node::kEpochMs + fleet_.now_ms - kStartMs + random_.between(0, 2'000));
    }
    if (random_.chance(0.2) && start.workflow == "flow") start.version = 1;
    wanted.operation = std::move(start);
  }
  if (wanted.repeatable) {
    wanted.replayed = wanted.kind == Kind::start;
    wanted.asking.key = wanted.asking.body = absl::StrCat("key-", wants_.size());
  }
  if (random_.chance(0.2)) wanted.asking.deadline_ms = random_.between(50, 3'000);
  want(std::move(wanted));
}

void Storm::signal_something() {
  Want wanted;
  std::string name = "add";
  const double which = random_.unit();
  std::string payload = "null";
  if (which < 0.6) {
    wanted.kind = Kind::add;
    wanted.number = next_number_++;
    payload = absl::StrCat(R"({"id": )", wanted.number, "}");
  } else if (which < (weather_.gives_up ? 0.7 : 0.64)) {
    name = "blob";
    payload = R"({"text": ")" + blob() + R"("})";
  } else {
    name = which < 0.85 ? "work" : which < 0.92 ? "nap" : which < 0.96 ? "leave" : "stop";
  }
  wanted.run_id = some_id();
  node::CommandRun command = node::signal_of(wanted.run_id, name, payload);
  if (random_.chance(0.35)) {
    wanted.asking.key = wanted.asking.body = absl::StrCat("key-", wants_.size());
    wanted.repeatable = wanted.replayed = true;
  }
  if (random_.chance(0.2)) wanted.asking.deadline_ms = random_.between(50, 3'000);
  wanted.operation = std::move(command);
  want(std::move(wanted));
}

// Where segments are to be given up there must be some: text that no compression makes small.
std::string Storm::blob() {
  if (!weather_.gives_up) return std::string(5'000, 'b');
  std::string text(60'000, '\0');
  for (char& c : text) c = static_cast<char>('a' + random_.below(26));
  return text;
}

void Storm::operate() {
  Want wanted;
  engine::Command command = node::operator_command(&random_);
  wanted.run_id = some_id();
  wanted.operation = node::command_of(wanted.run_id, std::move(command));
  want(std::move(wanted));
}

// To any event of it, though most of them are within their entry and can't be gone back to.
void Storm::reset_something() {
  const std::string id = absl::StrCat("r", resets_.below(kRunIds));
  GroupId group;
  const engine::Run* run = fleet_.box(up_box()).node->find(RunRef{id, {}}, &group);
  if (run == nullptr) return;
  Want wanted;
  wanted.run_id = id;
  const Seq to(1 + resets_.below(run->seq.v));
  wanted.operation = node::command_of(id, engine::Reset{to, "storm", nullptr});
  if (resets_.chance(0.35)) {
    wanted.asking.key = wanted.asking.body = absl::StrCat("key-", wants_.size());
    wanted.repeatable = wanted.replayed = true;
  }
  want(std::move(wanted));
}

// Closed runs are few, and few of them are met by chance.
void Storm::delete_one() {
  const node::Host& host = fleet_.box(some_box());
  if (!host.up()) return;
  const node::Node& node = *host.node;
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
  wanted.run_id = closed[scrubs_.below(closed.size())];
  wanted.operation = node::command_of(wanted.run_id, engine::DeleteData{"storm"});
  want(std::move(wanted));
}

void Storm::pause_queue() {
  const int b = up_box();
  if (b == 0) return;
  const bool pause = !calm_ && random_.chance(0.4);
  say(pause ? "pause" : "resume", " the queue");
  queue_changes_.insert({b, pause ? fleet_.request(b, node::PauseQueue{kQueue, "storm"})
                                  : fleet_.request(b, node::ResumeQueue{kQueue, "over"})});
}

void Storm::read_something(const std::string& id) {
  const int b = up_box();
  if (b == 0) return;
  const RequestId read = fleet_.request(b, node::Barrier{RunRef{id, {}}});
  reads_[{b, read}] = {id, told_[id], ++clock_};
  say("box ", b, " read ", read.v, " of ", id);
  for (const node::ReadReady& ready : fleet_.box(b).outputs.reads) heed_read(b, ready.id);
}

void Storm::repeat_something() {
  if (wants_.empty()) return;
  const std::size_t index = random_.below(wants_.size());
  const Want& wanted = wants_[index];
  if (!wanted.repeatable || wanted.open > 1) return;
  if (wanted.refused && !wanted.acknowledged && !wanted.in_doubt) return;
  attempt(index);
}

// --- workers ---

void Storm::worker() {
  if (tokens_.size() >= 2 && random_.chance(0.1)) return report_both();
  if (!tokens_.empty() && random_.chance(0.6)) return answer_task(random_.below(tokens_.size()));
  poll();
}

void Storm::poll() {
  const int b = up_box();
  if (b == 0) return;
  Poll made;
  Asking asking;
  if (random_.chance(0.4)) asking.key = made.key = absl::StrCat("poll-", random_.below(5));
  const std::int64_t wait_ms = random_.chance(0.4) ? 0 : random_.between(100, 3'000);
  const auto max = static_cast<std::uint32_t>(random_.between(1, 4));
  const RequestId id = fleet_.request(b, node::poll_of(max, wait_ms, kQueue), asking);
  polls_[{b, id}] = made;
  say("box ", b, " poll ", id.v, " key ", made.key);
  if (random_.chance(weather_.lost_answer) && !fleet_.box(b).answered(id)) {
    polls_[{b, id}].cancelled = true;
    fleet_.give(b, node::Cancelled{id});
  }
}

void Storm::answer_task(std::size_t which) {
  const std::string token = tokens_[which];
  const int b = up_box();
  if (b == 0) return;
  if (random_.chance(0.25)) {
    node::HeartbeatTask heartbeat{token, std::nullopt};
    if (random_.chance(0.5)) heartbeat.details = dsl::Value::int64(next_number_++);
    fleet_.request(b, heartbeat);
    return;
  }
  const bool forgets = random_.chance(weather_.lazy_worker);
  if (forgets || !random_.chance(weather_.late_worker)) {
    tokens_.erase(tokens_.begin() + static_cast<std::ptrdiff_t>(which));
  }
  if (forgets) return;
  Want wanted;
  wanted.repeatable = true;
  if (random_.chance(weather_.failing)) {
    wanted.operation = node::fail_of(token, random_.chance(0.5) ? "broken" : "slow");
  } else {
    wanted.kind = Kind::outcome;
    wanted.number = next_number_++;
    wanted.operation = node::complete_of(token, absl::StrCat(R"({"m": )", wanted.number, "}"));
  }
  want(std::move(wanted));
}

void Storm::report_both() {
  const int b = up_box();
  if (b == 0) return;
  node::ReportTasks both;
  std::vector<std::size_t> parts;
  for (int i = 0; i < 2; ++i) {
    Want wanted;
    wanted.kind = Kind::outcome;
    wanted.number = next_number_++;
    wanted.repeatable = true;
    wanted.open = 1;
    const node::ReportTask report =
        node::complete_of(tokens_.back(), absl::StrCat(R"({"m": )", wanted.number, "}"));
    wanted.operation = report;
    both.items.push_back(report);
    tokens_.pop_back();
    parts.push_back(wants_.size());
    wants_.push_back(std::move(wanted));
  }
  const RequestId id = fleet_.request(b, both);
  say("box ", b, " reports ", id.v, " for ", parts[0], " and ", parts[1]);
  reports_[{b, id}] = parts;
}

// --- what comes back ---

void Storm::heed() {
  for (int b = 1; b <= fleet_.size(); ++b) {
    node::Host& host = fleet_.box(b);
    while (!host.unheeded.empty()) {
      for (const RequestId id : std::exchange(host.unheeded, {})) {
        const auto at = host.answers.find(id);
        if (at == host.answers.end()) continue;
        const Answer answer = std::move(at->second);
        at->second = Answer{};
        heed(b, answer);
      }
    }
    for (const RequestId id : std::exchange(host.reads, {})) heed_read(b, id);
  }
}

void Storm::heed(int b, const Answer& answer) {
  const Asked asked{b, answer.id};
  say("box ", b, " answer ", answer.id.v, " ", answer.status, " ", answer.body.size());
  rule(answer.status != 500, "a box could not read its journal: " + answer.body);
  if (const auto tried = tries_.find(asked); tried != tries_.end()) {
    const Try known = tried->second;
    tries_.erase(tried);
    heed_want(known.want, answer, known);
  } else if (const auto report = reports_.find(asked); report != reports_.end()) {
    const std::vector<std::size_t> parts = report->second;
    reports_.erase(report);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      Answer part = answer;
      if (answer.status == 200) {
        const dsl::Value body = node::json(answer.body);
        const dsl::Value& item = body.field("items")->as_list().at(i);
        part.status = static_cast<std::uint16_t>(item.field("status")->as_int());
      }
      heed_want(parts[i], part, Try{});
    }
  } else if (polls_.contains(asked)) {
    heed_poll(b, answer);
  } else if (const auto read = reads_.find(asked); read != reads_.end()) {
    rule(answer.status == 503 || answer.status == 504, "a read was refused: " + answer.body);
    reads_.erase(read);
  }
  queue_changes_.erase(asked);
}

void Storm::heed_want(std::size_t index, const Answer& answer, const Try& tried) {
  Want& wanted = wants_[index];
  --wanted.open;
  if (answer.status == 504) {
    ++result_.unknown;
    wanted.in_doubt = true;
    return;
  }
  wanted.refused = answer.status >= 300;
  if (wanted.refused) ++result_.refused;
  if (answer.status == 404) wanted.not_found = true;
  if (answer.body.find(R"("type":"run-unknown")") != std::string::npos && !wanted.run_id.empty()) {
    rule(tried.floor == Version{} || fleet_.options.keep_closed_ms,
         absl::StrCat("request ", index, " was told that there is no run ", wanted.run_id,
                      ", which others had seen"));
  }
  if (wanted.refused) return;
  rule(answer.body.find(R"("cold":true)") == std::string::npos, "a run was shown without values");
  const std::size_t dot = answer.etag.find('.');
  RunUid uid;
  const bool versioned =
      dot != std::string::npos && parse_run_uid(answer.etag.substr(0, dot), &uid);
  // The id's open run was shown to a start that found it there: nothing was started.
  const bool shown = wanted.kind == Kind::start && answer.status == 200;
  const bool first = !wanted.acknowledged;
  if (versioned && !wanted.run_id.empty()) {
    const Version version{uid.index, Seq(std::stoull(answer.etag.substr(dot + 1)))};
    const bool wrote = !shown && first && !wanted.in_doubt &&
                       !(deletes(wanted) && deleted_[wanted.run_id].contains(version));
    seen(wanted.run_id, version, tried.floor, wrote, absl::StrCat("the answer to request ", index));
    if (answer.body.find(R"("status":"data_deleted")") != std::string::npos) {
      deleted_[wanted.run_id].insert(version);
    }
  }
  if (shown) {
    wanted.refused = true;
    return;
  }
  if (first && wanted.in_list) lists_[wanted.run_id][*wanted.in_list].ended = ++clock_;
  wanted.acknowledged = true;
  ++result_.acknowledged;
  // An answer that was on its way while the data was deleted may come after one without data; a
  // request that is asked later never has data again.
  const bool deleted = answer.body.ends_with(R"("status":"data_deleted"})");
  if (!deleted && wanted.body.empty()) wanted.body = answer.body;
  if (wanted.replayed) {
    rule(deleted || answer.body == wanted.body,
         absl::StrCat("request ", index, " was repeated by its key and had another answer"));
    rule(deleted || !tried.data_deleted,
         absl::StrCat("request ", index, " shows data that was deleted before it was asked"));
  }
  wanted.data_deleted = wanted.data_deleted || deleted;
  if (!calm_ && !wanted.run_id.empty() && random_.chance(0.3)) read_something(wanted.run_id);
}

// Somebody is told of a version of a run: never of an older one than had been told before he asked,
// and of a newer one if he changed it.
void Storm::seen(const std::string& id, const Version& version, const Version& floor, bool wrote,
                 const std::string& what) {
  const bool newer = wrote ? version > floor : version >= floor;
  rule(newer, absl::StrCat(what, " shows ", id, " at ", version.run.v, ".", version.seq.v,
                           ", though ", floor.run.v, ".", floor.seq.v, " had been shown before"));
  told_[id] = std::max(told_[id], version);
}

void Storm::heed_poll(int b, const Answer& answer) {
  const Poll made = polls_.at({b, answer.id});
  polls_.erase({b, answer.id});
  rule(!made.cancelled, "a poll was answered whose client had gone");
  if (answer.status != 200) return;
  const bool lost = random_.chance(weather_.lost_answer) && !calm_;
  std::set<std::string> different(answer.tokens.begin(), answer.tokens.end());
  rule(different.size() == answer.tokens.size(), "a poll's answer has one task twice");
  for (const std::string& token : answer.tokens) {
    node::TaskRef task;
    rule(node::parse_token(token, &task), "a token can't be read");
    const auto known = handed_.find(task);
    rule(known == handed_.end() || (!made.key.empty() && known->second == made.key),
         "one attempt reached two workers: " + token);
    handed_[task] = made.key;
    ++result_.handed_out;
    say("box ", b, " hands out ", token);
    if (!lost) tokens_.push_back(token);
  }
  if (lost && fleet_.box(b).up()) fleet_.give(b, node::Undelivered{answer.tokens});
}

void Storm::heed_read(int b, RequestId id) {
  const auto asked = reads_.find({b, id});
  if (asked == reads_.end()) return;
  const Read read = asked->second;
  reads_.erase(asked);
  ++result_.reads;
  GroupId group;
  const engine::Run* run = fleet_.box(b).node->find(RunRef{read.id, {}}, &group);
  if (run == nullptr) {
    rule(read.floor == Version{} || fleet_.options.keep_closed_ms,
         absl::StrCat("a read at box ", b, " finds no run ", read.id, ", which others had seen"));
    return;
  }
  seen(read.id, {run->uid().index, run->seq}, read.floor, false,
       absl::StrCat("read ", id.v, " at box ", b));
  if (run->status == engine::RunStatus::data_deleted) {
    deleted_[read.id].insert(Version{run->uid().index, run->seq});
    return;
  }
  const auto list = lists_.find(read.id);
  if (list == lists_.end()) return;
  ListOperation saw{read.begun, ++clock_, 0, {}};
  for (const dsl::Value& n : run->variable(0, "log")->value.value.as_list()) {
    saw.sees.push_back(n.as_int());
  }
  list->second.push_back(std::move(saw));
}

// --- the end ---

void Storm::heal() {
  calm_ = true;
  say("heal");
  fleet_.options.loss = fleet_.options.repeat = fleet_.options.late = 0;
  fleet_.options.delay_ms_max = fleet_.options.disk_ms_max = 1;
  fleet_.heal();
  network_heals_ms_ = 0;
  for (int b = 1; b <= fleet_.size(); ++b) {
    heal_at_[static_cast<std::size_t>(b)] = 0;
    fleet_.stall_disk(b, false);
    fleet_.freeze(b, false);
    fleet_.drift(b, 0);
    fleet_.mend_disk(b);
    if (!fleet_.box(b).up() && b != lost_) boot(b);
  }
  oracle_.look_at_disks();
  const std::int64_t until = fleet_.now_ms + kHealMsMax;
  std::string open;
  for (;;) {
    retire_removed();
    nurse();
    for (int i = 0; i < 300; ++i) step();
    open = unrest();
    if (open.empty()) break;
    rule(fleet_.now_ms < until,
         "this did not end within the bounded time after the faults: " + open + opinions());
  }
  // Late packets still come, leases and polls still end. A request that is late may be one whose
  // box is gone: what it brings about is nursed too.
  for (int i = 0; i < 8'000; ++i) step();
  for (int i = 0; i < 40 && !(open = unrest()).empty(); ++i) {
    retire_removed();  // a change that was asked for late has gone through
    nurse();
    for (int ms = 0; ms < 300; ++ms) step();
  }
  rule(open.empty(), "after the end there was more: " + open + opinions());
  retire_removed();  // a removal was the last thing to happen
  // The last entry's commit is heard of a heartbeat later.
  for (int i = 0; i < 1'000 && !fleet_.differences().empty(); ++i) step();
  const std::string differences = fleet_.differences();
  rule(differences.empty(), "boxes differ in the end: " + differences + opinions());
}

void Storm::nurse() {
  for (std::size_t i = 0; i < wants_.size(); ++i) {
    if (wants_[i].open == 0 && unsettled(wants_[i])) attempt(i);
  }
  const int zero = fleet_.leader(GroupId(0));
  if (zero != 0 && fleet_.box(zero).node->definitions().catalog().is_paused(kQueue)) pause_queue();
  for (std::uint16_t g = 1; g <= fleet_.options.run_groups; ++g) {
    const int leader = fleet_.leader(GroupId(g));
    if (leader == 0) continue;
    std::vector<std::string> paused, failed;
    for (const auto& [index, run] : fleet_.box(leader).node->group(GroupId(g)).tables().runs()) {
      if (run->status == engine::RunStatus::paused) paused.push_back(run->id());
      if (!run->incidents.empty()) failed.push_back(run->id());
    }
    for (const std::string& id : paused) {
      fleet_.request(up_box(), node::command_of(id, engine::Resume{""}));
    }
    for (const std::string& id : failed) {
      fleet_.request(up_box(), node::command_of(id, engine::RetryIncident{std::nullopt, ""}));
    }
  }
  const int b = up_box();
  if (b == 0) return;
  polls_[{b, fleet_.request(b, node::poll_of(20, 100, kQueue))}] = Poll{};
  for (const std::string& token : std::exchange(tokens_, {})) {
    Want wanted;
    wanted.kind = Kind::outcome;
    wanted.number = next_number_++;
    wanted.repeatable = true;
    wanted.operation = node::complete_of(token, absl::StrCat(R"({"m": )", wanted.number, "}"));
    want(std::move(wanted));
  }
}

std::string Storm::stuck_run(const engine::Run& run) {
  const std::string name = absl::StrCat("run ", run.id(), " ", to_string(run.uid()));
  if (!run.steps.empty()) {
    return absl::StrCat(name, " has a task that is ", engine::to_string(run.steps[0]->status));
  }
  if (!run.incidents.empty()) return name + " has an incident";
  if (!run.timers.empty()) return name + " has a timer";
  if (!run.closed() && (run.status != engine::RunStatus::running || run.state() != "idle")) {
    return absl::StrCat(name, " is ", engine::to_string(run.status), " in ", run.state());
  }
  return "";
}

// Of each box that is up: each group's term, leader, last and committed index, and voters.
std::string Storm::opinions() {
  std::string text;
  for (int b = 1; b <= fleet_.size(); ++b) {
    if (!fleet_.box(b).up() || fleet_.box(b).node->alone()) continue;
    const node::Cluster& cluster = *fleet_.box(b).node->cluster();
    absl::StrAppend(&text, "\n  box ", b, ", peers");
    for (const NodeId peer : cluster.peers) {
      absl::StrAppend(&text, " ", peer.v, cluster.is_linked(peer) ? "" : " (down)");
    }
    absl::StrAppend(&text, "; roster");
    for (const auto& [box, row] : fleet_.box(b).node->definitions().catalog().roster().boxes()) {
      absl::StrAppend(&text, " ", box.v, " ", engine::to_string(row.role));
    }
    for (std::uint16_t g = 0; g <= fleet_.options.run_groups; ++g) {
      const raft::Raft& raft = fleet_.box(b).node->group(GroupId(g)).raft();
      absl::StrAppend(&text, "; group ", g, " ", raft::to_string(raft.role()), " term ",
                      raft.term().v, " leader ", raft.leader().v, " ", raft.commit().v, "/",
                      raft.last().index.v, " of");
      for (const NodeId voter : raft.membership().voters) absl::StrAppend(&text, " ", voter.v);
      for (const NodeId voter : raft.membership().outgoing) absl::StrAppend(&text, " -", voter.v);
      for (const NodeId learner : raft.membership().learners) {
        absl::StrAppend(&text, " (", learner.v, ")");
      }
      for (const raft::Progress& p : raft.state().peers) {
        absl::StrAppend(&text, " [", p.id.v, " ", raft::to_string(p.mode), " ", p.match.v, "]");
      }
    }
  }
  return text;
}

// What is open that would not wait for a client, or "".
std::string Storm::unrest() {
  if (!fleet_.settled()) return "a group has no leader that all know";
  if (!tries_.empty()) {
    const auto& [asked, tried] = *tries_.begin();
    return absl::StrCat("request ", asked.second.v, " of box ", asked.first, " has no answer");
  }
  if (!reports_.empty()) return "a report has no answer";
  if (!reads_.empty()) return "a read is not ready";
  if (!queue_changes_.empty()) return "a queue's change has no answer";
  for (std::uint16_t g = 0; g <= fleet_.options.run_groups; ++g) {
    const int leader = fleet_.leader(GroupId(g));
    const node::Group& group = fleet_.box(leader).node->group(GroupId(g));
    for (const auto& [index, run] : group.tables().runs()) {
      if (std::string stuck = stuck_run(*run); !stuck.empty()) return stuck;
    }
    if (!group.tables().channels().destinations().empty()) return "a message is not taken";
  }
  for (std::size_t i = 0; i < wants_.size(); ++i) {
    if (unsettled(wants_[i])) return absl::StrCat("request ", i, " is in doubt");
  }
  return "";
}

// As clients saw them, and by nothing else.
void Storm::judge_lists() {
  std::set<std::int64_t> refused;
  for (const Want& wanted : wants_) {
    if (wanted.in_list && !wanted.acknowledged && !wanted.in_doubt) refused.insert(wanted.number);
  }
  for (auto& [id, history] : lists_) {
    std::erase_if(history, [&](const ListOperation& o) { return refused.contains(o.appends); });
    rule(check_list(history, kPlacesMax) != Linearizable::no,
         "what clients saw of " + id + " is not linearizable");
  }
}

void Storm::judge() {
  judge_lists();
  judge_history();
  say("the last blackout");
  for (int b = 1; b <= fleet_.size(); ++b) {
    if (b == lost_ || retired_.contains(b)) continue;
    down(b);
    boot(b);
    heal_at_[static_cast<std::size_t>(b)] = 0;
  }
  bool settled = false;
  for (int i = 0; i < 20'000 && !settled; ++i) {
    if (i % 100 == 0) retire_removed();
    step();
    settled = fleet_.settled() && fleet_.differences().empty();
  }
  rule(settled, "no agreement after the last blackout");
  judge_history();
}

// The committed log of each group, read from one box's journal.
void Storm::judge_history() {
  std::vector<node::LoggedEntry> entries;
  const int b = up_box();
  for (std::uint16_t g = 0; g <= fleet_.options.run_groups; ++g) {
    const node::Group& group = fleet_.box(b).node->group(GroupId(g));
    const Index last = group.applied();
    std::vector<std::string> payloads;
    if (weather_.gives_up) {
      for (const int up : ups_) archive(up);
      payloads = archived_[g];
      rule(payloads.size() >= last.v, "a committed entry is nowhere");
      payloads.resize(last.v);
    } else {
      payloads = fleet_.box(b).load(node::ReadEntries{GroupId(g), Index(1), last}).payloads;
      rule(payloads.size() == last.v, "the journal lacks a committed entry");
    }
    for (std::size_t i = 0; i < payloads.size(); ++i) {
      const Index index(i + 1);
      entries.push_back({GroupId(g), oracle_.term_of(GroupId(g), index), index, payloads[i]});
    }
  }
  const node::Chronicle chronicle =
      node::read_chronicle(entries, node::kFlowAttempts, kTimes.nap_ms);
  result_.events = chronicle.events;
  rule(chronicle.problem.empty(), chronicle.problem);
  const std::optional<std::int64_t> keep_ms = fleet_.options.keep_closed_ms;
  rule(chronicle.kept_ms_min == INT64_MAX || (keep_ms && chronicle.kept_ms_min >= *keep_ms),
       "a run, or a generation, was forgotten too early");
  result_.forgotten = chronicle.forgotten.size();
  result_.continued = chronicle.continued;
  result_.resets = chronicle.resets;
  result_.generations_forgotten = chronicle.generations_forgotten;
  judge_counts(chronicle);
  judge_runs(chronicle);
}

// The outcome may be what closed its run, which was forgotten before the outcome was sent again:
// with it went what it remembered of its workers' answers.
bool Storm::forgotten_since(const Want& wanted, const node::Chronicle& chronicle) {
  const auto* report = std::get_if<node::ReportTask>(&wanted.operation);
  node::TaskRef task;
  return wanted.not_found && report != nullptr && node::parse_token(report->token, &task) &&
         chronicle.forgotten.contains(RunUid{task.group, task.run});
}

void Storm::judge_counts(const node::Chronicle& chronicle) {
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
    } else if (!wanted.in_doubt && !forgotten_since(wanted, chronicle)) {
      rule(count == 0, what + " but was refused");
    } else {
      rule(count <= 1, what);
    }
  }
  for (const auto& [task, key] : handed_) {
    rule(chronicle.handed_out.contains(task), "a worker has a token that the history lacks");
  }
}

// What the handlers made of the signals: each once, none missing.
void Storm::judge_runs(const node::Chronicle& chronicle) {
  const int b = up_box();
  for (const auto& [uid, adds] : chronicle.adds_of) {
    GroupId group;
    const engine::Run* run = fleet_.box(b).node->find(RunRef{"", uid}, &group);
    const bool forgotten = chronicle.forgotten.contains(uid);
    rule((run == nullptr) == forgotten, "a run of the history is not there, or still is");
    if (forgotten) continue;
    if (run->closed()) continue;
    std::set<std::int64_t> log;
    for (const dsl::Value& id : run->variable(0, "log")->value.value.as_list()) {
      rule(log.insert(id.as_int()).second, "a signal was handled twice");
    }
    std::string missing;
    for (const std::int64_t n : adds) {
      if (!log.contains(n)) absl::StrAppend(&missing, " ", n);
    }
    rule(log == adds, absl::StrCat("a signal that was received was not handled:", missing, ", run ",
                                   run->id(), " ", to_string(uid), " in ", run->state(), ", ",
                                   engine::to_string(run->status)));
  }
  for (const Want& wanted : wants_) {
    if (wanted.kind != Kind::deployment || !wanted.acknowledged) continue;
    const auto* flow = fleet_.box(b).node->definitions().catalog().find("flow");
    const std::string& text = std::get<node::DeployWorkflow>(wanted.operation).text;
    const auto same = [&](const engine::CatalogVersion& version) { return version.text == text; };
    rule(std::count_if(flow->versions.begin(), flow->versions.end(), same) == 1,
         "a deployment that was acknowledged is not there once");
  }
}

}  // namespace

StormResult run_storm(const StormOptions& options) { return Storm(options).run(); }

StormOptions shrink(StormOptions failing) {
  const auto fails = [](StormOptions tried) {
    tried.print = false;
    return !run_storm_apart(tried).failure.empty();
  };
  for (int bit = 0; bit <= kResetsBit; ++bit) {
    StormOptions tried = failing;
    tried.calm |= std::uint64_t{1} << bit;
    if (fails(tried)) failing = tried;
  }
  for (int ms = failing.ms / 2; ms >= 50; ms /= 2) {
    StormOptions tried = failing;
    tried.ms -= ms;
    if (tried.ms > 0 && fails(tried)) failing = tried;
  }
  return failing;
}

std::string command_of(const StormOptions& options) {
  std::string command = absl::StrCat("sim_storm --seed ", options.seed);
  if (options.calm != 0) absl::StrAppend(&command, " --calm ", options.calm);
  return absl::StrCat(command, " --ms ", options.ms, " --print");
}

}  // namespace pawl::sim
