#include "cli/outcome.h"

#include <signal.h>

#include <boost/test/unit_test.hpp>

#include "base/limits.h"

namespace pawl::cli {
namespace {

BOOST_AUTO_TEST_SUITE(outcome)

ProgramEnd end_of(int code, const std::string& output, const std::string& error = "") {
  ProgramEnd end;
  end.code = code;
  end.output = output;
  end.output_bytes = output.size();
  end.error_tail = error;
  return end;
}

void check_completed(const std::string& output, const std::string& body) {
  const Outcome outcome = judge(end_of(0, output));
  BOOST_TEST(outcome.completed);
  BOOST_TEST(outcome.body == body);
}

void check_failed(const ProgramEnd& end, const std::string& body) {
  const Outcome outcome = judge(end);
  BOOST_TEST(!outcome.completed);
  BOOST_TEST(outcome.body == body);
}

BOOST_AUTO_TEST_CASE(results) {
  check_completed("", R"({"result":null})");
  check_completed(" \n\t", R"({"result":null})");
  check_completed("{\"id\": 7}\n", R"({"result":{"id": 7}})");
  check_completed("12345678901234567890123", R"({"result":12345678901234567890123})");
  check_completed("\"x\"", R"({"result":"x"})");
}

BOOST_AUTO_TEST_CASE(rubbish_is_sys_output) {
  for (const std::string output : {"hello", "{} {}", "{\"a\":1,\"a\":2}", "\xff\xfe", "[1,"}) {
    const Outcome outcome = judge(end_of(0, output));
    BOOST_TEST(!outcome.completed);
    BOOST_TEST(
        outcome.body.find(R"({"type":"sys.output","message":"stdout is not one JSON value)") == 0u);
  }
  ProgramEnd much = end_of(0, std::string(limits::kWorkerStdoutBytesMax, ' '));
  much.output_bytes = 100'000'000;
  check_failed(much,
               R"({"type":"sys.output","message":"the program wrote 100000000 bytes to stdout; )"
               R"(a result has at most 1048576"})");
  BOOST_TEST(
      !judge(end_of(0, "\"" + std::string(limits::kHttpBodyBytesMax - 100, 'x') + "\"")).completed);
}

BOOST_AUTO_TEST_CASE(exits) {
  check_failed(end_of(3, "", "no such card\n"), R"({"type":"exit.3","message":"no such card"})");
  check_failed(end_of(3, "not json"), R"({"type":"exit.3","message":"the program exited with 3"})");
  check_failed(end_of(75, "", "busy"), R"({"type":"exit.75","message":"busy","retryable":true})");
}

BOOST_AUTO_TEST_CASE(errors_of_the_program_itself) {
  check_failed(
      end_of(1, R"({"type":"card.declined","message":"no","data":{"a":1},"retryable":false})"),
      R"({"type":"card.declined","message":"no","data":{"a":1},"retryable":false})");
  check_failed(end_of(75, R"({"type":"busy"})", "why"), R"({"type":"busy","message":"why"})");
  check_failed(end_of(2, R"({"message":"no type"})", "x"), R"({"type":"exit.2","message":"x"})");
  check_failed(end_of(2, R"({"type":7})", "x"), R"({"type":"exit.2","message":"x"})");
}

BOOST_AUTO_TEST_CASE(signals) {
  ProgramEnd end = end_of(SIGSEGV, "{}", "");
  end.signalled = true;
  check_failed(
      end, R"x({"type":"sys.lease","message":"the program was killed by signal 11 (SIGSEGV)"})x");
  end.stopped_by_worker = true;
  check_failed(end,
               R"({"type":"worker.stopped","message":"the worker was stopped","retryable":true})");
}

BOOST_AUTO_TEST_CASE(a_program_that_ends_well_while_the_worker_stops_is_done) {
  ProgramEnd end = end_of(0, "1");
  end.stopped_by_worker = true;
  BOOST_TEST(judge(end).completed);
  end.code = 3;
  BOOST_TEST(judge(end).body.find("worker.stopped") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_end_of_a_long_message_is_kept_in_whole_characters) {
  std::string error;
  while (error.size() < limits::kWorkerStderrBytesMax) error += "\xc3\xa4";
  const Outcome outcome = judge(end_of(4, "", error + "end"));
  BOOST_TEST(outcome.body.size() < limits::kErrorMessageBytesMax + 100);
  BOOST_TEST(outcome.body.find("\xef\xbf\xbd") == std::string::npos);
  BOOST_TEST(outcome.body.find("end\"") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::cli
