#include "tests/sim/fleet.h"

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "base/check.h"
#include "engine/residency.h"
#include "tests/sim/fingerprint.h"

namespace pawl::sim {
namespace {

void require(bool holds, const std::string& otherwise) {
  if (!holds) throw std::runtime_error(otherwise);
}

NodeId id_of(int b) { return NodeId(static_cast<std::uint64_t>(b)); }

}  // namespace

std::string tables_of(const node::Group& group) {
  std::string bytes;
  group.tables().encode(&bytes);
  std::vector<std::pair<Index, std::shared_ptr<engine::Run>>> cold;
  for (const auto& [index, run] : group.tables().runs()) {
    if (!run->closed() || run->state_bytes < engine::kColdBytesMin || engine::is_cold(*run))
      continue;
    cold.emplace_back(index, engine::without_values(*run));
  }
  if (cold.empty()) return bytes;
  engine::Tables without(group.id());
  PAWL_CHECK(engine::Tables::decode(bytes, &without));
  for (auto& [index, run] : cold) without.replace_values(index, std::move(run));
  bytes.clear();
  without.encode(&bytes);
  return bytes;
}

Fleet::Fleet(const FleetOptions& fleet) : options(fleet), now_ms(kStartMs), chance_(fleet.seed) {
  for (int b = 1; b <= fleet.boxes; ++b) founders_.push_back(id_of(b));
  for (int b = 1; b <= fleet.boxes; ++b) boxes_.push_back(make_box(b, founders_));
  faults_.resize(boxes_.size());
}

std::unique_ptr<node::Host> Fleet::make_box(int b, const std::vector<NodeId>& founders) {
  node::NodeOptions made;
  made.self = id_of(b);
  made.founders = founders;
  made.run_groups = options.run_groups;
  made.keep_closed_ms = options.keep_closed_ms;
  made.seed = options.seed * 100 + static_cast<std::uint64_t>(b);
  for (unsigned char& byte : made.store) byte = static_cast<unsigned char>(stores_.next());
  auto host = std::make_unique<node::Host>(node::with_rest(made));
  host->now = {now_ms, node::kEpochMs + now_ms - kStartMs, true};
  return host;
}

int Fleet::add_box(std::vector<NodeId> founders) {
  boxes_.push_back(make_box(size() + 1, founders.empty() ? founders_ : founders));
  faults_.resize(boxes_.size());
  return size();
}

void Fleet::wipe(int b) { boxes_[static_cast<std::size_t>(b - 1)] = make_box(b, founders_); }

void Fleet::boot(int b) {
  node::Host& host = box(b);
  host.boot(true);
  Faults fresh;
  fresh.drift_ppm = faults(b).drift_ppm;
  fresh.boots = faults(b).boots + 1;
  faults(b) = fresh;
  collect(b);
}

void Fleet::boot_all() {
  for (int b = 1; b <= size(); ++b) boot(b);
}

void Fleet::crash(int b) { box(b).crash(); }

void Fleet::kill(int b) { box(b).kill(); }

void Fleet::cut(int from, int to, bool is_cut) {
  if (is_cut) {
    cuts_.insert({from, to});
  } else {
    cuts_.erase({from, to});
  }
}

void Fleet::cut_off(int b) {
  for (int other = 1; other <= size(); ++other) {
    if (other == b) continue;
    cut(b, other);
    cut(other, b);
  }
}

void Fleet::heal() {
  cuts_.clear();
  mutes_.clear();
}

void Fleet::stall_disk(int b, bool stalled) { faults(b).disk_stalled = stalled; }

void Fleet::fail_disk(int b, std::uint64_t n) {
  log::MemoryFileSystem& files = box(b).files;
  files.fail_operation(files.operations() + n, absl::InternalError("made to fail"));
}

void Fleet::fill_disk(int b, std::uint64_t bytes_left) {
  log::MemoryFileSystem& files = box(b).files;
  files.set_capacity(files.used_bytes() + bytes_left);
}

void Fleet::mend_disk(int b) {
  box(b).files.fail_operation(~std::uint64_t{0}, absl::OkStatus());
  box(b).files.set_capacity(log::MemoryFileSystem::kCapacityBytes);
}

void Fleet::freeze(int b, bool is_frozen) {
  faults(b).frozen = is_frozen;
  if (is_frozen) return;
  for (const Packet& packet : std::exchange(faults(b).inbox, {})) {
    if (box(b).up()) arrive(packet);
  }
}

// It would connect to it, and let it connect.
bool Fleet::knows(int a, int b) {
  const auto& peers = box(a).node->cluster()->peers;
  return std::binary_search(peers.begin(), peers.end(), id_of(b));
}

bool Fleet::reachable(int a, int b) {
  return box(a).up() && box(b).up() && knows(a, b) && knows(b, a) && !cuts_.contains({a, b}) &&
         !cuts_.contains({b, a});
}

// A link is up while both ends are and nothing between them is cut, as a connection would be.
void Fleet::update_links() {
  for (int a = 1; a <= size(); ++a) {
    for (int b = 1; b <= size(); ++b) {
      if (a == b || !box(a).up() || frozen(a)) continue;
      const bool up = reachable(a, b);
      const bool was = box(a).node->cluster()->is_linked(id_of(b));
      if (up != was) {
        box(a).give(node::PeerLink{id_of(b), up});
        collect(a);
      }
    }
  }
}

// Puts what a box has to send on the network.
void Fleet::collect(int b) {
  for (node::OutgoingFrame& frame : std::exchange(box(b).frames, {})) {
    const int to = static_cast<int>(frame.to.v);
    if (tap) tap(b, frame);
    if (filter && !filter(b, frame)) continue;
    if (cuts_.contains({b, to}) || mutes_.contains({b, to}) || chance_.chance(options.loss)) {
      continue;
    }
    Packet packet{b, to, frame.kind, std::move(frame.payload)};
    const int copies = chance_.chance(options.repeat) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      const bool late = options.late > 0 && chance_.chance(options.late);
      const int most = late ? options.late_ms_max : options.delay_ms_max;
      const auto delay =
          static_cast<std::int64_t>(chance_.below(static_cast<std::uint64_t>(most) + 1));
      packets_.emplace(now_ms + delay, packet);
    }
  }
  const auto later = [&] {
    return now_ms + static_cast<std::int64_t>(
                        chance_.below(static_cast<std::uint64_t>(options.cold_ms_max) + 1));
  };
  for (const node::ReadEntries& wanted : std::exchange(box(b).entry_reads, {})) {
    cold_.emplace(later(), ColdRead{b, faults(b).boots, wanted});
  }
  for (node::SnapshotWork& work : std::exchange(box(b).snapshot_work, {})) {
    cold_.emplace(later(), ColdRead{b, faults(b).boots, std::move(work)});
  }
  for (const node::LoadRun& wanted : std::exchange(box(b).loads, {})) {
    cold_.emplace(later(), ColdRead{b, faults(b).boots, wanted});
  }
}

