// What nodes say to one another beside raft's messages: plain values, and their bytes. Each is a
// frame of its own kind (codecs/frame_kind.h); any may be lost, repeated or come late without harm.
//
//   ForwardedRequest --> the group's leader --> ForwardedAnswer
//   ReadAsk          --> the group's leader --> ReadReply
//   QueueDemand      --> every box: tasks wait here for polls that are parked there
//   ReturnedTasks    --> the leader that handed them out: they reached no worker
//   Delivery         --> the receiving group's leader --> DeliveryTaken
//   BoxStatus        --> every box: when a link comes up, then once a second
//   ScrubStatus      --> every box: once a second, once data was deleted
//
// Encoding: the members in order; unsigned numbers as varints, signed ones zigzag, text and lists
// with a varint count, optionals behind one byte, variants behind their index, values as
// dsl/value_encoding has them. A changed message is a new kind.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "engine/channel.h"
#include "engine/roster.h"
#include "node/request.h"

namespace pawl::node {

// A request for a group that another box leads. base + number names it between the two boxes:
// repeated, it is the same request. It is meant for the leader of `term` and nobody else: a copy
// that comes late, when its answer has long come from another leader, must do nothing.
// request.id, request.forwarded and request.deadline_ms are not sent.
struct ForwardedRequest {
  std::uint64_t base = 0;       // of the sender's process; not 0
  std::uint64_t number = 0;     // 1, 2, 3 ... of its requests
  std::uint64_t open_from = 0;  // those before it are over: no copy of them counts any more
  GroupId group;
  Term term;
  std::int64_t left_ms = 0;  // until its client is told that the outcome is unknown
  Request request;
};

struct ForwardedAnswer {
  std::uint64_t id = 0;  // base + number
  Term term;             // of the request: another leader asked since may say something else
  // Nothing was done and nothing will be: this box does not lead the group. `answer` is empty.
  bool not_leader = false;
  Answer answer;  // its id is not sent
};

// From which index on may a read be answered that asks now?
struct ReadAsk {
  GroupId group;
  std::uint64_t context = 0;
};
struct ReadReply {
  GroupId group;
  std::uint64_t context = 0;
  Index index;  // 0: this box does not lead the group
};

struct QueueDemand {
  std::string queue;
};

struct ReturnedTasks {
  std::vector<std::string> tokens;
};

// A message of a channel between two groups (engine/channel.h).
struct Delivery {
  GroupId from, to;
  engine::Message message;
};
// Committed by the receiving group, and all before it.
struct DeliveryTaken {
  GroupId from, to;  // as in the Delivery
  std::uint64_t through = 0;
};

struct BoxStatus {
  std::uint16_t feature_level = 0;  // the highest it can read
  std::int64_t wall_ms = 0;
  bool wall_trusted = false;
  std::int64_t disk_ms = 0;  // that its disk has been busy with one batch
  // What it measures, for everybody's election timeout (pace.h).
  std::int64_t sync_ms = 0, round_trip_ms = 0;
  engine::BoxStore store{};  // the id of its store
  // How its cluster was made: equal on all its boxes (cluster_make).
  std::uint64_t make = 0;
  bool heard = false;      // it has heard this of the box it tells, since their link came up
  bool caught_up = false;  // it has applied every group's log as far as it knows to be committed
  // Why it does not listen to the box it tells.
  enum class Verdict : std::uint8_t { fits, other_make, other_store };
  Verdict verdict = Verdict::fits;
  // The members it knows, with addresses, and how new that is (Roster::changes): a box that was
  // away learns from it whom to talk to.
  std::uint64_t roster = 0;
  std::vector<std::pair<NodeId, std::string>> boxes;
};

// Up to which entry of each group a box holds nothing any more of what was deleted
// (node/scrubbing.h); of the groups in which data was deleted, ascending. Of kJournalLevel.
struct ScrubStatus {
  std::vector<std::pair<GroupId, Index>> through;
};

// A fingerprint of what all boxes of a cluster must agree on for ever.
std::uint64_t cluster_make(const std::vector<NodeId>& founders, std::uint16_t run_groups);

std::string encode(const ForwardedRequest& frame);
std::string encode(const ForwardedAnswer& frame);
std::string encode(const ReadAsk& frame);
std::string encode(const ReadReply& frame);
std::string encode(const QueueDemand& frame);
std::string encode(const ReturnedTasks& frame);
std::string encode(const Delivery& frame);
std::string encode(const DeliveryTaken& frame);
std::string encode(const BoxStatus& frame);
std::string encode(const ScrubStatus& frame);

// False on anything that encode() would not have written; *frame is then of no use.
bool decode(std::string_view bytes, ForwardedRequest* frame);
bool decode(std::string_view bytes, ForwardedAnswer* frame);
bool decode(std::string_view bytes, ReadAsk* frame);
bool decode(std::string_view bytes, ReadReply* frame);
bool decode(std::string_view bytes, QueueDemand* frame);
bool decode(std::string_view bytes, ReturnedTasks* frame);
bool decode(std::string_view bytes, Delivery* frame);
bool decode(std::string_view bytes, DeliveryTaken* frame);
bool decode(std::string_view bytes, BoxStatus* frame);
bool decode(std::string_view bytes, ScrubStatus* frame);

}  // namespace pawl::node
