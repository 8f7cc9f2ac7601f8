// Fields to canonical bytes and back, for everything that lists its fields: events (stored and
// hashed) and runs (snapshots). One visitor a direction; event_bytes.h tells the encoding.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/byte_builder.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/digest.h"
#include "engine/event_bytes.h"
#include "engine/event_visit.h"
#include "engine/shared.h"

namespace pawl::engine {

enum class FieldForm : std::uint8_t {
  stored,    // payloads inline, without digests unless scrubbed
  hashed,    // payloads as length and digest, no salt
  snapshot,  // payloads inline, with the digests that are known
};

// Equal to what there is without a value.
template <class T>
bool is_empty(const std::vector<T>& x) {
  return x.empty();
}
template <class T>
bool is_empty(const std::optional<T>& x) {
  return !x.has_value();
}
inline bool is_empty(const Payload& x) { return x.length == 0; }
template <class T>
concept MayBeEmpty = requires(const T& x) {
  is_empty(x);
};

// What stands behind all else, and not at all if it is empty.
template <class T>
concept Trailing = MayBeEmpty<T> && T::kTrailing;

inline std::string_view as_view(const Salt& salt) {
  return {reinterpret_cast<const char*>(salt.bytes.data()), salt.bytes.size()};
}

template <FieldForm form>
class FieldEncoder {
 public:
  // `context` and `payloads` for the hashed form only: it reads the one and fills the other with
  // the digests it met.
  explicit FieldEncoder(std::string* out, const EventContext* context = nullptr,
                        std::vector<Digest>* payloads = nullptr)
      : writer_(out), context_(context), payloads_(payloads) {}

  template <class T>
  void operator()(const char*, const T& x) {
    put(x);
  }
  // Of the values of all payloads so far.
  std::uint64_t payload_bytes() const { return payload_bytes_; }
  // What stands before the fields.
  ByteBuilder& writer() { return writer_; }

  template <class T>
  void put(const T& x) {
    if constexpr (Reflected<T>) {
      T::fields(x, *this);
    } else if constexpr (IsStrong<T>::value) {
      put(x.v);
    } else if constexpr (std::is_enum_v<T>) {
      writer_.varint(static_cast<std::uint64_t>(x));
    } else if constexpr (std::is_same_v<T, bool>) {
      writer_.u8(x ? 1 : 0);
    } else if constexpr (std::is_signed_v<T>) {
      writer_.svarint(x);
    } else {
      static_assert(std::is_unsigned_v<T>);
      writer_.varint(x);
    }
  }
  void put(const std::string& x) { writer_.str(x); }
  void put(const Digest& x) { writer_.raw(pawl::as_view(x)); }
  void put(const Salt& x) {
    if (form != FieldForm::hashed) writer_.raw(as_view(x));
  }
  void put(const std::array<unsigned char, 16>& x) {
    writer_.raw({reinterpret_cast<const char*>(x.data()), x.size()});
  }
  void put(const Actor& x) {
    put(x.box);
    put(x.uid);
    put(x.gids);
  }
  template <class T>
  void put(const std::optional<T>& x) {
    put(x.has_value());
    if (x) put(*x);
  }
  template <class T>
  void put(const std::vector<T>& x) {
    writer_.varint(x.size());
    for (const T& item : x) put(item);
  }
  template <class T>
  void put(const Shared<T>& x) {
    if constexpr (Trailing<T>) {
      if (is_empty(x.get())) return;
    }
    put(x.get());
  }
  void put(const Payload& x) {
    if (x.length == 0) return absent();
    if constexpr (form == FieldForm::hashed) {
      const Digest d = payload_digest(context_->salt, context_->seq, ordinal_++, x);
      if (payloads_ != nullptr) payloads_->push_back(d);
      payload_bytes_ += x.length;
      writer_.varint(x.length);
      put(d);
      return;
    }
    PAWL_CHECK(!x.cold || form == FieldForm::snapshot);
    const bool with_digest = x.scrubbed || (form == FieldForm::snapshot && x.digest.has_value());
    writer_.varint(x.length);
    writer_.u8(
        static_cast<std::uint8_t>((x.scrubbed ? 1 : 0) | (with_digest ? 2 : 0) | (x.cold ? 4 : 0)));
    if (with_digest) put(*x.digest);
    if (!x.scrubbed && !x.cold) x.value.encode(&writer_);
  }

 private:
  void absent() {
    writer_.varint(0);
    ++ordinal_;
    if (payloads_ != nullptr) payloads_->emplace_back();
  }

