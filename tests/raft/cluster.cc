#include "tests/raft/cluster.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/digest.h"
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
  if (options_.founders == 0) options_.founders = options_.members;
  Membership founders;
  for (int i = 1; i <= options_.founders; ++i) {
    founders.voters.push_back(NodeId(static_cast<std::uint64_t>(i)));
  }
  founders_ = std::make_shared<const Membership>(founders);
  members_.resize(static_cast<std::size_t>(options_.members));
  for (int i = 1; i <= options_.members; ++i) {
    at(i).id = i;
    at(i).founder = i <= options_.founders;
    boot(&at(i));
  }
}

Config Cluster::config_of(const Member& m) const {
  Config config;
  config.self = NodeId(static_cast<std::uint64_t>(m.id));
  if (m.founder) config.voters = founders_->voters;
  config.append_entries_max = options_.append_entries_max;
  config.append_bytes_max = options_.append_bytes_max;
  config.inflight_messages_max = options_.inflight_messages_max;
  config.inflight_bytes_max = options_.inflight_bytes_max;
  config.uncommitted_entries_max = options_.uncommitted_entries_max;
  config.heartbeat_ms = options_.heartbeat_ms;
  config.election_timeout_ms_min = options_.election_timeout_ms_min;
  config.election_timeout_ms_max = options_.election_timeout_ms_max;
  config.snapshot_chunk_bytes = options_.snapshot_chunk_bytes;
  config.snapshot_retry_ms = options_.snapshot_retry_ms;
  config.promotion_lag_max = options_.promotion_lag_max;
  return config;
}

const MembershipPtr& Cluster::membership_at(const std::vector<Record>& log,
                                            std::uint64_t index) const {
  for (std::uint64_t i = std::min<std::uint64_t>(index, log.size()); i > 0; --i) {
    if (log[i - 1].membership != nullptr) return log[i - 1].membership;
  }
  return founders_;
}

const Membership& Cluster::membership_of(int member) const {
  const std::vector<Record>& log = at(member).raft ? at(member).memory : at(member).disk.log;
  return *membership_at(log, log.size());
}

const Image* Cluster::image_of(const Snapshot& snapshot) const {
  const auto found = images_.find(snapshot.hash);
  return found == images_.end() || found->second.snapshot != snapshot ? nullptr : &found->second;
}

// A whole snapshot that the log has not got to replaces it.
void Cluster::settle_snapshot(Disk* disk) const {
  const Image* image = image_of(disk->snapshot);
  if (image == nullptr) return;
  const std::size_t size = image->records.size();
  if (disk->log.size() >= size && disk->log[size - 1] == image->records.back()) {
    disk->commit = std::max(disk->commit, disk->snapshot.last.index);
    return;
  }
  disk->log = image->records;
  disk->floor = disk->snapshot.last.index;
  disk->commit = std::max(disk->commit, disk->floor);
}

