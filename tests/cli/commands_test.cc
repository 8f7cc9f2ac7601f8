// Each command against a fake daemon: what it asks, what it prints, its exit status.
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/cli/stage.h"

namespace pawl::cli {
namespace {

using testing::Got;
using testing::Process;
using testing::Stage;

BOOST_AUTO_TEST_SUITE(commands)

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

const char* const kRun =
    R"({"id":"order-42/a","uid":"3-1f","workflow":"order","version":2,"generation":1,"status":"running",)"
    R"("state":"reserve","states":["reserve"],"vars":{},"input":{"total":7},"seq":4,"hash":"ab",)"
    R"("started_at":"2026-11-21T09:00:00Z","updated_at":"2026-11-21T09:00:01Z","tags":{},)"
    R"("waiting_for":{"signals":["paid","cancel"],"timers":[],"tasks":[],"children":[]},)"
    R"("incidents":[{"id":1,"path":"reserve","error":{"type":"exit.3","message":"\u001b[2Jno"},"since":"x"}]})";

struct Answered {
  int status;
  std::string body;
};

// Runs a command against a daemon that gives these answers in turn.
Process& run(Stage& stage, const std::vector<std::string>& arguments,
             const std::vector<Answered>& answers) {
  stage.on_request = [&stage, answers](const Got& request) {
    const std::size_t n = std::min(stage.got.size(), answers.size()) - 1;
    stage.answer(request.connection, answers[n].status, answers[n].body);
  };
  return stage.pawl(arguments);
}

BOOST_AUTO_TEST_CASE(usage) {
  Stage stage;
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"frobnicate"},
      {"show"},
      {"list", "--limit", "0"},
      {"show", "a", "b"},
      {"await", "a"},
      {"await", "a", "--state", "x", "--status", "y"},
      {"await", "a", "--state", "x", "--timeout", "soon"},
      {"start", "w", "--input", "{"},
      {"start", "w", "--input", "@/nonexistent"},
      {"start", "w", "--tag", "nothing"},
      {"activate", "w", "two"},
      {"worker", "--queue", "q"},
      {"worker", "--queue", "q", "--task", "a"},
      {"worker", "--queue", "q", "--task", "a=/nonexistent"},
      {"worker", "--queue", "q", "--task", "a=/bin/true", "--socket", "/" + std::string(200, 'x')},
      {"worker", "--queue", "q", "--task", "a=/bin/true", "--socket", "/" + std::string(200, 'x')},
      {"move", "r", "--from", "a"},
      {"retry", "r", "--incident", "x"},
      {"api", "GET", "runs"},
      {"--frob"}};
  for (const auto& arguments : wrong) {
    const Process& process = stage.pawl(arguments);
    const std::string line = arguments.empty() ? "" : arguments[0];
    BOOST_TEST(process.exit == 2, line << ": " << process.err);
    BOOST_TEST(has(process.err, "hint: "), line << ": " << process.err);
    BOOST_TEST(process.out == "", line);
  }
  BOOST_TEST(stage.got.empty());
  BOOST_TEST(has(stage.pawl({"strat", "x"}).err, "did you mean `start`?"));
}

BOOST_AUTO_TEST_CASE(help_and_serve) {
  Stage stage;
  const Process& help = stage.pawl({"--help"});
  BOOST_TEST(help.exit == 0);
  for (const char* name : {"deploy", "worker", "serve", "incidents"})
    BOOST_TEST(has(help.out, name));
  BOOST_TEST(has(stage.pawl({"worker", "--help"}).out, "PAWL_IDEMPOTENCY_KEY"));
  BOOST_TEST(stage.pawl({"serve", "--dev", "--data", "x"}).out == "serve --dev --data x\n");
}

BOOST_AUTO_TEST_CASE(version_flag) {
  Stage stage;
  const Process& process = stage.pawl({"--version"});
  BOOST_TEST(process.exit == 0);
  BOOST_TEST(process.out.find("pawl ") == 0u);
  BOOST_TEST(stage.got.empty());
}

BOOST_AUTO_TEST_CASE(a_key_is_sent_as_it_is_or_not_at_all) {
  Stage stage;
  for (const char* key : {"a\r\nX-Other: b", "a\nb", "\x7f", " a", "a ", ""}) {
    const Process& process = run(stage, {"signal", "r", "paid", "--key", key}, {{200, kRun}});
    BOOST_TEST(process.exit == 2, key);
    BOOST_TEST(has(process.err, "Idempotency-Key"), process.err);
    BOOST_TEST(has(process.err, "\nhint: "), process.err);
  }
  BOOST_TEST(run(stage, {"api", "POST", "/x", "--type", "a\r\nX: b"}, {{200, kRun}}).exit == 2);
  BOOST_TEST(stage.got.empty());
}

BOOST_AUTO_TEST_CASE(what_was_typed_does_not_drive_the_terminal) {
  Stage stage;
  const Process& process = run(stage, {"queues", "pause", "a\x1b[31mb"},
                               {{200, R"({"queue":"a\u001b[31mb","paused":true,"changed":true})"}});
  BOOST_TEST(process.out == "a?[31mb: now paused\n");
  BOOST_TEST(run(stage, {"queues", "pause", ""}, {{200, "{}"}}).exit == 2);
}

BOOST_AUTO_TEST_CASE(unreachable) {
  Stage stage;
  const std::string nowhere = stage.directory() + "/none.sock";
  const Process& process = stage.pawl({"list", "--socket", nowhere});
  BOOST_TEST(process.exit == 5);
  BOOST_TEST(has(process.err, "cannot reach the daemon at " + nowhere));
  BOOST_TEST(has(process.err, "is pawld running?"));
  BOOST_TEST(has(process.err, "pawl serve --dev --data DIR --socket PATH"));
  BOOST_TEST(has(process.err, "PAWL_SOCKET"));
  BOOST_TEST(stage.pawl({"list", "--socket", "/" + std::string(200, 'x')}).exit == 2);
  stage.vanish();  // the file is there, nobody listens
  BOOST_TEST(stage.pawl({"show", "x"}).exit == 5);
  const Process& version = stage.pawl({"version"});
  BOOST_TEST(version.exit == 0);
  BOOST_TEST(has(version.out, "no daemon at " + stage.socket_path()));
}

BOOST_AUTO_TEST_CASE(exit_statuses_of_problems) {
  const std::vector<std::pair<int, int>> table = {{400, 1}, {403, 1}, {404, 3},  {409, 4},
                                                  {412, 4}, {413, 1}, {422, 1},  {429, 1},
                                                  {500, 1}, {503, 5}, {504, 124}};
  for (const auto& [status, exit] : table) {
    Stage stage;
    const Process& process = run(
        stage, {"pause", "x"},
        {{status, R"({"type":"about:blank","title":"No","detail":"because","accepted":["a"]})"}});
    BOOST_TEST(process.exit == exit, status);
    BOOST_TEST(has(process.err, "pawl: No: because\n  accepted: [\"a\"]\n"), process.err);
    BOOST_TEST(has(process.err, "\nhint: "), process.err);
    BOOST_TEST(process.out == "");
  }
}

BOOST_AUTO_TEST_CASE(rubbish_for_an_answer) {
  Stage stage;
  stage.on_request = [&](const Got& request) {
    stage.answer_raw(request.connection, "220 smtp ready\r\n");
  };
  const Process& process = stage.pawl({"show", "x"});
  BOOST_TEST(process.exit == 1);
  BOOST_TEST(has(process.err, "does something else listen on this socket?"));
}

BOOST_AUTO_TEST_CASE(a_lost_answer_is_asked_for_again_under_the_same_key) {
  Stage stage;
  stage.on_request = [&](const Got& request) {
    if (stage.got.size() == 1) return stage.drop(request.connection);
    stage.answer(request.connection, 200, kRun);
  };
  BOOST_TEST(stage
                 .pawl({"signal", "order-42/a", "paid", R"({"by":"ann"})", "--dedupe-id", "d",
                        "--expect-state", "created"})
                 .exit == 0);
  BOOST_TEST_REQUIRE(stage.got.size() == 2u);
  BOOST_TEST(stage.got[0].target == "/v1/runs/order-42%2Fa/signals/paid");
  BOOST_TEST(stage.got[0].body ==
             R"({"payload":{"by":"ann"},"dedupe_id":"d","expect_state":"created"})");
  BOOST_TEST(stage.got[0].headers.at("idempotency-key") ==
             stage.got[1].headers.at("idempotency-key"));
  BOOST_TEST(stage.got[0].headers.at("host") == "pawl");
}

BOOST_AUTO_TEST_CASE(a_daemon_that_dies_under_a_request_leaves_the_key_to_repeat_it_with) {
  Stage stage;
  stage.on_request = [&](const Got& request) { stage.vanish(); };
  const Process& process = stage.pawl({"pause", "x", "--key", "once"});
  BOOST_TEST(process.exit == 5);
  BOOST_TEST(has(process.err, "whether it was done is not known"), process.err);
  BOOST_TEST(has(process.err, "key was once"), process.err);
}

BOOST_AUTO_TEST_CASE(show) {
  Stage stage;
  const Process& process = run(stage, {"show", "order-42/a"}, {{200, kRun}});
  BOOST_TEST(process.exit == 0);
  for (const char* part :
       {"order, version 2, generation 1", "status     running", "signals: paid, cancel",
        "#1 at reserve: exit.3: ?[2Jno", "input      {\"total\":7}"}) {
    BOOST_TEST(has(process.out, part), process.out);
  }
  BOOST_TEST(!has(process.out, "\x1b"));
  BOOST_TEST(run(stage, {"show", "order-42/a", "--json"}, {{200, kRun}}).out ==
             std::string(kRun) + "\n");
  BOOST_TEST(stage.pawl({"show", "x", "--at", "3"}).exit == 0);
  BOOST_TEST(stage.got.back().target == "/v1/runs/x?at=3");
}

BOOST_AUTO_TEST_CASE(list) {
  const std::string page = R"({"items":[)" + std::string(kRun) + R"(],"next_cursor":)";
  Stage stage;
  const Process& one = run(stage, {"list", "--workflow", "o r", "--tag", "a=b&c", "--limit", "1"},
                           {{200, page + R"("c/1"})"}});
  BOOST_TEST(one.exit == 0);
  BOOST_TEST(stage.got[0].target == "/v1/runs?limit=1&workflow=o%20r&tag.a=b%26c");
  BOOST_TEST(one.out ==
             "RUN         WORKFLOW  VERSION  STATUS   STATE    STARTED               UPDATED\n"
             "order-42/a  order     2        running  reserve  2026-11-21T09:00:00Z  "
             "2026-11-21T09:00:01Z\n");
  BOOST_TEST(has(one.err, "--cursor c/1"));
  Stage paged;
  const Process& all =
      run(paged, {"list", "--all", "--json"}, {{200, page + R"("c/1"})"}, {200, page + "null}"}});
  BOOST_TEST(paged.got[1].target == "/v1/runs?limit=100&cursor=c%2F1");
  BOOST_TEST(std::count(all.out.begin(), all.out.end(), '\n') == 2);
  Stage empty;
  BOOST_TEST(run(empty, {"list"}, {{200, R"({"items":[]})"}}).out == "no runs\n");
}

BOOST_AUTO_TEST_CASE(start) {
  Stage stage;
  const std::string input = stage.file("input.json", "{\"n\": 1}");
  const Process& process = run(stage,
                               {"start", "order", "--id", "order-42/a", "--input", "@" + input,
                                "--tag", "k=v", "--version", "2", "--key", "once"},
                               {{201, kRun}});
  BOOST_TEST(process.exit == 0);
  BOOST_TEST(process.out == "order-42/a: running in reserve (seq 4)\n");
  BOOST_TEST(
      stage.got[0].body ==
      R"({"workflow":"order","id":"order-42/a","version":2,"input":{"n":1},"tags":{"k":"v"}})");
  BOOST_TEST(stage.got[0].headers.at("idempotency-key") == "once");
  stage.standard_input = "{}";
  BOOST_TEST(stage.pawl({"start", "order", "--input", "@-"}).exit == 0);
  BOOST_TEST(stage.got.back().body == R"({"workflow":"order","input":{}})");
  BOOST_TEST(stage.pawl({"start", "order", "--input", "{}"}).exit == 0);
  BOOST_TEST(stage.pawl({"start", "order", "--input", "[1,2]"}).exit == 0);
  BOOST_TEST(stage.got.back().body == R"({"workflow":"order","input":[1,2]})");
}

BOOST_AUTO_TEST_CASE(start_and_wait) {
  Stage done;
  const Process& completed = run(
      done, {"start", "order", "--wait"},
      {{201, kRun},
       {200, R"({"reached":false,"run":)" + std::string(kRun) + "}"},
       {200, R"({"reached":true,"run":{"id":"a","status":"completed","output":{"ok":true}}})"}});
  BOOST_TEST(completed.exit == 0);
  BOOST_TEST(completed.out == "{\n  \"ok\": true\n}\n");
  BOOST_TEST(done.got[1].target == "/v1/runs/order-42%2Fa/await?status=closed&wait=30000ms");
  BOOST_TEST(done.got[2].target ==
             "/v1/runs/order-42%2Fa/await?status=closed&since=4&wait=30000ms");
  Stage broken;
  const Process& failed = run(
      broken, {"start", "order", "--wait"},
      {{201, kRun},
       {200,
        R"({"reached":true,"run":{"id":"a","status":"failed","error":{"type":"t","message":"m"}}})"}});
  BOOST_TEST(failed.exit == 1);
  BOOST_TEST(has(failed.err, "order-42/a failed: t: m"));
}

BOOST_AUTO_TEST_CASE(await) {
  Stage stage;
  const std::string no = R"({"reached":false,"run":)" + std::string(kRun) + "}";
  const Process& late =
      run(stage, {"await", "a", "--state", "done", "--timeout", "1ms"}, {{200, no}});
  BOOST_TEST(late.exit == 124);
  BOOST_TEST(has(late.err, "not reached within 1ms"));
  BOOST_TEST(has(stage.got[0].target, "/v1/runs/a/await?state=done&wait="));
  Stage closed;
  BOOST_TEST(run(closed, {"await", "a", "--state", "x"},
                 {{200, R"({"reached":false,"run":{"id":"a","status":"failed","seq":9}})"}})
                 .exit == 1);
  Stage away;  // the daemon is killed while we wait and comes back
  away.on_request = [&](const Got& request) {
    if (away.got.size() == 1) {
      away.vanish();
      away.listen();
      return;
    }
    away.answer(request.connection, 200,
                R"({"reached":true,"run":{"id":"a","status":"running","seq":9}})");
  };
  BOOST_TEST(away.pawl({"await", "a", "--state", "x"}).exit == 0);
}

BOOST_AUTO_TEST_CASE(verbs) {
  for (const char* verb : {"cancel", "terminate", "pause", "resume", "retry"}) {
    Stage stage;
    BOOST_TEST(run(stage, {verb, "a/b", "--reason", "because \"x\""}, {{200, kRun}}).exit == 0);
    BOOST_TEST(stage.got[0].method == "POST");
    BOOST_TEST(stage.got[0].target == std::string("/v1/runs/a%2Fb/") + verb);
    BOOST_TEST(stage.got[0].body == R"({"reason":"because \"x\""})");
  }
  Stage stage;
  BOOST_TEST(run(stage, {"retry", "a", "--incident", "7"}, {{200, kRun}}).exit == 0);
  BOOST_TEST(stage.got[0].body == R"({"incident":7})");
  BOOST_TEST(stage.pawl({"move", "a", "--from", "x", "--to", "y"}).exit == 0);
  BOOST_TEST(stage.got[1].target == "/v1/runs/a/move");
  BOOST_TEST(stage.got[1].body == R"({"from":"x","to":"y"})");
}

BOOST_AUTO_TEST_CASE(deploy) {
  Stage stage;
  const std::string file = stage.file("order.toml", "dsl = 1\n name = \"order\"\nstart=3\n[x]\n");
  const std::string answer =
      R"({"name":"order","version":3,"hash":"h","default_changed":true,"warnings":[{"severity":"warning",)"
      R"("file":"","line":3,"column":7,"length":1,"message":"odd","hint":"","line_text":"start=3"}]})";
  const Process& process = run(stage, {"deploy", file}, {{201, answer}});
  BOOST_TEST(process.exit == 0);
  BOOST_TEST(stage.got[0].method == "PUT");
  BOOST_TEST(stage.got[0].target == "/v1/workflows/order");
  BOOST_TEST(has(stage.got[0].body, "[x]"));
  BOOST_TEST(process.out == "order version 3: deployed, now the default\n");
  BOOST_TEST(has(process.err, file + ":3:7: warning: odd\n"), process.err);
  Stage refusing;
  const std::string problem =
      R"({"type":"about:blank","title":"bad","errors":[{"severity":"error","file":"","line":3,"column":7,"length":1,)"
      R"("message":"unknown state `c`","hint":"did you mean `d`?","line_text":"start=3"}]})";
  const Process& refused = run(refusing, {"deploy", file, "/nonexistent.toml"}, {{422, problem}});
  BOOST_TEST(refused.exit == 1);
  BOOST_TEST(has(refused.err, file + ":3:7: error: unknown state `c`\n"), refused.err);
  BOOST_TEST(has(refused.err, "did you mean `d`?"));
  BOOST_TEST(has(refused.err, "cannot read /nonexistent.toml"));
  const std::string nameless = stage.file("nameless.toml", "dsl = 1\n");
  BOOST_TEST(stage.pawl({"deploy", nameless}).exit == 1);
  const Process& stored =
      run(stage, {"deploy", "--no-activate", file}, {{200, R"({"name":"order","version":3})"}});
  BOOST_TEST(stage.got.back().target == "/v1/workflows/order?activate=false");
  BOOST_TEST(stored.out == "order version 3: was deployed before, the default is unchanged\n");
  BOOST_TEST(run(stage, {"activate", "order", "2"}, {{200, "{}"}}).exit == 0);
  BOOST_TEST(stage.got.back().body == R"({"version":2})");
}

BOOST_AUTO_TEST_CASE(check_needs_no_daemon) {
  Stage stage;
  const std::string good = stage.file(
      "good.toml", "dsl = 1\nname = \"good\"\nstart = \"a\"\n[state.a]\nend = \"completed\"\n");
  const std::string bad = stage.file(
      "bad.toml", "dsl = 1\nname = \"bad\"\nstart = \"aa\"\n[state.a]\nend = \"completed\"\n");
  const Process& fine = stage.pawl({"check", good});
  BOOST_TEST(fine.exit == 0, fine.err);
  BOOST_TEST(has(fine.out, good + ": ok: good, 1 states"));
  const Process& both = stage.pawl({"check", bad, good});
  BOOST_TEST(both.exit == 1);
  BOOST_TEST(has(both.err, bad + ":3:"), both.err);
  BOOST_TEST(has(both.err, "^"));
  BOOST_TEST(has(both.out, good + ": ok"));
  const Process& json = stage.pawl({"--json", "check", bad});
  BOOST_TEST(json.exit == 1);
  BOOST_TEST(has(json.out, R"("ok":false)"));
  BOOST_TEST(has(json.out, R"("line":3)"));
  BOOST_TEST(stage.got.empty());
}

BOOST_AUTO_TEST_CASE(queues_and_incidents) {
  Stage stage;
  const Process& queues = run(
      stage, {"queues"},
      {{200,
        R"({"items":[{"queue":"warehouse","depth":3,"oldest":null,"in_flight":1,"parked_polls":2,)"
        R"("workers":["w1","w2"],"paused":true}]})"}});
  BOOST_TEST(queues.out ==
             "QUEUE      WAITING  OLDEST  IN FLIGHT  POLLS  WORKERS  PAUSED\n"
             "warehouse  3                1          2      2        paused\n");
  Stage other;
  const Process& incidents =
      run(other, {"incidents"},
          {{200, R"({"items":[{"run":"a","uid":"1-1","workflow":"w","id":2,"path":"p","since":"s",)"
                 R"("error":{"type":"t","message":"m"}}]})"}});
  BOOST_TEST(incidents.out ==
             "RUN  INCIDENT  WORKFLOW  AT  ERROR  MESSAGE  SINCE\n"
             "a    2         w         p   t      m        s\n");
  BOOST_TEST(has(incidents.err, "pawl retry RUN"));
}

BOOST_AUTO_TEST_CASE(queues_are_paused_and_resumed) {
  Stage stage;
  const Process& pause = run(stage, {"queues", "pause", "a b", "--reason", "down"},
                             {{200, R"({"queue":"a b","paused":true,"changed":true})"}});
  BOOST_TEST(pause.exit == 0);
  BOOST_TEST(pause.out == "a b: now paused\n");
  BOOST_TEST(stage.got.at(0).target == "/v1/queues/a%20b/pause");
  BOOST_TEST(stage.got.at(0).body == R"({"reason":"down"})");
  Stage other;
  const Process& resume = run(other, {"queues", "resume", "mail"},
                              {{200, R"({"queue":"mail","paused":false,"changed":false})"}});
  BOOST_TEST(resume.out == "mail: already not paused\n");
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"queues", "pause"}, {"queues", "stop", "mail"}}) {
    Stage nobody;
    BOOST_TEST(nobody.pawl(wrong).exit == 2);
    BOOST_TEST(nobody.got.empty());
  }
}

