// `pawl worker` against a fake daemon: a scripted queue, and programs that behave and misbehave.
#include <signal.h>

#include <boost/test/unit_test.hpp>
#include <deque>
#include <sstream>
#include <string>
#include <vector>

#include "codecs/json.h"
#include "tests/cli/stage.h"

namespace pawl::cli {
namespace {

using testing::Got;
using testing::Process;
using testing::Stage;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A queue of tasks, and what was said about them. Polls wait while there are none.
struct Board {
  Board() {
    stage.on_request = [this](const Got& request) { take(request); };
  }

  void take(const Got& request) {
    if (has(request.target, "/poll")) {
      polls.push_back(request);
      parked = request.connection;
      return hand_out();
    }
    if (has(request.target, "/heartbeat")) {
      heartbeats.push_back(request);
      const bool gone = has(request.target, withdrawn) && !withdrawn.empty();
      return stage.answer(request.connection, gone ? 409 : 200,
                          gone ? R"({"type":"task-withdrawn","title":"withdrawn"})"
                               : R"({"lease_until":")" + lease + "\"}");
    }
    reports.push_back(request);
    if (hold_reports) return;
    stage.answer(request.connection, report_status, batch_answer(request));
  }

  static std::string batch_answer(const Got& request) {
    dsl::Value body;
    codecs::JsonError error;
    if (!has(request.target, "batch") || !codecs::parse_json(request.body, &body, &error))
      return "{}";
    std::string out = R"({"items":[)";
    for (const dsl::Value& item : body.as_list()) {
      if (out.back() == '}') out += ",";
      out += R"({"token":)" + codecs::to_json(*item.field("token")) + R"(,"status":200})";
    }
    return out + "]}";
  }

  void add(const std::string& token, const std::string& type, const std::string& progress = "null",
           const std::string& input = "{\"n\":1}") {
    tasks.push_back(R"({"token":")" + token + R"(","run":"run-)" + token + R"(","type":")" + type +
                    R"(","input":)" + input + R"(,"attempt":2,"fence":9,"idempotency_key":"key-)" +
                    token + R"(","lease_until":")" + lease + R"(","deadline":null,"progress":)" +
                    progress + "}");
    hand_out();
  }

  void hand_out() {
    if (parked == 0 || tasks.empty()) return;
    std::string body = R"({"tasks":[)";
    for (std::size_t i = 0; i < tasks.size(); ++i) body += (i == 0 ? "" : ",") + tasks[i];
    tasks.clear();
    stage.answer(parked, 200, body + "]}");
    parked = 0;
  }

  Process& worker(const std::vector<std::string>& types, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"worker", "--queue", "q", "--name", "w", "--verbose"};
    for (const std::string& type : types) {
      arguments.push_back("--task");
      arguments.push_back(type + "=" + stage.directory() + "/" + type);
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return stage.start(arguments, {"PAWL_EXAMPLE=kept", "PAWL_TOKEN=outer"});
  }

  bool reported(std::size_t n) {
    return stage.run_until([&] { return reports.size() >= n; });
  }

  // Runs one task of a program and gives back its report.
  Got one(const std::string& script, const std::string& progress = "null") {
    stage.file("t", script, true);
    Process& process = worker({"t"});
    add("tok", "t", progress);
    BOOST_TEST_REQUIRE(reported(1), process.err);
    stop(process);
    return reports[0];
  }

  void stop(Process& process) {
    ::kill(process.pid, SIGTERM);
    BOOST_TEST(stage.run_until([&] { return process.ended; }));
    BOOST_TEST(process.exit == 0, process.err);
  }

  Stage stage;
  std::deque<std::string> tasks;
  int parked = 0;
  std::vector<Got> polls, heartbeats, reports;
  std::string withdrawn;                       // a token
  std::string lease = "2000-01-01T00:00:00Z";  // long over: heartbeats come as fast as they can
  bool hold_reports = false;
  int report_status = 200;
};

const char* const kSlowLease = "2999-01-01T00:00:00Z";

BOOST_AUTO_TEST_SUITE(worker)

BOOST_AUTO_TEST_CASE(a_program_gets_its_task_and_gives_a_result) {
  Board board;
  const Got report = board.one(
      "#!/bin/sh\n"
      "read -r input\n"
      "printf '{\"in\": %s, \"env\": \"%s %s %s %s [%s] %s %s %s\"}' \"$input\" "
      "$PAWL_RUN $PAWL_TASK $PAWL_ATTEMPT $PAWL_IDEMPOTENCY_KEY \"$PAWL_DEADLINE\" $PAWL_TOKEN "
      "$PAWL_FENCE $PAWL_EXAMPLE\n");
  BOOST_TEST(report.method == "POST");
  BOOST_TEST(report.target == "/v1/tasks/tok/complete");
  BOOST_TEST(report.body ==
             R"({"result":{"in": {"n":1}, "env": "run-tok t 2 key-tok [] tok 9 kept"}})");
  BOOST_TEST(board.polls[0].target == "/v1/queues/q/poll?wait=30s");
  BOOST_TEST(board.polls[0].body == R"({"worker":"w","tasks":["t"],"max":1})");
  BOOST_TEST(board.polls[0].headers.at("idempotency-key").size() == 32u);
}

