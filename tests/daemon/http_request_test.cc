// Well-formed requests through a connection, whole, in pieces and pipelined.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "connection_script.h"

namespace pawl::daemon {
namespace {

BOOST_AUTO_TEST_SUITE(http_request)

BOOST_AUTO_TEST_CASE(the_handler_sees_the_fields_of_interest) {
  ConnectionScript s;
  s.send(
      "POST /v1/runs/a%2Fb/signals/x?wait=1&y HTTP/1.1\r\nHOST: pawl\r\ncontent-type: "
      "application/json\r\nIdempotency-Key: k-1\r\nIf-Match: \"7.3\"\r\nAccept: */*\r\n"
      "X-Other: 1\r\nContent-Length: 2\r\n\r\n{}");
  BOOST_REQUIRE_EQUAL(s.seen.size(), 1);
  const SeenRequest& r = s.seen[0];
  BOOST_TEST((r.method == Method::post));
  BOOST_TEST(r.path == "/v1/runs/a%2Fb/signals/x");
  BOOST_TEST(r.query == "wait=1&y");
  BOOST_TEST(r.host == "pawl");
  BOOST_TEST(r.content_type == "application/json");
  BOOST_TEST(r.key == "k-1");
  BOOST_TEST(r.if_match == "\"7.3\"");
  BOOST_TEST(r.accept == "*/*");
  BOOST_TEST(r.body == "{}");
}

BOOST_AUTO_TEST_CASE(every_method_has_its_name) {
  ConnectionScript s;
  for (const char* method : {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"}) {
    s.send(std::string(method) + " / HTTP/1.1\r\nHost: pawl\r\n\r\n");
    BOOST_REQUIRE(!s.seen.empty());
    BOOST_TEST(to_string(s.seen.back().method) == method);
    s.answer(s.seen.back().id, "");
  }
}

BOOST_AUTO_TEST_CASE(hosts_that_are_ours) {
  for (const char* host : {"pawl", "localhost", "PAWL", "LocalHost:80", "pawl:1", "pawl:"}) {
    ConnectionScript s;
    s.answer_at_once = true;
    BOOST_TEST(s.send("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n") ==
               plain_answer(""));
  }
}

BOOST_AUTO_TEST_CASE(a_request_may_arrive_byte_by_byte) {
  ConnectionScript s;
  s.answer_at_once = true;
  const std::string one = "PUT /a HTTP/1.1\r\nHost: pawl\r\nContent-Length: 3\r\n\r\nabc";
  const std::string two =
      "PUT /b HTTP/1.1\r\nHost: pawl\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "1\r\nd\r\n2\r\nef\r\n0\r\n\r\n";
  const std::string three = "GET /c HTTP/1.1\r\nHost: pawl\r\n\r\n";
  BOOST_TEST(s.drip(one + two + three) ==
             plain_answer("abc") + plain_answer("def") + plain_answer(""));
  BOOST_TEST(s.shared.input_bytes == 0);
}

BOOST_AUTO_TEST_CASE(a_request_may_be_cut_anywhere) {
  const std::string text =
      "PUT /a HTTP/1.1\r\nHost: pawl\r\nContent-Length: 3\r\n\r\nabc"
      "PUT /b HTTP/1.1\r\nHost: pawl\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1\r\nd\r\n2\r\nef\r\n0\r\n\r\nGET /c HTTP/1.1\r\nHost: pawl\r\n\r\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    ConnectionScript s;
    s.answer_at_once = true;
    std::string out = s.send(std::string_view(text).substr(0, cut));
    out += s.send(std::string_view(text).substr(cut));
    BOOST_REQUIRE_EQUAL(out, plain_answer("abc") + plain_answer("def") + plain_answer(""));
  }
}

BOOST_AUTO_TEST_CASE(a_body_of_the_largest_size_passes) {
  for (const bool chunked : {false, true}) {
    ConnectionScript s;
    const std::string body(limits::kHttpBodyBytesMax, 'x');
    std::string text = "POST / HTTP/1.1\r\nHost: pawl\r\n";
    if (chunked) {
      text += "Transfer-Encoding: chunked\r\n\r\n100000\r\n" + body + "\r\n0\r\n\r\n";
    } else {
      text += "Content-Length: 1048576\r\n\r\n" + body;
    }
    for (std::size_t at = 0; at < text.size(); at += limits::kHttpReadBytes) {
      s.send(std::string_view(text).substr(at, limits::kHttpReadBytes));
    }
    BOOST_REQUIRE_EQUAL(s.seen.size(), 1);
    BOOST_TEST((s.seen[0].body == body));
    BOOST_TEST(s.shared.input_bytes == 0);
  }
}

BOOST_AUTO_TEST_CASE(expect_continue_is_answered_when_the_body_is_awaited) {
  const std::string head =
      "PUT / HTTP/1.1\r\nHost: pawl\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  ConnectionScript s;
  s.answer_at_once = true;
  BOOST_TEST(s.send(head) == "HTTP/1.1 100 Continue\r\n\r\n");
  BOOST_TEST(s.send("{}") == plain_answer("{}"));
  // With the body at hand there is nothing to wait for.
  BOOST_TEST(s.send(head + "{}") == plain_answer("{}"));
  BOOST_TEST(s.send("PUT / HTTP/1.1\r\nHost: pawl\r\nExpect: 100-continue\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  BOOST_TEST(s.send("0\r\n\r\n") == plain_answer(""));
}

BOOST_AUTO_TEST_CASE(expect_continue_does_not_overtake_answers) {
  ConnectionScript s;
  s.send("GET /a HTTP/1.1\r\nHost: pawl\r\n\r\n");
  BOOST_TEST(s.send("PUT / HTTP/1.1\r\nHost: pawl\r\nExpect: 100-continue\r\n"
                    "Content-Length: 2\r\n\r\n") == "");
  s.answer(s.seen[0].id, "a");
  BOOST_TEST(s.take() == plain_answer("a") + "HTTP/1.1 100 Continue\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(an_empty_line_before_a_request_is_passed_over) {
  ConnectionScript s;
  s.answer_at_once = true;
  BOOST_TEST(s.send("\r\n\r\nGET / HTTP/1.1\r\nHost: pawl\r\n\r\n\r\n") == plain_answer(""));
  BOOST_TEST(s.send("GET / HTTP/1.1\r\nHost: pawl\r\n\r\n") == plain_answer(""));
}

BOOST_AUTO_TEST_CASE(http_1_0_is_served) {
  ConnectionScript s;
  s.answer_at_once = true;
  BOOST_TEST(s.send("GET / HTTP/1.0\r\n\r\n") == plain_answer("", "Connection: close\r\n"));
  BOOST_TEST(s.connection.finished());
  ConnectionScript kept;
  kept.answer_at_once = true;
  BOOST_TEST(kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") ==
             plain_answer("", "Connection: keep-alive\r\n"));
  BOOST_TEST(!kept.connection.finished());
}

BOOST_AUTO_TEST_CASE(connection_close_ends_after_the_answer) {
  ConnectionScript s;
  s.answer_at_once = true;
  BOOST_TEST(s.send("GET / HTTP/1.1\r\nHost: pawl\r\nConnection: close\r\n\r\n"
                    "GET /never HTTP/1.1\r\nHost: pawl\r\n\r\n") ==
             plain_answer("", "Connection: close\r\n"));
  BOOST_TEST(s.seen.size() == 1);
  BOOST_TEST(s.connection.finished());
}

BOOST_AUTO_TEST_CASE(pipelining_is_bounded_and_goes_on) {
  ConnectionScript s;
  std::string text;
  for (int i = 0; i < 100; ++i) {
    text += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: pawl\r\n\r\n";
  }
  s.send(text);
  BOOST_TEST(s.seen.size() == limits::kHttpPipelineMax);
  BOOST_TEST(!s.connection.wants_input());
  BOOST_TEST(!s.connection.can_resume());
  std::string out;
  for (std::size_t i = 0; i < s.seen.size(); ++i) {
    s.answer(s.seen[i].id, s.seen[i].path);
    out += s.take();
    if (s.connection.can_resume()) s.connection.resume();
  }
  std::string expected;
  for (int i = 0; i < 100; ++i) expected += plain_answer("/" + std::to_string(i));
  BOOST_TEST(out == expected);
  BOOST_TEST(s.connection.wants_input());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
