// Records of an established stream: order, limits, rekeying, the last one, and a hostile network.
#include "codecs/stream_session.h"

#include <boost/test/unit_test.hpp>
#include <memory>

#include "base/random.h"
#include "tests/codecs/stream_pair.h"

namespace pawl::codecs {
namespace {

constexpr Protection kBoth[] = {Protection::kSealed, Protection::kPlain};

// Two sessions that have shaken hands.
struct Link {
  explicit Link(StreamPair* pair)
      : a(StreamRole::kInitiator, pair->initiator, &pair->ring, &pair->random, nullptr),
        b(StreamRole::kResponder, pair->responder, &pair->other_ring, &pair->random,
          &pair->filter) {
    StreamOutput at_a, at_b;
    std::string first;
    a.start(&first);
    BOOST_TEST(!a.send("too early", &first));
    b.feed(first, &at_b);
    BOOST_TEST((b.peer() == NodeId(1)));
    BOOST_TEST(!b.established());
    a.feed(at_b.to_send, &at_a);
    BOOST_TEST(at_a.established);
    at_b = StreamOutput();
    b.feed(at_a.to_send, &at_b);
    BOOST_REQUIRE(at_b.established);
    BOOST_TEST(at_b.to_send.empty());
  }
  StreamSession a;
  StreamSession b;
};

std::string joined(const StreamOutput& out) {
  std::string text;
  for (const std::string& record : out.records) text += record + "|";
  return text;
}

std::string sent(StreamSession* session, std::string_view record) {
  std::string bytes;
  BOOST_REQUIRE(session->send(record, &bytes));
  return bytes;
}

BOOST_AUTO_TEST_SUITE(stream_session)

BOOST_AUTO_TEST_CASE(records_arrive_in_order_however_they_are_cut) {
  for (const Protection protection : kBoth) {
    StreamPair pair(1, protection);
    Random random(2);
    for (int round = 0; round < 50; ++round) {
      Link link(&pair);
      std::string bytes;
      std::string expected;
      for (std::uint64_t i = random.below(20); i > 0; --i) {
        const std::string record(random.below(i % 5 == 0 ? 3000 : 30), static_cast<char>('a' + i));
        BOOST_REQUIRE(link.a.send(record, &bytes));
        expected += record + "|";
      }
      StreamOutput out;
      for (std::string_view rest = bytes; !rest.empty();) {
        const std::size_t cut = std::min<std::size_t>(1 + random.below(200), rest.size());
        link.b.feed(rest.substr(0, cut), &out);
        rest.remove_prefix(cut);
      }
      BOOST_TEST(joined(out) == expected);
      BOOST_TEST((link.b.error() == StreamError::kNone));
    }
  }
}

BOOST_AUTO_TEST_CASE(both_directions_and_the_third_message_with_records) {
  StreamPair pair(3);
  StreamSession a(StreamRole::kInitiator, pair.initiator, &pair.ring, &pair.random, nullptr);
  StreamSession b(StreamRole::kResponder, pair.responder, &pair.other_ring, &pair.random,
                  &pair.filter);
  StreamOutput at_a, at_b;
  std::string first;
  a.start(&first);
  b.feed(first, &at_b);
  a.feed(at_b.to_send, &at_a);
  BOOST_REQUIRE(a.send("with the third", &at_a.to_send));
  b.feed(at_a.to_send, &at_b);
  BOOST_TEST(joined(at_b) == "with the third|");
  StreamOutput back;
  a.feed(sent(&b, "back"), &back);
  BOOST_TEST(joined(back) == "back|");
}

BOOST_AUTO_TEST_CASE(the_largest_record) {
  StreamPair pair(4);
  Link link(&pair);
  const std::string record(limits::kStreamRecordBytesMax, 'x');
  StreamOutput out;
  link.b.feed(sent(&link.a, record), &out);
  BOOST_REQUIRE(out.records.size() == 1u);
  BOOST_TEST((out.records[0] == record));
  out = StreamOutput();
  link.b.feed(sent(&link.a, ""), &out);
  BOOST_REQUIRE(out.records.size() == 1u);
  BOOST_TEST(out.records[0].empty());
}

BOOST_AUTO_TEST_CASE(a_length_past_the_limit_is_refused_at_once) {
  StreamPair pair(5);
  Link link(&pair);
  std::string length;
  ByteWriter(&length).fixed32(limits::kStreamRecordBytesMax + 1);
  StreamOutput out;
  link.b.feed(length, &out);
  BOOST_TEST((link.b.error() == StreamError::kRecordTooLarge));
  Link other(&pair);
  for (const char& byte : length) other.b.feed({&byte, 1}, &out);
  BOOST_TEST((other.b.error() == StreamError::kRecordTooLarge), "cut into single bytes");
}

BOOST_AUTO_TEST_CASE(an_orderly_end) {
  for (const Protection protection : kBoth) {
    StreamPair pair(6, protection);
    Link link(&pair);
    StreamOutput out;
    std::string bytes = sent(&link.a, "last words");
    BOOST_TEST(link.a.close(&bytes));
    BOOST_TEST(!link.a.send("more", &bytes));
    BOOST_TEST(!link.a.close(&bytes));
    link.b.feed(bytes, &out);
    BOOST_TEST(joined(out) == "last words|");
    BOOST_TEST(link.b.ended());
    link.b.end_of_input();
    BOOST_TEST((link.b.error() == StreamError::kNone));
    // The other way is still open.
    StreamOutput back;
    link.a.feed(sent(&link.b, "answer"), &back);
    BOOST_TEST(joined(back) == "answer|");
    link.b.feed("x", &out);
    BOOST_TEST((link.b.error() == StreamError::kAfterFinal));
  }
}

BOOST_AUTO_TEST_CASE(a_cut_connection_is_no_orderly_end) {
  StreamPair pair(7);
  for (const std::size_t lost : {0, 1, 22}) {
    Link link(&pair);
    StreamOutput out;
    std::string bytes = sent(&link.a, "a");
    if (lost > 0) link.a.close(&bytes);
    link.b.feed(std::string_view(bytes).substr(0, bytes.size() - std::min(lost, bytes.size())),
                &out);
    link.b.end_of_input();
    BOOST_TEST((link.b.error() == StreamError::kTruncated), lost << " bytes lost");
  }
  StreamSession waiting(StreamRole::kResponder, pair.responder, &pair.ring, &pair.random,
                        &pair.filter);
  waiting.end_of_input();
  BOOST_TEST((waiting.error() == StreamError::kTruncated));
}

BOOST_AUTO_TEST_CASE(every_flipped_bit_fails) {
  for (const Protection protection : kBoth) {
    StreamPair pair(8, protection);
    for (std::size_t i = 0;; ++i) {
      Link link(&pair);
      std::string bytes = sent(&link.a, "content");
      if (i == 8 * bytes.size()) break;
      bytes[i / 8] = static_cast<char>(bytes[i / 8] ^ (1 << (i % 8)));
      bytes += std::string(limits::kStreamRecordBytesMax / 8, '\0');
      StreamOutput out;
      link.b.feed(bytes, &out);
      link.b.end_of_input();
      BOOST_TEST(out.records.empty(), "bit " << i);
      BOOST_TEST((link.b.error() != StreamError::kNone), "bit " << i);
      std::string more;
      BOOST_TEST(!link.b.send("x", &more));
    }
  }
}

BOOST_AUTO_TEST_CASE(replayed_reordered_and_reflected_records_fail) {
  for (const Protection protection : kBoth) {
    StreamPair pair(9, protection);
    const auto fails = [&](const char* what, auto&& order) {
      Link link(&pair);
      const std::string one = sent(&link.a, "1");
      const std::string two = sent(&link.a, "2");
      StreamOutput out;
      StreamSession* to = order(one, two, &link);
      BOOST_TEST((to->error() == StreamError::kNotAuthentic), what);
    };
    fails("replayed", [](const std::string& one, const std::string&, Link* link) {
      StreamOutput out;
      link->b.feed(one + one, &out);
      BOOST_TEST(joined(out) == "1|");
      return &link->b;
    });
    fails("reordered", [](const std::string&, const std::string& two, Link* link) {
      StreamOutput out;
      link->b.feed(two, &out);
      BOOST_TEST(joined(out).empty());
      return &link->b;
    });
    if (protection == Protection::kPlain) continue;  // no key tells directions apart
    fails("reflected", [](const std::string& one, const std::string&, Link* link) {
      StreamOutput out;
      link->a.feed(one, &out);
      BOOST_TEST(joined(out).empty());
      return &link->a;
    });
  }
}

BOOST_AUTO_TEST_CASE(a_record_of_another_connection_fails) {
  StreamPair pair(10);
  Link one(&pair);
  Link two(&pair);
  StreamOutput out;
  two.b.feed(sent(&one.a, "x"), &out);
  BOOST_TEST(out.records.empty());
  BOOST_TEST((two.b.error() == StreamError::kNotAuthentic));
}

BOOST_AUTO_TEST_CASE(keys_change_by_volume) {
  StreamPair pair(11);
  pair.initiator.rekey_bytes = 100;
  Link link(&pair);
  StreamOutput out;
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const std::string record(static_cast<std::size_t>(i), 'r');
    link.b.feed(sent(&link.a, record), &out);
    expected += record + "|";
  }
  BOOST_TEST(joined(out) == expected);
  // The same records without a change of keys look different from the change on, and not before.
  const auto bytes_with = [](std::uint64_t rekey_bytes, std::size_t records) {
    StreamPair twin(12);
    twin.initiator.rekey_bytes = rekey_bytes;
    Link twins(&twin);
    std::string bytes;
    for (std::size_t i = 0; i < records; ++i) bytes = sent(&twins.a, std::string(50, 'x'));
    return bytes;
  };
  BOOST_TEST((bytes_with(100, 1) == bytes_with(1'000'000, 1)));
  BOOST_TEST((bytes_with(100, 3) != bytes_with(1'000'000, 3)));
}

// Ten thousand operations of two sessions and a network that flips, drops, repeats and cuts. Each
// stream ends at the first thing that is wrong; what was delivered until then is what was sent.
BOOST_AUTO_TEST_CASE(ten_thousand_random_operations) {
  Random random(13);
  std::uint64_t delivered = 0, attacked = 0, operations = 0;
  for (std::uint64_t seed = 1; operations < 10'000; ++seed) {
    StreamPair pair(seed, seed % 8 == 0 ? Protection::kPlain : Protection::kSealed);
    pair.initiator.rekey_bytes = 200;
    Link link(&pair);
    std::vector<std::string> records;
    std::vector<std::string> pieces;
    StreamOutput out;
    bool clean = true;
    while (link.b.error() == StreamError::kNone && records.size() < 60) {
      ++operations;
      const std::uint64_t operation = random.below(20);
      records.push_back(std::to_string(operations) + std::string(random.below(80), '.'));
      std::string piece = sent(&link.a, records.back());
      pieces.push_back(piece);
      if (operation == 0) {
        piece[random.below(piece.size())] ^= static_cast<char>(1 << random.below(8));
        clean = false;
      } else if (operation == 1) {
        piece.clear();
        clean = false;
      } else if (operation == 2) {
        piece = pieces[random.below(pieces.size())] + piece;
        clean = false;
      } else if (operation == 3) {
        piece.erase(random.below(piece.size()), 1);
        clean = false;
      }
      const std::size_t cut = random.below(piece.size() + 1);
      link.b.feed(std::string_view(piece).substr(0, cut), &out);
      link.b.feed(std::string_view(piece).substr(cut), &out);
      BOOST_REQUIRE(out.records.size() <= records.size());
      for (std::size_t i = 0; i < out.records.size(); ++i) {
        BOOST_REQUIRE_MESSAGE(out.records[i] == records[i], "seed " << seed << ", record " << i);
      }
    }
    // Whatever was done to it, an attacked stream never ends in order.
    std::string last;
    BOOST_REQUIRE(link.a.close(&last));
    link.b.feed(last, &out);
    link.b.end_of_input();
    BOOST_TEST(link.b.ended() == clean);
    BOOST_TEST((link.b.error() == StreamError::kNone) == clean);
    if (clean) BOOST_TEST(out.records.size() == records.size());
    attacked += clean ? 0 : 1;
    delivered += out.records.size();
  }
  BOOST_TEST(attacked > 100u);
  BOOST_TEST(delivered > 1'000u);
}

BOOST_AUTO_TEST_CASE(half_open_sessions_are_small) {
  BOOST_TEST(sizeof(StreamSession) + limits::kUnauthenticatedBytesMax <= 2048);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
