// Raft messages as bytes: every kind comes back, its bytes are these, and what is no message is
// refused with a reason.
#include "codecs/raft_message.h"

#include <boost/test/unit_test.hpp>
#include <map>

#include "base/limits.h"
#include "base/random.h"
#include "codecs/frame.h"
#include "tests/codecs/raft_samples.h"
#include "tests/codecs/seeded_bytes.h"

namespace pawl::codecs {
namespace {

std::string encoded(const RaftEnvelope& e) {
  RaftMessageEncoder encoder;
  std::string payload;
  encoder.encode(e, &payload);
  return payload;
}

std::string name_of(const RaftEnvelope& e) { return raft::to_string(e.message); }

// Why it is refused; "" if it is not.
std::string refusal(std::string_view payload) {
  // In memory of its own, so that a sanitizer sees a read past it.
  const std::vector<char> copy(payload.begin(), payload.end());
  RaftEnvelope e;
  std::string error;
  if (decode_raft_message({copy.data(), copy.size()}, &e, &error)) return "";
  BOOST_REQUIRE(!error.empty());
  return error;
}

BOOST_AUTO_TEST_SUITE(raft_message)

BOOST_AUTO_TEST_CASE(every_kind_comes_back) {
  RaftMessageEncoder encoder;
  RaftEnvelope read;
  for (const RaftEnvelope& written : raft_samples()) {
    std::string payload = "before";
    encoder.encode(written, &payload);
    BOOST_TEST(payload.substr(0, 6) == "before");
    std::string error;
    BOOST_REQUIRE_MESSAGE(decode_raft_message(std::string_view(payload).substr(6), &read, &error),
                          error);
    BOOST_TEST(text_of(read) == text_of(written));
    BOOST_TEST((encoded(written) == payload.substr(6)), "a reused encoder says the same");
  }
}

BOOST_AUTO_TEST_CASE(zeros_come_back) {
  const auto all = {
      envelope(GroupId(0), raft::PreVoteRequest{Term(6), {}}),
      envelope(GroupId(0), raft::PreVoteReply{}),
      envelope(GroupId(0), raft::VoteRequest{}),
      envelope(GroupId(0), raft::VoteReply{}),
      envelope(GroupId(0), raft::Append{}),
      envelope(GroupId(0), raft::AppendReply{}),
      envelope(GroupId(0), raft::Heartbeat{}),
      envelope(GroupId(0), raft::HeartbeatReply{}),
  };
  for (const RaftEnvelope& written : all) {
    const std::string payload = encoded(written);
    RaftEnvelope read;
    std::string error;
    BOOST_REQUIRE_MESSAGE(decode_raft_message(payload, &read, &error), error);
    BOOST_TEST(text_of(read) == text_of(written));
  }
}

BOOST_AUTO_TEST_CASE(payloads_are_views_into_the_message) {
  const std::string payload = encoded(raft_samples()[4]);
  RaftEnvelope read;
  std::string error;
  BOOST_REQUIRE(decode_raft_message(payload, &read, &error));
  for (const std::string_view view : read.payloads) {
    BOOST_TEST((view.data() >= payload.data() && view.end() <= &payload.back() + 1));
  }
}

// Compared once with what a reader of flatbuffers in another language, written from
// codecs/wire.fbs, finds in them. A change here is a change of the format.
const char* const kVectors[] = {
    // PreVoteRequest
    "6400000018000000000000001000260006000c0014001c0005000800100000000001030028000000"
    "01000000000000000200000000000000050000000000000000000a001c0004000c0014000a000000"
    "06000000000000000c000000000000000400000000000000",
    // PreVoteReply
    "5400000018000000000000001000240006000c0014001c0005000800100000000002030024000000"
    "01000000000000000200000000000000050000000000000008001000080007000800000000000001"
    "0600000000000000",
    // VoteRequest
    "64000000180000000000000010002a0006000c0014001c000500080010000000000303002c000000"
    "0100000000000000020000000000000005000000000000000000000000000a001800080010000700"
    "0a000000000000010c000000000000000400000000000000",
    // VoteReply
    "4c00000018000000000000001000260006000c0014001c0005000800100000000004030024000000"
    "01000000000000000200000000000000050000000000000000000600080007000600000000000001",
    // Append
    "a400000018000000000000001000240006000c0014001c0005000800100000000005030030000000"
    "010000000000000002000000000000000500000000000000140038000c0014001c0024002c000000"
    "040008001400000034000000400000000c0000000000000004000000000000000500000000000000"
    "0b000000000000000700000000000000000000000300000003000000000000000500000008000000"
    "6f6e657468726565",
    // AppendReply
    "6400000018000000000000001000260006000c0014001c0005000800100000000006030028000000"
    "01000000000000000200000000000000050000000000000000000a001c0004000c0014000a000000"
    "0c000000000000000d000000000000000700000000000000",
    // AppendReject
    "6c00000018000000000000001000240006000c0014001c0005000800100000000007030028000000"
    "0100000000000000020000000000000005000000000000000c00240004000c0014001c000c000000"
    "0c000000000000000a0000000000000003000000000000000700000000000000",
    // Heartbeat
    "5c00000018000000000000001000280006000c0014001c0005000800100000000008030028000000"
    "010000000000000002000000000000000500000000000000000000000800140004000c0008000000"
    "0b000000000000000700000000000000",
    // HeartbeatReply
    "6400000018000000000000001000260006000c0014001c0005000800100000000009030028000000"
    "01000000000000000200000000000000050000000000000000000a001c0004000c0014000a000000"
    "0c000000000000000d000000000000000700000000000000",
    // SnapshotChunk
    "b4000000180000000000000010002a0006000c0014001c000500080010000000000a030034000000"
    "01000000000000000200000000000000050000000000000000000000000012005400280030003800"
    "040040004800240012000000000102030405060708090a0b0c0d0e0f101112131415161718191a1b"
    "1c1d1e1f3000000063000000000000000400000000000000e8030000000000004000000000000000"
    "070000000000000000000000050000006368756e6b000000",
    // SnapshotReply
    "6400000018000000000000001000260006000c0014001c000500080010000000000b030028000000"
    "01000000000000000200000000000000050000000000000000000a001c0004000c0014000a000000"
    "630000000000000040000000000000000700000000000000",
    // TimeoutNow
    "4400000018000000000000001000240006000c0014001c000500080010000000000c030020000000"
    "0100000000000000020000000000000005000000000000000400040004000000",
};

BOOST_AUTO_TEST_CASE(bytes_of_every_kind) {
  std::size_t i = 0;
  for (const RaftEnvelope& e : raft_samples()) {
    BOOST_TEST(hex(encoded(e)) == kVectors[i], name_of(e));
    ++i;
  }
  BOOST_TEST(i == std::size(kVectors));
}

// Numbers as large as they get, since zeros are left out.
BOOST_AUTO_TEST_CASE(small_messages_of_nine_groups_fit_one_datagram) {
  constexpr std::uint64_t kLarge = (1ull << 62) - 1;
  for (RaftEnvelope e : raft_samples()) {
    if (std::holds_alternative<raft::SnapshotChunk>(e.message.body)) continue;
    e.group = GroupId(64);
    e.message.from = NodeId(limits::kNodeIdMax);
    e.message.to = NodeId(limits::kNodeIdMax - 1);
    if (auto* m = std::get_if<raft::Heartbeat>(&e.message.body)) {
      e.message.term = Term(kLarge);
      *m = {Index(kLarge), raft::Round(kLarge)};
    }
    if (auto* m = std::get_if<raft::HeartbeatReply>(&e.message.body)) {
      e.message.term = Term(kLarge);
      *m = {Index(kLarge), Index(kLarge), raft::Round(kLarge)};
    }
    const std::size_t bytes = frame_bytes(encoded(e).size());
    BOOST_TEST_MESSAGE(name_of(e) << ": a frame of " << bytes << " bytes");
    const bool has_entries = !e.payloads.empty();
    BOOST_TEST((9 * bytes <= wire::kDatagramPayloadBytesMax || has_entries),
               name_of(e) << " takes " << bytes << " bytes");
  }
}

BOOST_AUTO_TEST_CASE(a_large_append_comes_back) {
  const std::string entry(limits::kAppendBytesMax / limits::kAppendEntriesMax, 'e');
  RaftEnvelope e = raft_samples()[4];
  std::get<raft::Append>(e.message.body).count = limits::kAppendEntriesMax;
  e.payloads.assign(limits::kAppendEntriesMax, entry);
  BOOST_TEST(refusal(encoded(e)) == "");
  const std::string largest(limits::kEntryBytesMax, 'e');
  std::get<raft::Append>(e.message.body).count = 1;
  e.payloads = {largest};
  BOOST_TEST(refusal(encoded(e)) == "");
  BOOST_TEST(encoded(e).size() <= limits::kEntryBytesMax + 160);
}

BOOST_AUTO_TEST_CASE(a_cut_or_longer_message_is_refused) {
  for (const RaftEnvelope& e : raft_samples()) {
    const std::string payload = encoded(e);
    for (std::size_t n = 0; n < payload.size(); ++n) {
      BOOST_TEST(refusal(payload.substr(0, n)) != "", name_of(e) << " of " << n << " bytes");
    }
    BOOST_TEST(refusal(payload + std::string(1, '\0')) != "");
  }
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_is_harmless) {
  RaftMessageEncoder encoder;
  int refused = 0, read = 0;
  for (const RaftEnvelope& e : raft_samples()) {
    const std::string payload = encoded(e);
    for (std::size_t bit = 0; bit < payload.size() * 8; ++bit) {
      std::string damaged = payload;
      damaged[bit / 8] ^= static_cast<char>(1 << (bit % 8));
      RaftEnvelope out;
      std::string error, again;
      const bool ok = decode_raft_message(damaged, &out, &error);
      ok ? ++read : ++refused;
      // What is taken is an envelope like any other.
      if (ok) encoder.encode(out, &again);
    }
  }
  BOOST_TEST(refused > 1000);
  BOOST_TEST(read > 1000);
}

BOOST_AUTO_TEST_CASE(garbage_is_refused) {
  BOOST_TEST(refusal("") != "");
  BOOST_TEST(refusal(std::string(200, '\xff')) != "");
  BOOST_TEST(refusal(std::string(200, '\0')) != "");
  Random random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(random.below(200), '\0');
    for (char& c : bytes) c = static_cast<char>(random.below(random.chance(0.5) ? 4 : 256));
    if (bytes.size() > 4) bytes.replace(0, 4, {static_cast<char>(bytes.size() - 4), 0, 0, 0});
    refusal(bytes);
  }
}

// The number at an offset of a sample changed into another one, and why that is refused.
void check_refused(std::size_t sample, std::string_view from, std::string_view to,
                   std::string_view why) {
  const RaftEnvelope e = raft_samples()[sample];
  std::string payload = encoded(e);
  const std::size_t at = payload.find(from);
  BOOST_REQUIRE_MESSAGE(at != std::string::npos, name_of(e));
  payload.replace(at, to.size(), to);
  BOOST_TEST(refusal(payload).find(why) != std::string::npos, name_of(e)
                                                                  << ": " << refusal(payload));
}

std::string u32(std::uint32_t x) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(x >> (8 * i)));
  return bytes;
}
std::string u64(std::uint64_t x) { return u32(static_cast<std::uint32_t>(x)) + u32(x >> 32); }

