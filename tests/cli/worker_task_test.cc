#include "cli/worker_task.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "cli/progress_file.h"
#include "codecs/json.h"
#include "tests/cli/stage.h"

namespace pawl::cli {
namespace {

BOOST_AUTO_TEST_SUITE(worker_task)

BOOST_AUTO_TEST_CASE(tasks_of_a_poll) {
  std::vector<WorkerTask> tasks;
  BOOST_TEST_REQUIRE(parse_tasks(
      R"({"tasks":[{"token":"t","run":"r/1","type":"a.b","input":{"x":1},"attempt":2,"fence":9,)"
      R"("idempotency_key":"k","lease_until":"2026-01-01T00:00:30Z","deadline":null,"progress":[1]}]})",
      &tasks));
  BOOST_TEST_REQUIRE(tasks.size() == 1u);
  BOOST_TEST(tasks[0].token == "t");
  BOOST_TEST(tasks[0].run == "r/1");
  BOOST_TEST(tasks[0].attempt == 2);
  BOOST_TEST(tasks[0].fence == "9");
  BOOST_TEST(tasks[0].deadline == "");
  BOOST_TEST(codecs::to_json(tasks[0].input) == R"({"x":1})");
  BOOST_TEST(codecs::to_json(tasks[0].progress) == "[1]");
}

BOOST_AUTO_TEST_CASE(answers_of_another_shape) {
  std::vector<WorkerTask> tasks;
  for (const char* bad : {"", "[]", "{}", R"({"tasks":7})", R"({"tasks":[{}]})", R"({"tasks":[7]})",
                          R"({"tasks":[{"token":"t","type":"a"},{"token":""}]})"}) {
    BOOST_TEST(!parse_tasks(bad, &tasks), bad);
    BOOST_TEST(tasks.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_third_of_the_lease) {
  const std::int64_t now = 1'767'225'600'000;  // 2026-01-01T00:00:00Z
  BOOST_TEST(heartbeat_interval_ms("2026-01-01T00:00:30Z", now) == 10'000);
  BOOST_TEST(heartbeat_interval_ms("2026-01-01T00:00:03Z", now) == 1000);
  BOOST_TEST(heartbeat_interval_ms("2026-01-01T00:10:00Z", now) == 10'000);
  BOOST_TEST(heartbeat_interval_ms("2025-12-31T00:00:00Z", now) == 250);
  BOOST_TEST(heartbeat_interval_ms("", now) == 10'000);
}

BOOST_AUTO_TEST_CASE(progress_files) {
  testing::Stage stage;
  ProgressFile file;
  const std::string path = stage.directory() + "/progress";
  dsl::Value before;
  codecs::JsonError error;
  BOOST_TEST_REQUIRE(codecs::parse_json(R"({"row":7})", &before, &error));
  BOOST_TEST_REQUIRE(ProgressFile::create(path, before, &file).ok());
  BOOST_TEST(stage.read("progress") == R"({"row":7})");
  std::string json;
  BOOST_TEST(!file.changed(&json));
  stage.file("progress", "{\"row\": 8}\n");
  BOOST_TEST(file.changed(&json));
  BOOST_TEST(json == "{\"row\": 8}\n");
  BOOST_TEST(file.changed(&json));  // not delivered yet
  file.delivered();
  BOOST_TEST(!file.changed(&json));
  stage.file("progress", "half way");
  BOOST_TEST(file.changed(&json));
  BOOST_TEST(json == R"("half way")");
  stage.file("progress", std::string(100'000, '1'));
  BOOST_TEST(!file.changed(&json));
  file.remove();
  BOOST_TEST(!file.changed(&json));
  BOOST_TEST(::mkfifo(path.c_str(), 0600) == 0);  // must not hold us up
  BOOST_TEST(!file.changed(&json));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::cli
