// The handshake: who ends up with what, and that nothing which is not right is answered.
#include "codecs/stream_handshake.h"

#include <boost/test/unit_test.hpp>

#include "tests/codecs/stream_pair.h"

namespace pawl::codecs {
namespace {

constexpr Protection kBoth[] = {Protection::kSealed, Protection::kPlain};

// Runs a handshake to its end and gives the two errors.
std::string outcome(StreamPair* pair) {
  StreamHandshake a = pair->initiate();
  StreamHandshake b = pair->respond();
  const std::string second = answer_of(&b, first_of(&a));
  const std::string third = answer_of(&a, second);
  const std::string nothing = answer_of(&b, third);
  BOOST_TEST(nothing.empty());
  BOOST_TEST(a.done() == (a.error() == StreamError::kNone && !second.empty()));
  return std::string(to_string(a.error())) + (a.done() ? " done, " : ", ") + to_string(b.error()) +
         (b.done() ? " done" : "");
}

// A responder that gets `first` stays silent and fails with `expected`.
void check_silent(StreamPair* pair, std::string_view first, StreamError expected) {
  StreamHandshake b = pair->respond();
  BOOST_TEST(answer_of(&b, first).empty(), "answered " << to_string(expected));
  BOOST_TEST((b.error() == expected), to_string(b.error()) << ", expected " << to_string(expected));
}

BOOST_AUTO_TEST_SUITE(stream_handshake)

BOOST_AUTO_TEST_CASE(both_get_the_same) {
  for (const Protection protection : kBoth) {
    StreamPair pair(1, protection);
    StreamHandshake a = pair.initiate();
    StreamHandshake b = pair.respond();
    const std::string first = first_of(&a);
    BOOST_TEST(first.size() <= limits::kUnauthenticatedBytesMax);
    const std::string second = answer_of(&b, first);
    BOOST_TEST(!b.done());
    BOOST_TEST((b.agreement().peer == NodeId(1)));
    const std::string third = answer_of(&a, second);
    BOOST_TEST(a.done());
    BOOST_TEST(answer_of(&b, third).empty());
    BOOST_TEST(b.done());
    BOOST_TEST((a.agreement().peer_boot == pair.responder.boot));
    BOOST_TEST((b.agreement().peer_boot == pair.initiator.boot));
    BOOST_TEST((a.agreement().key == b.agreement().key));
    BOOST_TEST((a.agreement().send_key == b.agreement().receive_key));
    BOOST_TEST((b.agreement().send_key == a.agreement().receive_key));
    BOOST_TEST(!(a.agreement().send_key == a.agreement().receive_key));
    BOOST_TEST(a.agreement().version == 1);
    BOOST_TEST(b.agreement().version == 1);
  }
}

BOOST_AUTO_TEST_CASE(keys_differ_each_time) {
  StreamPair pair(2);
  SecretKey earlier;
  for (int i = 0; i < 3; ++i) {
    StreamHandshake a = pair.initiate();
    StreamHandshake b = pair.respond();
    answer_of(&b, answer_of(&a, answer_of(&b, first_of(&a))));
    BOOST_REQUIRE(b.done());
    BOOST_TEST(!(b.agreement().send_key == earlier));
    earlier = b.agreement().send_key;
  }
}

// Every byte by itself gives the same as all at once, and records behind the third are left alone.
BOOST_AUTO_TEST_CASE(cut_into_single_bytes) {
  StreamPair pair(3);
  StreamHandshake a = pair.initiate();
  StreamHandshake b = pair.respond();
  const auto feed = [](StreamHandshake* to, const std::string& bytes) {
    std::string said;
    for (const char& byte : bytes) said += answer_of(to, {&byte, 1});
    return said;
  };
  const std::string third = feed(&a, feed(&b, first_of(&a)));
  BOOST_TEST(a.done());
  const std::string with_records = third + "records";
  std::string_view rest = with_records;
  std::string said;
  b.feed(&rest, &said);
  BOOST_TEST(b.done());
  BOOST_TEST(said.empty());
  BOOST_TEST(rest == "records");
}

BOOST_AUTO_TEST_CASE(another_key_or_cluster_gets_no_answer) {
  StreamPair pair(4);
  pair.ring.keys[0].secret = SecretKey::random(&pair.random);
  BOOST_TEST(outcome(&pair) == "none, not_authentic");
  StreamPair other(5);
  other.ring.cluster = draw_id<ClusterId>(&other.random);
  BOOST_TEST(outcome(&other) == "none, not_authentic");
  StreamPair unknown(6);
  unknown.ring.keys[0].id = KeyId(9);
  BOOST_TEST(outcome(&unknown) == "none, unknown_key");
  StreamPair retired(7);
  install_key(&retired.other_ring, new_key(retired.ring, &retired.random, 0));
  use_key(&retired.other_ring, KeyId(2));
  retire_key(&retired.other_ring, KeyId(1));
  BOOST_TEST(outcome(&retired) == "none, unknown_key");
}

BOOST_AUTO_TEST_CASE(rotation_in_every_order) {
  StreamPair pair(8);
  const ClusterKey next = new_key(pair.ring, &pair.random, 0);
  for (Keyring* ring : {&pair.ring, &pair.other_ring}) {
    install_key(ring, next);
    BOOST_TEST(outcome(&pair) == "none done, none done");
  }
  for (Keyring* ring : {&pair.other_ring, &pair.ring}) {
    use_key(ring, next.id);
    BOOST_TEST(outcome(&pair) == "none done, none done");
  }
  for (Keyring* ring : {&pair.ring, &pair.other_ring}) {
    retire_key(ring, KeyId(1));
    BOOST_TEST(outcome(&pair) == "none done, none done");
  }
}

BOOST_AUTO_TEST_CASE(the_highest_common_version) {
  const auto versions = [](wire::VersionRange a, wire::VersionRange b) {
    StreamPair pair(9);
    pair.initiator.versions = a;
    pair.responder.versions = b;
    StreamHandshake x = pair.initiate();
    StreamHandshake y = pair.respond();
    answer_of(&y, answer_of(&x, answer_of(&y, first_of(&x))));
    if (!y.done()) return std::string(to_string(x.error())) + ", " + to_string(y.error());
    BOOST_TEST(x.agreement().version == y.agreement().version);
    return std::to_string(y.agreement().version);
  };
  BOOST_TEST(versions({1, 1}, {1, 1}) == "1");
  BOOST_TEST(versions({1, 2}, {1, 1}) == "1");
  BOOST_TEST(versions({1, 1}, {1, 2}) == "1");
  BOOST_TEST(versions({1, 2}, {2, 3}) == "2");
  BOOST_TEST(versions({2, 3}, {1, 2}) == "2");
  BOOST_TEST(versions({1, 3}, {1, 3}) == "3");
  BOOST_TEST(versions({1, 1}, {2, 3}) == "no_common_version, no_common_version");
  BOOST_TEST(versions({4, 5}, {2, 3}) == "no_common_version, no_common_version");
}

BOOST_AUTO_TEST_CASE(not_for_us_or_from_us) {
  StreamPair pair(10);
  pair.initiator.peer = NodeId(3);
  BOOST_TEST(outcome(&pair) == "none, receiver");
  // A box's own first message, led back to it.
  StreamPair mirror(11);
  StreamHandshake a = mirror.initiate();
  const std::string first = first_of(&a);
  StreamHandshake self(StreamRole::kResponder, mirror.initiator, &mirror.ring, &mirror.random,
                       &mirror.filter);
  BOOST_TEST(answer_of(&self, first).empty());
  BOOST_TEST((self.error() == StreamError::kReceiver));
  // With both ids swapped in the clear header it is for us, and not authentic.
  std::string swapped = first;
  std::swap_ranges(swapped.begin() + 6, swapped.begin() + 14, swapped.begin() + 14);
  StreamHandshake again(StreamRole::kResponder, mirror.initiator, &mirror.ring, &mirror.random,
                        &mirror.filter);
  BOOST_TEST(answer_of(&again, swapped).empty());
  BOOST_TEST((again.error() == StreamError::kNotAuthentic));
  // From "us" to us.
  swapped = first;
  std::copy_n(first.begin() + 6, 8, swapped.begin() + 14);
  StreamHandshake own(StreamRole::kResponder, mirror.initiator, &mirror.ring, &mirror.random,
                      &mirror.filter);
  BOOST_TEST(answer_of(&own, swapped).empty());
  BOOST_TEST((own.error() == StreamError::kSender));
  // Answered with its own first message, an initiator fails.
  BOOST_TEST(answer_of(&a, first).empty());
  BOOST_TEST((a.error() == StreamError::kMalformed));
}

BOOST_AUTO_TEST_CASE(other_protocols_are_dropped_at_once) {
  StreamPair pair(12);
  check_silent(&pair, "GET / HTTP/1.1\r\n", StreamError::kVersion);
  check_silent(&pair, "\x02\x03", StreamError::kVersion);
  check_silent(&pair, "\x01\x07", StreamError::kMalformed);
  check_silent(&pair, "\x01\x83", StreamError::kProtection);
  StreamPair plain(12, Protection::kPlain);
  check_silent(&plain, "\x01\x03", StreamError::kProtection);
}

BOOST_AUTO_TEST_CASE(every_cut_waits_in_silence) {
  StreamPair pair(13);
  StreamHandshake a = pair.initiate();
  const std::string first = first_of(&a);
  for (std::size_t bytes = 0; bytes < first.size(); ++bytes) {
    check_silent(&pair, first.substr(0, bytes), StreamError::kNone);
  }
  StreamHandshake b = pair.respond();
  const std::string second = answer_of(&b, first);
  BOOST_TEST(answer_of(&a, second.substr(0, second.size() - 1)).empty());
  BOOST_TEST(!a.done());
  BOOST_TEST(!answer_of(&a, second.substr(second.size() - 1)).empty());
  BOOST_TEST(a.done());
}

BOOST_AUTO_TEST_CASE(every_flipped_bit_of_the_first_is_silent) {
  for (const Protection protection : kBoth) {
    StreamPair pair(14, protection);
    StreamHandshake a = pair.initiate();
    const std::string first = first_of(&a);
    for (std::size_t i = 0; i < 8 * first.size(); ++i) {
      std::string flipped = first;
      flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
      StreamHandshake b = pair.respond();
      BOOST_TEST(answer_of(&b, flipped).empty(), "bit " << i);
      BOOST_TEST(b.failed(), "bit " << i);
    }
    StreamHandshake b = pair.respond();
    BOOST_TEST(!answer_of(&b, first).empty());
  }
}

BOOST_AUTO_TEST_CASE(every_flipped_bit_of_the_second_and_third_fails) {
  for (const Protection protection : kBoth) {
    for (std::size_t i = 0;; ++i) {
      StreamPair pair(15, protection);
      StreamHandshake a = pair.initiate();
      StreamHandshake b = pair.respond();
      std::string second = answer_of(&b, first_of(&a));
      if (i == 8 * second.size()) break;
      second[i / 8] = static_cast<char>(second[i / 8] ^ (1 << (i % 8)));
      BOOST_TEST(answer_of(&a, second).empty(), "bit " << i);
      BOOST_TEST(a.failed(), "bit " << i);
    }
    for (std::size_t i = 0;; ++i) {
      StreamPair pair(16, protection);
      StreamHandshake a = pair.initiate();
      StreamHandshake b = pair.respond();
      std::string third = answer_of(&a, answer_of(&b, first_of(&a)));
      if (i == 8 * third.size()) break;
      third[i / 8] = static_cast<char>(third[i / 8] ^ (1 << (i % 8)));
      BOOST_TEST(answer_of(&b, third).empty(), "bit " << i);
      BOOST_TEST(b.failed(), "bit " << i);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_replayed_first_message_draws_one_answer) {
  StreamPair pair(17);
  StreamHandshake a = pair.initiate();
  const std::string first = first_of(&a);
  StreamHandshake once = pair.respond();
  BOOST_TEST(!answer_of(&once, first).empty());
  for (int i = 0; i < 10; ++i) check_silent(&pair, first, StreamError::kReplayed);
}

// Where it is not remembered (a restart): one answer, and then nothing that was recorded helps.
BOOST_AUTO_TEST_CASE(a_replay_after_a_restart_leads_nowhere) {
  StreamPair pair(18);
  StreamHandshake a = pair.initiate();
  StreamHandshake b = pair.respond();
  const std::string first = first_of(&a);
  const std::string third = answer_of(&a, answer_of(&b, first));
  pair.filter = FirstMessageFilter();
  StreamHandshake restarted = pair.respond();
  BOOST_TEST(!answer_of(&restarted, first).empty());
  BOOST_TEST(answer_of(&restarted, third).empty());
  BOOST_TEST((restarted.error() == StreamError::kNotAuthentic));
  BOOST_TEST(!restarted.done());
}

BOOST_AUTO_TEST_CASE(the_filter_forgets_the_oldest) {
  FirstMessageFilter filter;
  const auto mark = [](int i) { return digest(std::to_string(i)); };
  for (int i = 0; i <= limits::kFirstMessagesRemembered; ++i) BOOST_TEST(filter.take(mark(i)));
  for (int i = 1; i <= limits::kFirstMessagesRemembered; ++i) BOOST_TEST(!filter.take(mark(i)));
  BOOST_TEST(filter.take(mark(0)));
}

// A recorded second message answers no other first.
BOOST_AUTO_TEST_CASE(a_replayed_second_message_fails) {
  StreamPair pair(19);
  StreamHandshake a = pair.initiate();
  StreamHandshake b = pair.respond();
  const std::string second = answer_of(&b, first_of(&a));
  StreamHandshake later = pair.initiate();
  first_of(&later);
  BOOST_TEST(answer_of(&later, second).empty());
  BOOST_TEST((later.error() == StreamError::kNotAuthentic));
}

// What comes behind the first message before the second was sent can't be a third.
BOOST_AUTO_TEST_CASE(nothing_may_follow_the_first_message) {
  StreamPair pair(20);
  StreamHandshake a = pair.initiate();
  StreamHandshake b = pair.respond();
  const std::string second = answer_of(&b, first_of(&a) + std::string(200, '\x01'));
  BOOST_TEST(!second.empty());
  BOOST_TEST(b.failed());
}

// An insider that names a weak key gets no answer either. The first message is made by hand.
BOOST_AUTO_TEST_CASE(a_weak_key_fails) {
  StreamPair pair(21);
  StreamHandshake a = pair.initiate();
  std::string header = first_of(&a).substr(0, wire::kFirstHeaderBytes - 32) + std::string(32, '\0');
  Digest h = digest(wire::kLabelTranscript);
  h = digest_chain(digest_chain(h, pair.ring.cluster.view()), header);
  const SecretKey key = derive(pair.ring.keys[0].secret, wire::kLabelFirst, {pawl::as_view(h)});
  std::string first = header;
  guard(Protection::kSealed, key, Nonce{}, pawl::as_view(h), std::string(16, 'b') + "\1\1", &first);
  check_silent(&pair, first, StreamError::kWeakKey);
}

BOOST_AUTO_TEST_CASE(half_open_connections_are_small) {
  BOOST_TEST(sizeof(StreamHandshake) + limits::kUnauthenticatedBytesMax <= 1024);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
