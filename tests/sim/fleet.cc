#include "tests/sim/fleet.h"

#include <stdexcept>

namespace pawl::sim {
namespace {

constexpr std::int64_t kStartMs = 1'000'000;

void require(bool holds, const std::string& otherwise) {
  if (!holds) throw std::runtime_error(otherwise);
}

NodeId id_of(int b) { return NodeId(static_cast<std::uint64_t>(b)); }

}  // namespace

Fleet::Fleet(const FleetOptions& fleet) : options(fleet), now_ms(kStartMs), chance_(fleet.seed) {
  std::vector<NodeId> founders;
  for (int b = 1; b <= fleet.boxes; ++b) founders.push_back(id_of(b));
  for (int b = 1; b <= fleet.boxes; ++b) {
    boxes_.push_back(std::make_unique<node::Host>(node::NodeOptions{
        id_of(b), founders, fleet.run_groups, fleet.seed * 100 + static_cast<std::uint64_t>(b)}));
    boxes_.back()->now = {kStartMs, node::kEpochMs, true};
  }
  disks_.resize(boxes_.size());
}

void Fleet::boot(int b) {
  node::Host& host = box(b);
  host.now.mono_ms = now_ms;
  host.boot(true);
  disks_[static_cast<std::size_t>(b - 1)] = {};
  collect(b);
}

void Fleet::boot_all() {
  for (int b = 1; b <= size(); ++b) boot(b);
}

void Fleet::crash(int b) { box(b).crash(); }

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

void Fleet::heal() { cuts_.clear(); }

void Fleet::stall_disk(int b, bool stalled) {
  disks_[static_cast<std::size_t>(b - 1)].stalled = stalled;
}

bool Fleet::reachable(int a, int b) {
  return box(a).up() && box(b).up() && !cuts_.contains({a, b}) && !cuts_.contains({b, a});
}

// A link is up while both ends are and nothing between them is cut, as a connection would be.
void Fleet::update_links() {
  for (int a = 1; a <= size(); ++a) {
    for (int b = 1; b <= size(); ++b) {
      if (a == b || !box(a).up()) continue;
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
  for (node::OutgoingFrame& frame : box(b).frames) {
    const int to = static_cast<int>(frame.to.v);
    if (cuts_.contains({b, to}) || chance_.chance(options.loss)) continue;
    Packet packet{b, to, frame.kind, std::move(frame.payload)};
    const int copies = chance_.chance(options.repeat) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      const auto delay = static_cast<std::int64_t>(
          chance_.below(static_cast<std::uint64_t>(options.delay_ms_max) + 1));
      packets_.emplace(now_ms + delay, packet);
    }
  }
  box(b).frames.clear();
  for (const node::ReadEntries& wanted : std::exchange(box(b).entry_reads, {})) {
    box(b).give(box(b).load(wanted));
    collect(b);
  }
  for (const node::LoadRun& wanted : std::exchange(box(b).loads, {})) {
    box(b).give(box(b).load(wanted));
    collect(b);
  }
}

void Fleet::deliver() {
  while (!packets_.empty() && packets_.begin()->first <= now_ms) {
    const Packet packet = std::move(packets_.begin()->second);
    packets_.erase(packets_.begin());
    if (!box(packet.to).up() || cuts_.contains({packet.from, packet.to})) continue;
    trace_ = digest(std::string(as_view(trace_)) + packet.payload);
    box(packet.to).give(node::PeerFrame{id_of(packet.from), packet.kind, packet.payload});
    collect(packet.to);
  }
}

void Fleet::step() {
  update_links();
  deliver();
  for (int b = 1; b <= size(); ++b) {
    node::Host& host = box(b);
    if (!host.up()) continue;
    Disk& disk = disks_[static_cast<std::size_t>(b - 1)];
    if (host.node->next_wake_mono_ms() <= now_ms) host.tick();
    if (host.under_way() && disk.done_ms <= now_ms && !disk.stalled) host.finish();
    if (host.begin()) {
      disk.done_ms =
          now_ms + 1 +
          static_cast<std::int64_t>(chance_.below(static_cast<std::uint64_t>(options.disk_ms_max)));
    }
    collect(b);
  }
  deliver();
  ++now_ms;
  for (const auto& host : boxes_) {
    host->now.wall_ms += now_ms - host->now.mono_ms;
    host->now.mono_ms = now_ms;
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
      if (box(b).up() && box(b).node->group(GroupId(g)).raft().leader() != id_of(leads)) {
        return false;
      }
    }
  }
  return true;
}

const node::Answer& Fleet::ask(int b, node::Operation operation, const node::Asking& asking) {
  const node::RequestId id = box(b).ask(std::move(operation), asking);
  collect(b);
  require(run_until([&] { return box(b).answered(id); }, asking.deadline_ms + 1000),
          "box " + std::to_string(b) + " gave no answer");
  return box(b).answer(id);
}

const engine::Run* Fleet::read(int b, const std::string& run) {
  const node::RunRef ref{run, {}};
  const node::RequestId id = box(b).ask(node::Barrier{ref});
  collect(b);
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
    for (int b = 1; b <= size(); ++b) {
      if (!box(b).up()) continue;
      const node::Group& group = box(b).node->group(GroupId(g));
      if (first == nullptr) first = &group;
      const std::string where = "group " + std::to_string(g) + ", box " + std::to_string(b) + ": ";
      if (group.applied() != first->applied()) {
        return where + "applied " + std::to_string(group.applied().v) + ", not " +
               std::to_string(first->applied().v);
      }
      std::string mine, theirs;
      group.tables().encode(&mine);
      first->tables().encode(&theirs);
      if (mine != theirs) return where + "its tables differ";
    }
  }
  return "";
}

}  // namespace pawl::sim
