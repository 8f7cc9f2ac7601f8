// Appends small things to a string quickly: the hot path of encodings and answers. A std::string
// grows by a call for each append; this writes into room it has made ahead and sets the string's
// length once, in finish() or when it is destroyed. Until then nobody else may touch the string.
// The bytes it writes are those of ByteWriter (bytes.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace pawl {

class ByteBuilder {
 public:
  // Appends to *out, which must outlive the builder.
  explicit ByteBuilder(std::string* out)
      : out_(out), at_(out->data() + out->size()), room_end_(at_) {}
  ByteBuilder(const ByteBuilder&) = delete;
  ByteBuilder& operator=(const ByteBuilder&) = delete;
  ~ByteBuilder() { finish(); }

  // The string is whole now and may be read or changed; writing may go on if it was only read.
  void finish() {
    if (at_ == room_end_) return;
    out_->resize(size());
    room_end_ = at_;
  }
  // Bytes in the string so far, with what was there before.
  std::size_t size() const { return static_cast<std::size_t>(at_ - out_->data()); }

  void u8(std::uint8_t x) { push(static_cast<char>(x)); }
  void push(char c) {
    if (at_ == room_end_) [[unlikely]] {
      grow(1);
    }
    *at_++ = c;
  }
  // LEB128, at most 10 bytes.
  void varint(std::uint64_t x) {
    if (room_end_ - at_ < kVarintBytesMax) [[unlikely]] {
      grow(kVarintBytesMax);
    }
    while (x >= 0x80) {
      *at_++ = static_cast<char>(static_cast<std::uint8_t>(x) | 0x80);
      x >>= 7;
    }
    *at_++ = static_cast<char>(x);
  }
  // Zigzag, so that small negatives stay short.
  void svarint(std::int64_t x) {
    varint((static_cast<std::uint64_t>(x) << 1) ^ static_cast<std::uint64_t>(x >> 63));
  }
  void fixed64(std::uint64_t x) {
    char b[sizeof x];
    for (std::size_t i = 0; i < sizeof x; ++i) b[i] = static_cast<char>(x >> (8 * i));
    raw({b, sizeof b});
  }
  void f64(double x) {
    std::uint64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    fixed64(bits);
  }
  void raw(std::string_view s) {
    if (static_cast<std::size_t>(room_end_ - at_) < s.size()) [[unlikely]] {
      grow(s.size());
    }
    if (!s.empty()) std::memcpy(at_, s.data(), s.size());
    at_ += s.size();
  }
  // Length as a varint, then the bytes.
  void str(std::string_view s) {
    varint(s.size());
    raw(s);
  }

 private:
  static constexpr std::ptrdiff_t kVarintBytesMax = 10;
  static constexpr std::size_t kRoomBytesMin = 256;
  static constexpr std::size_t kRoomBytesMax = 4096;

  // Makes room for at least n bytes more. Room is zeros first, so there is never much of it.
  void grow(std::size_t n) {
    const std::size_t used = size();
    out_->resize(used + std::max(n, std::clamp(used, kRoomBytesMin, kRoomBytesMax)));
    at_ = out_->data() + used;
    room_end_ = out_->data() + out_->size();
  }

  std::string* out_;
  char* at_;        // where the next byte goes
  char* room_end_;  // one past what may be written
};

}  // namespace pawl
