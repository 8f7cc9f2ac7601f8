// A connection without a socket: bytes in, bytes out, and the requests the handler saw.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/http_connection.h"

namespace pawl::daemon {

// A request as copied from its views.
struct SeenRequest {
  RequestId id;
  Method method = Method::get;
  bool head = false;
  std::string path, query, host, content_type, accept, key, if_match, body;
};

class ConnectionScript : public HttpHandler {
 public:
  ConnectionScript();

  // Feeds bytes and takes back what the connection had to say (dates and request ids replaced by
  // "*").
  std::string send(std::string_view bytes);
  // The same, one byte at a time.
  std::string drip(std::string_view bytes);
  // Output so far.
  std::string take();
  // Answers 200 with `body` as text/plain.
  bool answer(RequestId id, std::string_view body);

  void request(const Request& request) override;
  void cancelled(RequestId id) override { gone.push_back(id); }
  void stream_writable(RequestId id) override { writable.push_back(id); }

  HttpMetrics metrics;
  HttpShared shared;
  std::vector<SeenRequest> seen;
  std::vector<RequestId> gone;
  std::vector<RequestId> writable;
  bool answer_at_once = false;  // echo the body
  HttpConnection connection;
};

// "HTTP/1.1 200 OK ... body" as answer() makes it.
std::string plain_answer(std::string_view body, std::string_view more = "");

}  // namespace pawl::daemon
