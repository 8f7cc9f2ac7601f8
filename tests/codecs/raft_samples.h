// One message of every kind, for tests of their bytes.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "codecs/raft_message.h"

namespace pawl::codecs {

inline RaftEnvelope envelope(GroupId group, const raft::Body& body) {
  RaftEnvelope e;
  e.group = group;
  e.message = raft::Message{NodeId(1), NodeId(2), Term(5), body};
  return e;
}

inline raft::SnapshotChunk sample_chunk(std::uint32_t bytes) {
  raft::SnapshotChunk chunk;
  chunk.snapshot.last = {Index(99), Term(4)};
  chunk.snapshot.bytes = 1000;
  for (std::size_t i = 0; i < chunk.snapshot.hash.size(); ++i) {
    chunk.snapshot.hash[i] = static_cast<unsigned char>(i);
  }
  chunk.offset = 64;
  chunk.bytes = bytes;
  chunk.round = raft::Round(7);
  return chunk;
}

// In the order of raft::Body.
inline std::vector<RaftEnvelope> raft_samples() {
  using raft::Round;
  const GroupId g(3);
  const raft::EntryId last{Index(12), Term(4)};
  std::vector<RaftEnvelope> all = {
      envelope(g, raft::PreVoteRequest{Term(6), last}),
      envelope(g, raft::PreVoteReply{Term(6), true}),
      envelope(g, raft::VoteRequest{last, true}),
      envelope(g, raft::VoteReply{true}),
      envelope(g, raft::Append{last, Term(5), 3, Index(11), Round(7), false}),
      envelope(g, raft::AppendReply{Index(12), Index(13), Round(7)}),
      envelope(g, raft::AppendReject{Index(12), {Index(10), Term(3)}, Round(7)}),
      envelope(g, raft::Heartbeat{Index(11), Round(7)}),
      envelope(g, raft::HeartbeatReply{Index(12), Index(13), Round(7)}),
      envelope(g, sample_chunk(5)),
      envelope(g, raft::SnapshotReply{Index(99), 64, Round(7)}),
      envelope(g, raft::TimeoutNow{}),
  };
  all[4].payloads = {"one", "", "three"};
  all[9].chunk = "chunk";
  return all;
}

// Everything of it, comparable.
inline std::string text_of(const RaftEnvelope& e) {
  std::string text = std::to_string(e.group.v) + " " + raft::to_string(e.message);
  const auto add = [&](std::uint64_t number) { text += " " + std::to_string(number); };
  if (const auto* m = std::get_if<raft::Append>(&e.message.body)) {
    add(m->round.v);
    add(m->membership);
    add(m->entries_term.v);
  }
  if (const auto* m = std::get_if<raft::AppendReply>(&e.message.body)) add(m->round.v);
  if (const auto* m = std::get_if<raft::AppendReject>(&e.message.body)) add(m->round.v);
  if (const auto* m = std::get_if<raft::SnapshotReply>(&e.message.body)) add(m->round.v);
  if (const auto* m = std::get_if<raft::SnapshotChunk>(&e.message.body)) {
    add(m->round.v);
    text += " " + to_hex(m->snapshot.hash);
  }
  for (const std::string_view payload : e.payloads) text += " '" + std::string(payload) + "'";
  return text + " " + std::string(e.chunk);
}

}  // namespace pawl::codecs
