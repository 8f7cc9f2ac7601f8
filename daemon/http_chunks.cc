#include "daemon/http_chunks.h"

#include <algorithm>

#include "base/limits.h"

namespace pawl::daemon {
namespace {

constexpr std::size_t kLineBytesMax = 1024;  // of a size line with its extensions

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool clean(std::string_view line) {
  return std::all_of(line.begin(), line.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return (u >= 0x20 && u != 0x7f) || u == '\t';
  });
}

}  // namespace

ChunkDecoder::Result ChunkDecoder::on_size_line(std::string_view line, std::size_t room) {
  std::size_t digits = 0;
  std::uint64_t size = 0;
  while (digits < line.size() && hex_digit(line[digits]) >= 0) {
    if (digits == 8) return Result::bad;
    size = size << 4 | static_cast<std::uint64_t>(hex_digit(line[digits]));
    ++digits;
  }
  if (digits == 0) return Result::bad;
  const std::string_view rest = line.substr(digits);
  if (!rest.empty() && rest.front() != ';') return Result::bad;
  if (!clean(rest)) return Result::bad;
  if (size > room) return Result::too_large;
  left_ = static_cast<std::uint32_t>(size);
  state_ = size == 0 ? State::trailer : State::data;
  return Result::more;
}

ChunkDecoder::Result ChunkDecoder::feed(std::string_view in, std::size_t body_bytes_max,
                                        std::string* body, std::size_t* used) {
  std::size_t at = 0;
  for (;;) {
    *used = at;
    const std::string_view rest = in.substr(at);
    if (state_ == State::data) {
      const std::size_t n = std::min<std::size_t>(left_, rest.size());
      body->append(rest.substr(0, n));
      left_ -= static_cast<std::uint32_t>(n);
      at += n;
      *used = at;
      if (left_ != 0) return Result::more;
      state_ = State::data_end;
      continue;
    }
    if (state_ == State::data_end) {
      if (!rest.empty() && rest[0] != '\r') return Result::bad;
      if (rest.size() < 2) return Result::more;
      if (rest[1] != '\n') return Result::bad;
      at += 2;
      state_ = State::size;
      continue;
    }
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos)
      return rest.size() > kLineBytesMax ? Result::bad : Result::more;
    if (end == 0 || rest[end - 1] != '\r' || end > kLineBytesMax) return Result::bad;
    const std::string_view line = rest.substr(0, end - 1);
    at += end + 1;
    if (state_ == State::size) {
      const std::size_t room = body_bytes_max > body->size() ? body_bytes_max - body->size() : 0;
      if (const Result r = on_size_line(line, room); r != Result::more) return r;
      continue;
    }
    if (line.empty()) {
      *used = at;
      return Result::done;
    }
    trailer_bytes_ += static_cast<std::uint32_t>(line.size());
    if (!clean(line) || trailer_bytes_ > limits::kHttpHeaderBytesMax) return Result::bad;
  }
}

}  // namespace pawl::daemon
