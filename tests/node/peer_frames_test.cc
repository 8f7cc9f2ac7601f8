// Frames between boxes: what they say survives their bytes, and what nobody would send is refused.
#include "node/peer_frames.h"

#include <boost/test/unit_test.hpp>

namespace pawl::node {
namespace {

ForwardedRequest signal() {
  Request request;
  request.operation = CommandRun{{"r", {}}, engine::Signal{"add", dsl::Value::int64(7)}};
  return {9, 5, 3, GroupId(2), Term(4), 1'500, request};
}

BOOST_AUTO_TEST_SUITE(peer_frames)

BOOST_AUTO_TEST_CASE(a_forwarded_request_survives_its_bytes) {
  ForwardedRequest got;
  BOOST_REQUIRE(decode(encode(signal()), &got));
  BOOST_TEST(got.base == 9u);
  BOOST_TEST(got.number == 5u);
  BOOST_TEST(got.open_from == 3u);
  BOOST_TEST((got.group == GroupId(2)));
  BOOST_TEST((got.term == Term(4)));
  BOOST_TEST(got.left_ms == 1'500);
  const auto& command = std::get<CommandRun>(got.request.operation);
  BOOST_TEST(command.run.id == "r");
  BOOST_TEST(encode(got) == encode(signal()));
}

BOOST_AUTO_TEST_CASE(what_schedules_ask_survives_its_bytes) {
  ForwardedRequest sent = signal(), got;
  sent.request.operation = SurveyRuns{GroupId(2), "w", true, Index(70'000)};
  BOOST_REQUIRE(decode(encode(sent), &got));
  const auto& asked = std::get<SurveyRuns>(got.request.operation);
  BOOST_TEST((asked.group == GroupId(2) && asked.workflow == "w" && asked.list));
  BOOST_TEST(asked.before.v == 70'000u);
  using What = ChangeSchedule::What;
  for (const What what : {What::pause, What::resume, What::trigger, What::backfill}) {
    sent.request.operation = ChangeSchedule{"w.s", what, "why", TimeMs(-5), TimeMs(9)};
    BOOST_REQUIRE(decode(encode(sent), &got));
    const auto& change = std::get<ChangeSchedule>(got.request.operation);
    BOOST_TEST((change.what == what && change.name == "w.s" && change.reason == "why"));
    BOOST_TEST((change.from == TimeMs(-5) && change.to == TimeMs(9)));
  }
}

// The process is what tells numbers apart, and a request is not over before it is sent.
BOOST_AUTO_TEST_CASE(a_forwarded_request_has_a_process_and_is_open_itself) {
  ForwardedRequest got;
  ForwardedRequest sent = signal();
  sent.base = 0;
  BOOST_TEST(!decode(encode(sent), &got));
  sent = signal();
  sent.open_from = sent.number;
  BOOST_TEST(decode(encode(sent), &got));
  sent.open_from = sent.number + 1;
  BOOST_TEST(!decode(encode(sent), &got));
}

BOOST_AUTO_TEST_CASE(a_mark_names_each_group_once_and_in_order) {
  ScrubStatus got;
  const ScrubStatus sent{{{GroupId(1), Index(7)}, {GroupId(3), Index(1ull << 40)}}};
  BOOST_REQUIRE(decode(encode(sent), &got));
  BOOST_TEST((got.through == sent.through));
  BOOST_TEST(!decode(encode(ScrubStatus{{{GroupId(1), Index(7)}, {GroupId(1), Index(8)}}}), &got));
  BOOST_TEST(!decode(encode(ScrubStatus{{{GroupId(2), Index(7)}, {GroupId(1), Index(8)}}}), &got));
  BOOST_TEST(!decode(encode(ScrubStatus{{{GroupId(65), Index(7)}}}), &got));
}

BOOST_AUTO_TEST_CASE(a_frame_that_is_cut_or_too_long_is_refused) {
  const std::string whole = encode(signal());
  ForwardedRequest got;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    BOOST_TEST(!decode(whole.substr(0, size), &got), "of " << size << " bytes");
  }
  BOOST_TEST(!decode(whole + '\0', &got));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
