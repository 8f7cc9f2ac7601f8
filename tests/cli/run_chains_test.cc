// What `pawl journal verify` demands from one entry to the next, and the chained hash it computes.
#include <boost/test/unit_test.hpp>
#include <functional>

#include "cli/run_chains.h"
#include "engine/evolve.h"

namespace pawl::cli {
namespace {

constexpr GroupId kGroup{2};

// Entries of one run of group 2, started by entry 5.
struct Writer {
  engine::Salt salt{{1, 2, 3}};
  Index previous;
  Seq seq{1};
  TimeMs time{1'000};

  std::string write(Index index, const std::vector<engine::Event>& events, Index run = Index(5)) {
    codecs::Entry entry;
    entry.level = 1;
    entry.time = time;
    entry.run = run;
    entry.previous = previous;
    entry.first_seq = seq;
    engine::encode_events(events, &entry.events);
    previous = index;
    seq = Seq(seq.v + events.size());
    return std::string(encoder.encode(entry));
  }
  std::string start() {
    engine::RunStarted e;
    e.group = kGroup;
    e.index = Index(5);
    e.id = "r";
    e.workflow = "w";
    e.salt = salt;
    e.input = engine::Payload::of(dsl::Value::int64(7));
    std::vector<engine::Event> events;
    events.emplace_back(std::move(e));
    events.emplace_back(engine::VarsSet());
    return write(Index(5), events);
  }
  codecs::EntryEncoder encoder;
};

// Not a braced list of events: the compiler would look for every way to make each of any other.
std::vector<engine::Event> pause_of(const char* reason) {
  engine::RunPaused event;
  event.reason = reason;
  std::vector<engine::Event> events;
  events.emplace_back(std::move(event));
  return events;
}
const std::vector<engine::Event> kPause = pause_of("why");

BOOST_AUTO_TEST_SUITE(run_chains)

BOOST_AUTO_TEST_CASE(a_history_in_order_gives_the_hash_of_its_events) {
  Writer writer;
  const std::string start = writer.start();
  const std::string pause = writer.write(Index(9), kPause);
  engine::RunStarted started;
  std::vector<engine::Event> events;
  {
    codecs::Entry entry;
    std::string error;
    BOOST_REQUIRE(codecs::decode_entry(start, &entry, &error));
    BOOST_REQUIRE(engine::decode_events(entry.events, nullptr, Seq(1), &events).ok());
    events.push_back(kPause[0]);
  }
  Digest hash{};
  engine::HashScratch scratch;
  for (std::size_t i = 0; i < events.size(); ++i) {
    hash = engine::chain_event(hash, events[i], {writer.salt, Seq(i + 1), writer.time}, &scratch);
  }
  for (const bool right : {true, false}) {
    RunChains chains;
    Digest said = hash;
    if (!right) said[31] ^= 1;
    chains.expect(RunUid{kGroup, Index(5)}, Seq(3), said);
    BOOST_TEST(chains.take(kGroup, Index(5), start) == "");
    const std::string wrong = chains.take(kGroup, Index(9), pause);
    BOOST_TEST(wrong == (right ? ""
                               : "run 2-5: its chained hash at event 3 is not that of the "
                                 "snapshot"));
    BOOST_TEST(chains.counts().compared == 1u);
    BOOST_TEST(chains.counts().runs == 1u);
    BOOST_TEST(chains.counts().events == 3u);
    BOOST_TEST(chains.counts().headless == 0u);
  }
}

BOOST_AUTO_TEST_CASE(what_does_not_follow_is_told) {
  const auto second = [](const std::function<void(Writer*)>& change) {
    Writer writer;
    RunChains chains;
    BOOST_TEST(chains.take(kGroup, Index(5), writer.start()) == "");
    change(&writer);
    const std::string wrong = chains.take(kGroup, Index(9), writer.write(Index(9), kPause));
    // Told once.
    if (wrong != "the time goes back")
      BOOST_TEST(chains.take(kGroup, Index(10), writer.write(Index(10), kPause)) == "");
    return wrong;
  };
  BOOST_TEST(second([](Writer*) {}) == "");
  BOOST_TEST(second([](Writer* w) { w->seq = Seq(4); }) ==
             "run 2-5: event 3 is missing, the next is 4");
  BOOST_TEST(second([](Writer* w) { w->previous = Index(4); }) ==
             "run 2-5: its entry before is said to be 4 and is 5");
  BOOST_TEST(second([](Writer* w) { w->time = TimeMs(999); }) == "the time goes back");
}

// Start, the next generation, a pause in it; `change` spoils the checkpoint.
struct Continued {
  explicit Continued(const std::function<void(engine::RunContinued*)>& change) {
    Writer writer;
    start = writer.start();
    codecs::Entry entry;
    std::string error;
    BOOST_REQUIRE(codecs::decode_entry(start, &entry, &error));
    std::vector<engine::Event> events;
    BOOST_REQUIRE(engine::decode_events(entry.events, nullptr, Seq(1), &events).ok());
    engine::HashScratch scratch;
    for (const engine::Event& event : events) {
      BOOST_REQUIRE(engine::evolve(&run, event, writer.time, &scratch));
    }
    engine::RunContinued next = engine::checkpoint_of(run);
    change(&next);
    std::vector<engine::Event> checkpoint;
    checkpoint.emplace_back(std::move(next));
    writer.previous = Index();
    continued = writer.write(Index(8), checkpoint);
    pause = writer.write(Index(9), kPause);
    engine::evolve(&run, checkpoint[0], writer.time, &scratch);
    engine::evolve(&run, kPause[0], writer.time, &scratch);
  }
  std::string start, continued, pause;
  engine::Run run;  // behind all of them
};

BOOST_AUTO_TEST_CASE(a_generation_begins_with_what_the_one_before_ended_on) {
  const Continued good([](engine::RunContinued*) {});
  for (const bool whole : {true, false}) {
    RunChains chains;
    chains.expect(RunUid{kGroup, Index(5)}, good.run.seq, good.run.hash);
    if (whole) BOOST_TEST(chains.take(kGroup, Index(5), good.start) == "");
    BOOST_TEST(chains.take(kGroup, Index(8), good.continued) == "");
    BOOST_TEST(chains.take(kGroup, Index(9), good.pause) == "");
    BOOST_TEST(chains.counts().runs == 1u);
    BOOST_TEST(chains.counts().compared == 1u);
    BOOST_TEST(chains.counts().headless == 0u);
  }
  const auto wrong = [](const std::function<void(engine::RunContinued*)>& change) {
    const Continued bad(change);
    RunChains chains;
    BOOST_TEST(chains.take(kGroup, Index(5), bad.start) == "");
    return chains.take(kGroup, Index(8), bad.continued);
  };
  const char* kApart = "run 2-5: generation 2 does not begin with what the one before ended on";
  BOOST_TEST(wrong([](engine::RunContinued* e) { e->before_hash[3] ^= 1; }) == kApart);
  BOOST_TEST(wrong([](engine::RunContinued* e) { e->before = Seq(1); }) == kApart);
  BOOST_TEST(wrong([](engine::RunContinued* e) { e->parts.edit().identity.salt.bytes[0] ^= 1; }) ==
             kApart);
  BOOST_TEST(wrong([](engine::RunContinued* e) {
               e->parts.edit().identity.uid.index = Index(6);
             }) == "run 2-5: its checkpoint is of another run");
}

BOOST_AUTO_TEST_CASE(runs_that_began_earlier_are_counted_and_rubbish_is_told) {
  Writer writer;
  RunChains chains;
  writer.seq = Seq(8);
  BOOST_TEST(chains.take(kGroup, Index(9), writer.write(Index(9), kPause)) == "");
  BOOST_TEST(chains.counts().headless == 1u);
  BOOST_TEST(chains.take(kGroup, Index(10), "") == "");  // a leader's own
  BOOST_TEST(chains.take(kGroup, Index(11), "rubbish, not an entry") != "");
  Writer other;
  BOOST_TEST(chains.take(kGroup, Index(6), other.start()) ==
             "a run's first event does not say where it stands");
  codecs::Entry entry;
  entry.time = TimeMs(2'000);
  entry.catalog = "\x7f";
  BOOST_TEST(chains.take(kGroup, Index(12), other.encoder.encode(entry)) ==
             "the changes of the catalog are malformed or of an unknown kind");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::cli
