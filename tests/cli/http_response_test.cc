#include "cli/http_response.h"

#include <boost/test/unit_test.hpp>
#include <string>

#include "base/limits.h"

namespace pawl::cli {
namespace {

BOOST_AUTO_TEST_SUITE(http_response)

// Feeds all of `text` in pieces of `step` bytes.
ResponseParser parsed(const std::string& text, std::size_t step) {
  ResponseParser parser;
  std::string_view rest = text;
  while (!rest.empty() && !parser.done() && !parser.failed()) {
    rest.remove_prefix(parser.feed(rest.substr(0, step)));
  }
  return parser;
}

void check_body(const std::string& text, int status, const std::string& body) {
  for (const std::size_t step : {1, 2, 7, 100000}) {
    ResponseParser parser = parsed(text, step);
    BOOST_TEST(parser.error() == "");
    BOOST_TEST(parser.done());
    BOOST_TEST(parser.response().status == status);
    BOOST_TEST(parser.response().body == body);
  }
}

void check_error(const std::string& text, const std::string& error) {
  for (const std::size_t step : {1, 100000}) {
    ResponseParser parser = parsed(text, step);
    BOOST_TEST(parser.failed(), text);
    BOOST_TEST(parser.error() == error);
    BOOST_TEST(!parser.keep_alive());
  }
}

BOOST_AUTO_TEST_CASE(bodies) {
  check_body("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello");
  check_body("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
  check_body("HTTP/1.1 404 \r\ncontent-length: 0\r\n\r\n", 404, "");
  check_body(
      "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n, "
      "12345678\r\n0\r\nT: 1\r\n\r\n",
      200, "hello, 12345678");
  check_body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx", 201,
             "x");
}

BOOST_AUTO_TEST_CASE(stops_behind_the_response) {
  ResponseParser parser;
  BOOST_TEST(parser.feed("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1") == 39u);
  BOOST_TEST(parser.done());
  BOOST_TEST(parser.keep_alive());
}

BOOST_AUTO_TEST_CASE(connection_close) {
  BOOST_TEST(
      !parsed("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", 9).keep_alive());
  BOOST_TEST(!parsed("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 9).keep_alive());
}

BOOST_AUTO_TEST_CASE(header_names_are_lower_case_and_values_trimmed) {
  ResponseParser parser =
      parsed("HTTP/1.1 200 OK\r\nX-Request-ID: \t a b \r\nContent-Length: 0\r\n\r\n", 3);
  BOOST_TEST_REQUIRE(parser.response().header("x-request-id") != nullptr);
  BOOST_TEST(*parser.response().header("x-request-id") == "a b");
  BOOST_TEST(parser.response().header("other") == nullptr);
}

BOOST_AUTO_TEST_CASE(refused) {
  check_error("SSH-2.0-OpenSSH_9.2p1\r\n", "the status line is not HTTP/1.1");
  check_error("HTTP/2 200 OK okok\r\n", "the status line is not HTTP/1.1");
  check_error("HTTP/1.1 99 X\r\n\r\n", "the status line is not HTTP/1.1");
  check_error("HTTP/1.1 200 OK\r\n\r\n", "the body has no length");
  check_error("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "a header line is malformed");
  check_error("HTTP/1.1 200 OK\r\nA: 1\r\n folded\r\n\r\n", "a header line is malformed");
  check_error("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "the content length is no number");
  check_error("HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", "the content length is no number");
  check_error("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "the body is too long");
  check_error("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
              "the transfer encoding is unknown");
  check_error("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
              "the body has two lengths");
  check_error("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
              "a chunk's size is no number");
  check_error("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n",
              "a chunk is longer than it says");
  check_error("HTTP/1.1 200 OK\r\nA: " + std::string(limits::kHttpHeaderBytesMax, 'x'),
              "the header is too long");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::cli
