// The two ends of a channel, each cut anywhere in its own log, in every pair: once they are brought
// together every message of either end is known to both, and the next one is taken.
#include "node/channel_ends.h"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

namespace pawl::node {
namespace {

const GroupId kRunGroup(2);
constexpr std::uint32_t kPins = 6;

struct Ends {
  engine::Channels sender, receiver;
  engine::Catalog catalog;
};

engine::Catalog catalog_of_versions() {
  engine::Catalog catalog;
  for (std::uint32_t version = 1; version <= kPins + 1; ++version) {
    engine::VersionStored stored;
    stored.name = "w";
    stored.version = version;
    stored.hash[0] = static_cast<unsigned char>(version);
    BOOST_REQUIRE(catalog.apply(stored));
  }
  return catalog;
}

engine::Message pin_of(std::uint64_t number, std::uint32_t version) {
  engine::Message message;
  message.number = number;
  message.name = "w";
  message.version = version;
  return message;
}

void receive(Ends* ends, const engine::Message& message) {
  if (!ends->receiver.receive(kRunGroup, message)) return;
  ends->catalog.apply(engine::VersionPinned{kRunGroup, message.name, message.version});
}

// The run group's log: 's' sends the next pin, 'a' acknowledges the next one.
void send_through(Ends* ends, const std::string& log, std::size_t count,
                  const std::vector<std::uint32_t>& versions) {
  std::uint64_t sent = 0, acknowledged = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (log[i] == 's') {
      ends->sender.send(GroupId(0), pin_of(0, versions[sent++]));
    } else {
      ends->sender.acknowledged(GroupId(0), ++acknowledged);
    }
  }
}

void repair(Ends* ends) {
  const ChannelRepair found = repair_of(kRunGroup, ends->sender, ends->receiver, ends->catalog);
  for (const engine::Message& message : found.receives) {
    BOOST_REQUIRE(message.number == ends->receiver.watermark(kRunGroup) + 1);
    receive(ends, message);
  }
  for (const engine::Message& message : found.sends) {
    BOOST_REQUIRE(message.number == ends->sender.sent(GroupId(0)) + 1);
    ends->sender.send(GroupId(0), message);
  }
  if (found.acknowledged > 0) ends->sender.acknowledged(GroupId(0), found.acknowledged);
  BOOST_TEST(repair_of(kRunGroup, ends->sender, ends->receiver, ends->catalog).empty());
}

// What a leader of both does from then on.
void deliver_all(Ends* ends) {
  while (const auto* outbox = ends->sender.outbox(GroupId(0))) {
    const engine::Message message = outbox->begin()->second;
    BOOST_REQUIRE(message.number <= ends->receiver.watermark(kRunGroup) + 1);
    receive(ends, message);
    ends->sender.acknowledged(GroupId(0), message.number);
  }
}

void check(Ends* ends, std::uint32_t sent, std::uint32_t received) {
  repair(ends);
  deliver_all(ends);
  BOOST_TEST(ends->sender.sent(GroupId(0)) == ends->receiver.watermark(kRunGroup));
  for (const auto& [name, version] : ends->sender.sent_pins()) {
    BOOST_TEST(ends->catalog.find(name, version)->pinned_by.contains(kRunGroup));
  }
  BOOST_TEST(ends->sender.sent_pins().size() >= std::max(sent, received));
  ends->sender.send(GroupId(0), pin_of(0, kPins + 1));
  deliver_all(ends);
  BOOST_TEST(ends->catalog.find("w", kPins + 1)->pinned_by.contains(kRunGroup));
}

int check_all(const std::vector<std::uint32_t>& sender_versions) {
  int pairs = 0;
  for (const std::string log : {"sasasasasasa", "ssssssaaaaaa", "ssassaasasaa"}) {
    for (std::size_t cut = 0; cut <= log.size(); ++cut) {
      for (std::uint32_t received = 0; received <= kPins; ++received) {
        BOOST_TEST_CONTEXT(log << " to " << cut << ", received " << received) {
          Ends ends;
          ends.catalog = catalog_of_versions();
          send_through(&ends, log, cut, sender_versions);
          for (std::uint32_t n = 1; n <= received; ++n) receive(&ends, pin_of(n, n));
          const auto sent = static_cast<std::uint32_t>(ends.sender.sent(GroupId(0)));
          const bool same = sender_versions.front() == 1;
          check(&ends, sent, same ? received : 0);
          ++pairs;
        }
      }
    }
  }
  return pairs;
}

BOOST_AUTO_TEST_SUITE(channel_ends)

BOOST_AUTO_TEST_CASE(every_pair_of_cuts) {
  const int pairs = check_all({1, 2, 3, 4, 5, 6});
  BOOST_TEST(pairs == 3 * 13 * 7);
  BOOST_TEST_MESSAGE("pairs of cuts: " << pairs);
}

// What the run group sent here under a number is not what group 0 received under it: the entry was
// never committed, and another one was where it stood.
BOOST_AUTO_TEST_CASE(a_number_that_was_given_twice) {
  BOOST_TEST(check_all({2, 1, 4, 3, 6, 5}) == 3 * 13 * 7);
}

// A version that group 0 does not hold is nobody's to pin; numbers go on all the same.
BOOST_AUTO_TEST_CASE(a_version_that_is_not_there) {
  Ends ends;
  send_through(&ends, "sasa", 4, {8, 9});
  repair(&ends);
  BOOST_TEST(ends.receiver.watermark(kRunGroup) == 2u);
  BOOST_TEST(ends.sender.sent(GroupId(0)) == 2u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