void Fleet::give(int b, node::Input input) {
  box(b).give(std::move(input));
  collect(b);
}

node::RequestId Fleet::request(int b, node::Operation operation, const node::Asking& asking) {
  const node::RequestId id = box(b).ask(std::move(operation), asking);
  collect(b);
  return id;
}

void Fleet::deliver() {
  while (!packets_.empty() && packets_.begin()->first <= now_ms) {
    const Packet packet = std::move(packets_.begin()->second);
    packets_.erase(packets_.begin());
    if (!box(packet.to).up() || cuts_.contains({packet.from, packet.to})) continue;
    if (faults(packet.to).frozen) {
      faults(packet.to).inbox.push_back(packet);
    } else {
      arrive(packet);
    }
  }
}

void Fleet::arrive(const Packet& packet) {
  trace_ = fingerprint(packet.payload, trace_);
  give(packet.to, node::PeerFrame{id_of(packet.from), packet.kind, packet.payload});
}

// What the cold threads have read by now.
void Fleet::read_cold(int b) {
  for (auto it = cold_.begin(); it != cold_.end() && it->first <= now_ms;) {
    if (it->second.box != b) {
      ++it;
      continue;
    }
    const ColdRead read = it->second;
    it = cold_.erase(it);
    if (read.boot != faults(b).boots) continue;
    node::Host& host = box(b);
    if (const auto* work = std::get_if<node::SnapshotWork>(&read.wanted)) {
      host.give(host.carry_out(*work));
    } else if (const auto* run = std::get_if<node::LoadRun>(&read.wanted)) {
      host.give(host.load(*run));
    } else {
      host.give(host.load(std::get<node::ReadEntries>(read.wanted)));
    }
  }
}

void Fleet::disk_turn(int b) {
  node::Host& host = box(b);
  Faults& f = faults(b);
  bool begun = false;
  if (host.under_way() && f.disk_done_ms <= now_ms && !f.disk_stalled) {
    if (!host.finish_or_end()) return;
    begun = host.under_way();  // what had queued meanwhile
  }
  host.see_to_room();
  if (begun || host.begin()) {
    f.disk_done_ms =
        now_ms + 1 +
        static_cast<std::int64_t>(chance_.below(static_cast<std::uint64_t>(options.disk_ms_max)));
  }
}

