// The format page's bytes, literally: a change here is a change of format. And that decoding
// refuses what encoding would not make.
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/checksum.h"
#include "log/format.h"
#include "log/frame.h"
#include "log/frame_builder.h"
#include "log/names.h"
#include "tests/log/journal_model.h"

namespace pawl::log {
namespace {

std::string hex(std::string_view bytes) {
  static const char* const digits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0 && i % 8 == 0) text += ' ';
    text += digits[static_cast<unsigned char>(bytes[i]) >> 4];
    text += digits[static_cast<unsigned char>(bytes[i]) & 15];
  }
  return text;
}

std::string sample_frame(FrameBuilder* frame) {
  frame->append(GroupId(2), Term(3), Index(300), "abc");
  frame->append(GroupId(0), Term(1), Index(1), "");
  frame->append(GroupId(2), Term(3), Index(301), "defgh");
  frame->save_hard_state(GroupId(2), HardState{Term(3), NodeId(9)});
  FrameHeader where;
  where.segment = 5;
  where.offset = 0x140;
  where.synced = Mark{5, 0x140};
  where.oldest_segment = 4;
  where.file_bytes = 0x10000;
  return std::string(frame->finish(where, frame_seed(test_store(), 5), {}, nullptr));
}

BOOST_AUTO_TEST_CASE(segment_header_bytes) {
  std::string bytes;
  encode(SegmentHeader{test_store(), 0x1234, 1, 1, 0x1000000}, &bytes);
  BOOST_TEST(hex(bytes) ==
             "5041574c4a524e4c 87c6029e01000000 0708090a0b0c0d0e 0f10111213141516 "
             "3412000000000000 0100000001000000 0000000100000000 0000000000000000");
  SegmentHeader header;
  BOOST_TEST((decode(bytes, &header) == SegmentHeaderFault::kNone));
  BOOST_TEST((header.store_id == test_store()));
  BOOST_TEST(header.segment == 0x1234u);
  BOOST_TEST(header.flags == format::kSegmentFlagRecycled);
}

BOOST_AUTO_TEST_CASE(frame_bytes) {
  FrameBuilder frame;
  const std::string bytes = sample_frame(&frame);
  BOOST_TEST(hex(bytes) ==
             "50777246023ffa1a 580000000e000000 4a3fe21700000100 0500000000000000 "
             "400100000e000000 0500000000000000 4001000000000100 0400000000000000 "
             "0200000000000000 0203ac0202000101 0102030900000000 "  // lists
             "0003616263010000 0564656667680000 "                   // payload
             "0000000000000000");
  BOOST_TEST(bytes.size() == frame.frame_bytes() + format::kTerminatorBytes);
}

BOOST_AUTO_TEST_CASE(frame_round_trip) {
  FrameBuilder frame;
  const std::string bytes = sample_frame(&frame);
  FrameHeader header;
  const std::uint32_t seed = frame_seed(test_store(), 5);
  BOOST_REQUIRE((decode(bytes, seed, 5, 0x140, &header) == FrameFault::kNone));
  BOOST_TEST(header.frame_bytes() == frame.frame_bytes());
  BOOST_TEST((header.synced == Mark{5, 0x140}));
  BOOST_TEST(header.oldest_segment == 4u);
  BOOST_TEST(header.file_bytes == 0x10000u);
  BOOST_REQUIRE(header.ranges.size() == 2u);
  BOOST_TEST(header.ranges[0].count == 2u);
  BOOST_REQUIRE(header.states.size() == 1u);
  BOOST_TEST(header.states[0].state.vote.v == 9u);
  std::string heard;
  const auto status = walk_entries(
      header, std::string_view(bytes).substr(header.header_bytes, header.payload_bytes),
      [&](const Range& range, Index index, std::string_view payload) {
        heard += std::to_string(range.group.v) + ":" + std::to_string(index.v) + "=" +
                 std::string(payload) + ";";
        return absl::OkStatus();
      });
  BOOST_TEST(status.ok());
  BOOST_TEST(heard == "2:300=abc;0:1=;2:301=defgh;");
}

BOOST_AUTO_TEST_CASE(frames_elsewhere_are_none) {
  FrameBuilder frame;
  const std::string bytes = sample_frame(&frame);
  FrameHeader header;
  const std::uint32_t seed = frame_seed(test_store(), 5);
  BOOST_TEST((decode(bytes, seed, 6, 0x140, &header) == FrameFault::kDamaged));
  BOOST_TEST((decode(bytes, seed, 5, 0x148, &header) == FrameFault::kDamaged));
  BOOST_TEST(
      (decode(bytes, frame_seed(test_store(8), 5), 5, 0x140, &header) == FrameFault::kDamaged));
  BOOST_TEST(
      (decode(bytes, frame_seed(test_store(), 6), 5, 0x140, &header) == FrameFault::kDamaged));
  BOOST_TEST((decode("", seed, 5, 0x140, &header) == FrameFault::kNoMagic));
  BOOST_TEST((decode(std::string(100, '\0'), seed, 5, 0x140, &header) == FrameFault::kNoMagic));
  for (std::size_t n = 4; n < header.header_bytes; ++n) {
    BOOST_TEST((decode(bytes.substr(0, n), seed, 5, 0x140, &header) != FrameFault::kNone));
  }
}

