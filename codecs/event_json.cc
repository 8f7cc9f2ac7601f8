#include "codecs/event_json.h"

#include <algorithm>
#include <iterator>
#include <type_traits>

#include "codecs/json.h"
#include "engine/event_visit.h"
#include "engine/namespace.h"
#include "engine/waiting.h"

namespace pawl::codecs {
namespace {

using engine::Actor;
using engine::Payload;

class FieldWriter {
 public:
  explicit FieldWriter(JsonWriter* w) : w_(*w) {}

  template <class T>
  void operator()(const char* name, const T& field) {
    if constexpr (std::is_same_v<T, std::string>) {
      write_text(name, field);
    } else if constexpr (std::is_same_v<T, engine::Salt>) {
      return;
    } else if constexpr (engine::IsOptional<T>::value) {
      if (field) (*this)(name, *field);
    } else if constexpr (std::is_same_v<T, Actor>) {
      if (field.box.v != 0) write_keyed(name, field);
    } else if constexpr (engine::IsVector<T>::value) {
      if (!field.empty()) write_keyed(name, field);
    } else {
      write_keyed(name, field);
    }
  }

 private:
  // Names of what belongs to a namespace read as its clients know them.
  void write_text(const char* name, const std::string& text) {
    static constexpr std::string_view kNames[] = {"id", "workflow", "run", "queue", "limit"};
    const bool plain = std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
    w_.plain_key(name).string(plain ? engine::plain_name(text) : std::string_view(text));
  }
  template <class T>
  void write_keyed(const char* name, const T& field) {
    w_.plain_key(name);
    write(field);
  }

  void write(bool x) { w_.boolean(x); }
  void write(const std::string& x) { w_.string(x); }
  void write(const Digest& x) { w_.string(to_hex(x)); }
  void write(const std::array<unsigned char, 16>& x) {
    std::string hex;
    for (const unsigned char byte : x) {
      hex.push_back("0123456789abcdef"[byte >> 4]);
      hex.push_back("0123456789abcdef"[byte & 15]);
    }
    w_.string(hex);
  }
  void write(TimeMs x) { w_.time_ms(x.v); }
  void write(const Payload& x) {
    if (x.scrubbed) {
      w_.begin_object().field("scrubbed", to_hex(*x.digest)).end_object();
    } else {
      w_.value(x.value);
    }
  }
  void write(const Actor& x) {
    w_.begin_object().field("box", x.box.v).field("uid", std::uint64_t{x.uid});
    w_.plain_key("gids").begin_array();
    for (const std::uint32_t gid : x.gids) w_.uint64(gid);
    w_.end_array().end_object();
  }
  void write(const engine::ErrorRecord& x) {
    w_.begin_object().field("type", x.type);
    if (x.detail.scrubbed) {
      w_.plain_key("detail");
      write(x.detail);
    } else {
      w_.field("message", x.message());
      if (const dsl::Value data = x.data(); !data.is_null()) w_.field("data", data);
    }
    w_.end_object();
  }
  // Variables and tags read as one object, not as a list of pairs.
  void write(const std::vector<engine::NamedPayload>& x) {
    w_.begin_object();
    for (const engine::NamedPayload& named : x) {
      w_.key(named.name);
      write(named.value);
    }
    w_.end_object();
  }
  void write(const std::vector<engine::Tag>& x) {
    w_.begin_object();
    for (const engine::Tag& tag : x) w_.key(tag.name).string(tag.value);
    w_.end_object();
  }
  template <class T>
  void write(const std::vector<T>& x) {
    w_.begin_array();
    for (const T& item : x) write(item);
    w_.end_array();
  }
  template <class T>
  void write(const T& x) {
    if constexpr (std::is_enum_v<T>) {
      w_.string(engine::enum_name(x));
    } else if constexpr (engine::IsStrong<T>::value) {
      write(x.v);
    } else if constexpr (std::is_same_v<T, engine::OpenCall>) {
      engine::OpenCall shown = x;
      if (!x.is_signal) shown.name = engine::plain_name(x.name);
      write_members(shown);
    } else if constexpr (engine::Reflected<T>) {
      write_members(x);
    } else if constexpr (std::is_signed_v<T>) {
      w_.int64(x);
    } else {
      static_assert(std::is_unsigned_v<T>);
      w_.uint64(x);
    }
  }

  template <class T>
  void write_members(const T& x) {
    w_.begin_object();
    T::fields(x, *this);
    w_.end_object();
  }

  JsonWriter& w_;
};

}  // namespace

void append_event(const engine::Event& event, Seq seq, TimeMs at, std::string_view hashed,
                  std::string* out) {
  JsonWriter w(out);
  w.begin_object().field("seq", seq.v).plain_key("at").time_ms(at.v);
  w.field("type", engine::event_name(event));
  FieldWriter fields(&w);
  engine::visit_fields(event, fields);
  if (!hashed.empty()) {
    w.plain_key("body");
    std::string text = "\"";
    append_base64(hashed, &text);
    text.push_back('"');
    w.raw(text);
  }
  w.end_object();
}

}  // namespace pawl::codecs
