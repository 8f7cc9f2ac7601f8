// Answers: order, streams, HEAD, backpressure, clients that go away.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "connection_script.h"

namespace pawl::daemon {
namespace {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: pawl\r\n\r\n";

std::string times(std::string_view text, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

std::string stream_head(std::string_view more = "Transfer-Encoding: chunked\r\n") {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n" + std::string(more) +
         "X-Request-Id: *\r\nDate: *\r\n";
}

Response ndjson(std::string_view body = {}) {
  Response r;
  r.content_type = "application/x-ndjson";
  r.body = body;
  return r;
}

BOOST_AUTO_TEST_SUITE(http_answer)

BOOST_AUTO_TEST_CASE(answers_leave_in_the_order_of_the_requests) {
  ConnectionScript s;
  s.send(times(kGet, 4));
  BOOST_REQUIRE_EQUAL(s.seen.size(), 4);
  BOOST_TEST(s.answer(s.seen[2].id, "2"));
  BOOST_TEST(s.answer(s.seen[1].id, "1"));
  BOOST_TEST(s.take() == "");
  BOOST_TEST(s.answer(s.seen[0].id, "0"));
  BOOST_TEST(s.take() == plain_answer("0") + plain_answer("1") + plain_answer("2"));
  BOOST_TEST(s.answer(s.seen[3].id, "3"));
  BOOST_TEST(s.take() == plain_answer("3"));
  BOOST_TEST(s.shared.output_bytes == 0);
}

BOOST_AUTO_TEST_CASE(an_id_answers_once) {
  ConnectionScript s;
  s.send(times(kGet, 2));
  BOOST_TEST(s.answer(s.seen[1].id, "1"));
  BOOST_TEST(!s.answer(s.seen[1].id, "again"));
  BOOST_TEST(s.answer(s.seen[0].id, "0"));
  BOOST_TEST(!s.answer(s.seen[0].id, "again"));
  BOOST_TEST(!s.answer(RequestId(1 << 20 | 5), "never was"));
  BOOST_TEST(s.take() == plain_answer("0") + plain_answer("1"));
}

BOOST_AUTO_TEST_CASE(head_has_the_length_but_no_body) {
  ConnectionScript s;
  s.send("HEAD / HTTP/1.1\r\nHost: pawl\r\n\r\n");
  BOOST_TEST((s.seen[0].method == Method::get));
  BOOST_TEST(s.seen[0].head);
  s.answer(s.seen[0].id, "12345");
  const std::string whole = plain_answer("12345");
  BOOST_TEST(s.take() == whole.substr(0, whole.size() - 5));
}

BOOST_AUTO_TEST_CASE(no_content_has_neither_type_nor_length) {
  ConnectionScript s;
  s.send(kGet);
  Response r;
  r.status = 204;
  const HeaderField fields[] = {{"ETag", "\"1.2\""}};
  r.headers = fields;
  s.connection.respond(s.seen[0].id, r);
  BOOST_TEST(s.take() ==
             "HTTP/1.1 204 No Content\r\nX-Request-Id: *\r\nDate: *\r\n"
             "ETag: \"1.2\"\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(a_stream_is_chunked) {
  ConnectionScript s;
  s.send(times(kGet, 2));
  const RequestId id = s.seen[0].id;
  BOOST_TEST((s.connection.begin_stream(id, ndjson()) == StreamState::kOpen));
  BOOST_TEST(s.take() == stream_head() + "\r\n");
  BOOST_TEST((s.connection.stream(id, "{\"a\":1}\n") == StreamState::kOpen));
  BOOST_TEST((s.connection.stream(id, "") == StreamState::kOpen));
  BOOST_TEST(s.take() == "8\r\n{\"a\":1}\n\r\n");
  s.answer(s.seen[1].id, "next");
  BOOST_TEST(s.take() == "");
  s.connection.end_stream(id);
  BOOST_TEST(s.take() == "0\r\n\r\n" + plain_answer("next"));
  BOOST_TEST((s.connection.stream(id, "x") == StreamState::kGone));
}

BOOST_AUTO_TEST_CASE(head_of_a_stream_does_not_wait_for_its_end) {
  ConnectionScript s;
  s.send("HEAD / HTTP/1.1\r\nHost: pawl\r\n\r\n" + std::string(kGet));
  const RequestId id = s.seen[0].id;
  BOOST_TEST((s.connection.begin_stream(id, ndjson("first\n")) == StreamState::kGone));
  BOOST_TEST(s.take() == stream_head() + "\r\n");
  BOOST_TEST((s.connection.stream(id, "x") == StreamState::kGone));
  s.connection.end_stream(id);
  s.answer(s.seen[1].id, "next");
  BOOST_TEST(s.take() == plain_answer("next"));
}

BOOST_AUTO_TEST_CASE(a_stream_behind_another_answer_waits) {
  ConnectionScript s;
  s.send(times(kGet, 2));
  s.connection.begin_stream(s.seen[1].id, ndjson("first\n"));
  BOOST_TEST(s.take() == "");
  s.answer(s.seen[0].id, "0");
  BOOST_TEST(s.take() == plain_answer("0") + stream_head() + "\r\n6\r\nfirst\n\r\n");
  s.connection.stream(s.seen[1].id, "second\n");
  BOOST_TEST(s.take() == "7\r\nsecond\n\r\n");
}

BOOST_AUTO_TEST_CASE(a_stream_to_http_1_0_ends_with_the_connection) {
  ConnectionScript s;
  s.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n");
  BOOST_REQUIRE_EQUAL(s.seen.size(), 1);  // nothing is read behind it
  s.connection.begin_stream(s.seen[0].id, ndjson("x\n"));
  s.connection.end_stream(s.seen[0].id);
  BOOST_TEST(s.take() == stream_head("") + "Connection: close\r\n\r\nx\n");
  BOOST_TEST(s.connection.finished());
}

BOOST_AUTO_TEST_CASE(a_slow_reader_stops_its_stream_and_its_requests) {
  ConnectionScript s;
  s.send(kGet);
  const RequestId id = s.seen[0].id;
  s.connection.begin_stream(id, ndjson());
  const std::string piece(64 * 1024, 'x');
  int pieces = 0;
  while (s.connection.stream(id, piece) == StreamState::kOpen) ++pieces;
  BOOST_TEST(pieces <= static_cast<int>(limits::kHttpOutputBytesMax / piece.size()));
  BOOST_TEST(!s.connection.wants_input());
  s.connection.wrote(piece.size());
  BOOST_TEST(s.writable.empty());
  s.take();
  BOOST_REQUIRE_EQUAL(s.writable.size(), 1);
  BOOST_TEST((s.writable[0] == id));
  BOOST_TEST(s.connection.wants_input());
  BOOST_TEST((s.connection.stream(id, "y") == StreamState::kOpen));
}

BOOST_AUTO_TEST_CASE(a_client_that_vanishes_cancels_what_is_open) {
  ConnectionScript s;
  s.send(times(kGet, 3));
  s.answer(s.seen[1].id, "1");
  s.connection.vanish();
  BOOST_REQUIRE_EQUAL(s.gone.size(), 2);
  BOOST_TEST((s.gone[0] == s.seen[0].id));
  BOOST_TEST((s.gone[1] == s.seen[2].id));
  BOOST_TEST(!s.answer(s.seen[0].id, "late"));
}

// A sum that went below nothing would look like a full server, and pause every connection.
BOOST_AUTO_TEST_CASE(a_client_that_vanishes_within_an_answer_takes_its_bytes_with_it) {
  ConnectionScript s;
  {
    HttpConnection half_read(&s.shared, 1, Peer{});
    half_read.receive(kGet);
    BOOST_REQUIRE_EQUAL(s.seen.size(), 1);
    Response response;
    response.body = "a body of some length";
    BOOST_TEST(half_read.respond(s.seen[0].id, response));
    half_read.wrote(10);
    BOOST_TEST(s.shared.output_bytes == half_read.output().size());
    half_read.vanish();
  }
  BOOST_TEST(s.shared.output_bytes == 0);
  BOOST_TEST(s.shared.input_bytes == 0);
}

BOOST_AUTO_TEST_CASE(a_client_that_has_said_all_is_still_answered) {
  ConnectionScript s;
  s.send(std::string(kGet) + "GET /half");
  s.connection.end_of_input();
  BOOST_TEST(!s.connection.finished());
  BOOST_TEST(s.answer(s.seen[0].id, "0"));
  BOOST_TEST(s.take() == plain_answer("0"));
  BOOST_TEST(s.connection.finished());
  BOOST_TEST(!s.connection.lingers());
}

BOOST_AUTO_TEST_CASE(a_server_that_stops_says_so_in_the_last_answer) {
  ConnectionScript s;
  s.send(times(kGet, 2));
  s.shared.draining = true;
  s.answer(s.seen[0].id, "0");
  BOOST_TEST(!s.connection.finished());
  s.answer(s.seen[1].id, "1");
  BOOST_TEST(s.take() == plain_answer("0") + plain_answer("1", "Connection: close\r\n"));
  BOOST_TEST(s.connection.finished());
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_small) {
  ConnectionScript s;
  s.answer_at_once = true;
  s.send("PUT / HTTP/1.1\r\nHost: pawl\r\nContent-Length: 100000\r\n\r\n");
  s.send(std::string(100'000, 'x'));
  BOOST_TEST(s.shared.input_bytes == 0);
  BOOST_TEST(s.shared.output_bytes == 0);
  BOOST_TEST(sizeof(HttpConnection) < 512);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