// Headers with a right checksum and wrong lists: a forger's, or a later version's.
BOOST_AUTO_TEST_CASE(forged_lists_are_refused) {
  const std::uint32_t seed = 1;
  const auto fault = [&](const std::vector<Range>& ranges) {
    FrameHeader header;
    header.segment = 1;
    header.offset = 64;
    header.ranges = ranges;
    std::string bytes;
    encode(header, seed, &bytes);
    FrameHeader back;
    return decode(bytes, seed, 1, 64, &back);
  };
  const std::uint64_t most = ~std::uint64_t{0};
  BOOST_TEST((fault({{GroupId(1), Term(1), Index(1), 1}}) == FrameFault::kNone));
  BOOST_TEST((fault({{GroupId(65), Term(1), Index(1), 1}}) == FrameFault::kDamaged));
  BOOST_TEST((fault({{GroupId(1), Term(1), Index(0), 1}}) == FrameFault::kDamaged));
  // A log that begins anew does so before it has anything else.
  BOOST_TEST((fault({{GroupId(1), Term(1), Index(9), 0}}) == FrameFault::kNone));
  BOOST_TEST((fault({{GroupId(1), Term(1), Index(0), 0}}) == FrameFault::kDamaged));
  BOOST_TEST((fault({{GroupId(1), Term(1), Index(9), 0}, {GroupId(1), Term(2), Index(9), 1}}) ==
              FrameFault::kNone));
  BOOST_TEST((fault({{GroupId(1), Term(1), Index(9), 1}, {GroupId(2), Term(2), Index(9), 0}}) ==
              FrameFault::kNone));
  BOOST_TEST((fault({{GroupId(1), Term(1), Index(9), 1}, {GroupId(1), Term(2), Index(9), 0}}) ==
              FrameFault::kDamaged));
  BOOST_TEST((fault({{GroupId(1), Term(1), Index(1), 65'537}}) == FrameFault::kDamaged));
  BOOST_TEST((fault({{GroupId(1), Term(1), Index(most), 2}}) == FrameFault::kDamaged));
}

BOOST_AUTO_TEST_CASE(forged_payloads_are_refused) {
  FrameHeader header;
  header.ranges = {{GroupId(1), Term(1), Index(1), 2}};
  const auto walk = [&](std::string_view payload) {
    return walk_entries(header, payload,
                        [](const Range&, Index, std::string_view) { return absl::OkStatus(); });
  };
  using std::string_view_literals::operator""sv;
  BOOST_TEST(walk("\0\1a\0\1b"sv).ok());
  BOOST_TEST(!walk("\0\1a"sv).ok());            // one is missing
  BOOST_TEST(!walk("\0\1a\0\1b\0\1c"sv).ok());  // one too many
  BOOST_TEST(!walk("\0\1a\1\1b"sv).ok());       // no such range
  BOOST_TEST(!walk("\0\1a\0\5b"sv).ok());       // longer than the payload
}

BOOST_AUTO_TEST_CASE(long_headers_move_the_payload) {
  FrameBuilder frame;
  for (std::uint64_t i = 1; i <= limits::kFrameRangesMax; ++i) {
    BOOST_REQUIRE(frame.has_room(1));
    frame.append(GroupId(1), Term(i), Index(i), "x");  // a new term each: a new range each
  }
  BOOST_TEST(!frame.has_room(1));
  FrameHeader where;
  where.segment = 1;
  where.offset = 64;
  const std::string bytes(frame.finish(where, 0, "prefix..", nullptr));
  BOOST_TEST(bytes.substr(0, 8) == "prefix..");
  FrameHeader header;
  BOOST_REQUIRE(
      (decode(std::string_view(bytes).substr(8), 0, 1, 64, &header) == FrameFault::kNone));
  BOOST_TEST(header.ranges.size() == static_cast<std::size_t>(limits::kFrameRangesMax));
  BOOST_TEST(crc32c(std::string_view(bytes).substr(8 + header.header_bytes,
                                                   format::aligned(header.payload_bytes)),
                    0) == header.payload_crc);
}

BOOST_AUTO_TEST_CASE(names) {
  BOOST_TEST(segment_name(255) == "00000000000000ff.seg");
  BOOST_TEST(parse_segment_name("00000000000000ff.seg").value() == 255u);
  BOOST_TEST(parse_spare_name(spare_name(3)).value() == 3u);
  for (const char* bad : {"0000000000000000.seg", "00000000000000FF.seg", "ff.seg",
                          "00000000000000ff.seg.bak", "00000000000000ff (copy).seg", ".seg", "",
                          "ffffffffffffffff.seg", "spare-0000000000000001.seg"}) {
    BOOST_TEST(!parse_segment_name(bad).has_value(), bad);
  }
}

}  // namespace
}  // namespace pawl::log
