// Real look-ups, as far as they need no network: /etc/hosts, and names that can't be.
#include "daemon/ares_lookup.h"

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "daemon/system_clock.h"

namespace pawl::daemon {
namespace {

struct Answer {
  bool there = false;
  std::vector<SocketAddress> addresses;
  std::string error;
};

NameLookup::Done into(Answer* answer) {
  return [answer](std::vector<SocketAddress> addresses, const std::string& error) {
    BOOST_TEST(!answer->there, "answered twice");
    *answer = {true, std::move(addresses), error};
  };
}

void wait_for(EventLoop* loop, const Answer& answer) {
  for (int i = 0; i < 2'000 && !answer.there; ++i) loop->turn(10);
  BOOST_REQUIRE(answer.there);
}

BOOST_AUTO_TEST_SUITE(ares_lookup)

BOOST_AUTO_TEST_CASE(localhost_is_found_more_than_once) {
  std::ifstream hosts("/etc/hosts");
  const std::string text((std::istreambuf_iterator<char>(hosts)), {});
  if (text.find("localhost") == std::string::npos) {
    BOOST_TEST_MESSAGE("/etc/hosts does not name localhost");
    return;
  }
  SystemClock clock;
  EventLoop loop(&clock);
  AresLookup names(&loop);
  for (int i = 0; i < 3; ++i) {
    Answer answer;
    names.lookup("localhost", into(&answer));
    wait_for(&loop, answer);
    BOOST_TEST(answer.error == "");
    BOOST_REQUIRE(!answer.addresses.empty());
    for (const SocketAddress& address : answer.addresses) BOOST_TEST(address.is_loopback());
    loop.turn(0);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_name_is_an_error) {
  SystemClock clock;
  EventLoop loop(&clock);
  AresLookup names(&loop);
  Answer answer;
  names.lookup(std::string(70, 'a') + ".invalid", into(&answer));  // a label of more than 63
  wait_for(&loop, answer);
  BOOST_TEST(answer.addresses.empty());
  BOOST_TEST(answer.error != "");
}

// Its end answers nobody: the question may go to a server that never answers.
BOOST_AUTO_TEST_CASE(an_end_in_the_middle) {
  SystemClock clock;
  EventLoop loop(&clock);
  Answer answer;
  bool at_once = false;
  {
    AresLookup names(&loop);
    names.lookup("nobody.invalid", into(&answer));
    at_once = answer.there;
  }
  BOOST_TEST(answer.there == at_once);
  for (int i = 0; i < 10; ++i) loop.turn(0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
