#include "codecs/raft_message.h"

#include <flatbuffers/flatbuffers.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "codecs/aligned_bytes.h"
#include "codecs/wire_generated.h"

namespace pawl::codecs {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using flatbuffers::uoffset_t;
using Bytes = flatbuffers::Vector<std::uint8_t>;

raft::EntryId entry_id(std::uint64_t index, std::uint64_t term) {
  return {Index(index), Term(term)};
}

// --- What is wrong with an envelope; empty: nothing. The encoder and the decoder share it. ---

const char* payloads_fault(const RaftEnvelope& e, const raft::Append& append) {
  if (e.payloads.size() != append.count) return "an append's payloads are not as many as it says";
  std::size_t total = 0;
  for (const std::string_view payload : e.payloads) {
    if (payload.size() > limits::kEntryBytesMax) return "an append has an entry that is too large";
    total += payload.size();
  }
  if (append.count > 1 && total > limits::kAppendBytesMax) return "an append is too large";
  return nullptr;
}

const char* fault(const RaftEnvelope& e) {
  if (e.group.v >= limits::kGroupsMax) return "a message names a group that cannot be";
  if (e.message.from.v > limits::kNodeIdMax || e.message.to.v > limits::kNodeIdMax) {
    return "a message names a box that cannot be";
  }
  if (!raft::well_formed(e.message)) return "a message makes no sense by itself";
  const auto* append = std::get_if<raft::Append>(&e.message.body);
  if (append == nullptr && !e.payloads.empty()) return "a message that is no append has payloads";
  if (append != nullptr) {
    if (const char* f = payloads_fault(e, *append)) return f;
  }
  const auto* chunk = std::get_if<raft::SnapshotChunk>(&e.message.body);
  if (e.chunk.size() != (chunk == nullptr ? 0 : chunk->bytes)) {
    return "a snapshot chunk's bytes are not as many as it says";
  }
  return nullptr;
}

// --- Encoding: the table of each body, without what is zero. ---

struct BodyWriter {
  FlatBufferBuilder& b;
  const RaftEnvelope& envelope;