BOOST_AUTO_TEST_CASE(a_program_has_no_descriptor_but_its_own_three_and_leads_its_group) {
  Board board;
  board.one(
      "#!/bin/sh\necho $$ $(cut -d' ' -f5 /proc/$$/stat) > \"$TMPDIR/group\"\n"
      "exec ls -x /proc/self/fd > \"$TMPDIR/fds\"\n");
  BOOST_TEST(board.stage.read("fds") == "0  1  2  3\n");  // 3 is how ls reads the directory
  std::istringstream in(board.stage.read("group"));
  pid_t pid = 0, group = 1;
  in >> pid >> group;
  BOOST_TEST(pid == group);
}

BOOST_AUTO_TEST_CASE(no_output_is_null_and_input_need_not_be_read) {
  Board board;
  BOOST_TEST(board.one("#!/bin/sh\nexit 0\n").body == R"({"result":null})");
}

BOOST_AUTO_TEST_CASE(exit_75) {
  Board board;
  const Got report = board.one("#!/bin/sh\necho later >&2\nexit 75\n");
  BOOST_TEST(report.target == "/v1/tasks/tok/fail");
  BOOST_TEST(report.body == R"({"type":"exit.75","message":"later","retryable":true})");
}

BOOST_AUTO_TEST_CASE(exit_3) {
  Board board;
  BOOST_TEST(board.one("#!/bin/sh\necho no >&2\nexit 3\n").body ==
             R"({"type":"exit.3","message":"no"})");
}

BOOST_AUTO_TEST_CASE(rubbish) {
  Board board;
  BOOST_TEST(has(board.one("#!/bin/sh\necho hello world\n").body, R"("type":"sys.output")"));
}

BOOST_AUTO_TEST_CASE(a_hundred_megabytes) {
  Board board;
  const Got report =
      board.one("#!/bin/sh\nhead -c 104857600 /dev/zero\nhead -c 20000000 /dev/zero >&2\n");
  BOOST_TEST(
      has(report.body, R"("type":"sys.output","message":"the program wrote 104857600 bytes)"),
      report.body);
}

BOOST_AUTO_TEST_CASE(killed_by_a_signal) {
  Board board;
  BOOST_TEST(board.one("#!/bin/sh\nkill -9 $$\n").body ==
             R"x({"type":"sys.lease","message":"the program was killed by signal 9 (SIGKILL)"})x");
}

BOOST_AUTO_TEST_CASE(a_script_without_interpreter) {
  Board board;
  const Got report = board.one("echo {}\n");
  BOOST_TEST(has(report.body, R"("type":"worker.start")"), report.body);
  BOOST_TEST(has(report.body, R"("retryable":true)"), report.body);
  BOOST_TEST(has(report.body, "#!/bin/sh"), report.body);
}

BOOST_AUTO_TEST_CASE(what_it_leaves_in_its_group_is_killed_and_holds_nothing_up) {
  Board board;
  const std::string pid_file = board.stage.directory() + "/pid";
  const Got report = board.one("#!/bin/sh\n(sleep 1000 & echo $! > " + pid_file + ")\necho 1\n");
  BOOST_TEST(report.body == R"({"result":1})");
  const pid_t left = std::stoi(board.stage.read("pid"));
  BOOST_TEST(board.stage.run_until([&] { return !testing::is_alive(left); }));
}

BOOST_AUTO_TEST_CASE(a_daemon_it_leaves_behind_holds_nothing_up) {
  Board board;
  const std::string pid_file = board.stage.directory() + "/pid";
  const Got report =
      board.one("#!/bin/sh\nsetsid sh -c 'echo $$ > " + pid_file +
                "; exec sleep 1000' &\nwhile [ ! -s " + pid_file + " ]; do :; done\necho 1\n");
  BOOST_TEST(report.body == R"({"result":1})");
  const pid_t left = std::stoi(board.stage.read("pid"));
  BOOST_TEST(testing::is_alive(left));  // its own session: not ours to end
  ::kill(left, SIGKILL);
}

