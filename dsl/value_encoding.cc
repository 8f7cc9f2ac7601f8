// The canonical encoding of values: a byte of kind, then the content.
//
//   null      (nothing)             boolean   one byte, 0 or 1
//   int64     zigzag varint         uint64    varint
//   float64   8 bytes, IEEE 754     string    length varint, bytes (so does `bytes`)
//   list      count varint, values  map       count varint, key and value in the order of keys
//   timestamp seconds zigzag varint, nanos varint
//   duration  seconds zigzag varint, nanos zigzag varint
//
// One value has one encoding: varints are shortest, there is one NaN, keys ascend.
#include <bit>
#include <cmath>
#include <limits>

#include "base/byte_builder.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "dsl/time_text.h"
#include "dsl/value.h"

namespace pawl::dsl {
namespace {

constexpr std::uint64_t kNanBits = 0x7ff8'0000'0000'0000;

std::size_t varint_size(std::uint64_t x) {
  return (static_cast<std::size_t>(std::bit_width(x | 1)) + 6) / 7;
}

std::size_t svarint_size(std::int64_t x) {
  return varint_size((static_cast<std::uint64_t>(x) << 1) ^ static_cast<std::uint64_t>(x >> 63));
}

void encode_value(const Value& v, ByteBuilder* w) {
  w->u8(static_cast<std::uint8_t>(v.kind()));
  switch (v.kind()) {
    case Kind::null:
      return;
    case Kind::boolean:
      return w->u8(v.as_bool() ? 1 : 0);
    case Kind::int64:
      return w->svarint(v.as_int());
    case Kind::uint64:
      return w->varint(v.as_uint());
    case Kind::float64:
      return std::isnan(v.as_double()) ? w->fixed64(kNanBits) : w->f64(v.as_double());
    case Kind::string:
      return w->str(v.as_string());
    case Kind::bytes:
      return w->str(v.as_bytes());
    case Kind::list:
      w->varint(v.as_list().size());
      for (const Value& x : v.as_list()) encode_value(x, w);
      return;
    case Kind::map:
      w->varint(v.as_map().size());
      for (const auto& [key, x] : v.as_map()) {
        encode_value(key, w);
        encode_value(x, w);
      }
      return;
    case Kind::timestamp:
      w->svarint(v.as_timestamp().seconds);
      return w->varint(static_cast<std::uint64_t>(v.as_timestamp().nanos));
    case Kind::duration:
      w->svarint(v.as_duration().seconds);
      return w->svarint(v.as_duration().nanos);
    case Kind::type:
    case Kind::optional:
      break;  // evaluate() lets neither out
  }
  PAWL_UNREACHABLE();
}

class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : in_(bytes) {}

  bool decode_all(Value* out) { return value(out, 0) && in_.done(); }

 private:
  bool value(Value* out, int depth);
  bool list(Value* out, int depth);
  bool map(Value* out, int depth);
  bool number(Kind kind, Value* out);
  bool time(Kind kind, Value* out);

  // A count of things of at least one byte each can't exceed what is left.
  bool count(std::uint64_t* n) {
    *n = in_.varint();
    return in_.ok() && *n <= in_.remaining();
  }