void Fleet::transfer(GroupId group, int from, int to) {
  give(from, node::TransferGroup{group, id_of(to)});
}

// A millisecond, as the box counts it.
void Fleet::clock_turn(int b) {
  Faults& f = faults(b);
  f.drift_rest += 1'000'000 + f.drift_ppm;
  const std::int64_t elapsed = f.drift_rest / 1'000'000;
  f.drift_rest -= elapsed * 1'000'000;
  box(b).now.mono_ms += elapsed;
  box(b).now.wall_ms += elapsed;
}

void Fleet::step() {
  update_links();
  deliver();
  for (int b = 1; b <= size(); ++b) {
    node::Host& host = box(b);
    if (!host.up() || frozen(b)) continue;
    if (host.node->next_wake_mono_ms() <= host.now.mono_ms) host.tick();
    disk_turn(b);
    if (!host.up()) continue;
    read_cold(b);
    host.give(node::TurnEnd{});
    collect(b);
  }
  deliver();
  ++now_ms;
  for (int b = 1; b <= size(); ++b) clock_turn(b);
  if (now_ms % 1000 == 0) tell_round_trips();
}

void Fleet::tell_round_trips() {
  for (int b = 1; b <= size(); ++b) {
    if (!box(b).up() || frozen(b)) continue;
    for (int peer = 1; peer <= size(); ++peer) {
      if (peer == b || !reachable(b, peer)) continue;
      give(b, node::RoundTrip{id_of(peer), 2'000 * std::int64_t{options.delay_ms_max}});
    }
  }
}

void Fleet::run(std::int64_t ms) {
  for (std::int64_t until = now_ms + ms; now_ms < until;) step();
}

bool Fleet::run_until(const std::function<bool()>& holds, std::int64_t ms_max) {
  for (std::int64_t until = now_ms + ms_max; now_ms < until;) {
    if (holds()) return true;
    step();
  }
  return holds();
}

int Fleet::leader(GroupId group) {
  for (int b = 1; b <= size(); ++b) {
    if (box(b).up() && box(b).node->leads(group)) return b;
  }
  return 0;
}

bool Fleet::settled() {
  for (std::uint16_t g = 0; g <= options.run_groups; ++g) {
    const int leads = leader(GroupId(g));
    if (leads == 0) return false;
    for (int b = 1; b <= size(); ++b) {
      if (!box(b).up()) continue;
      const node::Group& group = box(b).node->group(GroupId(g));
      if (group.raft().leader() != id_of(leads) || !group.whole()) return false;
    }
  }
  return true;
}

const node::Answer& Fleet::ask(int b, node::Operation operation, const node::Asking& asking) {
  const node::RequestId id = request(b, std::move(operation), asking);
  require(run_until([&] { return box(b).answered(id); }, asking.deadline_ms + 1000),
          "box " + std::to_string(b) + " gave no answer");
  return box(b).answer(id);
}

const engine::Run* Fleet::read(int b, const std::string& run) {
  const node::RunRef ref{run, {}};
  const node::RequestId id = request(b, node::Barrier{ref});
  require(run_until([&] { return box(b).reads.contains(id) || box(b).answered(id); }),
          "box " + std::to_string(b) + " gave no answer to a read");
  if (box(b).answered(id)) return nullptr;
  GroupId group;
  return box(b).node->find(ref, &group);
}

void Fleet::deploy(int b, std::string_view toml) {
  const dsl::ParsedDefinition parsed = dsl::parse_definition(toml);
  require(parsed.definition != nullptr, "the definition is not sound");
  const node::Answer& answer =
      ask(b, node::DeployWorkflow{parsed.definition->name, std::string(toml), true});
  require(answer.status < 300, answer.body);
}

std::string Fleet::differences() {
  for (std::uint16_t g = 0; g <= options.run_groups; ++g) {
    const node::Group* first = nullptr;
    std::string tables;  // of the first, once another one has applied as much
    for (int b = 1; b <= size(); ++b) {
      if (!box(b).up()) continue;
      const node::Group& group = box(b).node->group(GroupId(g));
      if (first == nullptr) {
        first = &group;
        continue;
      }
      const std::string where = "group " + std::to_string(g) + ", box " + std::to_string(b) + ": ";
      if (group.applied() != first->applied()) {
        return where + "applied " + std::to_string(group.applied().v) + ", not " +
               std::to_string(first->applied().v);
      }
      if (tables.empty()) tables = tables_of(*first);
      if (tables_of(group) != tables) return where + "its tables differ";
    }
  }
  return "";
}

}  // namespace pawl::sim
