// The client's half of HTTP/1.1 (RFC 9112), sans I/O: bytes in, one response out. Only what the
// daemon sends is understood: a status line, headers, and a body with Content-Length or in chunks.
// Everything else is an error, and then the connection is of no more use.
//
//   status line -> headers -> body (length | chunks -> trailers) -> done
//        1xx: back to the status line              any: -> failed
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pawl::cli {

struct Response {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;

  // The first header of this (lower-case) name, or null.
  const std::string* header(std::string_view name) const;
};

class ResponseParser {
 public:
  // Takes bytes from the front of `in` and returns how many it used; it stops behind the response.
  std::size_t feed(std::string_view in);

  bool started() const { return started_; }  // any byte came
  bool headers_done() const { return state_ >= State::length; }
  bool done() const { return state_ == State::done; }
  bool failed() const { return !error_.empty(); }
  const std::string& error() const { return error_; }
  // The connection may carry another request after this response.
  bool keep_alive() const { return keep_alive_; }

  // Meaningful from headers_done(); the body grows until done(). A caller that reads a stream takes
  // `body` away as it comes.
  Response& response() { return response_; }

 private:
  enum class State : std::uint8_t {
    status_line,
    headers,
    length,
    chunk_size,
    chunk_data,
    chunk_end,
    trailers,
    done,
  };
  std::size_t take_line(std::string_view in);
  void line_complete();
  void status_line();
  void header_line();
  void headers_complete();
  void chunk_size_line();
  std::size_t take_body(std::string_view in);
  void fail(std::string_view what);

  State state_ = State::status_line;
  Response response_;
  std::string line_;
  std::size_t header_bytes_ = 0;
  std::uint64_t body_left_ = 0;  // of the body, or of this chunk
  bool started_ = false;
  bool chunked_ = false;
  bool keep_alive_ = true;
  std::string error_;
};

}  // namespace pawl::cli
