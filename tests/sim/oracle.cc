#include "tests/sim/oracle.h"

#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "codecs/raft_message.h"

namespace pawl::sim {
namespace {

void rule(bool holds, const std::string& otherwise) {
  if (!holds) throw std::runtime_error(otherwise);
}

std::string at(GroupId group, Index index) {
  return absl::StrCat("group ", group.v, ", index ", index.v);
}

}  // namespace

Oracle::Oracle(Fleet* fleet, std::uint64_t seed, double samples)
    : fleet_(*fleet), random_(seed), samples_(samples) {
  fleet->tap = [this](int from, const node::OutgoingFrame& frame) { hear(from, frame); };
}

Index Oracle::committed(GroupId group) const {
  const auto known = committed_.find(group);
  return Index(known == committed_.end() ? 0 : known->second.size());
}

void Oracle::look() {
  for (int b = 1; b <= fleet_.size(); ++b) {
    if (boots_[b] != fleet_.boots(b)) forget(b);
    if (!fleet_.box(b).up()) continue;
    for (std::uint16_t g = 0; g <= fleet_.options.run_groups; ++g) look_at(b, GroupId(g));
  }
}

// The box has started anew: what it knows may be less than before.
void Oracle::forget(int b) {
  boots_[b] = fleet_.boots(b);
  for (std::uint16_t g = 0; g <= fleet_.options.run_groups; ++g) {
    known_.erase({b, GroupId(g)});
    applied_.erase({b, GroupId(g)});
  }
}

void Oracle::look_at(int b, GroupId group) {
  const raft::Raft& raft = fleet_.box(b).node->group(group).raft();
  if (raft.leads()) {
    const auto [known, first] = leaders_.emplace(std::pair(group, raft.term()), b);
    rule(known->second == b, absl::StrCat("group ", group.v, " has two leaders in term ",
                                          raft.term().v, ": ", known->second, " and ", b));
    const Index last = committed(group);
    rule(!first || last.v == 0 || raft.trail().term_at(last) == committed_[group][last.v - 1],
         absl::StrCat("box ", b, " leads and lacks what is committed: ", at(group, last)));
  }
  look_at_commit(b, group);
  look_at_tables(b, group);
}

void Oracle::look_at_commit(int b, GroupId group) {
  const raft::Raft& raft = fleet_.box(b).node->group(group).raft();
  auto& [commit, term] = known_[{b, group}];
  rule(raft.commit() >= commit, "a commit index fell");
  std::vector<Term>& terms = committed_[group];
  for (Index index = commit.next(); index <= raft.commit(); index = index.next()) {
    const auto here = raft.trail().term_at(index);
    if (!here) continue;  // below the floor
    if (index.v == terms.size() + 1) terms.push_back(*here);
    rule(index.v <= terms.size(), "a commit index has passed unseen");
    rule(terms[index.v - 1] == *here,
         absl::StrCat("two entries are committed at ", at(group, index), ": of term ",
                      terms[index.v - 1].v, " and, at box ", b, ", of term ", here->v));
  }
  commit = raft.commit();
  rule(raft.term() >= term, "a term fell");
  term = raft.term();
}

void Oracle::look_at_tables(int b, GroupId id) {
  const node::Group& group = fleet_.box(b).node->group(id);
  Index& seen = applied_[{b, id}];
  if (group.applied() == seen) return;
  seen = group.applied();
  const Digest hash = digest(tables_of(group));
  const auto [known, first] = tables_.emplace(std::pair(id, seen), std::pair(hash, b));
  rule(known->second.first == hash, absl::StrCat("the tables of boxes ", known->second.second,
                                                 " and ", b, " differ at ", at(id, seen)));
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
  rule(known->second == envelope.message.to,
       absl::StrCat("box ", from, " voted twice in term ", term.v, " of group ", envelope.group.v));
  if (!random_.chance(samples_ * 4)) return;
  const log::JournalModel disk = platters(from);
  const auto group = disk.groups.find(envelope.group.v);
  const bool there =
      group != disk.groups.end() && group->second.state &&
      (group->second.state->term > term ||
       (group->second.state->term == term && group->second.state->vote == envelope.message.to));
  rule(there, absl::StrCat("box ", from, " gave a vote that is not on its disk"));
}

void Oracle::check_match(int from, const codecs::RaftEnvelope& envelope, Index match) {
  if (match.v == 0 || !random_.chance(samples_)) return;
  const auto term = fleet_.box(from).node->group(envelope.group).raft().trail().term_at(match);
  if (!term) return;
  const log::JournalModel disk = platters(from);
  const auto group = disk.groups.find(envelope.group.v);
  const bool there = group != disk.groups.end() && group->second.entries.contains(match.v) &&
                     group->second.entries.at(match.v).first == term->v;
  rule(there, absl::StrCat("box ", from,
                           " acknowledged what is not on its disk: ", at(envelope.group, match)));
}

log::JournalModel Oracle::platters(int b) {
  log::MemoryFileSystem files = fleet_.box(b).files.durable();
  log::JournalModel model;
  const auto opened = log::Journal::open(files, log::small_options(), model, nullptr);
  rule(opened.ok(),
       absl::StrCat("the disk of box ", b, " would not open: ", opened.status().ToString()));
  return model;
}

void Oracle::look_at_disks() {
  std::map<GroupId, std::size_t> holders;
  for (int b = 1; b <= fleet_.size(); ++b) {
    const log::JournalModel disk = platters(b);
    for (const auto& [group, terms] : committed_) {
      const auto held = disk.groups.find(group.v);
      if (terms.empty() || held == disk.groups.end()) continue;
      const auto entry = held->second.entries.find(terms.size());
      const bool has = entry != held->second.entries.end() && entry->second.first == terms.back().v;
      holders[group] += has ? 1 : 0;
    }
  }
  for (const auto& [group, terms] : committed_) {
    rule(terms.empty() || holders[group] * 2 > static_cast<std::size_t>(fleet_.size()),
         absl::StrCat(at(group, Index(terms.size())), " is committed and on ", holders[group],
                      " disks only"));
  }
}

}  // namespace pawl::sim
