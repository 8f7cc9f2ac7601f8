#include "tests/raft/cluster.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "raft/invariants.h"

namespace pawl::raft {
namespace {

std::uint64_t preset_payload(std::uint64_t index, Term term) { return index * 1000 + term.v; }

// One no-op a term: nobody else writes entries in it before.
std::uint64_t noop_payload(Term term) { return term.v; }

Term term_of(const std::vector<Record>& log, std::uint64_t index) {
  return index == 0 || index > log.size() ? Term(0) : log[index - 1].term;
}

}  // namespace

Cluster::Cluster(const Options& options) : options_(options) {
  members_.resize(static_cast<std::size_t>(options.members));
  for (int i = 1; i <= options.members; ++i) {
    at(i).id = i;
    boot(&at(i));
  }
}

void Cluster::boot(Member* m) {
  Config config;
  config.self = NodeId(static_cast<std::uint64_t>(m->id));
  for (const Member& other : members_) {
    config.voters.push_back(NodeId(static_cast<std::uint64_t>(&other - members_.data()) + 1));
  }
  config.append_entries_max = options_.append_entries_max;
  config.inflight_messages_max = options_.inflight_messages_max;
  config.uncommitted_entries_max = options_.uncommitted_entries_max;
  config.heartbeat_ms = options_.heartbeat_ms;
  config.election_timeout_ms_min = options_.election_timeout_ms_min;
  config.election_timeout_ms_max = options_.election_timeout_ms_max;
  Restored restored;
  restored.hard = m->disk.hard;
  restored.commit = m->disk.commit;
  restored.trail = Trail({m->disk.floor, term_of(m->disk.log, m->disk.floor.v)});
  for (std::uint64_t i = m->disk.floor.v + 1; i <= m->disk.log.size(); ++i) {
    must(restored.trail.replay({Index(i), m->disk.log[i - 1].term}), *m, "the journal is in order");
  }
  m->memory = m->disk.log;
  m->applied = Index(0);
  m->raft = std::make_unique<Raft>(config, restored,
                                   Tick{m->clock_ms, static_cast<std::uint64_t>(300 - m->id)});
  const State& state = m->raft->state();
  must(check_invariants(state, state).empty(), *m, check_invariants(state, state));
}

void Cluster::must(bool holds, const Member& m, const std::string& rule) {
  if (!holds && failure_.empty()) {
    failure_ = absl::StrCat("member ", m.id, " step ", steps_, ": broken: ", rule);
    note(failure_);
  }
}

void Cluster::note(const std::string& line) {
  if (tracing_) trace_.push_back(line);
}

void Cluster::step(Member* m, const Event& event, const Packet* packet) {
  if (!m->raft || !failure_.empty()) return;
  ++steps_;
  const State before = m->raft->state();
  effects_.clear();
  m->raft->step(event, &effects_);
  const std::string broken = check_invariants(before, m->raft->state());
  must(broken.empty(), *m, broken);
  // Reports made early or at once come back as steps of their own, so the effects are taken away
  // first.
  const Effects effects = effects_;
  for (const Effect& effect : effects) perform(m, effect, packet);
  const EntryId last = m->raft->last();
  must(last.index.v == m->memory.size() && last.term == term_of(m->memory, last.index.v), *m,
       "the effects tell the driver what the log is");
  if (options_.sync_at_once) {
    while (complete_write(m->id)) {
    }
  }
}

void Cluster::perform(Member* m, const Effect& effect, const Packet* packet) {
  if (const auto* save = std::get_if<SaveHardState>(&effect)) {
    Disk::Write write;
    write.is_hard = true;
    write.hard = save->hard;
    note(absl::StrCat(m->id, " saves t", save->hard.term.v, " vote ", save->hard.vote.v));
    m->disk.queue.push_back(write);
    if (options_.bugs.report_hard_state_early) report(m, write);
  } else if (const auto* append = std::get_if<AppendEntries>(&effect)) {
    write(m, *append, packet);
  } else if (const auto* out = std::get_if<Send>(&effect)) {
    send(m, out->message);
  } else if (const auto* reached = std::get_if<CommitTo>(&effect)) {
    note(absl::StrCat(m->id, " commits ", reached->index.v));
    commit(m, reached->index);
  } else if (const auto* role = std::get_if<RoleChanged>(&effect)) {
    role_changed(m, *role);
  } else if (const auto* refused = std::get_if<ProposalRefused>(&effect)) {
    static constexpr const char* kReasons[] = {"not leader", "not ready", "uncommitted"};
    note(absl::StrCat(m->id, " refuses: ", kReasons[static_cast<int>(refused->reason)]));
  }
}

void Cluster::write(Member* m, const AppendEntries& effect, const Packet* packet) {
  note(absl::StrCat(m->id, effect.truncates ? " overwrites " : " writes ", effect.first.v, "..",
                    effect.last.v, " of t", effect.term.v));
  must(effect.truncates == (effect.first.v <= m->memory.size()), *m, "truncates says so");
  must(effect.first.v <= m->memory.size() + 1, *m, "entries leave no gap");
  m->memory.resize(effect.first.v - 1);
  Disk::Write write;
  write.first = effect.first;
  write.report = {effect.requested, effect.last, effect.term};
  for (std::uint64_t i = effect.first.v; i <= effect.last.v; ++i) {
    Record record{effect.term, 0};
    switch (effect.source) {
      case AppendEntries::Source::noop:
        record.payload = noop_payload(effect.term);
        break;
      case AppendEntries::Source::proposal:
        record.payload = next_payload_++;
        break;
      case AppendEntries::Source::message:
        record.payload =
            packet->payloads.at(i - std::get<Append>(packet->message.body).prev.index.v - 1);
        break;
    }
    const std::pair<std::uint64_t, std::uint64_t> rest{record.payload, term_of(m->memory, i - 1).v};
    const auto known = seen_.emplace(std::pair{i, effect.term.v}, rest).first;
    must(known->second == rest, *m, absl::StrCat("log matching at ", i, ".", effect.term.v));
    m->memory.push_back(record);
    write.records.push_back(record);
  }
  m->disk.queue.push_back(write);
  if (options_.bugs.report_entries_early) report(m, write);
}

void Cluster::send(Member* m, Message message) {
  if (auto* vote = std::get_if<VoteReply>(&message.body); vote && options_.bugs.grant_every_vote) {
    vote->granted = true;
  }
  if (auto* reply = std::get_if<AppendReply>(&message.body);
      reply && options_.bugs.acknowledge_memory) {
    reply->match = reply->received;
  }
  note(to_string(message));
  check_said(*m, message);
  Packet packet{message, {}};
  if (const auto* append = std::get_if<Append>(&message.body)) {
    const std::uint64_t shift = options_.bugs.shift_payloads ? 1 : 0;
    for (std::uint64_t i = append->prev.index.v + 1; i <= append->through().v; ++i) {
      packet.payloads.push_back(m->memory[std::min(i - 1 + shift, m->memory.size() - 1)].payload);
    }
  }
  packets_.push_back(std::move(packet));
}

// What a member says must be true after it has crashed: on its platter, not only in its memory.
void Cluster::check_said(const Member& m, const Message& message) {
  must(well_formed(message), m, "messages are well formed");
  must(message.term <= m.disk.hard.term, m, "a term is on disk before it is said");
  if (const auto* vote = std::get_if<VoteReply>(&message.body); vote && vote->granted) {
    must(m.disk.hard == HardState{message.term, message.to}, m,
         "a vote is on disk before it is said");
    const auto known =
        votes_.emplace(std::pair{message.term.v, message.from.v}, message.to.v).first;
    must(known->second == message.to.v, m, "one vote a term");
  }
  if (std::holds_alternative<VoteRequest>(message.body)) {
    must(m.disk.hard == HardState{message.term, message.from}, m, "a candidate's vote is on disk");
    const auto known =
        votes_.emplace(std::pair{message.term.v, message.from.v}, message.from.v).first;
    must(known->second == message.from.v, m, "one vote a term");
  }
  Index match;
  if (const auto* reply = std::get_if<AppendReply>(&message.body)) match = reply->match;
  if (const auto* reply = std::get_if<HeartbeatReply>(&message.body)) match = reply->match;
  must(match.v <= m.disk.log.size(), m, "entries are on disk before they are acknowledged");
  must(match <= m.disk.floor || term_of(m.disk.log, match.v) == m.raft->trail().term_at(match), m,
       "acknowledged entries are those on disk");
}

void Cluster::role_changed(Member* m, const RoleChanged& effect) {
  note(absl::StrCat(m->id, " is ", to_string(effect.role), " t", effect.term.v,
                    effect.role == Role::follower ? absl::StrCat(" of ", effect.leader.v) : ""));
  if (effect.leader.v != 0) {
    const auto known = leaders_.emplace(effect.term.v, effect.leader.v).first;
    must(known->second == effect.leader.v, *m, "one leader a term");
  }
  if (effect.role != Role::leader) return;
  for (std::size_t i = 0; i < committed_.size(); ++i) {
    must(i < m->memory.size() && m->memory[i] == committed_[i], *m,
         absl::StrCat("leader completeness at ", i + 1));
  }
}

void Cluster::commit(Member* m, Index through) {
  m->disk.commit = std::max(m->disk.commit, std::min(through, Index(m->disk.log.size())));
  for (std::uint64_t i = m->applied.v + 1; i <= through.v; ++i) {
    if (i <= committed_.size()) {
      must(i <= m->memory.size() && m->memory[i - 1] == committed_[i - 1], *m,
           absl::StrCat("state machine safety at ", i));
      continue;
    }
    must(i <= m->memory.size(), *m, "what is committed exists");
    if (!failure_.empty()) return;
    const Record record = m->memory[i - 1];
    std::size_t holders = 0;
    for (const Member& other : members_) {
      const std::vector<Record>& log = other.disk.log;
      if (i <= log.size() && log[i - 1] == record) ++holders;
    }
    must(2 * holders > members_.size(), *m,
         absl::StrCat("committed entries are on a majority's platters, at ", i));
    committed_.push_back(record);
  }
  m->applied = through;
}

void Cluster::report(Member* m, const Disk::Write& write) {
  if (write.is_hard) {
    step(m, HardStatePersisted{write.hard}, nullptr);
    return;
  }
  step(m, write.report, nullptr);
  if (options_.bugs.apply_all_that_is_durable) commit(m, write.report.through);
}

void Cluster::put_on_platter(Disk* disk, const Disk::Write& write) {
  if (write.is_hard) {
    disk->hard = write.hard;
    return;
  }
  disk->log.resize(write.first.v - 1);
  disk->log.insert(disk->log.end(), write.records.begin(), write.records.end());
}

void Cluster::postpone(std::size_t index) {
  const auto packet = packets_.begin() + static_cast<std::ptrdiff_t>(index);
  std::rotate(packet, packet + 1, packets_.end());
}

bool Cluster::complete_write(int member) {
  Member& m = at(member);
  if (!m.raft || m.disk.queue.empty()) return false;
  const Disk::Write write = m.disk.queue.front();
  m.disk.queue.pop_front();
  put_on_platter(&m.disk, write);
  report(&m, write);
  return true;
}

void Cluster::tick(int member, std::int64_t ms, std::uint64_t random) {
  at(member).clock_ms += ms;
  step(&at(member), Tick{at(member).clock_ms, random}, nullptr);
}

void Cluster::campaign(int member) { step(&at(member), Campaign{}, nullptr); }

void Cluster::propose(int member, std::uint32_t count) {
  step(&at(member), Propose{count}, nullptr);
}

void Cluster::compact(int member, Index through) {
  Member& m = at(member);
  step(&m, Compacted{through}, nullptr);
  m.disk.floor = std::max(m.disk.floor, through);
  m.disk.commit = std::max(m.disk.commit, m.disk.floor);
}

void Cluster::receive(int member, const Packet& packet) {
  step(&at(member), Receive{packet.message}, &packet);
}

void Cluster::deliver(std::size_t index) {
  const Packet packet = packets_.at(index);
  packets_.erase(packets_.begin() + static_cast<std::ptrdiff_t>(index));
  const int to = static_cast<int>(packet.message.to.v);
  if (cuts_.count({static_cast<int>(packet.message.from.v), to}) || !up(to)) return;
  receive(to, packet);
}

void Cluster::drop(std::size_t index) {
  packets_.erase(packets_.begin() + static_cast<std::ptrdiff_t>(index));
}

void Cluster::crash(int member, std::size_t kept) {
  Member& m = at(member);
  if (!m.raft) return;
  note(absl::StrCat(m.id, " crashes"));
  m.raft.reset();
  for (std::size_t i = 0; i < std::min(kept, m.disk.queue.size()); ++i) {
    put_on_platter(&m.disk, m.disk.queue[i]);
  }
  m.disk.queue.clear();
}

void Cluster::restart(int member) {
  Member& m = at(member);
  if (m.raft || !failure_.empty()) return;
  note(absl::StrCat(m.id, " restarts"));
  if (options_.bugs.forget_vote_at_restart) m.disk.hard.vote = NodeId(0);
  if (options_.bugs.lose_last_entry_at_restart && Index(m.disk.log.size()) > m.disk.commit) {
    m.disk.log.pop_back();
  }
  boot(&m);
}

void Cluster::preset(int member, HardState hard, const std::vector<Term>& terms, Index commit) {
  Member& m = at(member);
  m.disk = Disk();
  m.disk.hard = hard;
  m.disk.commit = commit;
  for (const Term term : terms) {
    m.disk.log.push_back({term, preset_payload(m.disk.log.size() + 1, term)});
  }
  for (std::uint64_t i = committed_.size(); i < commit.v; ++i) committed_.push_back(m.disk.log[i]);
  boot(&m);
}

void Cluster::cut(int from, int to, bool broken) {
  if (broken) {
    cuts_.insert({from, to});
  } else {
    cuts_.erase({from, to});
  }
}

int Cluster::leader() const {
  int found = 0;
  for (const Member& m : members_) {
    if (m.raft && m.raft->leads() && (!found || m.raft->term() > raft(found).term())) found = m.id;
  }
  return found;
}

}  // namespace pawl::raft
