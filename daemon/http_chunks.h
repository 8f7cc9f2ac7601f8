// Decodes a chunked body (RFC 9112, section 7.1) as its bytes arrive. Strict: CR LF only, sizes of
// at most 8 hexadecimal digits. Chunk extensions and trailer fields mean nothing here and are
// dropped within bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pawl::daemon {

class ChunkDecoder {
 public:
  enum class Result : std::uint8_t { more, done, bad, too_large };

  // Reads from `in` what it can and appends data to *body; *used bytes of `in` are done with and
  // must not come again. After `done`, in.substr(*used) is the next request.
  Result feed(std::string_view in, std::size_t body_bytes_max, std::string* body,
              std::size_t* used);

 private:
  enum class State : std::uint8_t { size, data, data_end, trailer };
  Result on_size_line(std::string_view line, std::size_t room);

  State state_ = State::size;
  std::uint32_t left_ = 0;           // of the chunk's data
  std::uint32_t trailer_bytes_ = 0;  // so far
};

}  // namespace pawl::daemon