  ByteReader in_;
};

bool Decoder::number(Kind kind, Value* out) {
  if (kind == Kind::int64) {
    *out = Value::int64(in_.svarint());
  } else if (kind == Kind::uint64) {
    *out = Value::uint64(in_.varint());
  } else {
    const double x = in_.f64();
    if (std::isnan(x) && std::bit_cast<std::uint64_t>(x) != kNanBits) return false;
    *out = Value::float64(x);
  }
  return in_.ok();
}

bool Decoder::time(Kind kind, Value* out) {
  const std::int64_t seconds = in_.svarint();
  if (kind == Kind::timestamp) {
    const std::uint64_t nanos = in_.varint();
    if (!in_.ok() || nanos >= 1'000'000'000) return false;
    const Timestamp t{seconds, static_cast<std::int32_t>(nanos)};
    *out = Value::timestamp(t);
    return in_range(t);
  }
  const std::int64_t nanos = in_.svarint();
  if (!in_.ok() || nanos <= -1'000'000'000 || nanos >= 1'000'000'000) return false;
  const Duration d{seconds, static_cast<std::int32_t>(nanos)};
  *out = Value::duration(d);
  return in_range(d);
}

bool Decoder::list(Value* out, int depth) {
  std::uint64_t n = 0;
  if (!count(&n)) return false;
  List items;
  items.reserve(std::min<std::uint64_t>(n, 1024));
  for (std::uint64_t i = 0; i < n; ++i) {
    if (!value(&items.emplace_back(), depth + 1)) return false;
  }
  *out = Value::list(std::move(items));
  return true;
}

bool Decoder::map(Value* out, int depth) {
  std::uint64_t n = 0;
  if (!count(&n)) return false;
  Map entries;
  entries.reserve(std::min<std::uint64_t>(n, 1024));
  for (std::uint64_t i = 0; i < n; ++i) {
    auto& [key, x] = entries.emplace_back();
    if (!value(&key, depth + 1)) return false;
    const Kind kind = key.kind();
    if (kind != Kind::boolean && kind != Kind::int64 && kind != Kind::uint64 &&
        kind != Kind::string) {
      return false;
    }
    if (i > 0 && Value::compare_keys(entries[i - 1].first, key) >= 0) return false;
    if (!value(&x, depth + 1)) return false;
  }
  *out = Value::map(std::move(entries));
  return true;
}

bool Decoder::value(Value* out, int depth) {
  const auto kind = static_cast<Kind>(in_.u8());
  if (!in_.ok()) return false;
  switch (kind) {
    case Kind::null:
      *out = Value();
      return true;
    case Kind::boolean: {
      const std::uint8_t x = in_.u8();
      *out = Value::boolean(x == 1);
      return in_.ok() && x <= 1;
    }
    case Kind::int64:
    case Kind::uint64:
    case Kind::float64:
      return number(kind, out);
    case Kind::string:
      *out = Value::string(std::string(in_.str()));
      return in_.ok();
    case Kind::bytes:
      *out = Value::bytes(std::string(in_.str()));
      return in_.ok();
    case Kind::list:
      return depth < limits::kValueDepthMax && list(out, depth);
    case Kind::map:
      return depth < limits::kValueDepthMax && map(out, depth);
    case Kind::timestamp:
    case Kind::duration:
      return time(kind, out);
    case Kind::type:
    case Kind::optional:
      break;
  }
  return false;
}

}  // namespace

std::size_t Value::encoded_size() const {
  switch (kind()) {
    case Kind::null:
      return 1;
    case Kind::boolean:
      return 2;
    case Kind::int64:
      return 1 + svarint_size(as_int());
    case Kind::uint64:
      return 1 + varint_size(as_uint());
    case Kind::float64:
      return 9;
    case Kind::string:
      return 1 + varint_size(as_string().size()) + as_string().size();
    case Kind::bytes:
      return 1 + varint_size(as_bytes().size()) + as_bytes().size();
    case Kind::list: {
      std::size_t n = 1 + varint_size(as_list().size());
      for (const Value& x : as_list()) n += x.encoded_size();
      return n;
    }
    case Kind::map: {
      std::size_t n = 1 + varint_size(as_map().size());
      for (const auto& [key, x] : as_map()) n += key.encoded_size() + x.encoded_size();
      return n;
    }
    case Kind::timestamp:
      return 1 + svarint_size(as_timestamp().seconds) +
             varint_size(static_cast<std::uint64_t>(as_timestamp().nanos));
    case Kind::duration:
      return 1 + svarint_size(as_duration().seconds) + svarint_size(as_duration().nanos);
    case Kind::type:
    case Kind::optional:
      break;
  }
  PAWL_UNREACHABLE();
}

void Value::encode(std::string* out) const {
  ByteBuilder w(out);
  encode_value(*this, &w);
}

void Value::encode(ByteBuilder* out) const { encode_value(*this, out); }

bool Value::decode(std::string_view bytes, Value* out) {
  Value v;
  if (!Decoder(bytes).decode_all(&v)) return false;
  *out = std::move(v);
  return true;
}

}  // namespace pawl::dsl
