#include "daemon/logging.h"

#include <unistd.h>

#include <boost/test/unit_test.hpp>

namespace pawl::daemon {
namespace {

BOOST_AUTO_TEST_SUITE(logging)

BOOST_AUTO_TEST_CASE(a_line_has_level_message_and_fields) {
  BOOST_TEST(Logger::line(LogLevel::info, "http: listening",
                          {{"socket", "/run/pawl/pawl.sock"}, {"mode", 432}, {"n", UINT64_MAX}}) ==
             "<6>http: listening socket=/run/pawl/pawl.sock mode=432 n=18446744073709551615");
  BOOST_TEST(Logger::line(LogLevel::error, "x", {}) == "<3>x");
}

BOOST_AUTO_TEST_CASE(a_value_cannot_forge_a_line) {
  BOOST_TEST(Logger::line(
                 LogLevel::warning, "run: failed",
                 {{"id", "a\n<0>panic: all=lost"}, {"b", "q\"\\"}, {"c", ""}, {"d", "\x1b[2J"}}) ==
             R"(<4>run: failed id="a\n<0>panic: all=lost" b="q\"\\" c="" d="\x1b[2J")");
}

BOOST_AUTO_TEST_CASE(levels_filter) {
  int fds[2];
  BOOST_REQUIRE(::pipe(fds) == 0);
  Logger logger(fds[1], LogLevel::warning);
  logger.write(LogLevel::info, "quiet");
  logger.write(LogLevel::error, "loud", {{"n", 1}});
  logger.set_level(LogLevel::debug);
  logger.write(LogLevel::debug, "detail");
  char text[100] = {};
  BOOST_REQUIRE(::read(fds[0], text, sizeof text - 1) > 0);
  BOOST_TEST(std::string(text) == "<3>loud n=1\n<7>detail\n");
  ::close(fds[0]);
  ::close(fds[1]);
}

BOOST_AUTO_TEST_CASE(level_names) {
  LogLevel level = LogLevel::info;
  BOOST_TEST(parse_log_level("debug", &level));
  BOOST_TEST((level == LogLevel::debug));
  BOOST_TEST(!parse_log_level("loud", &level));
  BOOST_TEST((level == LogLevel::debug));
}

BOOST_AUTO_TEST_CASE(the_rate_is_limited) {
  LogRateLimit limit(3, 1000);
  std::int64_t now = 5'000;
  int allowed = 0;
  for (int i = 0; i < 10; ++i) allowed += limit.allow(now);
  BOOST_TEST(allowed == 3);
  BOOST_TEST(limit.take_suppressed() == 7);
  BOOST_TEST(limit.take_suppressed() == 0);
  now += 1000;
  BOOST_TEST(limit.allow(now));
  BOOST_TEST(!limit.allow(now));
  now += 1'000'000;
  allowed = 0;
  for (int i = 0; i < 10; ++i) allowed += limit.allow(now);
  BOOST_TEST(allowed == 3);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
