// Little-endian and varint encoding into a growing buffer, and bounded decoding from a view.
// The writer appends to a caller's string, so a hot path reuses one buffer. The reader never
// reads past its view: after the first malformed field `ok()` is false and every later read
// yields zero or empty, so a caller checks once at the end.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace pawl {

class ByteWriter {
 public:
  explicit ByteWriter(std::string* out) : out_(out) {}

  void u8(std::uint8_t x) { out_->push_back(static_cast<char>(x)); }
  void fixed16(std::uint16_t x) { fixed(x); }
  void fixed32(std::uint32_t x) { fixed(x); }
  void fixed64(std::uint64_t x) { fixed(x); }
  // LEB128, at most 10 bytes.
  void varint(std::uint64_t x) {
    while (x >= 0x80) {
      u8(static_cast<std::uint8_t>(x) | 0x80);
      x >>= 7;
    }
    u8(static_cast<std::uint8_t>(x));
  }
  // Zigzag, so that small negatives stay short.
  void svarint(std::int64_t x) {
    varint((static_cast<std::uint64_t>(x) << 1) ^ static_cast<std::uint64_t>(x >> 63));
  }
  void f64(double x) {
    std::uint64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    fixed64(bits);
  }
  void raw(std::string_view s) { out_->append(s); }
  // Length as a varint, then the bytes.
  void str(std::string_view s) {
    varint(s.size());
    raw(s);
  }
  std::size_t size() const { return out_->size(); }

 private:
  template <class T>
  void fixed(T x) {
    char b[sizeof x];
    for (std::size_t i = 0; i < sizeof x; ++i) b[i] = static_cast<char>(x >> (8 * i));
    out_->append(b, sizeof b);
  }
  std::string* out_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : in_(in) {}

  bool ok() const { return ok_; }
  bool at_end() const { return in_.empty(); }
  // All was read and nothing was malformed.
  bool done() const { return ok_ && in_.empty(); }
  std::size_t remaining() const { return in_.size(); }
  void fail() {
    ok_ = false;
    in_ = {};
  }

  std::uint8_t u8() { return fixed<std::uint8_t>(); }
  std::uint16_t fixed16() { return fixed<std::uint16_t>(); }
  std::uint32_t fixed32() { return fixed<std::uint32_t>(); }
  std::uint64_t fixed64() { return fixed<std::uint64_t>(); }
  // Refuses encodings longer than needed, so that equal numbers have equal bytes.
  std::uint64_t varint() {
    std::uint64_t x = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (in_.empty()) break;
      const auto b = static_cast<std::uint8_t>(in_.front());
      in_.remove_prefix(1);
      if (shift == 63 && b > 1) break;
      x |= static_cast<std::uint64_t>(b & 0x7f) << shift;
      if (b < 0x80) {
        if (b == 0 && shift > 0) break;
        return x;
      }
    }
    fail();
    return 0;
  }
  std::int64_t svarint() {
    const std::uint64_t x = varint();
    return static_cast<std::int64_t>((x >> 1) ^ (~(x & 1) + 1));
  }
  double f64() {
    const std::uint64_t bits = fixed64();
    double x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
  }
  // A view into the input; empty (and !ok()) if fewer than n bytes are left.
  std::string_view raw(std::uint64_t n) {
    if (n > in_.size()) {
      fail();
      return {};
    }
    const std::string_view s = in_.substr(0, n);
    in_.remove_prefix(n);
    return s;
  }
  std::string_view str() { return raw(varint()); }

 private:
  template <class T>
  T fixed() {
    if (in_.size() < sizeof(T)) {
      fail();
      return 0;
    }
    T x = 0;
    for (std::size_t i = 0; i < sizeof x; ++i) {
      x = static_cast<T>(
          x | static_cast<T>(static_cast<T>(static_cast<std::uint8_t>(in_[i])) << (8 * i)));
    }
    in_.remove_prefix(sizeof x);
    return x;
  }
  std::string_view in_;
  bool ok_ = true;
};

}  // namespace pawl
