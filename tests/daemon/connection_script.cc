#include "connection_script.h"

namespace pawl::daemon {
namespace {

HttpShared make_shared_state(HttpHandler* handler, HttpMetrics* metrics) {
  HttpShared shared;
  shared.handler = handler;
  shared.metrics = metrics;
  shared.date = "Date: *\r\n";
  return shared;
}

// Request ids count up; a test that does not care about them should not know them.
std::string without_ids(std::string text) {
  const std::string_view name = "X-Request-Id: ";
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
    const std::size_t begin = at + name.size();
    text.replace(begin, text.find('\r', begin) - begin, "*");
  }
  return text;
}

}  // namespace

ConnectionScript::ConnectionScript()
    : shared(make_shared_state(this, &metrics)), connection(&shared, 5, Peer{1000, 1000, 1, {}}) {}

std::string ConnectionScript::take() {
  std::string out(connection.output());
  connection.wrote(out.size());
  return without_ids(std::move(out));
}

std::string ConnectionScript::send(std::string_view bytes) {
  connection.receive(bytes);
  return take();
}

std::string ConnectionScript::drip(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += send(std::string_view(&c, 1));
  return out;
}

bool ConnectionScript::answer(RequestId id, std::string_view body) {
  Response response;
  response.content_type = "text/plain";
  response.body = body;
  return connection.respond(id, response);
}

void ConnectionScript::request(const Request& r) {
  SeenRequest s;
  s.id = r.id;
  s.method = r.method;
  s.head = r.head;
  s.path = r.path;
  s.query = r.query;
  s.host = r.host;
  s.content_type = r.content_type;
  s.accept = r.accept;
  s.key = r.idempotency_key;
  s.if_match = r.if_match;
  s.body = r.body;
  seen.push_back(s);
  if (answer_at_once) answer(r.id, r.body);
}

std::string plain_answer(std::string_view body, std::string_view more) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\nX-Request-Id: *\r\nDate: *\r\n" + std::string(more) +
         "\r\n" + std::string(body);
}

}  // namespace pawl::daemon
