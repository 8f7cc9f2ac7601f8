#include "cli/http_response.h"

#include <algorithm>
#include <charconv>

#include "base/limits.h"

namespace pawl::cli {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// The whole text as a number in `base`; false on anything else.
bool number(std::string_view text, int base, std::uint64_t* out) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, *out, base);
  return !text.empty() && result.ec == std::errc() && result.ptr == end;
}

}  // namespace

const std::string* Response::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return &value;
  }
  return nullptr;
}

void ResponseParser::fail(std::string_view what) {
  if (error_.empty()) error_ = what;
  keep_alive_ = false;
}

std::size_t ResponseParser::feed(std::string_view in) {
  std::size_t used = 0;
  while (used < in.size() && !failed() && !done()) {
    started_ = true;
    const std::string_view rest = in.substr(used);
    if (state_ == State::length || state_ == State::chunk_data) {
      used += take_body(rest);
    } else {
      used += take_line(rest);
    }
  }
  return used;
}

// Collects up to the end of a line, CRLF or a bare LF.
std::size_t ResponseParser::take_line(std::string_view in) {
  const std::size_t end = in.find('\n');
  const std::size_t used = end == std::string_view::npos ? in.size() : end + 1;
  header_bytes_ += used;
  if (header_bytes_ > limits::kHttpHeaderBytesMax) {
    fail("the header is too long");
    return used;
  }
  line_.append(in.substr(0, used));
  if (end == std::string_view::npos) return used;
  line_.pop_back();
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  line_complete();
  line_.clear();
  return used;
}

void ResponseParser::line_complete() {
  switch (state_) {
    case State::status_line:
      return status_line();
    case State::headers:
      return line_.empty() ? headers_complete() : header_line();
    case State::chunk_size:
      return chunk_size_line();
    case State::chunk_end:
      if (!line_.empty()) return fail("a chunk is longer than it says");
      state_ = State::chunk_size;
      header_bytes_ = 0;
      return;
    case State::trailers:
      if (line_.empty()) state_ = State::done;
      return;
    case State::length:
    case State::chunk_data:
    case State::done:
      return;
  }
}

void ResponseParser::status_line() {
  const std::string_view line = line_;
  std::uint64_t status = 0;
  if (line.size() < 12 || line.substr(0, 7) != "HTTP/1." || line[8] != ' ' ||
      !number(line.substr(9, 3), 10, &status) || status < 100 ||
      (line.size() > 12 && line[12] != ' ')) {
    return fail("the status line is not HTTP/1.1");
  }
  if (line[7] == '0') keep_alive_ = false;
  response_.status = static_cast<int>(status);
  state_ = State::headers;
}

void ResponseParser::header_line() {
  const std::size_t colon = line_.find(':');
  if (colon == std::string::npos || colon == 0 || line_[0] == ' ' || line_[0] == '\t') {
    return fail("a header line is malformed");
  }
  if (response_.headers.size() >= static_cast<std::size_t>(limits::kHttpHeadersMax)) {
    return fail("there are too many headers");
  }
  const std::string_view line = line_;
  response_.headers.emplace_back(lower(line.substr(0, colon)),
                                 std::string(trim(line.substr(colon + 1))));
}

void ResponseParser::headers_complete() {
  if (response_.status < 200) {  // an interim answer; the real one follows
    response_ = Response();
    state_ = State::status_line;
    return;
  }
  if (const std::string* connection = response_.header("connection")) {
    if (lower(*connection) == "close") keep_alive_ = false;
  }
  const std::string* encoding = response_.header("transfer-encoding");
  const std::string* length = response_.header("content-length");
  if (encoding != nullptr && length != nullptr) return fail("the body has two lengths");
  header_bytes_ = 0;
  if (encoding != nullptr) {
    if (lower(*encoding) != "chunked") return fail("the transfer encoding is unknown");
    chunked_ = true;
    state_ = State::chunk_size;
    return;
  }
  if (length != nullptr) {
    if (!number(*length, 10, &body_left_)) return fail("the content length is no number");
    if (body_left_ > limits::kClientBodyBytesMax) return fail("the body is too long");
  } else if (response_.status != 204 && response_.status != 304) {
    return fail("the body has no length");
  }
  state_ = body_left_ == 0 ? State::done : State::length;
}

void ResponseParser::chunk_size_line() {
  const std::string_view line = std::string_view(line_).substr(0, line_.find(';'));
  if (!number(trim(line), 16, &body_left_)) return fail("a chunk's size is no number");
  header_bytes_ = 0;
  state_ = body_left_ == 0 ? State::trailers : State::chunk_data;
}

std::size_t ResponseParser::take_body(std::string_view in) {
  const auto used = static_cast<std::size_t>(std::min<std::uint64_t>(in.size(), body_left_));
  if (response_.body.size() + used > limits::kClientBodyBytesMax) {
    fail("the body is too long");
    return used;
  }
  response_.body.append(in.substr(0, used));
  body_left_ -= used;
  if (body_left_ == 0) state_ = chunked_ ? State::chunk_end : State::done;
  return used;
}

}  // namespace pawl::cli