void Cluster::boot(Member* m) {
  settle_snapshot(&m->disk);
  const Disk& disk = m->disk;
  Restored restored;
  restored.hard = disk.hard;
  restored.promised = disk.promised;
  restored.spent = disk.spent;
  restored.commit = disk.commit;
  restored.snapshot = disk.snapshot;
  restored.incoming = disk.incoming;
  restored.incoming_stored = disk.incoming_bytes.size();
  const MembershipPtr base = disk.floor.v > 0 ? membership_at(disk.log, disk.floor.v) : nullptr;
  restored.trail = Trail({disk.floor, term_of(disk.log, disk.floor.v)}, base);
  for (std::uint64_t i = disk.floor.v + 1; i <= disk.log.size(); ++i) {
    const Record& record = disk.log[i - 1];
    must(restored.trail.replay({Index(i), record.term}, record.bytes, record.membership), *m,
         "the journal is in order");
  }
  m->memory = disk.log;
  m->applied = disk.floor;
  m->raft = std::make_unique<Raft>(config_of(*m), restored,
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
  const Membership& in_force = m->raft->trail().memberships().current();
  must(!in_force.known() || in_force == membership_of(m->id), *m,
       "the membership in force is that of the log");
  if (options_.sync_at_once) {
    while (complete_write(m->id)) {
    }
  }
}

void Cluster::perform(Member* m, const Effect& effect, const Packet* packet) {
  if (const auto* save = std::get_if<SaveHardState>(&effect)) {
    Disk::Write write;
    write.kind = Disk::Write::Kind::hard;
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
    static constexpr const char* kReasons[] = {"not leader", "not ready", "uncommitted",
                                               "transferring"};
    note(absl::StrCat(m->id, " refuses: ", kReasons[static_cast<int>(refused->reason)]));
  } else {
    changed(m, effect);
    snapshot_effect(m, effect, packet);
  }
}

void Cluster::changed(Member* m, const Effect& effect) {
  if (std::holds_alternative<MembershipChanged>(effect)) {
    note(absl::StrCat(m->id, " members ", to_string(m->raft->membership())));
  } else if (const auto* refused = std::get_if<ChangeRefused>(&effect)) {
    static constexpr const char* kReasons[] = {"not leader",  "not ready", "transferring",
                                               "in progress", "unchanged", "not caught up"};
    note(absl::StrCat(m->id, " refuses the change: ", kReasons[static_cast<int>(refused->reason)]));
  } else if (const auto* ended = std::get_if<TransferEnded>(&effect)) {
    static constexpr const char* kOutcomes[] = {"yielded", "timed out", "aborted", "refused"};
    note(absl::StrCat(m->id, " transfer to ", ended->to.v, " ",
                      kOutcomes[static_cast<int>(ended->outcome)]));
  } else if (const auto* ready = std::get_if<ReadReady>(&effect)) {
    note(absl::StrCat(m->id, " read ", ready->context, " at ", ready->index.v));
    answered(m, *ready);
  } else if (const auto* no = std::get_if<ReadRefused>(&effect)) {
    static constexpr const char* kReasons[] = {"not leader", "full"};
    note(absl::StrCat(m->id, " refuses read ", no->context, ": ",
                      kReasons[static_cast<int>(no->reason)]));
    reads_.erase(no->context);
  } else if (const auto* lost = std::get_if<MemberLost>(&effect)) {
    note(absl::StrCat(m->id, " finds that ", lost->id.v, " has lost its log"));
  }
}

void Cluster::answered(Member* m, const ReadReady& ready) {
  const auto read = reads_.find(ready.context);
  must(read != reads_.end(), *m, "a read is answered once");
  if (read == reads_.end()) return;
  must(ready.index >= read->second, *m, "a read sees what was committed before it was asked");
  must(ready.index <= Index(committed_.size()), *m, "a read sees only what is committed");
  reads_.erase(read);
  ++reads_answered_;
}

void Cluster::snapshot_effect(Member* m, const Effect& effect, const Packet* packet) {
  if (const auto* needed = std::get_if<SnapshotNeeded>(&effect)) {
    note(absl::StrCat(m->id, " needs a snapshot through ", needed->floor.v));
  } else if (const auto* store = std::get_if<StoreSnapshotChunk>(&effect)) {
    note(absl::StrCat(m->id, " stores ", store->offset, "..", store->offset + store->bytes,
                      " of snapshot ", to_string(store->snapshot.last)));
    Disk::Write write;
    write.kind = Disk::Write::Kind::chunk;
    write.snapshot = store->snapshot;
    write.offset = store->offset;
    write.bytes = packet->chunk;
    must(write.bytes.size() == store->bytes, *m, "a chunk has its bytes");
    m->disk.queue.push_back(write);
  } else if (const auto* finish = std::get_if<FinishSnapshot>(&effect)) {
    note(absl::StrCat(m->id, " finishes snapshot ", to_string(finish->snapshot.last)));
    Disk::Write write;
    write.kind = Disk::Write::Kind::finish;
    write.snapshot = finish->snapshot;
    m->disk.queue.push_back(write);
  } else if (const auto* last = std::get_if<InstallSnapshot>(&effect)) {
    note(absl::StrCat(m->id, " installs snapshot ", to_string(last->last), ", log ",
                      last->log_kept ? "kept" : "void"));
    install(m, *last);
  }
}

void Cluster::install(Member* m, const InstallSnapshot& effect) {
  const Image* image = image_of(m->disk.snapshot);
  const bool there = image != nullptr && image->snapshot.last == effect.last;
  must(there, *m, "what is installed is on the platter");
  if (!there) return;
  const std::vector<Record>& records = image->records;
  for (std::size_t i = 0; i < records.size(); ++i) {
    must(i < committed_.size() && committed_[i] == records[i], *m,
         "a snapshot is of what is committed");
  }
  must(effect.last.index > m->applied, *m, "a snapshot takes nobody back");
  const bool held =
      m->memory.size() >= records.size() && m->memory[records.size() - 1] == records.back();
  must(held == effect.log_kept, *m, "the log is kept if it holds the snapshot's last entry");
  if (!effect.log_kept) m->memory = records;
  m->applied = effect.last.index;
  ++snapshots_installed_;
  Disk::Write write;
  write.kind = Disk::Write::Kind::install;
  write.snapshot = image->snapshot;
  m->disk.queue.push_back(write);
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
    Record record{effect.term, 0, 0, nullptr};
    switch (effect.source) {
      case AppendEntries::Source::noop:
        record.payload = noop_payload(effect.term);
        break;
      case AppendEntries::Source::membership:
        record.membership =
            std::make_shared<const Membership>(m->raft->trail().memberships().current());
        record.payload = next_payload_++;
        break;
      case AppendEntries::Source::proposal:
        record.payload = next_payload_++;
        record.bytes = proposed_bytes_;
        break;
      case AppendEntries::Source::message:
        record = packet->records.at(i - std::get<Append>(packet->message.body).prev.index.v - 1);
        break;
    }
    const std::pair<std::uint64_t, std::uint64_t> rest{record.payload, term_of(m->memory, i - 1).v};
    const auto known = seen_.emplace(std::pair{i, effect.term.v}, rest).first;
    must(known->second == rest && record.term == effect.term, *m,
         absl::StrCat("log matching at ", i, ".", effect.term.v));
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
  Packet packet{message, {}, {}};
  if (const auto* append = std::get_if<Append>(&message.body)) {
    const std::uint64_t shift = options_.bugs.shift_payloads ? 1 : 0;
    for (std::uint64_t i = append->prev.index.v + 1; i <= append->through().v; ++i) {
      packet.records.push_back(m->memory[i - 1]);
      packet.records.back().payload =
          m->memory[std::min(i - 1 + shift, m->memory.size() - 1)].payload;
    }
  } else if (const auto* chunk = std::get_if<SnapshotChunk>(&message.body)) {
    const Image* image = image_of(chunk->snapshot);
    must(image != nullptr && m->disk.snapshot.last.index >= chunk->snapshot.last.index, *m,
         "only a snapshot that is there is sent");
    if (image != nullptr) packet.chunk = image->stream.substr(chunk->offset, chunk->bytes);
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
  if (match <= m.disk.floor || match <= m.disk.snapshot.last.index) return;
  must(match.v <= m.disk.log.size(), m, "entries are on disk before they are acknowledged");
  must(term_of(m.disk.log, match.v) == m.raft->trail().term_at(match), m,
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
    check_committable(*m, i, record);
    committed_.push_back(record);
    memberships_committed_ += record.membership != nullptr ? 1 : 0;
  }
  m->applied = through;
}

// By the newest membership of the log of the member that commits it, which leads.
void Cluster::check_committable(const Member& m, std::uint64_t index, const Record& record) {
  const Membership& membership = *membership_at(m.memory, m.memory.size());
  for (const std::vector<NodeId>& half : {membership.voters, membership.outgoing}) {
    std::size_t holders = 0;
    for (const NodeId voter : half) {
      const Disk& disk = at(static_cast<int>(voter.v)).disk;
      const bool in_log = index <= disk.log.size() && disk.log[index - 1] == record;
      // It votes as if it still had it.
      const bool promised = index <= disk.lost.size() && disk.lost[index - 1] == record;
      holders += in_log || promised || index <= disk.snapshot.last.index.v ? 1 : 0;
    }
    must(half.empty() || 2 * holders > half.size(), m,
         absl::StrCat("committed entries are on a majority's platters, at ", index));
  }
}

void Cluster::report(Member* m, const Disk::Write& write) {
  using Kind = Disk::Write::Kind;
  const Index last = write.snapshot.last.index;
  switch (write.kind) {
    case Kind::hard:
      step(m, HardStatePersisted{write.hard}, nullptr);
      break;
    case Kind::entries:
      step(m, write.report, nullptr);
      if (options_.bugs.apply_all_that_is_durable) commit(m, write.report.through);
      break;
    case Kind::chunk:
      step(m, SnapshotChunkStored{last, m->disk.incoming_bytes.size()}, nullptr);
      break;
    case Kind::finish: {
      const bool sound = m->disk.snapshot == write.snapshot;
      const Image* image = image_of(write.snapshot);
      MembershipPtr membership;
      if (image != nullptr) membership = membership_at(image->records, image->records.size());
      step(m, SnapshotReceived{last, sound, sound ? membership : nullptr}, nullptr);
      break;
    }
    case Kind::install:
      break;
  }
}

void Cluster::put_on_platter(Disk* disk, const Disk::Write& write) const {
  using Kind = Disk::Write::Kind;
  switch (write.kind) {
    case Kind::hard:
      disk->hard = write.hard;
      break;
    case Kind::entries: {
      // What a snapshot covers is not written again.
      const std::uint64_t covered =
          write.first <= disk->floor ? disk->floor.v - write.first.v + 1 : 0;
      if (covered >= write.records.size()) break;
      disk->log.resize(write.first.v - 1 + covered);
      disk->log.insert(disk->log.end(),
                       write.records.begin() + static_cast<std::ptrdiff_t>(covered),
                       write.records.end());
      break;
    }
    case Kind::chunk:
      if (write.offset == 0) disk->incoming_bytes.clear();
      disk->incoming = write.snapshot;
      disk->incoming_bytes.resize(write.offset);
      disk->incoming_bytes += write.bytes;
      break;
    case Kind::finish:
      if (disk->incoming == write.snapshot && digest(disk->incoming_bytes) == write.snapshot.hash) {
        if (disk->snapshot.last.index < write.snapshot.last.index) disk->snapshot = write.snapshot;
      }
      disk->incoming = Snapshot();
      disk->incoming_bytes.clear();
      break;
    case Kind::install: {
      const Image* image = image_of(write.snapshot);
      const std::size_t size = image->records.size();
      if (disk->log.size() < size || disk->log[size - 1] != image->records.back()) {
        disk->log = image->records;
      }
      disk->floor = std::max(disk->floor, write.snapshot.last.index);
      disk->commit = std::max(disk->commit, disk->floor);
      break;
    }
  }
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
  if (write.kind == Disk::Write::Kind::chunk && write.offset > 0) {
    must(m.disk.incoming == write.snapshot && m.disk.incoming_bytes.size() == write.offset, m,
         "a chunk is stored where the stream has got to");
  }
  put_on_platter(&m.disk, write);
  report(&m, write);
  return true;
}

void Cluster::tick(int member, std::int64_t ms, std::uint64_t random) {
  at(member).clock_ms += ms;
  step(&at(member), Tick{at(member).clock_ms, random}, nullptr);
}

void Cluster::campaign(int member) { step(&at(member), Campaign{}, nullptr); }

void Cluster::propose(int member, std::uint32_t count, std::uint32_t bytes, bool hold) {
  proposed_bytes_ = bytes;
  step(&at(member), Propose{count, bytes, hold}, nullptr);
}

void Cluster::replicate(int member) { step(&at(member), Replicate{}, nullptr); }

void Cluster::compact(int member, Index through) {
  Member& m = at(member);
  step(&m, Compacted{through}, nullptr);
  m.disk.floor = std::max(m.disk.floor, through);
  m.disk.commit = std::max(m.disk.commit, m.disk.floor);
}

void Cluster::lose_snapshot(int member) {
  Member& m = at(member);
  const Index last = m.disk.snapshot.last.index;
  if (!m.raft || last.v == 0) return;
  m.disk.snapshot = Snapshot();
  step(&m, SnapshotLost{last}, nullptr);
}

void Cluster::snapshot(int member, Index through) {
  Member& m = at(member);
  if (!m.raft || through.v == 0 || through <= m.disk.snapshot.last.index) return;
  Image image;
  for (std::uint64_t i = 1; i <= through.v; ++i) {
    const Record& record = m.memory.at(i - 1);
    image.records.push_back(record);
    const std::uint64_t words[] = {record.term.v, record.payload};
    image.stream.append(reinterpret_cast<const char*>(words), sizeof words);
  }
  image.snapshot = {
      {through, image.records.back().term}, image.stream.size(), digest(image.stream)};
  images_[image.snapshot.hash] = image;
  m.disk.snapshot = image.snapshot;
  step(&m, SnapshotAvailable{image.snapshot}, nullptr);
}

void Cluster::change(int member, const Membership& wish) {
  step(&at(member), ChangeMembership{std::make_shared<const Membership>(wish)}, nullptr);
}

void Cluster::transfer(int member, int to) {
  step(&at(member), TransferLeadership{NodeId(static_cast<std::uint64_t>(to))}, nullptr);
}

void Cluster::abort_transfer(int member) { step(&at(member), AbortTransfer{}, nullptr); }

void Cluster::set_candidacy(int member, bool may_campaign) {
  step(&at(member), SetCandidacy{may_campaign}, nullptr);
}

std::uint64_t Cluster::read(int member) {
  if (!at(member).raft) return 0;
  const std::uint64_t context = ++next_read_;
  reads_[context] = Index(committed_.size());
  step(&at(member), ReadIndex{context}, nullptr);
  return context;
}

void Cluster::receive(int member, const Packet& packet) {
  Receive event{packet.message, nullptr, 0};
  for (const Record& record : packet.records) event.bytes = std::max(event.bytes, record.bytes);
  if (packet.records.size() == 1) event.membership = packet.records[0].membership;
  step(&at(member), event, &packet);
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

void Cluster::wipe(int member) {
  Member& m = at(member);
  note(absl::StrCat(m.id, " is wiped"));
  m.disk = Disk();
  m.founder = false;
  boot(&m);
}

void Cluster::lose_log(int member, bool end_known) {
  Member& m = at(member);
  if (m.raft || !failure_.empty()) return;
  note(absl::StrCat(m.id, " loses its log"));
  Disk& disk = m.disk;
  settle_snapshot(&disk);
  const std::uint64_t last = disk.log.size();
  EntryId promised{Index(last), term_of(disk.log, last)};
  if (!end_known) promised = {Index(std::uint64_t{1} << 62), disk.hard.term};
  if (!at_least_as_current(promised, disk.promised)) promised = disk.promised;
  Disk left;
  left.hard = disk.hard;
  left.promised = promised;
  left.spent = disk.hard.term;
  left.lost = disk.log.size() >= disk.lost.size() ? disk.log : disk.lost;
  disk = left;
}

bool Cluster::keeps_promise(int member) const {
  const Disk& disk = at(member).disk;
  const std::uint64_t last = disk.log.size();
  return at_least_as_current({Index(last), term_of(disk.log, last)}, disk.promised);
}

void Cluster::corrupt_incoming(int member) {
  std::string& bytes = at(member).disk.incoming_bytes;
  if (!bytes.empty()) bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
}

void Cluster::preset(int member, HardState hard, const std::vector<Term>& terms, Index commit) {
  Member& m = at(member);
  m.disk = Disk();
  m.disk.hard = hard;
  m.disk.commit = commit;
  for (const Term term : terms) {
    m.disk.log.push_back({term, preset_payload(m.disk.log.size() + 1, term), 0, nullptr});
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
