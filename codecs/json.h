// JSON (RFC 8259) in and out: what clients send and read. RapidJSON parses; its types stay in
// json.cc.
//
// In: one document into a dsl::Value, strictly. Refused, with line and column: anything after the
// document, nesting past limits::kJsonDepthMax, a key given twice, text that is not UTF-8, an
// escaped lone surrogate, numbers too large for a double. A number written without fraction and
// exponent is an int; past int64 it is a uint if it fits; everything else is a double.
//
// Out: keys in map order, so equal values print equal text. What JSON has no word for is a string:
// timestamps (RFC 3339), durations ("5400s"), bytes (base64), integers past 2^53 (a JavaScript
// reader would round them), NaN and the infinities. Doubles print the shortest digits that read
// back the same, always with a fraction or exponent, so that 3.0 stays a double.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/byte_builder.h"
#include "dsl/value.h"

namespace pawl::codecs {

// Where a text stopped being JSON we accept: 1-based line, 1-based column in bytes.
struct JsonError {
  int line = 0;
  int column = 0;
  std::string message;  // "line 3, column 7: duplicate key \"id\""
};

// Parses all of `text`. On false `*out` is untouched and `*error` says where and why.
bool parse_json(std::string_view text, dsl::Value* out, JsonError* error);

// Appends `value` as compact JSON. Always valid JSON: bytes of a string that are not UTF-8 become
// U+FFFD.
void append_json(const dsl::Value& value, std::string* out);
std::string to_json(const dsl::Value& value);

// The same over several lines, two spaces a level, for people.
std::string to_pretty_json(const dsl::Value& value);

// Standard base64 with padding (RFC 4648, section 4). parse_base64 accepts exactly what
// append_base64 writes (no line breaks, no missing padding, zero spare bits); false on anything
// else.
void append_base64(std::string_view data, std::string* out);
void append_base64(std::string_view data, ByteBuilder* out);
bool parse_base64(std::string_view text, std::string* out);

// Writes an object by hand into a reused string: the hot path of every answer. It puts the commas;
// the caller keeps begin and end, key and value in step (a slip shows as broken JSON in its test).
//
//   JsonWriter w(&body);
//   w.begin_object().key("id").string(id).key("seq").uint64(7).end_object();
class JsonWriter {
 public:
  // Appends to *out, which must outlive the writer. Nobody else may touch it until the outermost
  // bracket is closed, or finish() is called.
  explicit JsonWriter(std::string* out) : out_(out) {}
  void finish() { out_.finish(); }

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }

  JsonWriter& key(std::string_view name);
  // The key must need no escaping (a literal of the code): it is copied as it is.
  JsonWriter& plain_key(std::string_view name) {
    if (need_comma_) out_.push(',');
    out_.push('"');
    out_.raw(name);
    out_.push('"');
    out_.push(':');
    need_comma_ = false;
    return *this;
  }

  JsonWriter& string(std::string_view text);
  JsonWriter& int64(std::int64_t x);    // past +-2^53 as a string
  JsonWriter& uint64(std::uint64_t x);  // likewise
  JsonWriter& float64(double x);
  JsonWriter& boolean(bool x) { return raw(x ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  // RFC 3339 UTC with milliseconds where they are not zero; ms since the Unix epoch, clamped to the
  // years 1 to 9999.
  JsonWriter& time_ms(std::int64_t ms);
  JsonWriter& value(const dsl::Value& x);
  // One complete JSON value, copied as it is.
  JsonWriter& raw(std::string_view json) {
    comma();
    out_.raw(json);
    return *this;
  }

  // A plain_key and its value in one call.
  JsonWriter& field(std::string_view name, std::string_view text) {
    return plain_key(name).string(text);
  }
  JsonWriter& field(std::string_view name, const char* text) {
    return plain_key(name).string(text);
  }
  JsonWriter& field(std::string_view name, std::int64_t x) { return plain_key(name).int64(x); }
  JsonWriter& field(std::string_view name, std::uint64_t x) { return plain_key(name).uint64(x); }
  JsonWriter& field(std::string_view name, int x) { return plain_key(name).int64(x); }
  JsonWriter& field(std::string_view name, bool x) { return plain_key(name).boolean(x); }
  JsonWriter& field(std::string_view name, const dsl::Value& x) { return plain_key(name).value(x); }

 private:
  void comma() {
    if (need_comma_) out_.push(',');
    need_comma_ = true;
  }
  JsonWriter& open(char bracket) {
    comma();
    out_.push(bracket);
    ++depth_;
    need_comma_ = false;
    return *this;
  }
  JsonWriter& close(char bracket) {
    out_.push(bracket);
    if (--depth_ == 0) out_.finish();
    need_comma_ = true;
    return *this;
  }

  ByteBuilder out_;
  int depth_ = 0;  // open brackets
  bool need_comma_ = false;
};

// Appends `text` between quotes, escaped; invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string_view text, std::string* out);
void append_json_string(std::string_view text, ByteBuilder* out);

}  // namespace pawl::codecs