BOOST_AUTO_TEST_CASE(history) {
  Stage stage;
  const Process& process = run(
      stage, {"history", "a", "--after", "0"},
      {{200,
        R"({"items":[{"seq":1,"at":"t1","type":"run.started","x":{"y":1}}],"next_cursor":"n"})"},
       {200, R"({"items":[{"seq":2,"at":"t2","type":"state.entered","state":"b"}]})"}});
  BOOST_TEST(process.exit == 0);
  BOOST_TEST(stage.got[0].target == "/v1/runs/a/history?after=0");
  BOOST_TEST(stage.got[1].target == "/v1/runs/a/history?cursor=n");
  BOOST_TEST(has(process.out, "1     t1                       run.started          x={\"y\":1}\n"),
             process.out);
  BOOST_TEST(has(process.out, "state=b"));
}

BOOST_AUTO_TEST_CASE(the_history_of_a_generation) {
  Stage stage;
  const Process& process = run(
      stage, {"history", "a", "--generation", "2"},
      {{200, R"({"items":[{"seq":9,"at":"t1","type":"run.continued"}],"next_cursor":"9"})"},
       {404, R"({"type":"generation-unknown","title":"gone","status":404,"detail":"forgotten"})"}});
  BOOST_TEST(process.exit == 3);
  BOOST_TEST(stage.got[0].target == "/v1/runs/a/history?generation=2");
  BOOST_TEST(stage.got[1].target == "/v1/runs/a/history?cursor=9&generation=2");
  BOOST_TEST(has(process.out, "run.continued"), process.out);
}