  ByteBuilder writer_;
  const EventContext* context_;
  std::vector<Digest>* payloads_;
  std::uint32_t ordinal_ = 0;
  std::uint64_t payload_bytes_ = 0;
};

template <FieldForm form>
class FieldDecoder {
 public:
  // With a context, payloads of the stored form get their digests.
  explicit FieldDecoder(ByteReader* in, EventContext* context = nullptr)
      : in_(in), context_(context) {}

  template <class T>
  void operator()(const char*, T& x) {
    get(&x);
  }

  template <class T>
  void get(T* x) {
    if constexpr (Reflected<T>) {
      T::fields(*x, *this);
    } else if constexpr (IsStrong<T>::value) {
      get(&x->v);
    } else if constexpr (std::is_enum_v<T>) {
      const std::uint64_t n = in_->varint();
      if (n > static_cast<std::uint64_t>(enum_max(T{}))) return in_->fail();
      *x = static_cast<T>(n);
    } else if constexpr (std::is_same_v<T, bool>) {
      const std::uint8_t n = in_->u8();
      if (n > 1) return in_->fail();
      *x = n == 1;
    } else if constexpr (std::is_signed_v<T>) {
      const std::int64_t n = in_->svarint();
      *x = static_cast<T>(n);
      if (*x != n) in_->fail();
    } else {
      static_assert(std::is_unsigned_v<T>);
      const std::uint64_t n = in_->varint();
      *x = static_cast<T>(n);
      if (*x != n) in_->fail();
    }
  }
  void get(std::string* x) { *x = in_->str(); }
  void get(Digest* x) { bytes(x->data(), x->size()); }
  void get(Salt* x) {
    bytes(x->bytes.data(), x->bytes.size());
    if (context_ != nullptr) context_->salt = *x;  // precedes all payloads of run.started
  }
  void get(std::array<unsigned char, 16>* x) { bytes(x->data(), x->size()); }
  void get(Actor* x) {
    get(&x->box);
    get(&x->uid);
    get(&x->gids);
  }
  template <class T>
  void get(std::optional<T>* x) {
    bool has = false;
    get(&has);
    x->reset();
    if (has) get(&x->emplace());
  }
  template <class T>
  void get(std::vector<T>* x) {
    const std::uint64_t n = in_->varint();
    x->clear();
    if (n > in_->remaining()) return in_->fail();  // an item takes a byte at least
    // Grown as bytes confirm it, so that a lying count costs no memory.
    x->reserve(std::min<std::uint64_t>(n, 16));
    for (std::uint64_t i = 0; i < n && in_->ok(); ++i) get(&x->emplace_back());
  }
  // What is empty, as most of a run's parts are, takes no memory of its own.
  template <class T>
  void get(Shared<T>* x) {
    if constexpr (Trailing<T>) {
      x->reset();
      if (in_->at_end()) return;
      get(&x->edit());
      if (is_empty(x->get())) in_->fail();
    } else if constexpr (MayBeEmpty<T>) {
      T value{};
      get(&value);
      x->reset();
      if (!is_empty(value)) *x = Shared<T>(std::move(value));
    } else {
      get(&x->edit());
    }
  }
  void get(Payload* x) {
    *x = Payload();
    x->length = in_->varint();
    if (x->length > 0) present(x);
    ++ordinal_;
  }

 private:
  void bytes(unsigned char* out, std::size_t n) {
    const std::string_view s = in_->raw(n);
    if (in_->ok()) std::memcpy(out, s.data(), n);
  }
  void present(Payload* x) {
    const std::uint8_t flags = in_->u8();
    x->scrubbed = (flags & 1) != 0;
    const bool with_digest = (flags & 2) != 0;
    x->cold = (flags & 4) != 0;
    const bool no_value = x->scrubbed || x->cold;
    if (flags > 7 || (no_value && !with_digest) || (x->scrubbed && x->cold)) return in_->fail();
    if (form == FieldForm::stored && (x->cold || (with_digest && !x->scrubbed))) return in_->fail();
    if (with_digest) get(&x->digest.emplace());
    if (!no_value) value_of(x);
  }
  void value_of(Payload* x) {
    const std::string_view encoded = in_->raw(x->length);
    if (!in_->ok()) return;
    if (!dsl::Value::decode(encoded, &x->value)) return in_->fail();
    if (form == FieldForm::stored && context_ != nullptr) {
      x->digest = payload_digest(context_->salt, context_->seq, ordinal_, encoded);
    }
  }

  ByteReader* in_;
  EventContext* context_;
  std::uint32_t ordinal_ = 0;
};

}  // namespace pawl::engine
