// One pair of boxes over UDP: how a session comes to live, what is dropped and why, restarts,
// replays and rotation.
#include "codecs/datagram_session.h"

#include <boost/test/unit_test.hpp>

#include "tests/codecs/datagram_pair.h"

namespace pawl::codecs {
namespace {

constexpr Protection kBoth[] = {Protection::kSealed, Protection::kPlain};

std::string sent(DatagramPair* pair, int from, std::string_view payload) {
  std::string datagram;
  BOOST_REQUIRE(pair->session[from]->send(payload, &datagram));
  return datagram;
}

std::string received(DatagramPair* pair, int at, std::string_view datagram) {
  return told(pair->session[at]->receive(datagram, pair->now_ms));
}

std::string answered(DatagramPair* pair, int at, std::string_view datagram) {
  const DatagramOutcome outcome = pair->session[at]->receive(datagram, pair->now_ms);
  BOOST_REQUIRE_MESSAGE(std::holds_alternative<HelloAnswer>(outcome), told(outcome));
  return std::get<HelloAnswer>(outcome).bytes;
}

std::string polled(DatagramPair* pair, int at) {
  pair->now_ms += 10'000;
  const auto hello = pair->session[at]->poll(pair->now_ms);
  BOOST_REQUIRE(hello.has_value());
  return *hello;
}

bool both_live(const DatagramPair& pair) {
  return pair.session[0]->live() && pair.session[1]->live() &&
         pair.session[0]->peer_boot() == pair.session[1]->boot() &&
         pair.session[1]->peer_boot() == pair.session[0]->boot();
}

void check_both_ways(DatagramPair* pair) {
  BOOST_TEST(both_live(*pair));
  BOOST_TEST(received(pair, 1, sent(pair, 0, "to 2")) == "data:to 2");
  BOOST_TEST(received(pair, 0, sent(pair, 1, "to 1")) == "data:to 1");
}

BOOST_AUTO_TEST_SUITE(datagram_session)

BOOST_AUTO_TEST_CASE(three_hellos_make_two_sessions_live) {
  for (const Protection protection : kBoth) {
    DatagramPair pair(1, protection);
    std::string none;
    BOOST_TEST(!pair.session[0]->send("too early", &none));
    BOOST_TEST(none.empty());
    const std::string first = polled(&pair, 0);
    BOOST_TEST((datagram_sender(first) == NodeId(1)));
    const std::string second = answered(&pair, 1, first);
    BOOST_TEST(!pair.session[1]->live(), "an unproved boot counts");
    const std::string third = answered(&pair, 0, second);
    BOOST_TEST(pair.session[0]->live());
    BOOST_TEST(received(&pair, 1, third) == "taken");
    check_both_ways(&pair);
    BOOST_TEST(first.size() == second.size());
    BOOST_TEST(pair.session[0]->version() == 1);
    BOOST_TEST(pair.session[0]->next_poll_ms() == INT64_MAX);
    BOOST_TEST(!pair.session[1]->poll(INT64_MAX - 1).has_value());
  }
}

BOOST_AUTO_TEST_CASE(both_begin_at_once) {
  DatagramPair pair(2);
  const std::string a = polled(&pair, 0);
  const std::string b = polled(&pair, 1);
  const std::string from_b = answered(&pair, 1, a);
  const std::string from_a = answered(&pair, 0, b);
  pair.carry(0, from_b);
  pair.carry(1, from_a);
  check_both_ways(&pair);
}

BOOST_AUTO_TEST_CASE(a_lost_hello_is_sent_again) {
  for (int lost = 0; lost < 3; ++lost) {
    DatagramPair pair(3);
    const std::string first = polled(&pair, 0);
    if (lost > 0) {
      const std::string second = answered(&pair, 1, first);
      if (lost > 1) answered(&pair, 0, second);
    }
    pair.greet();
    check_both_ways(&pair);
  }
}

BOOST_AUTO_TEST_CASE(polls_back_off) {
  DatagramPair pair(4);
  DatagramSession& session = *pair.session[0];
  std::int64_t now = 5;
  for (const std::int64_t wait : {100, 200, 400, 800, 1600, 2000, 2000}) {
    BOOST_TEST(session.poll(now).has_value());
    BOOST_TEST(session.next_poll_ms() == now + wait);
    BOOST_TEST(!session.poll(now + wait - 1).has_value());
    now += wait;
  }
}

BOOST_AUTO_TEST_CASE(sizes) {
  for (const Protection protection : kBoth) {
    DatagramPair pair(5, protection);
    pair.greet();
    const std::string largest(wire::kDatagramPayloadBytesMax, 'x');
    const std::string datagram = sent(&pair, 0, largest);
    BOOST_TEST(datagram.size() ==
               (protection == Protection::kSealed ? limits::kDatagramBytesMax : 1188u));
    BOOST_TEST(received(&pair, 1, datagram) == "data:" + largest);
    BOOST_TEST(received(&pair, 1, sent(&pair, 0, "")) == "data:");
    BOOST_TEST(received(&pair, 1, std::string(limits::kDatagramBytesMax + 1, '\1')) == "malformed");
  }
}

BOOST_AUTO_TEST_CASE(cut_at_every_byte) {
  for (const Protection protection : kBoth) {
    DatagramPair pair(6, protection);
    const std::string hello = polled(&pair, 0);
    for (std::size_t n = 0; n < hello.size(); ++n) {
      BOOST_TEST(received(&pair, 1, hello.substr(0, n)) == "malformed", n << " bytes");
    }
    BOOST_TEST(received(&pair, 1, hello + "x") == "malformed");
    pair.greet();
    const std::string data = sent(&pair, 0, "content");
    for (std::size_t n = 0; n < data.size(); ++n) {
      const std::string got = received(&pair, 1, data.substr(0, n));
      BOOST_TEST((got == "malformed" || got == "not_authentic"), n << " bytes: " << got);
    }
    BOOST_TEST(received(&pair, 1, data) == "data:content");
    BOOST_TEST((datagram_sender("\1\1") == NodeId(0)));
  }
}

BOOST_AUTO_TEST_CASE(every_flipped_bit_is_dropped_in_silence) {
  for (const Protection protection : kBoth) {
    DatagramPair pair(7, protection);
    const auto check = [&](const std::string& datagram) {
      for (std::size_t i = 0; i < 8 * datagram.size(); ++i) {
        std::string flipped = datagram;
        flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
        const DatagramOutcome outcome = pair.session[1]->receive(flipped, pair.now_ms);
        BOOST_TEST(std::holds_alternative<Dropped>(outcome), "bit " << i << ": " << told(outcome));
      }
    };
    const std::string hello = polled(&pair, 0);
    check(hello);
    BOOST_TEST(received(&pair, 1, hello) == "answer");
    pair.greet();
    const std::string data = sent(&pair, 0, "content");
    check(data);
    BOOST_TEST(received(&pair, 1, data) == "data:content");
  }
}

BOOST_AUTO_TEST_CASE(another_key_or_cluster) {
  DatagramPair pair(8);
  pair.ring[0].keys[0].secret = SecretKey::random(&pair.random);
  pair.restart(0);
  BOOST_TEST(received(&pair, 1, polled(&pair, 0)) == "not_authentic");
  DatagramPair cluster(9);
  cluster.ring[0].cluster = draw_id<ClusterId>(&cluster.random);
  cluster.restart(0);
  BOOST_TEST(received(&cluster, 1, polled(&cluster, 0)) == "not_authentic");
  DatagramPair unknown(10);
  unknown.ring[0].keys[0].id = KeyId(9);
  unknown.restart(0);
  BOOST_TEST(received(&unknown, 1, polled(&unknown, 0)) == "unknown_key");
  // A live session whose key is changed under it.
  DatagramPair live(11);
  live.greet();
  live.ring[0].keys[0].secret = SecretKey::random(&live.random);
  live.session[0]->use_keyring(live.ring[0]);
  BOOST_TEST(received(&live, 1, sent(&live, 0, "x")) == "other_session");
}

BOOST_AUTO_TEST_CASE(sealed_and_plain_do_not_mix) {
  DatagramPair sealed(12);
  DatagramPair plain(12, Protection::kPlain);
  BOOST_TEST(received(&sealed, 1, polled(&plain, 0)) == "protection");
  BOOST_TEST(received(&plain, 1, polled(&sealed, 0)) == "protection");
  sealed.greet();
  plain.greet();
  BOOST_TEST(received(&sealed, 1, sent(&plain, 0, "x")) == "protection");
  BOOST_TEST(received(&plain, 1, sent(&sealed, 0, "x")) == "protection");
}

BOOST_AUTO_TEST_CASE(versions_are_agreed_upon) {
  const auto agreed = [](wire::VersionRange a, wire::VersionRange b) {
    DatagramPair pair(13);
    pair.options[0].versions = a;
    pair.options[1].versions = b;
    pair.restart(0);
    pair.restart(1);
    pair.greet();
    if (!pair.session[0]->live()) return received(&pair, 1, polled(&pair, 0));
    check_both_ways(&pair);
    BOOST_TEST(pair.session[0]->version() == pair.session[1]->version());
    std::string other = sent(&pair, 0, "x");
    other[0] = static_cast<char>(other[0] ^ 1);
    BOOST_TEST(received(&pair, 1, other) == "version");
    return std::to_string(pair.session[0]->version());
  };
  BOOST_TEST(agreed({1, 1}, {1, 1}) == "1");
  BOOST_TEST(agreed({1, 2}, {1, 1}) == "1");
  BOOST_TEST(agreed({1, 1}, {1, 2}) == "1");
  BOOST_TEST(agreed({1, 2}, {2, 3}) == "2");
  BOOST_TEST(agreed({1, 3}, {2, 4}) == "3");
  BOOST_TEST(agreed({1, 1}, {2, 3}) == "no_common_version");
  DatagramPair pair(14);
  std::string hello = polled(&pair, 0);
  hello[0] = 2;
  BOOST_TEST(received(&pair, 1, hello) == "version");
}

BOOST_AUTO_TEST_CASE(replayed_and_reordered) {
  for (const Protection protection : kBoth) {
    DatagramPair pair(15, protection);
    pair.greet();
    std::vector<std::string> datagrams;
    for (int i = 0; i < 1'100; ++i) datagrams.push_back(sent(&pair, 0, std::to_string(i)));
    BOOST_TEST(received(&pair, 1, datagrams[1'099]) == "data:1099");
    for (int i = 1'098; i >= 76; --i) {
      BOOST_REQUIRE(received(&pair, 1, datagrams[i]) == "data:" + std::to_string(i));
    }
    BOOST_TEST(received(&pair, 1, datagrams[75]) == "replayed", "too old to tell");
    for (const std::string& datagram : datagrams) {
      BOOST_REQUIRE(received(&pair, 1, datagram) == "replayed");
    }
  }
}

BOOST_AUTO_TEST_CASE(reflected) {
  DatagramPair pair(16);
  const std::string hello = polled(&pair, 0);
  pair.greet();
  for (std::string datagram : {hello, sent(&pair, 0, "x")}) {
    BOOST_TEST(received(&pair, 0, datagram) == "sender");
    datagram[6] = 2;  // now it says that it is from the peer
    const std::string got = received(&pair, 0, datagram);
    BOOST_TEST((got == "not_authentic" || got == "other_session"), got);
  }
}

BOOST_AUTO_TEST_CASE(a_restart_on_either_side) {
  for (int box = 0; box < 2; ++box) {
    DatagramPair pair(17);
    pair.greet();
    const std::string before[2] = {sent(&pair, 0, "a"), sent(&pair, 1, "b")};
    pair.restart(box);
    BOOST_TEST(received(&pair, box, before[1 - box]) == "not_live");
    pair.greet();
    check_both_ways(&pair);
    BOOST_TEST(received(&pair, 0, before[1]) == "other_session");
    BOOST_TEST(received(&pair, 1, before[0]) == "other_session");
  }
}

// Everything that was ever sent, once more, after one side restarted: no session comes of it, and a
// live one stays as it is.
BOOST_AUTO_TEST_CASE(recorded_hellos_make_no_session) {
  DatagramPair pair(18);
  std::vector<std::string> recorded[2];  // sent to box 0, to box 1
  recorded[1].push_back(polled(&pair, 0));
  recorded[0].push_back(answered(&pair, 1, recorded[1][0]));
  recorded[1].push_back(answered(&pair, 0, recorded[0][0]));
  received(&pair, 1, recorded[1][1]);
  check_both_ways(&pair);
  pair.restart(1);
  const auto replay = [&](int box) {
    for (int round = 0; round < 3; ++round) {
      for (const std::string& datagram : recorded[box]) {
        pair.now_ms += 10'000;
        received(&pair, box, datagram);
      }
    }
  };
  replay(1);
  BOOST_TEST(!pair.session[1]->live());
  pair.greet();
  check_both_ways(&pair);
  const BootId boots[2] = {pair.session[0]->peer_boot(), pair.session[1]->peer_boot()};
  replay(0);
  replay(1);
  BOOST_TEST((pair.session[0]->peer_boot() == boots[0]));
  BOOST_TEST((pair.session[1]->peer_boot() == boots[1]));
  check_both_ways(&pair);
}

// An answer to a challenge, held back until the peer has restarted and answered it itself.
BOOST_AUTO_TEST_CASE(an_answer_held_back_is_worth_nothing) {
  DatagramPair pair(19);
  const std::string challenge = polled(&pair, 0);
  const std::string held_back = answered(&pair, 1, challenge);
  pair.restart(1);
  pair.carry(1, challenge);
  check_both_ways(&pair);
  const BootId boot = pair.session[0]->peer_boot();
  received(&pair, 0, held_back);
  BOOST_TEST((pair.session[0]->peer_boot() == boot));
  pair.greet();
  check_both_ways(&pair);
}

// The same, but delivered while the new boot already counts the session as live: the dead boot is
// believed for as long as one more challenge takes.
BOOST_AUTO_TEST_CASE(a_dead_boots_answer_does_not_last) {
  DatagramPair pair(24);
  const std::string held_back = answered(&pair, 0, polled(&pair, 1));
  pair.restart(0);
  answered(&pair, 0, answered(&pair, 1, polled(&pair, 0)));  // lost
  BOOST_TEST(pair.session[0]->live());
  received(&pair, 1, held_back);
  BOOST_TEST(!both_live(pair));
  BOOST_TEST(pair.session[1]->next_poll_ms() < INT64_MAX, "it believes a dead boot for ever");
  pair.greet();
  check_both_ways(&pair);
}

// The last hello is lost after the peer restarted: the side that still believes the old boot asks.
BOOST_AUTO_TEST_CASE(who_heard_of_another_boot_asks) {
  DatagramPair pair(20);
  pair.greet();
  pair.restart(0);
  const std::string first = polled(&pair, 0);
  const std::string second = answered(&pair, 1, first);
  answered(&pair, 0, second);  // lost
  BOOST_TEST(pair.session[0]->live());
  BOOST_TEST(received(&pair, 1, sent(&pair, 0, "x")) == "other_session");
  BOOST_TEST(pair.session[1]->next_poll_ms() < INT64_MAX);
  pair.greet();
  check_both_ways(&pair);
}

BOOST_AUTO_TEST_CASE(answers_are_bounded) {
  DatagramPair pair(21);
  const std::string hello = polled(&pair, 0);
  const auto flood = [&] {
    int answers = 0;
    for (int i = 0; i < 100; ++i) {
      const std::string got = received(&pair, 1, hello);
      BOOST_TEST((got == "answer" || got == "answer_withheld"));
      answers += got == "answer" ? 1 : 0;
    }
    return answers;
  };
  BOOST_TEST(flood() == limits::kHelloAnswersBurst);
  pair.now_ms += limits::kHelloAnswerMs - 1;
  BOOST_TEST(flood() == 0);
  pair.now_ms += 1;
  BOOST_TEST(flood() == 1);
  pair.now_ms += 1'000'000;
  BOOST_TEST(flood() == limits::kHelloAnswersBurst);
  pair.now_ms -= 500;  // a clock that goes back gives nothing
  BOOST_TEST(flood() == 0);
  // A flood does not keep honest hellos from making a session.
  pair.greet();
  check_both_ways(&pair);
}

BOOST_AUTO_TEST_CASE(rotation_in_every_order) {
  for (const bool swapped : {false, true}) {
    DatagramPair pair(22);
    pair.greet();
    const ClusterKey next = new_key(pair.ring[0], &pair.random, 0);
    const std::string under_old = sent(&pair, 0, "under the old key");
    const auto step = [&](auto&& change) {
      for (const int i : {swapped ? 1 : 0, swapped ? 0 : 1}) {
        BOOST_TEST((change(&pair.ring[i]) == RotationRefusal::kNone));
        pair.session[i]->use_keyring(pair.ring[i]);
        check_both_ways(&pair);
        // A box that starts in the middle of it joins all the same.
        DatagramPair fresh(23);
        fresh.ring[0] = pair.ring[0];
        fresh.ring[1] = pair.ring[1];
        fresh.restart(0);
        fresh.restart(1);
        fresh.greet();
        check_both_ways(&fresh);
      }
    };
    step([&](Keyring* ring) { return install_key(ring, next); });
    step([&](Keyring* ring) { return use_key(ring, next.id); });
    BOOST_TEST(received(&pair, 1, under_old) == "data:under the old key");
    BOOST_TEST(received(&pair, 1, under_old) == "replayed");
    step([&](Keyring* ring) { return retire_key(ring, KeyId(1)); });
    BOOST_TEST(received(&pair, 1, under_old) == "unknown_key");
  }
}

BOOST_AUTO_TEST_CASE(reasons_have_names) {
  for (int i = 0; i < kDropReasons; ++i) {
    BOOST_TEST(std::string(to_string(static_cast<DropReason>(i))) != "");
  }
  BOOST_TEST(to_string(DropReason::kAnswerWithheld) == std::string("answer_withheld"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