BOOST_AUTO_TEST_CASE(following_goes_on_where_it_was_over_a_restart) {
  Stage stage;
  const std::string head =
      "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";
  const auto chunk = [](const std::string& text) {
    return std::string("2d\r\n").replace(
               0, 2,
               text.size() < 16 ? "0" + std::string(1, "0123456789abcdef"[text.size()])
                                : std::string(1, "0123456789abcdef"[text.size() / 16]) +
                                      "0123456789abcdef"[text.size() % 16]) +
           text + "\r\n";
  };
  stage.on_request = [&](const Got& request) {
    if (stage.got.size() == 1) {
      stage.answer_raw(request.connection,
                       head + chunk("{\"seq\":1,\"at\":\"t\",\"type\":\"one\"}\n{\"seq\"") +
                           chunk(":2,\"type\":\"two\"}\n"));
      return stage.drop(request.connection);
    }
    stage.answer_raw(request.connection, head + chunk("{\"seq\":3,\"type\":\"three\"}\n") +
                                             chunk("{\"cursor\":\"x\"}\n") +
                                             chunk("{\"end\":\"closed\"}\n"));
  };
  const Process& process = stage.pawl({"history", "a", "--follow"});
  BOOST_TEST(process.exit == 0, process.err);
  BOOST_TEST_REQUIRE(stage.got.size() == 2u);
  BOOST_TEST(stage.got[0].target == "/v1/runs/a/history?follow=true");
  BOOST_TEST(stage.got[1].target == "/v1/runs/a/history?after=2&follow=true");
  BOOST_TEST(std::count(process.out.begin(), process.out.end(), '\n') == 3);
  Stage missing;
  BOOST_TEST(
      run(missing, {"events", "--follow"}, {{410, R"({"title":"gone","oldest":"5"})"}}).exit == 1);
  BOOST_TEST(missing.got[0].target == "/v1/events?follow=true");
}

