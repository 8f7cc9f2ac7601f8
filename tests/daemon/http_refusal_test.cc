// Malformed requests: each gets its status and a problem, once, and the connection ends.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "codecs/json.h"
#include "connection_script.h"

namespace pawl::daemon {
namespace {

// The answer is one problem of this status and type, and nothing after it is read.
void check_refused(std::string_view bytes, int status, std::string_view type) {
  BOOST_TEST_CONTEXT("request: " << bytes.substr(0, 200)) {
    ConnectionScript s;
    s.answer_at_once = true;
    std::string out = s.send(bytes);
    out += s.send("GET /more HTTP/1.1\r\nHost: pawl\r\n\r\n");
    BOOST_TEST(out.substr(0, 13) == "HTTP/1.1 " + std::to_string(status) + " ");
    BOOST_TEST(out.find("Content-Type: application/problem+json\r\n") != std::string::npos);
    BOOST_TEST(out.find("Connection: close\r\n") != std::string::npos);
    BOOST_TEST(out.find("X-Request-Id: ") != std::string::npos);
    const std::size_t end = out.find("\r\n\r\n");
    BOOST_REQUIRE(end != std::string::npos);
    dsl::Value problem;
    codecs::JsonError error;
    BOOST_REQUIRE(codecs::parse_json(out.substr(end + 4), &problem, &error));
    BOOST_TEST(problem.field("status")->as_int() == status);
    BOOST_TEST(problem.field("type")->as_string() == type);
    BOOST_TEST(problem.field("title")->as_string() == status_phrase(status));
    BOOST_TEST(!problem.field("detail")->as_string().empty());
    BOOST_TEST(s.seen.empty());
    BOOST_TEST(s.connection.finished());
    BOOST_TEST(s.connection.lingers());
    BOOST_TEST(s.metrics.refused == 1);
    BOOST_TEST(s.shared.input_bytes == 0);
  }
}

// A request with these fields instead of "Host: pawl".
std::string with(std::string_view fields, std::string_view line = "GET / HTTP/1.1") {
  return std::string(line) + "\r\n" + std::string(fields) + "\r\n\r\n";
}

BOOST_AUTO_TEST_SUITE(http_refusal)

BOOST_AUTO_TEST_CASE(hosts) {
  check_refused("GET / HTTP/1.1\r\n\r\n", 400, "missing-host");
  check_refused(with("Host: pawl\r\nHost: pawl"), 400, "duplicate-header");
  for (const char* host : {"", "evil.example", "pawl.example", "pawl:x", "localhost:123456",
                           "127.0.0.1", "[::1]", "pawl,pawl", "user@pawl"}) {
    check_refused(with("Host: " + std::string(host)), 421, "wrong-host");
  }
  check_refused(with("Host: evil.example", "GET / HTTP/1.0"), 421, "wrong-host");
}

BOOST_AUTO_TEST_CASE(lengths) {
  const std::string host = "Host: pawl\r\n";
  check_refused(with(host + "Content-Length: 1\r\nContent-Length: 1"), 400, "duplicate-header");
  check_refused(with(host + "Content-Length: 1\r\nContent-Length: 2"), 400, "bad-length");
  for (const char* length :
       {"", "x", "-1", "+1", "1, 1", "1 1", "0x1", "1.0", "99999999999999999999"}) {
    check_refused(with(host + "Content-Length: " + length), 400, "bad-length");
  }
  check_refused(with(host + "Content-Length: 4\r\nTransfer-Encoding: chunked"), 400, "bad-length");
  check_refused(with(host + "Transfer-Encoding: chunked\r\nContent-Length: 4"), 400, "bad-length");
  check_refused(with(host + "Transfer-Encoding: chunked", "POST / HTTP/1.0"), 400, "bad-length");
  for (const char* coding : {"", "gzip", "chunked, gzip", "gzip, chunked", "chunked;q=1",
                             "identity", "xchunked", "chunked,"}) {
    check_refused(with(host + "Transfer-Encoding: " + coding), 501, "transfer-coding");
  }
  check_refused(with(host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 400,
                "bad-length");
  check_refused(with(host + "Transfer-Encoding: chunked") + "zz\r\n", 400, "bad-chunk");
}

BOOST_AUTO_TEST_CASE(sizes) {
  const std::string long_value(limits::kHttpHeaderBytesMax, 'x');
  check_refused("GET / HTTP/1.1\r\nHost: pawl\r\nX: " + long_value + "\r\n\r\n", 431,
                "header-too-large");
  check_refused("GET /" + long_value, 431, "header-too-large");
  std::string many = "Host: pawl";
  for (int i = 0; i < limits::kHttpHeadersMax; ++i) many += "\r\nX-" + std::to_string(i) + ": y";
  check_refused(with(many), 431, "too-many-headers");
  check_refused(with("Host: pawl\r\nContent-Length: 1048577"), 413, "body-too-large");
  check_refused(with("Host: pawl\r\nTransfer-Encoding: chunked") + "100001\r\n", 413,
                "body-too-large");
}

BOOST_AUTO_TEST_CASE(browsers) {
  check_refused(with("Host: pawl\r\nOrigin: http://evil.example"), 403, "browser");
  check_refused(with("Host: pawl\r\nOrigin: null"), 403, "browser");
  check_refused(with("Host: pawl\r\nReferer: http://localhost/"), 403, "browser");
}

BOOST_AUTO_TEST_CASE(duplicates_of_what_stands_once) {
  for (const char* name : {"Content-Type", "Expect", "Idempotency-Key", "If-Match", "If-None-Match",
                           "Last-Event-ID", "Content-Encoding"}) {
    const std::string value = std::string(name) == "Expect"             ? "100-continue"
                              : std::string(name) == "Content-Encoding" ? "identity"
                                                                        : "v";
    const std::string field = std::string(name) + ": " + value;
    check_refused(with("Host: pawl\r\n" + field + "\r\n" + field), 400, "duplicate-header");
  }
}

BOOST_AUTO_TEST_CASE(request_lines) {
  const std::string host = "Host: pawl";
  check_refused(with(host, "G@T / HTTP/1.1"), 400, "bad-request");
  check_refused(with(host, "G(T / HTTP/1.1"), 400, "bad-request");
  check_refused(with(host, "get / HTTP/1.1"), 501, "unknown-method");
  check_refused(with(host, "BREW / HTTP/1.1"), 501, "unknown-method");
  check_refused(with(host, "CONNECT pawl:80 HTTP/1.1"), 501, "unknown-method");
  check_refused(with(host, "GET http://pawl/ HTTP/1.1"), 400, "bad-target");
  check_refused(with(host, "OPTIONS * HTTP/1.1"), 400, "bad-target");
  check_refused(with(host, "GET /a#b HTTP/1.1"), 400, "bad-target");
  check_refused(with(host, "GET /\xc3\xa9 HTTP/1.1"), 400, "bad-target");
  check_refused(with(host, "GET  / HTTP/1.1"), 400, "bad-target");
  check_refused(with(host, "GET /"), 400, "bad-target");
  check_refused(with(host, "GET / HTTP/1.2"), 505, "version");
  check_refused(with(host, "GET / HTTP/2.0"), 505, "version");
  check_refused(with(host, "GET / FTP/1.1"), 505, "version");
  check_refused(with(host, "GET /a b HTTP/1.1"), 505, "version");
  check_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "version");
}

BOOST_AUTO_TEST_CASE(characters) {
  check_refused(with("Host: pawl\r\nX: a\r\n b"), 400, "bad-request");
  check_refused(with("Host: pawl\r\nX: a\r\n\tb"), 400, "bad-request");
  check_refused("GET / HTTP/1.1\nHost: pawl\n\n", 400, "bad-request");
  check_refused("GET / HTTP/1.1\r\nHost: pawl\nX: y\r\n\r\n", 400, "bad-request");
  check_refused(std::string("GET / HTTP/1.1\r\nHost: pawl\r\nX: \0\r\n\r\n", 35), 400,
                "bad-request");
  check_refused(with("Host: pawl\r\nX: \x01"), 400, "bad-request");
  check_refused(with("Host: pawl\r\nX: \x7f"), 400, "bad-request");
  check_refused(with("Host : pawl"), 400, "bad-request");
  check_refused(with("Host: pawl\r\nno colon"), 400, "bad-request");
  check_refused(with("Host: pawl\r\n: empty"), 400, "bad-request");
  check_refused(with("Host: pawl\r\nX\xc3\xa9: y"), 400, "bad-request");
  // A TLS client: refused at its first byte, not after a timeout.
  check_refused(std::string_view("\x16\x03\x01\x02\x00\x01", 6), 400, "bad-request");
}

BOOST_AUTO_TEST_CASE(expectations_and_codings) {
  check_refused(with("Host: pawl\r\nExpect: teapot"), 417, "expectation");
  check_refused(with("Host: pawl\r\nContent-Encoding: gzip"), 415, "content-encoding");
}

BOOST_AUTO_TEST_CASE(a_refusal_waits_its_turn) {
  ConnectionScript s;
  s.send("GET /a HTTP/1.1\r\nHost: pawl\r\n\r\n");
  BOOST_TEST(s.send("broken\r\n\r\n") == "");
  BOOST_TEST(!s.connection.finished());
  s.answer(s.seen[0].id, "a");
  const std::string out = s.take();
  BOOST_TEST(out.starts_with(plain_answer("a") + "HTTP/1.1 400 Bad Request\r\n"));
  BOOST_TEST(s.connection.finished());
}

BOOST_AUTO_TEST_CASE(a_slow_request_is_told_so) {
  ConnectionScript s;
  s.send("GET / HT");
  BOOST_TEST(s.connection.mid_request());
  s.connection.time_out();
  BOOST_TEST(s.take().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  BOOST_TEST(s.connection.finished());
}

BOOST_AUTO_TEST_CASE(requests_that_hold_too_much_memory_together_are_refused) {
  ConnectionScript s;
  s.shared.input_bytes = limits::kHttpInputBytesTotal;
  const std::string out =
      s.send("POST / HTTP/1.1\r\nHost: pawl\r\nContent-Length: 1000\r\n\r\nbegin");
  BOOST_TEST(out.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  BOOST_TEST(s.shared.input_bytes == limits::kHttpInputBytesTotal);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