BOOST_AUTO_TEST_CASE(progress_goes_out_and_comes_back) {
  Board board;
  board.stage.file(
      "t",
      "#!/bin/sh\ncat \"$PAWL_PROGRESS\" > \"$TMPDIR/before\"\necho '{\"row\":8}' > "
      "\"$PAWL_PROGRESS\"\n"
      "while [ ! -e \"$TMPDIR/go\" ]; do sleep 0.01; done\necho 9 > \"$PAWL_PROGRESS\"; exit 1\n",
      true);
  Process& process = board.worker({"t"});
  board.add("tok", "t", R"({"row":7})");
  BOOST_TEST(board.stage.run_until([&] {
    return !board.heartbeats.empty() &&
           has(board.heartbeats.back().body, R"({"details":{"row":8})");
  }));
  BOOST_TEST(board.stage.read("before") == R"({"row":7})");
  board.stage.file("go", "");
  BOOST_TEST(board.reported(1));
  // The last word of a failed attempt is sent before its failure.
  BOOST_TEST(has(board.heartbeats.back().body, R"({"details":9)"), board.heartbeats.back().body);
  BOOST_TEST(board.heartbeats.back().target == "/v1/tasks/tok/heartbeat");
  board.stop(process);
}

BOOST_AUTO_TEST_CASE(withdrawn_programs_are_killed_even_if_they_ignore_sigterm) {
  Board board;
  board.withdrawn = "tok";
  board.stage.file(
      "t", "#!/bin/sh\ntrap '' TERM\necho $$ > \"$TMPDIR/pid\"\nwhile :; do sleep 0.05; done\n",
      true);
  Process& process = board.worker({"t"}, {"--kill-after", "200ms"});
  board.add("tok", "t");
  BOOST_TEST_REQUIRE(board.reported(1), process.err);
  BOOST_TEST(has(board.reports[0].body, "sys.lease"));
  BOOST_TEST(!testing::is_alive(std::stoi(board.stage.read("pid"))));
  BOOST_TEST(board.heartbeats.size() == 1u);
  board.stop(process);
}

BOOST_AUTO_TEST_CASE(several_ends_go_together) {
  Board board;
  board.lease = kSlowLease;
  board.stage.file("t", "#!/bin/sh\nread -r n\necho $n\n", true);
  Process& process = board.worker({"t"}, {"--concurrency", "4"});
  board.hold_reports = true;
  board.add("a", "t", "null", "1");
  BOOST_TEST(board.reported(1));  // not answered: what ends meanwhile waits for it
  board.add("b", "t", "null", "2");
  board.add("c", "t", "null", "3");
  BOOST_TEST(board.stage.run_until(
      [&] { return has(process.err, "run-b") && has(process.err, "run-c"); }));
  board.hold_reports = false;
  board.stage.answer(board.reports[0].connection, 200, "{}");
  BOOST_TEST(board.reported(2));
  BOOST_TEST(board.reports[1].target == "/v1/tasks/batch");
  BOOST_TEST(board.reports[1].body ==
             R"([{"token":"b","complete":{"result":2}},{"token":"c","complete":{"result":3}}])");
  board.stop(process);
}

BOOST_AUTO_TEST_CASE(a_refused_result_becomes_a_failure) {
  Board board;
  board.report_status = 422;
  board.stage.file("t", "#!/bin/sh\necho 1\n", true);
  Process& process = board.worker({"t"});
  board.add("tok", "t");
  BOOST_TEST(board.reported(2));
  BOOST_TEST(board.reports[1].target == "/v1/tasks/tok/fail");
  BOOST_TEST(has(board.reports[1].body, "sys.output"));
  board.stop(process);
}

BOOST_AUTO_TEST_CASE(the_daemon_goes_away_and_comes_back) {
  Board board;
  board.lease = kSlowLease;
  board.stage.file("t",
                   "#!/bin/sh\necho begun > \"$TMPDIR/begun\"\nwhile [ ! -e \"$TMPDIR/go\" ]; do "
                   "sleep 0.01; done\necho 5\n",
                   true);
  Process& process = board.worker({"t"}, {"--concurrency", "2"});
  board.add("tok", "t");
  BOOST_TEST(
      board.stage.run_until([&] { return board.stage.exists("begun") && board.parked != 0; }));
  const std::string key = board.polls.back().headers.at("idempotency-key");
  board.parked = 0;
  board.stage.vanish();
  BOOST_TEST(board.stage.run_until([&] { return has(process.err, "trying again"); }));
  board.stage.file("go", "");
  BOOST_TEST(board.stage.run_until([&] { return has(process.err, "done in"); }));
  const std::size_t before = board.polls.size();
  board.stage.listen();
  BOOST_TEST(board.reported(1));
  BOOST_TEST(board.reports[0].body == R"({"result":5})");
  BOOST_TEST(board.stage.run_until([&] { return board.polls.size() > before; }));
  BOOST_TEST(board.polls[before].headers.at("idempotency-key") == key);
  BOOST_TEST(board.polls[before].body == board.polls[before - 1].body);
  BOOST_TEST(board.stage.run_until([&] { return has(process.err, "reached the daemon again"); }));
  board.stop(process);
}