BOOST_AUTO_TEST_CASE(api) {
  Stage stage;
  const Process& got = run(stage, {"api", "get", "/v1/runs?x=1"}, {{200, R"({"a":1})"}});
  BOOST_TEST(got.exit == 0);
  BOOST_TEST(got.out == "{\"a\":1}\n");
  BOOST_TEST(stage.got[0].method == "GET");
  const std::string file = stage.file("w.toml", "dsl = 1");
  BOOST_TEST(stage.pawl({"api", "PUT", "/v1/workflows/w", "@" + file}).exit == 0);
  BOOST_TEST(stage.got[1].headers.at("content-type") == "application/toml");
  BOOST_TEST(stage.got[1].body == "dsl = 1");
  BOOST_TEST(stage.pawl({"api", "POST", "/v1/x", "{}", "--header", "If-Match: \"u.1\""}).exit == 0);
  BOOST_TEST(stage.got[2].headers.at("if-match") == "\"u.1\"");
  BOOST_TEST(stage.got[2].headers.count("idempotency-key") == 1u);
  const Process& missing = run(stage, {"api", "GET", "/v1/y"}, {{404, R"({"title":"no"})"}});
  BOOST_TEST(missing.exit == 3);
  BOOST_TEST(missing.out == "{\"title\":\"no\"}\n");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::cli
