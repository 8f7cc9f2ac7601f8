// What the HTTP layer and the application say to each other; no sockets, no Asio here.
//
// The layer (http_server, and within it http_connection and http_head) turns bytes into Requests
// and answers into bytes. Requests of one connection may be answered in any order and at any later
// time; the layer puts the answers back into request order, so a parked long poll holds back only
// what its own client pipelined behind it. All of it runs on the loop thread.
//
// Life of a request: HttpHandler::request() once; then either respond() once, or begin_stream(),
// any number of stream(), end_stream(); or, if the client goes away first, HttpHandler::cancelled()
// once, after which the id is dead and every call with it returns false and does nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace pawl::daemon {

// Unique within the life of the process, never reused; 0 is no request.
using RequestId = Strong<struct RequestIdTag, std::uint64_t>;

// HEAD arrives as get with Request::head set; the layer leaves out the body. Other methods are
// answered 501 before they get here.
enum class Method : std::uint8_t { get, post, put, del, patch, options };

std::string_view to_string(Method method);

// Who is on the other end, as the kernel says (SO_PEERCRED and SO_PEERGROUPS, taken at accept).
struct Peer {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int32_t pid = 0;
  std::vector<std::uint32_t> groups;  // supplementary ones, sorted
};

// One request, well-formed as HTTP. All views, and *peer, live only until request() returns.
struct Request {
  RequestId id;
  Method method = Method::get;
  bool head = false;
  const Peer* peer = nullptr;
  std::string_view path;   // raw, percent-encoded, begins with '/'
  std::string_view query;  // raw, without the '?'
  std::string_view host;
  std::string_view content_type;
  std::string_view accept;
  std::string_view idempotency_key;
  std::string_view if_match;
  std::string_view if_none_match;
  std::string_view last_event_id;
  std::string_view body;
};

// A header field of an answer beyond the ones the layer writes (Content-Type, Content-Length,
// Transfer-Encoding, Connection, Date, X-Request-Id). Name and value must hold no control
// characters (checked).
struct HeaderField {
  std::string_view name;
  std::string_view value;
};

struct Response {
  int status = 200;
  std::string_view content_type = "application/json";
  std::string_view body;
  std::span<const HeaderField> headers;
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // May call respond() or begin_stream() at once.
  virtual void request(const Request& request) = 0;
  // The client is gone before its answer was complete: nothing more can be said to it.
  virtual void cancelled(RequestId id) = 0;
  // A stream that answered kFull has room again.
  virtual void stream_writable(RequestId id) = 0;
};

enum class StreamState : std::uint8_t {
  kOpen,  // written or queued; go on
  kFull,  // queued, but the client reads slowly: stop until stream_writable()
  kGone,  // the client is gone (or the id was never streaming)
};

// What answers a request. HttpServer is the real one.
class HttpAnswers {
 public:
  virtual ~HttpAnswers() = default;
  // All views are copied before it returns. False if the client is gone.
  virtual bool respond(RequestId id, const Response& response) = 0;
  // An answer of unknown length (chunked; closes the connection behind it under HTTP/1.0);
  // response.body is its first piece.
  virtual StreamState begin_stream(RequestId id, const Response& response) = 0;
  virtual StreamState stream(RequestId id, std::string_view piece) = 0;
  virtual void end_stream(RequestId id) = 0;
};

// "Not Found"; "Unknown" for a code without a phrase of its own.
std::string_view status_phrase(int status);

// Appends an RFC 9457 problem document (codecs/problem.h) whose title is the status phrase. `type`
// is a short stable name such as "wrong-host"; "" is about:blank.
void append_problem(int status, std::string_view type, std::string_view detail, std::string* out);

inline constexpr std::string_view kProblemType = "application/problem+json";

}  // namespace pawl::daemon
