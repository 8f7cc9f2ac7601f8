#include "tests/sim/oracle.h"

#include <algorithm>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "codecs/raft_message.h"
#include "engine/snapshot_records.h"
#include "engine/tables.h"
#include "tests/sim/fingerprint.h"

namespace pawl::sim {
namespace {

// What to say is put together only if it has to be.
template <class... Parts>
void rule(bool holds, const Parts&... otherwise) {
  if (!holds) throw std::runtime_error(absl::StrCat(otherwise...));
}

// Which record this is; `others` numbers those that have no number of their own.
std::pair<std::uint8_t, std::uint64_t> record_of(std::uint8_t kind, std::string_view body,
                                                 std::uint64_t* others) {
  ByteReader in(body);
  switch (static_cast<engine::SnapshotRecord>(kind)) {
    case engine::SnapshotRecord::run:
    case engine::SnapshotRecord::kept:
      return {kind, in.varint()};
    case engine::SnapshotRecord::forwarded: {
      const std::uint64_t process = in.varint();
      return {kind, fingerprint(std::to_string(in.varint()), process)};
    }
    default:
      return {kind, (*others)++};
  }
}

}  // namespace

Oracle::Oracle(Fleet* fleet, std::uint64_t seed, double samples)
    : fleet_(*fleet), random_(seed), samples_(samples) {
  agreed_.resize(fleet->options.run_groups + 1U);
  fleet->tap = [this](int from, const node::OutgoingFrame& frame) { hear(from, frame); };
}

Index Oracle::committed(GroupId group) const { return Index(agreed_[group.v].terms.size()); }

void Oracle::look() {
  // Boxes may have come.
  copies_.resize(static_cast<std::size_t>(fleet_.size()) + 1, std::vector<Copy>(agreed_.size()));
  boots_.resize(copies_.size());
  for (int b = 1; b <= fleet_.size(); ++b) {
    if (boots_[static_cast<std::size_t>(b)] != fleet_.boots(b)) forget(b);
    if (!fleet_.box(b).up()) continue;
    if (lost_.contains(b) && fleet_.box(b).node->rebuilding().empty()) lost_.erase(b);
    for (std::uint16_t g = 0; g <= fleet_.options.run_groups; ++g) look_at(b, GroupId(g));
  }
}

// The box has started anew: what it knows may be less than before.
void Oracle::forget(int b) {
  boots_[static_cast<std::size_t>(b)] = fleet_.boots(b);
  for (Copy& copy : copies_[static_cast<std::size_t>(b)]) copy = Copy{};
}

// Only what has changed since the last look.
void Oracle::look_at(int b, GroupId group) {
  const node::Group& now = fleet_.box(b).node->group(group);
  const raft::Raft& raft = now.raft();
  Copy& copy = copy_of(b, group);
  rule(raft.term() >= copy.term, "a term fell");
  if (raft.leads() && (!copy.leads || raft.term() != copy.term)) look_at_leader(b, group);
  if (raft.commit() != copy.commit) look_at_commit(b, group);
  if (now.applied() != copy.applied) look_at_tables(b, group);
  copy = {raft.term(), raft.leads(), raft.commit(), now.applied()};
}

void Oracle::look_at_leader(int b, GroupId group) {
  const raft::Raft& raft = fleet_.box(b).node->group(group).raft();
  Agreed& agreed = agreed_[group.v];
  const auto [known, first] = agreed.leaders.emplace(raft.term(), b);
  rule(known->second == b, "group ", group.v, " has two leaders in term ", raft.term().v, ": ",
       known->second, " and ", b);
  const Index last = committed(group);
  rule(!first || last.v == 0 || raft.trail().term_at(last) == agreed.terms.back(), "box ", b,
       " leads and lacks what is committed: group ", group.v, ", index ", last.v);
}

void Oracle::look_at_commit(int b, GroupId group) {
  const raft::Raft& raft = fleet_.box(b).node->group(group).raft();
  const Index commit = copy_of(b, group).commit;
  rule(raft.commit() >= commit, "a commit index fell");
  std::vector<Term>& terms = agreed_[group.v].terms;
  for (Index index = commit.next(); index <= raft.commit(); index = index.next()) {
    const auto here = raft.trail().term_at(index);
    if (!here) continue;  // below the floor
    if (index.v == terms.size() + 1) terms.push_back(*here);
    rule(index.v <= terms.size(), "a commit index has passed unseen");
    rule(terms[index.v - 1] == *here, "two entries are committed at group ", group.v, ", index ",
         index.v, ": of term ", terms[index.v - 1].v, " and, at box ", b, ", of term ", here->v);
  }
}

void Oracle::look_at_tables(int b, GroupId id) {
  const node::Group& group = fleet_.box(b).node->group(id);
  Agreed& agreed = agreed_[id.v];
  for (const engine::Deletion& deletion : group.tables().deletions()) {
    agreed.deleted.insert(deletion.run);
  }
  if (agreed.tables.size() <= group.applied().v) agreed.tables.resize(group.applied().v + 1);
  Tables& known = agreed.tables[group.applied().v];
  const bool first = known.owner == 0;
  if (first) known.owner = b;
  const std::string bytes = tables_of(group);
  engine::RecordSplitter splitter;
  splitter.feed(std::string_view(bytes).substr(engine::snapshot_prologue().size()));
  std::uint8_t kind = 0;
  std::string_view body;
  std::size_t count = 0;
  for (std::uint64_t others = 0; splitter.next(&kind, &body); ++count) {
    const Record record = record_of(kind, body, &others);
    const std::uint64_t here = fingerprint(body);
    if (first) known.records[record] = here;
    const auto there = known.records.find(record);
    const bool equal = there != known.records.end() && there->second == here;
    rule(equal || is_of_deleted(id, record, body), "the tables of boxes ", known.owner, " and ", b,
         " differ at group ", id.v, ", index ", group.applied().v);
  }
  rule(splitter.left() == 0 && count == known.records.size(), "the tables of boxes ", known.owner,
       " and ", b, " have different parts at group ", id.v, ", index ", group.applied().v);
}

bool Oracle::is_of_deleted(GroupId group, const Record& record, std::string_view body) const {
  const std::set<Index>& deleted = agreed_[group.v].deleted;
  switch (static_cast<engine::SnapshotRecord>(record.first)) {
    case engine::SnapshotRecord::run:
      return deleted.contains(Index(record.second));
    case engine::SnapshotRecord::kept:
    case engine::SnapshotRecord::forwarded:
      return std::any_of(deleted.begin(), deleted.end(), [&](Index run) {
        return body.find("\"" + to_string(RunUid{group, run}) + "\"") != std::string_view::npos;
      });
    default:
      return false;
  }
}

void Oracle::hear(int from, const node::OutgoingFrame& frame) {
  if (frame.kind != codecs::FrameKind::kRaft) return;
  codecs::RaftEnvelope envelope;
  std::string error;
  rule(codecs::decode_raft_message(frame.payload, &envelope, &error), error);
  if (const auto* vote = std::get_if<raft::VoteReply>(&envelope.message.body)) {
    if (vote->granted) check_vote(from, envelope);
  } else if (const auto* reply = std::get_if<raft::AppendReply>(&envelope.message.body)) {
    check_match(from, envelope, reply->match);
  } else if (const auto* heard = std::get_if<raft::HeartbeatReply>(&envelope.message.body)) {
    check_match(from, envelope, heard->match);
  }
}

void Oracle::check_vote(int from, const codecs::RaftEnvelope& envelope) {
  const Term term = envelope.message.term;
  const auto [known, first] =
      votes_.emplace(std::tuple(envelope.group, term, from), envelope.message.to);
  rule(known->second == envelope.message.to, "box ", from, " voted twice in term ", term.v,
       " of group ", envelope.group.v);
  if (!random_.chance(samples_ * 4)) return;
  const log::JournalModel disk = platters(from);
  const auto group = disk.groups.find(envelope.group.v);
  const bool there =
      group != disk.groups.end() && group->second.state &&
      (group->second.state->term > term ||
       (group->second.state->term == term && group->second.state->vote == envelope.message.to));
  rule(there, "box ", from, " gave a vote that is not on its disk");
}

void Oracle::check_match(int from, const codecs::RaftEnvelope& envelope, Index match) {
  if (match.v == 0 || !random_.chance(samples_)) return;
  const auto term = fleet_.box(from).node->group(envelope.group).raft().trail().term_at(match);
  if (!term) return;
  if (fleet_.box(from).covered()[envelope.group.v] >= match) return;  // its snapshot is there
  const log::JournalModel disk = platters(from);
  const auto group = disk.groups.find(envelope.group.v);
  const bool there = group != disk.groups.end() && group->second.entries.contains(match.v) &&
                     group->second.entries.at(match.v).first == term->v;
  rule(there, "box ", from, " acknowledged what is not on its disk: group ", envelope.group.v,
       ", index ", match.v);
}

log::JournalModel Oracle::platters(int b) {
  log::MemoryFileSystem files = fleet_.box(b).files.durable();
  log::JournalModel model;
  log::JournalOptions options = log::small_options();
  options.rebuilds = fleet_.box(b).rebuilds;
  const auto opened = log::Journal::open(files, options, model, nullptr);
  rule(opened.ok(), "the disk of box ", b,
       " would not open: ", std::string(opened.status().message()));
  return model;
}

// In each of these sets of voters a majority has all that is committed; none if no box that is up
// knows of the last commit. Of a change that is under way (paper 6):
//
//   its joint membership is not committed   those before it
//   it is                                   those after it, whom the leader counts alone once it
//                                           has written the last step (not every box has that)
//   and the entry's leader, which still leads, has not written that step: those before it, too
std::vector<std::vector<NodeId>> Oracle::electorates(GroupId id) {
  std::vector<std::vector<NodeId>> found;
  for (int b = 1; b <= fleet_.size(); ++b) {
    if (!fleet_.box(b).up()) continue;
    const raft::Raft& raft = fleet_.box(b).node->group(id).raft();
    if (raft.commit() != committed(id)) continue;
    const raft::Membership& now = raft.membership();
    const bool begun = raft.trail().memberships().index() <= raft.commit();
    found = {now.joint() && !begun ? now.outgoing : now.voters};
    if (!raft.leads() || agreed_[id.v].terms.back() != raft.term()) continue;
    if (now.joint() && begun) found.push_back(now.outgoing);
    break;
  }
  return found;
}

void Oracle::look_at_disks() {
  std::vector<std::set<NodeId>> holders(agreed_.size());
  const auto has = [&](std::size_t g, int b) {
    holders[g].insert(NodeId(static_cast<std::uint64_t>(b)));
  };
  for (std::size_t g = 0; g < agreed_.size(); ++g) {
    for (const int b : lost_) has(g, b);
  }
  for (int b = 1; b <= fleet_.size(); ++b) {
    if (lost_.contains(b)) continue;
    const log::JournalModel disk = platters(b);
    for (const auto& [group, held] : disk.groups) {
      const std::vector<Term>& terms = agreed_[group].terms;
      if (fleet_.box(b).covered()[group].v >= terms.size()) has(group, b);
      const auto entry = held.entries.find(terms.size());
      if (entry == held.entries.end()) continue;
      if (entry->second.first == terms.back().v) has(group, b);
    }
  }
  for (std::size_t g = 0; g < agreed_.size(); ++g) {
    if (agreed_[g].terms.empty()) continue;
    for (const auto& among : electorates(GroupId(static_cast<std::uint16_t>(g)))) {
      const auto with = static_cast<std::size_t>(std::count_if(
          among.begin(), among.end(), [&](NodeId voter) { return holders[g].contains(voter); }));
      rule(with * 2 > among.size(), "what is committed is on the disks of ", with, " of ",
           among.size(), " voters only: group ", g, ", index ", agreed_[g].terms.size());
    }
  }
}

}  // namespace pawl::sim
