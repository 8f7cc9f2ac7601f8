// Frames: batching, skipping, and that no bytes make the reader go past its end.
#include "codecs/frame.h"

#include <boost/test/unit_test.hpp>

#include "base/random.h"
#include "tests/codecs/seeded_bytes.h"

namespace pawl::codecs {
namespace {

constexpr FrameKind kOne{1};
constexpr FrameKind kTwo{2};
constexpr FrameKind kStrange{700};

bool one_and_two(FrameKind kind) { return kind == kOne || kind == kTwo; }

// Every frame as "kind:payload ", then how it ended and what was skipped.
std::string walked(std::string_view batch) {
  FrameReader reader(batch, &one_and_two);
  Frame frame;
  std::string text;
  FrameStep step;
  while ((step = reader.next(&frame)) == FrameStep::kFrame) {
    text += std::to_string(static_cast<int>(frame.kind)) + ":" + std::string(frame.payload) + " ";
  }
  BOOST_TEST((reader.next(&frame) == step), "a step after the end differs");
  return text + to_string(step) + " " + std::to_string(reader.skipped());
}

std::string batch_of(std::initializer_list<Frame> frames) {
  std::string batch;
  for (const Frame& frame : frames) BOOST_REQUIRE(append_frame(frame, 10'000, &batch));
  return batch;
}

BOOST_AUTO_TEST_SUITE(frames)

BOOST_AUTO_TEST_CASE(bytes_of_a_frame) {
  BOOST_TEST(hex(batch_of({{kTwo, false, "hello"}, {kStrange, true, ""}})) ==
             "0100020005000000"
             "68656c6c6f000000"
             "0101bc0200000000");
}

BOOST_AUTO_TEST_CASE(a_batch_comes_back) {
  BOOST_TEST(walked("") == "end 0");
  BOOST_TEST(walked(batch_of({{kOne, false, "a"}, {kTwo, true, "12345678"}, {kOne, false, ""}})) ==
             "1:a 2:12345678 1: end 0");
}

BOOST_AUTO_TEST_CASE(payloads_are_aligned) {
  const std::string batch = batch_of({{kOne, false, "a"}, {kOne, false, "b"}});
  FrameReader reader(batch, &one_and_two);
  Frame frame;
  while (reader.next(&frame) == FrameStep::kFrame) {
    BOOST_TEST((frame.payload.data() - batch.data()) % 8 == 0);
  }
}

BOOST_AUTO_TEST_CASE(unknown_kinds_are_skipped_only_if_optional) {
  BOOST_TEST(walked(batch_of({{kStrange, true, "x"}, {kOne, false, "a"}, {kStrange, true, ""}})) ==
             "1:a end 2");
  BOOST_TEST(walked(batch_of({{kOne, false, "a"}, {kStrange, false, "x"}, {kOne, false, "b"}})) ==
             "1:a unknown_kind 0");
  const std::string strange = batch_of({{kStrange, false, "x"}});
  FrameReader reader(strange);
  Frame frame;
  BOOST_TEST((reader.next(&frame) == FrameStep::kUnknownKind));
  BOOST_TEST((frame.kind == kStrange), "the report names the kind");
}

BOOST_AUTO_TEST_CASE(a_full_batch_refuses) {
  std::string batch;
  const std::string payload(kDatagramFramePayloadBytesMax, 'p');
  BOOST_TEST(!append_frame({kOne, false, payload + "p"}, wire::kDatagramPayloadBytesMax, &batch));
  BOOST_TEST(append_frame({kOne, false, payload}, wire::kDatagramPayloadBytesMax, &batch));
  const std::string full = batch;
  BOOST_TEST(!append_frame({kOne, false, ""}, wire::kDatagramPayloadBytesMax, &batch));
  BOOST_TEST(!append_frame({kOne, false, ""}, 3, &batch));
  BOOST_TEST((batch == full));
}

BOOST_AUTO_TEST_CASE(what_is_malformed_ends_the_walk) {
  const std::string good = batch_of({{kOne, false, "a"}});
  const auto with = [&](std::size_t at, char byte) {
    std::string bad = good;
    bad[at] = byte;
    return walked(good + bad + good);
  };
  BOOST_TEST(with(0, 2) == "1:a version 0");
  BOOST_TEST(with(1, 2) == "1:a malformed 0");   // a flag nobody knows
  BOOST_TEST(with(2, 0) == "1:a malformed 0");   // kind 0
  BOOST_TEST(with(4, 99) == "1:a malformed 0");  // longer than the batch
  BOOST_TEST(with(7, 127) == "1:a malformed 0");
  BOOST_TEST(with(4, 0) == "1:a 1: version 0");  // the payload is read as a header
  BOOST_TEST(with(15, 1) == "1:a malformed 0");
}

BOOST_AUTO_TEST_CASE(cut_anywhere) {
  const std::string batch = batch_of({{kOne, false, "abc"}, {kTwo, false, "defghijkl"}});
  for (std::size_t bytes = 0; bytes < batch.size(); ++bytes) {
    // A copy of its own memory, so that a sanitizer sees a read past it.
    const std::string cut(batch.data(), bytes);
    const std::string expected = bytes == 0    ? "end 0"
                                 : bytes < 16  ? "malformed 0"
                                 : bytes == 16 ? "1:abc end 0"
                                               : "1:abc malformed 0";
    BOOST_TEST(walked(cut) == expected, bytes << " bytes");
  }
}

BOOST_AUTO_TEST_CASE(random_batches) {
  Random random(1);
  for (int round = 0; round < 2'000; ++round) {
    std::string batch;
    std::string expected;
    std::uint64_t skipped = 0;
    for (std::uint64_t i = random.below(8); i > 0; --i) {
      const std::string payload(random.below(40), static_cast<char>('a' + i));
      const bool known = random.chance(0.7);
      const FrameKind kind =
          known ? FrameKind(1 + random.below(2)) : FrameKind(3 + random.below(9));
      BOOST_REQUIRE(append_frame({kind, !known, payload}, 10'000, &batch));
      if (known) expected += std::to_string(static_cast<int>(kind)) + ":" + payload + " ";
      skipped += known ? 0 : 1;
    }
    BOOST_TEST(walked(batch) == expected + "end " + std::to_string(skipped));
    // Damaged, it may read differently, but ends.
    if (!batch.empty())
      batch[random.below(batch.size())] ^= static_cast<char>(1 + random.below(255));
    walked(batch);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