BOOST_AUTO_TEST_CASE(bounds_are_kept) {
  RaftEnvelope e = raft_samples()[7];
  std::string payload = encoded(e);
  // The group is the only 16-bit 3 in a heartbeat.
  const std::size_t group = payload.rfind(std::string("\x03\x00", 2));
  BOOST_REQUIRE(group != std::string::npos);
  payload[group] = static_cast<char>(limits::kGroupsMax);
  BOOST_TEST(refusal(payload) == "a message names a group that cannot be");
  payload[group] = static_cast<char>(limits::kGroupsMax - 1);
  BOOST_TEST(refusal(payload) == "");

  check_refused(7, u64(2), u64(0), "makes no sense");  // to nobody
  check_refused(7, u64(2), u64(1), "makes no sense");  // to itself
  check_refused(7, u64(2), u64(limits::kNodeIdMax + 1), "names a box that cannot be");
  check_refused(7, u64(5), u64(~0ull), "makes no sense");              // term
  check_refused(4, u64(12), u64(0), "makes no sense");                 // index 0 with a term
  check_refused(5, u64(13), u64(3), "makes no sense");                 // match past received
  check_refused(4, u32(3) + "\x03", u32(2), "");                       // one size less
  check_refused(4, u32(3) + u32(0) + u32(5), u32(4), "do not agree");  // sizes past the payloads
  check_refused(4, u32(3) + u32(0) + u32(5), u32(2), "do not agree");  // and short of them
  check_refused(9, u64(1000), u64(66), "makes no sense");              // past the snapshot's end
  check_refused(9, u32(5) + "chunk", u32(4), "");
}

// One whose kind was added later.
BOOST_AUTO_TEST_CASE(an_unknown_kind_is_named) {
  const std::string known = encoded(raft_samples()[11]);
  const std::string other = encoded(raft_samples()[10]);
  std::size_t at = 0;
  // The kind is the byte that says 12; what stands around it is the same in all messages.
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (known[i] == 12 &&
        refusal(std::string(known).replace(i, 1, "\x0d")).find("13") != std::string::npos) {
      at = i;
    }
  }
  BOOST_REQUIRE(at > 0);
  BOOST_TEST(refusal(std::string(known).replace(at, 1, "\xff")) ==
             "the message has a body of the unknown kind 255");
  BOOST_TEST(refusal(std::string(known).replace(at, 1, std::string(1, '\0'))) ==
             "the message has a body of the unknown kind 0");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
