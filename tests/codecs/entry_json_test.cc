// Entries of the log as `pawl journal dump` prints them.
#include <boost/test/unit_test.hpp>

#include "codecs/entry_json.h"
#include "codecs/json.h"
#include "codecs/membership_bytes.h"
#include "engine/catalog.h"
#include "engine/event_bytes.h"
#include "tests/codecs/entry_samples.h"

namespace pawl::codecs {
namespace {

constexpr EntryPosition kPosition{GroupId(3), Term(2), Index(9), 1, 4096, false};

std::string shown(const Entry& entry, const EntryPosition& position = kPosition) {
  EntryEncoder encoder;
  std::string out;
  const absl::Status status = append_entry(position, encoder.encode(entry), &out);
  BOOST_TEST(status.ok(), std::string(status.message()));
  dsl::Value value;
  JsonError error;
  BOOST_TEST(parse_json(out, &value, &error), out << ": " << error.message);
  return out;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Entry sample() {
  Entry entry = full_entry();
  entry.events.clear();
  engine::encode_events({engine::Event(engine::RunPaused{{"look", {NodeId(1), 7, {8}}}}),
                         engine::Event(engine::SignalTaken{12})},
                        &entry.events);
  entry.catalog.clear();
  engine::encode_catalog_events(
      {engine::VersionPinned{GroupId(2), "w", 4},
       engine::QueuePaused{"q", "full", TimeMs(1'767'225'600'000), {NodeId(1), 0, {}}},
       engine::BoxKnown{NodeId(2), {0xab}}, engine::BoxesFounded{{NodeId(1), NodeId(2)}}},
      &entry.catalog);
  return entry;
}

BOOST_AUTO_TEST_SUITE(entry_json)

BOOST_AUTO_TEST_CASE(everything_in_an_entry_is_shown) {
  const std::string text = shown(sample());
  BOOST_TEST(text.find(R"({"group":3,"index":9,"term":2,"segment":1,"offset":4096,"at":)") == 0u,
             text);
  for (const char* part :
       {R"("at":"2026-01-01T00:00:00.123Z")", R"("run":"3-7","previous":6)",
        R"("events":[{"seq":9,"at":"2026-01-01T00:00:00.123Z","type":"run.paused","reason":"look")",
        R"({"seq":10,)", R"("type":"signal.taken","number":12})",
        R"("answers":[{"key":"key","request":")", R"("status":201,"body":"{\"id\":\"r\"}"})",
        R"({"process":"9223372036854775808","number":12,"open_from":9,"status":200,"body":""})",
        R"("sends":[{"to":0,"number":3,"kind":"pin","name":"w","version":4},{"to":5,)",
        R"("receive":{"from":2,"number":3,)", R"("ack":{"to":1,"through":1099511627776})",
        R"({"type":"version.pinned","name":"w","version":4,"group":2})",
        R"({"type":"queue.paused","queue":"q","reason":"full","at":"2026-01-01T00:00:00Z",)",
        R"({"type":"box.known","box":2,"store":"ab000000000000000000000000000000"})",
        R"({"type":"boxes.founded","boxes":[1,2]})", R"("raise_level":1)",
        R"("forgets":["3-1","3-2","3-12c",)",
        R"("forgets_generations":[{"run":"3-4","through":1},)"}) {
    BOOST_TEST(has(text, part), part << " in " << text);
  }
  BOOST_TEST(!has(text, "replaced"));
}

BOOST_AUTO_TEST_CASE(what_an_entry_lacks_is_left_out) {
  Entry entry;
  entry.level = 1;
  entry.time = TimeMs(1'767'225'600'000);
  BOOST_TEST(shown(entry) == R"({"group":3,"index":9,"term":2,"segment":1,"offset":4096,)"
                             R"("at":"2026-01-01T00:00:00Z","level":1})");
  EntryPosition replaced = kPosition;
  replaced.replaced = true;
  BOOST_TEST(has(shown(entry, replaced), R"("replaced":true)"));
  std::string out;
  BOOST_TEST(append_entry(kPosition, "", &out).ok());
  BOOST_TEST(out == R"({"group":3,"index":9,"term":2,"segment":1,"offset":4096,"noop":true})");
}

BOOST_AUTO_TEST_CASE(members_are_shown) {
  Entry entry;
  raft::Membership members;
  members.voters = {NodeId(1), NodeId(4)};
  members.learners = {NodeId(9)};
  encode_membership(members, &entry.membership);
  BOOST_TEST(has(shown(entry), R"("members":{"voters":[1,4],"outgoing":[],"learners":[9],)"));
}

BOOST_AUTO_TEST_CASE(what_is_not_understood_is_refused_and_nothing_is_printed) {
  EntryEncoder encoder;
  std::string out = "before";
  Entry events = sample();
  events.events += "\x7f";
  Entry catalog = sample();
  catalog.catalog += "\x7f";
  Entry members = sample();
  members.membership = "\x07";
  for (const Entry& entry : {events, catalog, members}) {
    BOOST_TEST(absl::IsDataLoss(append_entry(kPosition, encoder.encode(entry), &out)));
  }
  const std::string whole(encoder.encode(sample()));
  BOOST_TEST(absl::IsDataLoss(append_entry(kPosition, whole.substr(0, whole.size() / 2), &out)));
  BOOST_TEST(out == "before");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