BOOST_AUTO_TEST_CASE(stopping_lets_programs_end) {
  Board board;
  board.stage.file("t",
                   "#!/bin/sh\necho begun > \"$TMPDIR/begun\"\nwhile [ ! -e \"$TMPDIR/go\" ]; do "
                   "sleep 0.01; done\necho 5\n",
                   true);
  Process& process = board.worker({"t"}, {"--concurrency", "2"});
  board.add("tok", "t");
  BOOST_TEST(
      board.stage.run_until([&] { return board.stage.exists("begun") && board.parked != 0; }));
  ::kill(process.pid, SIGTERM);
  BOOST_TEST(board.stage.run_until(
      [&] { return !board.stage.connected(board.parked); }));  // no more polls
  board.stage.file("go", "");
  BOOST_TEST(board.stage.run_until([&] { return process.ended; }));
  BOOST_TEST(process.exit == 0, process.err);
  BOOST_TEST(board.reports[0].body == R"({"result":5})");
}

BOOST_AUTO_TEST_CASE(stopping_ends_programs_after_the_grace) {
  Board board;
  board.stage.file("t", "#!/bin/sh\necho $$ > \"$TMPDIR/pid\"\nexec sleep 1000\n", true);
  Process& process = board.worker({"t"}, {"--grace", "100ms"});
  board.add("tok", "t");
  BOOST_TEST(board.stage.run_until([&] { return !board.stage.read("pid").empty(); }));
  ::kill(process.pid, SIGTERM);
  BOOST_TEST(board.stage.run_until([&] { return process.ended; }));
  BOOST_TEST(process.exit == 0, process.err);
  BOOST_TEST_REQUIRE(board.reports.size() == 1u);
  BOOST_TEST(board.reports[0].body ==
             R"({"type":"worker.stopped","message":"the worker was stopped","retryable":true})");
}

BOOST_AUTO_TEST_CASE(a_second_signal_ends_all_at_once) {
  Board board;
  board.stage.file(
      "t", "#!/bin/sh\ntrap '' TERM\necho $$ > \"$TMPDIR/pid\"\nwhile :; do sleep 0.05; done\n",
      true);
  Process& process = board.worker({"t"});
  board.add("tok", "t");
  BOOST_TEST(board.stage.run_until([&] { return !board.stage.read("pid").empty(); }));
  ::kill(process.pid, SIGTERM);
  BOOST_TEST(board.stage.run_until([&] { return has(process.err, "stopping"); }));
  ::kill(process.pid, SIGINT);
  BOOST_TEST(board.stage.run_until([&] { return process.ended; }));
  BOOST_TEST(process.exit == 1);
  BOOST_TEST(!testing::is_alive(std::stoi(board.stage.read("pid"))));
  BOOST_TEST(has(board.reports.at(0).body, "worker.stopped"));
}

BOOST_AUTO_TEST_CASE(a_killed_worker_takes_its_programs_along) {
  Board board;
  board.stage.file("t", "#!/bin/sh\necho $$ > \"$TMPDIR/pid\"\nexec sleep 1000\n", true);
  Process& process = board.worker({"t"});
  board.add("tok", "t");
  BOOST_TEST(board.stage.run_until([&] { return !board.stage.read("pid").empty(); }));
  const pid_t program = std::stoi(board.stage.read("pid"));
  ::kill(process.pid, SIGKILL);
  BOOST_TEST(board.stage.run_until([&] { return process.ended && !testing::is_alive(program); }));
}

BOOST_AUTO_TEST_CASE(without_the_role_it_ends_and_says_so) {
  Board board;
  board.stage.on_request = [&](const Got& request) {
    board.stage.answer(request.connection, 403,
                       R"({"title":"forbidden","detail":"needs the role worker"})");
  };
  board.stage.file("t", "#!/bin/sh\n", true);
  Process& process = board.worker({"t"});
  BOOST_TEST(board.stage.run_until([&] { return process.ended; }));
  BOOST_TEST(process.exit == 1);
  BOOST_TEST(has(process.err, "needs the role worker"));
  BOOST_TEST(has(process.err, "hint: "));
}

BOOST_AUTO_TEST_CASE(a_directory_of_programs) {
  Board board;
  board.stage.file("programs/a.one", "#!/bin/sh\n", true);
  board.stage.file("programs/b.two", "#!/bin/sh\n", true);
  board.stage.file("programs/README", "not executable");
  Process& process =
      board.stage.start({"worker", "--queue", "q", "--dir", board.stage.directory() + "/programs",
                         "--concurrency", "3"});
  BOOST_TEST(board.stage.run_until([&] { return !board.polls.empty(); }));
  BOOST_TEST(has(board.polls[0].body, R"("tasks":["a.one","b.two"],"max":3})"));
  board.stop(process);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::cli
