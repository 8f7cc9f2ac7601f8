// One message of one group's consensus as the payload of a frame of kind raft: raft/message.h with
// what the driver attaches, to flatbuffers bytes (wire.fbs, behind their length) and back.
//
// Decoding trusts nothing: what comes out keeps raft::well_formed(), and lengths, counts and bounds
// agree with one another. It does not know who may say it: the receiver compares `message.from`
// with the link it came by, `message.to` with itself, and the group with those it has.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "raft/message.h"

namespace pawl::codecs {

// Views are into somebody else's bytes. Values otherwise.
struct RaftEnvelope {
  GroupId group;          // below limits::kGroupsMax
  raft::Message message;  // of ids up to limits::kNodeIdMax
  // Of an Append: the payloads of its `count` entries in order, "" for a leader's no-op. Each is at
  // most limits::kEntryBytesMax, and all together limits::kAppendBytesMax unless there is only one.
  std::vector<std::string_view> payloads;
  std::string_view chunk;  // of a SnapshotChunk: its `bytes` bytes
};

// Encodes messages one after the other into one reused flatbuffers builder.
class RaftMessageEncoder {
 public:
  RaftMessageEncoder();
  ~RaftMessageEncoder();
  RaftMessageEncoder(const RaftMessageEncoder&) = delete;
  RaftMessageEncoder& operator=(const RaftMessageEncoder&) = delete;

  // Appends the message's bytes, at most limits::kFramePayloadBytesMax, to *payload. The envelope
  // is as decode_raft_message() wants it: anything else is the caller's mistake and ends the
  // process.
  void encode(const RaftEnvelope& envelope, std::string* payload);

 private:
  struct Builder;
  Builder* builder_;
};

// Reads a message whose views point into `payload`. False, with a reason in *error and *envelope in
// any state, for what is no message, is one of a kind this build does not know, or breaks a bound.
bool decode_raft_message(std::string_view payload, RaftEnvelope* envelope, std::string* error);

}  // namespace pawl::codecs