  Offset<void> operator()(const raft::PreVoteRequest& m) const {
    return fb::CreatePreVoteRequest(b, m.next.v, m.last.index.v, m.last.term.v).Union();
  }
  Offset<void> operator()(const raft::PreVoteReply& m) const {
    return fb::CreatePreVoteReply(b, m.next.v, m.granted).Union();
  }
  Offset<void> operator()(const raft::VoteRequest& m) const {
    return fb::CreateVoteRequest(b, m.last.index.v, m.last.term.v, m.transfer).Union();
  }
  Offset<void> operator()(const raft::VoteReply& m) const {
    return fb::CreateVoteReply(b, m.granted).Union();
  }
  Offset<void> operator()(const raft::Append& m) const;
  Offset<void> operator()(const raft::AppendReply& m) const {
    return fb::CreateAppendReply(b, m.match.v, m.received.v, m.round.v).Union();
  }
  Offset<void> operator()(const raft::AppendReject& m) const {
    return fb::CreateAppendReject(b, m.prev.v, m.hint.index.v, m.hint.term.v, m.round.v).Union();
  }
  Offset<void> operator()(const raft::Heartbeat& m) const {
    return fb::CreateHeartbeat(b, m.commit.v, m.round.v).Union();
  }
  Offset<void> operator()(const raft::HeartbeatReply& m) const {
    return fb::CreateHeartbeatReply(b, m.match.v, m.received.v, m.round.v).Union();
  }
  Offset<void> operator()(const raft::SnapshotChunk& m) const;
  Offset<void> operator()(const raft::SnapshotReply& m) const {
    return fb::CreateSnapshotReply(b, m.last.v, m.offset, m.round.v).Union();
  }
  Offset<void> operator()(const raft::TimeoutNow&) const { return fb::CreateTimeoutNow(b).Union(); }
};

Offset<void> BodyWriter::operator()(const raft::Append& m) const {
  Offset<flatbuffers::Vector<std::uint32_t>> sizes;
  Offset<Bytes> payloads;
  if (m.count > 0) {
    std::size_t total = 0;
    for (const std::string_view p : envelope.payloads) total += p.size();
    std::uint8_t* at = nullptr;
    if (total > 0) payloads = b.CreateUninitializedVector(total, &at);
    for (const std::string_view p : envelope.payloads) {
      if (!p.empty()) std::memcpy(at, p.data(), p.size());
      at += p.size();
    }
    sizes = b.CreateVector<std::uint32_t>(m.count, [&](std::size_t i) {
      return static_cast<std::uint32_t>(envelope.payloads[i].size());
    });
  }
  return fb::CreateAppend(b, m.prev.index.v, m.prev.term.v, m.entries_term.v, m.commit.v, m.round.v,
                          m.membership, sizes, payloads)
      .Union();
}

Offset<void> BodyWriter::operator()(const raft::SnapshotChunk& m) const {
  const auto chunk = b.CreateVector(reinterpret_cast<const std::uint8_t*>(envelope.chunk.data()),
                                    envelope.chunk.size());
  static_assert(sizeof(fb::Hash) == sizeof(Digest));
  fb::Hash hash;
  std::memcpy(&hash, m.snapshot.hash.data(), sizeof hash);
  const raft::Snapshot& s = m.snapshot;
  return fb::CreateSnapshotChunk(b, s.last.index.v, s.last.term.v, s.bytes, &hash, m.offset,
                                 m.round.v, chunk)
      .Union();
}

// The union's members are listed in the order of raft::Body; none has no number.
fb::RaftBody body_type(const raft::Body& body) {
  static_assert(std::variant_size_v<raft::Body> == static_cast<std::size_t>(fb::RaftBody::MAX));
  return static_cast<fb::RaftBody>(body.index() + 1);
}

// --- Decoding: the body of each table. False where lengths inside it do not fit. ---

// A vector's elements read byte by byte: a message stands at any address, and in a forged one a
// vector does too, where calling its members would be undefined. Empty if it is not there.
template <class Vector>
std::string_view elements(const Vector* vector) {
  if (vector == nullptr) return {};
  const auto* at = reinterpret_cast<const std::uint8_t*>(vector);
  const std::size_t count = flatbuffers::ReadScalar<uoffset_t>(at);
  return {reinterpret_cast<const char*>(at + sizeof(uoffset_t)),
          count * sizeof(typename Vector::value_type)};
}

bool read(const fb::PreVoteRequest& t, RaftEnvelope* e) {
  e->message.body = raft::PreVoteRequest{Term(t.next()), entry_id(t.last_index(), t.last_term())};
  return true;
}
bool read(const fb::PreVoteReply& t, RaftEnvelope* e) {
  e->message.body = raft::PreVoteReply{Term(t.next()), t.granted()};
  return true;
}
bool read(const fb::VoteRequest& t, RaftEnvelope* e) {
  e->message.body = raft::VoteRequest{entry_id(t.last_index(), t.last_term()), t.transfer()};
  return true;
}
bool read(const fb::VoteReply& t, RaftEnvelope* e) {
  e->message.body = raft::VoteReply{t.granted()};
  return true;
}

bool read(const fb::Append& t, RaftEnvelope* e) {
  raft::Append append;
  append.prev = entry_id(t.prev_index(), t.prev_term());
  append.entries_term = Term(t.entries_term());
  append.commit = Index(t.commit());
  append.round = raft::Round(t.round());
  append.membership = t.membership();
  ByteReader sizes(elements(t.sizes()));
  append.count = static_cast<std::uint32_t>(sizes.remaining() / sizeof(std::uint32_t));
  e->message.body = append;
  if (append.count > limits::kAppendEntriesMax) return false;
  std::string_view rest = elements(t.payloads());
  e->payloads.reserve(append.count);
  while (!sizes.at_end()) {
    const std::uint32_t size = sizes.fixed32();
    if (size > rest.size()) return false;
    e->payloads.push_back(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  return rest.empty();
}

bool read(const fb::AppendReply& t, RaftEnvelope* e) {
  e->message.body =
      raft::AppendReply{Index(t.match()), Index(t.received()), raft::Round(t.round())};
  return true;
}
bool read(const fb::AppendReject& t, RaftEnvelope* e) {
  e->message.body = raft::AppendReject{Index(t.prev()), entry_id(t.hint_index(), t.hint_term()),
                                       raft::Round(t.round())};
  return true;
}
bool read(const fb::Heartbeat& t, RaftEnvelope* e) {
  e->message.body = raft::Heartbeat{Index(t.commit()), raft::Round(t.round())};
  return true;
}
bool read(const fb::HeartbeatReply& t, RaftEnvelope* e) {
  e->message.body =
      raft::HeartbeatReply{Index(t.match()), Index(t.received()), raft::Round(t.round())};
  return true;
}

bool read(const fb::SnapshotChunk& t, RaftEnvelope* e) {
  if (t.hash() == nullptr || t.chunk() == nullptr) return false;
  raft::SnapshotChunk chunk;
  chunk.snapshot.last = entry_id(t.last_index(), t.last_term());
  chunk.snapshot.bytes = t.total();
  std::memcpy(chunk.snapshot.hash.data(), t.hash(), chunk.snapshot.hash.size());
  chunk.offset = t.offset();
  chunk.round = raft::Round(t.round());
  e->chunk = elements(t.chunk());
  chunk.bytes = static_cast<std::uint32_t>(e->chunk.size());
  e->message.body = chunk;
  return true;
}

bool read(const fb::SnapshotReply& t, RaftEnvelope* e) {
  e->message.body = raft::SnapshotReply{Index(t.last()), t.offset(), raft::Round(t.round())};
  return true;
}
bool read(const fb::TimeoutNow&, RaftEnvelope* e) {
  e->message.body = raft::TimeoutNow();
  return true;
}

template <class Table>
bool read_as(const fb::RaftMessage& from, RaftEnvelope* e) {
  return read(*static_cast<const Table*>(from.body()), e);
}

bool read_body(const fb::RaftMessage& from, RaftEnvelope* e) {
  switch (from.body_type()) {
    case fb::RaftBody::NONE:
      return false;
    case fb::RaftBody::PreVoteRequest:
      return read_as<fb::PreVoteRequest>(from, e);
    case fb::RaftBody::PreVoteReply:
      return read_as<fb::PreVoteReply>(from, e);
    case fb::RaftBody::VoteRequest:
      return read_as<fb::VoteRequest>(from, e);
    case fb::RaftBody::VoteReply:
      return read_as<fb::VoteReply>(from, e);
    case fb::RaftBody::Append:
      return read_as<fb::Append>(from, e);
    case fb::RaftBody::AppendReply:
      return read_as<fb::AppendReply>(from, e);
    case fb::RaftBody::AppendReject:
      return read_as<fb::AppendReject>(from, e);
    case fb::RaftBody::Heartbeat:
      return read_as<fb::Heartbeat>(from, e);
    case fb::RaftBody::HeartbeatReply:
      return read_as<fb::HeartbeatReply>(from, e);
    case fb::RaftBody::SnapshotChunk:
      return read_as<fb::SnapshotChunk>(from, e);
    case fb::RaftBody::SnapshotReply:
      return read_as<fb::SnapshotReply>(from, e);
    case fb::RaftBody::TimeoutNow:
      return read_as<fb::TimeoutNow>(from, e);
  }
  return false;
}

}  // namespace

struct RaftMessageEncoder::Builder {
  FlatBufferBuilder fbb{4096};
};

RaftMessageEncoder::RaftMessageEncoder() : builder_(new Builder) {}
RaftMessageEncoder::~RaftMessageEncoder() { delete builder_; }

void RaftMessageEncoder::encode(const RaftEnvelope& envelope, std::string* payload) {
  PAWL_CHECK(fault(envelope) == nullptr);
  FlatBufferBuilder& b = builder_->fbb;
  b.Clear();
  const raft::Message& m = envelope.message;
  const Offset<void> body = std::visit(BodyWriter{b, envelope}, m.body);
  b.FinishSizePrefixed(fb::CreateRaftMessage(b, envelope.group.v, m.from.v, m.to.v, m.term.v,
                                             body_type(m.body), body));
  PAWL_CHECK(b.GetSize() <= limits::kFramePayloadBytesMax);
  payload->append(reinterpret_cast<const char*>(b.GetBufferPointer()), b.GetSize());
}

bool decode_raft_message(std::string_view payload, RaftEnvelope* envelope, std::string* error) {
  constexpr int kDepthMax = 3;
  constexpr int kTablesMax = 2;
  const AlignedBytes aligned(payload);
  flatbuffers::Verifier verifier(aligned.data(), payload.size(), kDepthMax, kTablesMax);
  if (payload.size() > limits::kFramePayloadBytesMax || payload.size() < 12 ||
      !fb::VerifySizePrefixedRaftMessageBuffer(verifier)) {
    *error = "the message is not a valid buffer of codecs/wire.fbs";
    return false;
  }
  const fb::RaftMessage& from = *fb::GetSizePrefixedRaftMessage(aligned.data());
  if (from.body() == nullptr || from.body_type() == fb::RaftBody::NONE ||
      from.body_type() > fb::RaftBody::MAX) {
    *error = "the message has a body of the unknown kind " +
             std::to_string(static_cast<int>(from.body_type()));
    return false;
  }
  envelope->group = GroupId(from.group());
  envelope->message.from = NodeId(from.from());
  envelope->message.to = NodeId(from.to());
  envelope->message.term = Term(from.term());
  envelope->payloads.clear();
  envelope->chunk = {};
  if (!read_body(from, envelope)) {
    *error = "the message's lengths do not agree";
    return false;
  }
  if (const char* f = fault(*envelope)) {
    *error = f;
    return false;
  }
  for (std::string_view& entry : envelope->payloads) entry = aligned.original(entry);
  envelope->chunk = aligned.original(envelope->chunk);
  return true;
}

}  // namespace pawl::codecs
