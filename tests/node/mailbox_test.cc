// One entry in flight per run: what waits, in what order it is decided, and the limits.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "tests/node/definitions.h"
#include "tests/node/host.h"

namespace pawl::node {
namespace {

std::string add(int id) { return R"({"id": )" + std::to_string(id) + "}"; }

BOOST_AUTO_TEST_SUITE(mailbox)

BOOST_AUTO_TEST_CASE(what_waits_becomes_one_entry_in_order) {
  Host host;
  host.boot();
  host.deploy(kCounter);
  host.start("r");
  const std::uint64_t entries = host.node->stats().entries_proposed;
  std::vector<RequestId> asked;
  for (int i = 0; i < 100; ++i) asked.push_back(host.ask(signal_of("r", "add", add(i))));
  BOOST_TEST(host.node->stats().entries_proposed == entries + 1);
  BOOST_TEST(host.begin());
  host.finish();
  BOOST_TEST(host.status(asked[0]) == 200);
  BOOST_TEST(host.node->stats().entries_proposed == entries + 2);
  for (int i = 1; i < 100; ++i) BOOST_TEST(!host.answered(asked[i]));
  host.drain();
  BOOST_TEST(host.node->stats().entries_proposed == entries + 2);
  std::int64_t seq = 0;
  for (int i = 0; i < 100; ++i) {
    BOOST_TEST(host.var("r", "log").as_list()[i].as_int() == i);
    const std::int64_t here = host.member(asked[i], "seq").as_int();
    BOOST_TEST(here > seq);  // each sees the state its predecessor left
    seq = here;
  }
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_CASE(a_crash_loses_the_whole_entry_or_nothing) {
  Host host;
  host.boot();
  host.deploy(kCounter);
  host.start("r");
  std::vector<RequestId> asked;
  for (int i = 0; i < 5; ++i) asked.push_back(host.ask(signal_of("r", "add", add(i))));
  BOOST_TEST(host.begin());
  host.finish();
  BOOST_TEST(host.begin());
  host.crash();
  host.boot();
  for (int i = 1; i < 5; ++i) BOOST_TEST(!host.answered(asked[i]));
  BOOST_TEST((host.var("r", "log") == json("[0]")));
}

// A refusal that rests on the id's last run, then a start of the id, in one mailbox.
BOOST_AUTO_TEST_CASE(a_start_behind_a_refused_command_begins_a_history_of_its_own) {
  Host host;
  host.boot();
  host.deploy(kCounter);
  host.start("r");
  host.ask(signal_of("r", "stop"));
  const RequestId refused = host.ask(signal_of("r", "add", add(1)));
  const RequestId started = host.ask(start_of("r"));
  host.drain();
  BOOST_TEST(host.status(refused) == 409);
  BOOST_TEST(host.status(started) == 201);
  BOOST_TEST(host.audit() == "");
  host.crash();
  host.boot();
  BOOST_TEST(host.run("r").state() == "idle");
}

BOOST_AUTO_TEST_CASE(a_full_mailbox_is_429_and_keeps_the_others) {
  Host host;
  host.boot();
  host.deploy(kCounter);
  host.start("r");
  std::vector<RequestId> asked;
  for (int i = 0; i < limits::kMailboxCommandsMax + 3; ++i) {
    asked.push_back(host.ask(signal_of("r", "add", add(i))));
  }
  BOOST_TEST(!host.answered(asked[limits::kMailboxCommandsMax]));
  BOOST_TEST(host.status(asked[limits::kMailboxCommandsMax + 1]) == 429);
  BOOST_TEST(host.type(asked[limits::kMailboxCommandsMax + 2]) == "run-busy");
  host.drain();
  BOOST_TEST(host.var("r", "log").as_list().size() == 1u + limits::kMailboxCommandsMax);
}

// Each of them fits, all together would be more than an entry may hold.
BOOST_AUTO_TEST_CASE(large_commands_are_spread_over_entries) {
  Host host;
  host.boot();
  host.deploy(kCounter);
  host.start("r");
  const std::string blob = R"({"text": ")" + std::string(200 * 1024, 'x') + R"("})";
  std::vector<RequestId> asked;
  for (int i = 0; i < 30; ++i) {
    Asking asking;
    asking.key = "k" + std::to_string(i);
    asked.push_back(host.ask(signal_of("r", "blob", blob), asking));
  }
  host.drain();
  for (const RequestId id : asked) BOOST_TEST(host.status(id) == 200);
  BOOST_TEST(host.audit() == "");
}

// The envelope in the answers is large, the events are not.
BOOST_AUTO_TEST_CASE(large_keyed_answers_are_spread_over_entries) {
  Host host;
  host.boot();
  host.deploy(kCounter);
  host.start("r");
  host.signal("r", "blob", R"({"text": ")" + std::string(200 * 1024, 'x') + R"("})");
  std::vector<RequestId> asked;
  for (int i = 0; i < 60; ++i) {
    Asking asking;
    asking.key = "k" + std::to_string(i);
    asked.push_back(host.ask(signal_of("r", "add", add(i)), asking));
  }
  host.drain();
  for (const RequestId id : asked) BOOST_TEST(host.status(id) == 200);
  BOOST_TEST(host.var("r", "log").as_list().size() == 60u);
}

// In JSON every byte of this payload takes six.
BOOST_AUTO_TEST_CASE(an_answer_too_large_to_remember_is_remembered_short) {
  Host host;
  host.boot();
  host.deploy(kCounter);
  host.start("r");
  std::string text;
  for (int i = 0; i < 200 * 1024; ++i) text += "\\u0001";
  Asking asking;
  asking.key = "k";
  const RequestId first = host.signal("r", "blob", R"({"text": ")" + text + R"("})", asking);
  BOOST_TEST(host.status(first) == 200);
  const RequestId again = host.signal("r", "blob", R"({"text": ")" + text + R"("})", asking);
  BOOST_TEST(host.status(again) == 200);
  BOOST_TEST(host.answer(again).body == host.answer(first).body);
  BOOST_TEST(host.answer(again).body.size() < limits::kEntryBytesMax / 4);
}

BOOST_AUTO_TEST_CASE(a_key_asked_too_often_is_429) {
  Host host;
  host.boot();
  host.deploy(kCounter);
  host.start("r");
  Asking asking;
  asking.key = "k";
  std::vector<RequestId> asked;
  for (int i = 0; i < 2 * limits::kMailboxCommandsMax; ++i) {
    asked.push_back(host.ask(signal_of("r", "add", add(1)), asking));
  }
  BOOST_TEST(host.status(asked.back()) == 429);
  host.drain();
  for (const RequestId id : asked) BOOST_TEST((host.status(id) == 200 || host.status(id) == 429));
  BOOST_TEST((host.var("r", "log") == json("[1]")));
}

// A start that must wait for the termination of its id's run was taken on: no limit refuses it.
BOOST_AUTO_TEST_CASE(at_the_limit_of_all_mailboxes_a_replacing_start_still_waits) {
  Host host;
  host.boot();
  host.deploy(kCounter);
  host.deploy(with_id("t", "conflict = \"terminate_existing\""));
  host.start("t", "t");
  const int runs = limits::kCommandsQueuedMax / limits::kMailboxCommandsMax;
  for (int r = 0; r < runs; ++r) host.start("r" + std::to_string(r));
  const CommandRun signal = signal_of("", "add", add(1));
  for (int r = 0; r < runs; ++r) {
    for (int i = 0; i <= limits::kMailboxCommandsMax; ++i) {
      CommandRun one = signal;
      one.run.id = "r" + std::to_string(r);
      host.ask(std::move(one));
    }
  }
  const RequestId replacing = host.ask(start_of("t", "t"));
  BOOST_TEST(!host.answered(replacing));
  const RequestId full = host.ask(signal_of("r0", "add", add(2)));
  BOOST_TEST(host.status(full) == 429);
  host.drain();
  BOOST_TEST(host.status(replacing) == 201);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
