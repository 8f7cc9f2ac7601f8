// Schedules on one box: what is committed is started once whatever happens in between, nobody who
// was away starts everything at once, and nothing begins on a full disk.
#include <boost/test/unit_test.hpp>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "node/survey.h"
#include "tests/node/host.h"

namespace pawl::node {
namespace {

std::string job(std::string_view schedules, std::string_view name = "job") {
  return absl::StrCat("dsl = 1\nname = \"", std::string(name), R"toml("
start = "work"
[task.do]
timeout = { attempt = "2h", heartbeat = "10s" }
[state.work]
task = "do"
next = "done"
[state.done]
end = "completed"
)toml",
                      std::string(schedules));
}

struct Scheduled : Host {
  Scheduled() { boot(); }
  const engine::ScheduleState& schedule(const std::string& name = "job.s") const {
    return *node->definitions().catalog().schedules().find(name);
  }
  RequestId change(ChangeSchedule::What what, const std::string& name = "job.s") {
    const RequestId id = ask(ChangeSchedule{name, what, "why", {}, {}});
    drain();
    return id;
  }
  // Runs there are, of all groups.
  std::size_t runs() const {
    std::size_t count = 0;
    for (std::uint16_t g = 1; g < node->group_count(); ++g) {
      count += node->group(GroupId(g)).tables().run_count();
    }
    return count;
  }
};

BOOST_AUTO_TEST_SUITE(schedules)

BOOST_AUTO_TEST_CASE(a_deploy_brings_them_and_takes_them_away) {
  Scheduled host;
  host.deploy(job("[schedule.s]\nevery = \"1h\"\n[schedule.t]\ncron = \"@daily\"\n"));
  BOOST_TEST(host.node->definitions().catalog().schedules().all().size() == 2u);
  host.advance(3'600'000);
  BOOST_TEST(host.schedule().started == 1u);
  host.deploy(job("[schedule.s]\nevery = \"1h\"\noverlap = \"allow_all\"\n"));
  BOOST_TEST(host.node->definitions().catalog().schedules().all().size() == 1u);
  BOOST_TEST(host.schedule().started == 1u);  // the same one
  host.advance(3'600'000);
  BOOST_TEST(host.schedule().started == 2u);
  // The version before is the default again.
  const RequestId back = host.ask(SetDefault{"job", 1, "it was better"});
  host.drain();
  BOOST_TEST(host.status(back) == 200);
  BOOST_TEST(host.node->definitions().catalog().schedules().all().size() == 2u);
  BOOST_TEST(host.audit() == "");
}

// Power is lost after any batch of a firing, or before: there is one run of it, and one outcome.
BOOST_AUTO_TEST_CASE(a_crash_at_any_moment_costs_nothing_and_doubles_nothing) {
  for (int batches = 0; batches < 8; ++batches) {
    BOOST_TEST_CONTEXT(batches << " batches") {
      Scheduled host;
      host.deploy(job("[schedule.s]\nevery = \"1h\"\noverlap = \"allow_all\"\n"));
      host.stall(3'600'000 - host.now.wall_ms % 3'600'000);
      host.tick();
      for (int i = 0; i < batches && host.begin(); ++i) host.finish();
      host.crash();
      host.boot();
      host.advance(5'000);
      BOOST_TEST(host.schedule().started == 1u);
      BOOST_TEST(host.schedule().refused == 0u);
      BOOST_TEST(host.schedule().skipped == 0u);
      BOOST_TEST(host.schedule().starting.empty());
      BOOST_TEST(host.runs() == 1u);
      BOOST_TEST(host.audit() == "");
    }
  }
}

BOOST_AUTO_TEST_CASE(who_was_away_does_not_start_everything_at_once) {
  Scheduled host;
  std::string schedules;
  for (int i = 0; i < 90; ++i) {
    absl::StrAppend(&schedules, "[schedule.s", i, "]\nevery = \"1h\"\nmissed = \"all\"\n",
                    "overlap = \"allow_all\"\n");
  }
  host.deploy(job(schedules));
  host.stall(10 * 3'600'000);
  host.tick();
  host.drain();
  BOOST_TEST(host.runs() <= static_cast<std::size_t>(limits::kScheduleFiringsASecond));
  std::size_t before = host.runs();
  for (int second = 0; second < 30 && host.runs() < 900; ++second) {
    host.advance(1'000);
    BOOST_TEST(host.runs() - before <=
               static_cast<std::size_t>(limits::kScheduleFiringsASecond) + 1);
    before = host.runs();
  }
  BOOST_TEST(host.runs() == 900u);
}

BOOST_AUTO_TEST_CASE(nothing_begins_on_a_full_disk) {
  Scheduled host;
  host.deploy(job("[schedule.s]\nevery = \"1h\"\n"));
  host.give(RoomChanged{RoomLevel::little, 3, 30});
  host.advance(3'600'000);
  BOOST_TEST(host.runs() == 0u);
  host.give(RoomChanged{RoomLevel::plenty, 30, 30});
  host.advance(2'000);
  BOOST_TEST(host.runs() == 1u);
}

// A run that was terminated is closed, and its worker may still be at work.
BOOST_AUTO_TEST_CASE(a_worker_of_a_terminated_run_is_waited_for) {
  Scheduled host;
  host.deploy(job("[schedule.s]\nevery = \"1h\"\noverlap = \"terminate_other\"\n"));
  host.start("by-hand", "job");
  const RequestId poll = host.poll();
  BOOST_REQUIRE(host.answer(poll).tokens.size() == 1u);
  host.stall(3'600'000 - host.now.wall_ms % 3'600'000 - 500);
  // Its lease begins anew.
  host.ask(HeartbeatTask{host.answer(poll).tokens[0], {}});
  host.advance(3'000);
  BOOST_TEST(host.run("by-hand").closed());
  BOOST_TEST(host.run("by-hand").steps.size() == 1u);
  BOOST_TEST(host.schedule().waiting.size() == 1u);
  BOOST_TEST(host.runs() == 1u);
  host.advance(10'000);  // the lease is over
  BOOST_TEST(host.schedule().waiting.empty());
  BOOST_TEST(host.schedule().started == 1u);
  BOOST_TEST(host.runs() == 2u);
}

BOOST_AUTO_TEST_CASE(a_pause_is_committed_and_found_again) {
  Scheduled host;
  host.deploy(job("[schedule.s]\nevery = \"1h\"\n"));
  BOOST_TEST(host.answer(host.change(ChangeSchedule::What::pause)).body ==
             R"({"schedule":"job.s","changed":true})");
  BOOST_TEST(host.answer(host.change(ChangeSchedule::What::pause)).body ==
             R"({"schedule":"job.s","changed":false})");
  host.crash();
  host.boot();
  host.advance(2 * 3'600'000);
  BOOST_TEST(host.runs() == 0u);
  BOOST_TEST(host.status(host.change(ChangeSchedule::What::trigger)) == 200);
  host.advance(1'000);
  BOOST_TEST(host.runs() == 1u);
  BOOST_TEST(host.type(host.change(ChangeSchedule::What::resume, "job.t")) == "schedule-unknown");
  BOOST_TEST(host.status(host.change(ChangeSchedule::What::resume)) == 200);
  BOOST_TEST(host.schedule().skipped == 0u);
}

BOOST_AUTO_TEST_CASE(a_survey_names_open_runs_newest_first_and_goes_on) {
  Scheduled host;
  host.deploy(job(""));
  host.deploy(job("", "other"));
  for (int i = 0; i < 250; ++i) {
    host.start(absl::StrCat("g/", i), i % 50 == 49 ? "other" : "job");
  }
  const GroupId group = host.node->group_of("g/0");
  const engine::Tables& tables = host.node->group(group).tables();
  std::vector<RunUid> all;
  Index before;
  int answers = 0;
  do {
    SurveyAnswer answer;
    BOOST_REQUIRE(
        decode_survey(encode_survey(survey(tables, {group, "job", true, before})), &answer));
    BOOST_TEST(answer.busy);
    all.insert(all.end(), answer.runs.begin(), answer.runs.end());
    before = answer.more;
    ++answers;
  } while (before.v != 0);
  BOOST_TEST(answers == 3);
  BOOST_TEST(all.size() == 245u);
  BOOST_TEST(std::is_sorted(all.begin(), all.end(),
                            [](const RunUid& a, const RunUid& b) { return b.index < a.index; }));
  BOOST_TEST(!survey(tables, {group, "nobody", false, Index(0)}).busy);
  SurveyAnswer cut;
  const std::string bytes = encode_survey(survey(tables, {group, "job", true, Index(0)}));
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    BOOST_TEST(!decode_survey(bytes.substr(0, n), &cut));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
