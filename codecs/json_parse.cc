// The one file that knows RapidJSON. Its SAX reader runs iteratively (a stack of its own on the
// heap), so a deeply nested document can't use up ours; the handler builds Values bottom-up.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <string>
#include <utility>
#include <vector>

// Before its stack first grows, RapidJSON adds to a null pointer and compares: harmless on every
// machine, but UBSan would stop there. So this check alone is off within these headers.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((no_sanitize("pointer-overflow"))), apply_to = function)
#endif
// Plain ASCII text is scanned 16 bytes at a time.
#if defined(__SSE2__)
#define RAPIDJSON_SSE2
#endif
#include <rapidjson/error/error.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stream.h>
#if defined(__clang__)
#pragma clang attribute pop
#endif

#include "base/check.h"
#include "base/limits.h"
#include "codecs/json.h"

namespace pawl::codecs {
namespace {

constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;
constexpr unsigned kValidatingFlags = kFlags | rapidjson::kParseValidateEncodingFlag;
// What a scan of 16 bytes may read past the end.
constexpr std::size_t kPadding = 16;

const char* describe(rapidjson::ParseErrorCode code) {
  switch (code) {
    case rapidjson::kParseErrorDocumentEmpty:
      return "the document is empty";
    case rapidjson::kParseErrorDocumentRootNotSingular:
      return "something follows the document";
    case rapidjson::kParseErrorValueInvalid:
      return "a value was expected";
    case rapidjson::kParseErrorObjectMissName:
      return "a key in double quotes was expected";
    case rapidjson::kParseErrorObjectMissColon:
      return "a ':' was expected after the key";
    case rapidjson::kParseErrorObjectMissCommaOrCurlyBracket:
      return "',' or '}' was expected";
    case rapidjson::kParseErrorArrayMissCommaOrSquareBracket:
      return "',' or ']' was expected";
    case rapidjson::kParseErrorStringUnicodeEscapeInvalidHex:
      return "\\u needs four hexadecimal digits";
    case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
      return "half a surrogate pair";
    case rapidjson::kParseErrorStringEscapeInvalid:
      return "an unknown escape or a control character in a string";
    case rapidjson::kParseErrorStringMissQuotationMark:
      return "the string is not closed";
    case rapidjson::kParseErrorStringInvalidEncoding:
      return "the string is not valid UTF-8";
    case rapidjson::kParseErrorNumberTooBig:
      return "the number is too large";
    case rapidjson::kParseErrorNumberMissFraction:
      return "digits were expected after '.'";
    case rapidjson::kParseErrorNumberMissExponent:
      return "digits were expected in the exponent";
    default:
      return "not valid JSON";
  }
}

// The value of a number of JSON's grammar; false if it is too large for a double. RapidJSON only
// finds where it ends: its own conversion counts the leading zeros of zero.
bool read_number(const std::string& text, dsl::Value* out) {
  const char* first = text.data();
  const char* last = first + text.size();
  if (text.find_first_of(".eE") == std::string::npos) {
    std::int64_t i = 0;
    if (std::from_chars(first, last, i).ec == std::errc()) return *out = dsl::Value::int64(i), true;
    std::uint64_t u = 0;
    if (std::from_chars(first, last, u).ec == std::errc()) {
      return *out = dsl::Value::uint64(u), true;
    }
  }
  double d = 0;
  if (std::from_chars(first, last, d).ec != std::errc()) {
    // Out of range: from_chars does not say on which side.
    d = std::strtod(text.c_str(), nullptr);
    if (!std::isfinite(d)) return false;
  }
  *out = dsl::Value::float64(d);
  return true;
}

// How deep most documents are.
constexpr std::size_t kUsualDepth = 4;

// An object or array that is still open.
struct Level {
  bool is_map = false;
  dsl::List items;
  std::vector<std::pair<dsl::Value, dsl::Value>> fields;  // the last value is filled when it comes
  std::vector<std::size_t> key_ends;                      // where in the text, for messages
};

template <class Stream>
class Builder {
 public:
  explicit Builder(const Stream* stream) : stream_(stream) { levels_.reserve(kUsualDepth); }

  bool Null() { return add(dsl::Value()); }
  bool Bool(bool x) { return add(dsl::Value::boolean(x)); }
  // Numbers come as the text they were written with.
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    dsl::Value value;
    if (!read_number({text, length}, &value))
      return fail("the number is too large", stream_->Tell());
    return add(std::move(value));
  }
  bool Int(int) { PAWL_UNREACHABLE(); }
  bool Uint(unsigned) { PAWL_UNREACHABLE(); }
  bool Int64(std::int64_t) { PAWL_UNREACHABLE(); }
  bool Uint64(std::uint64_t) { PAWL_UNREACHABLE(); }
  bool Double(double) { PAWL_UNREACHABLE(); }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    if (has_surrogate({text, length})) return fail("half a surrogate pair", stream_->Tell());
    return add(dsl::Value::string(std::string(text, length)));
  }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    if (has_surrogate({text, length})) return fail("half a surrogate pair", stream_->Tell());
    levels_.back().fields.emplace_back(dsl::Value::string(std::string(text, length)), dsl::Value());
    levels_.back().key_ends.push_back(stream_->Tell());
    return true;
  }
  bool StartObject() { return open(true); }
  bool StartArray() { return open(false); }
  bool EndArray(rapidjson::SizeType) {
    dsl::Value made = dsl::Value::list(std::move(levels_.back().items));
    levels_.pop_back();
    return add(std::move(made));
  }
  bool EndObject(rapidjson::SizeType) {
    if (!keys_are_unique(levels_.back())) return false;
    dsl::Value made = dsl::Value::map(std::move(levels_.back().fields));
    levels_.pop_back();
    return add(std::move(made));
  }

  dsl::Value take() { return std::move(root_); }
  const std::string& message() const { return message_; }
  std::size_t offset() const { return offset_; }

 private:
  // RapidJSON lets an escaped low surrogate stand alone; it arrives here as ED A0..BF xx.
  static bool has_surrogate(std::string_view s) {
    for (std::size_t i = s.find('\xed'); i != std::string_view::npos; i = s.find('\xed', i + 1)) {
      if (i + 1 < s.size() && static_cast<unsigned char>(s[i + 1]) >= 0xa0) return true;
    }
    return false;
  }

  bool add(dsl::Value value) {
    if (levels_.empty()) {
      root_ = std::move(value);
    } else if (Level& level = levels_.back(); level.is_map) {
      level.fields.back().second = std::move(value);
    } else {
      level.items.push_back(std::move(value));
    }
    return true;
  }

  bool open(bool is_map) {
    if (levels_.size() >= static_cast<std::size_t>(limits::kJsonDepthMax)) {
      return fail("nested deeper than " + std::to_string(limits::kJsonDepthMax) + " levels",
                  stream_->Tell());
    }
    levels_.emplace_back();
    levels_.back().is_map = is_map;
    return true;
  }

  bool keys_are_unique(const Level& level) {
    if (level.fields.size() < 2) return true;
    std::vector<std::size_t> order(level.fields.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto name = [&](std::size_t i) -> const std::string& {
      return level.fields[i].first.as_string();
    };
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const int c = name(a).compare(name(b));
      return c != 0 ? c < 0 : a < b;
    });
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (name(order[i - 1]) != name(order[i])) continue;
      std::string quoted;
      append_json_string(std::string_view(name(order[i])).substr(0, 100), &quoted);
      return fail("duplicate key " + quoted, level.key_ends[order[i]]);
    }
    return true;
  }

  [[gnu::cold]] bool fail(std::string message, std::size_t offset) {
    message_ = std::move(message);
    offset_ = offset;
    return false;
  }

  const Stream* stream_;
  std::vector<Level> levels_;
  dsl::Value root_;
  std::string message_;
  std::size_t offset_ = 0;
};

[[gnu::cold]] void locate(std::string_view text, std::size_t offset, std::string what,
                          JsonError* error) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  error->line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t line_start = before.rfind('\n');
  error->column = static_cast<int>(
      line_start == std::string_view::npos ? before.size() + 1 : before.size() - line_start);
  error->message = "line " + std::to_string(error->line) + ", column " +
                   std::to_string(error->column) + ": " + std::move(what);
}

// Parses all of the stream, which holds `text`.
template <unsigned kParseFlags, class Stream>
bool parse_stream(Stream& stream, std::string_view text, dsl::Value* out, JsonError* error) {
  Builder<Stream> builder(&stream);
  rapidjson::Reader reader;
  const rapidjson::ParseResult result = reader.Parse<kParseFlags>(stream, builder);
  if (result.IsError()) {
    if (result.Code() == rapidjson::kParseErrorTermination) {
      locate(text, builder.offset(), builder.message(), error);
    } else {
      locate(text, result.Offset(), describe(result.Code()), error);
    }
    return false;
  }
  // The reader takes a NUL byte for the end of the text.
  if (stream.Tell() != text.size()) {
    locate(text, stream.Tell(), "something follows the document", error);
    return false;
  }
  *out = builder.take();
  return true;
}

bool is_ascii(std::string_view text) {
  std::uint64_t high = 0;
  const char* p = text.data();
  std::size_t n = text.size();
  for (; n >= 8; p += 8, n -= 8) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    high |= word;
  }
  for (; n > 0; ++p, --n) high |= static_cast<unsigned char>(*p);
  return (high & 0x8080808080808080u) == 0;
}

}  // namespace

// RapidJSON works on a copy of the quick stream, which therefore can't say where a mistake is: a
// text that is refused is read again by the exact one.
bool parse_json(std::string_view text, dsl::Value* out, JsonError* error) {
  if (is_ascii(text)) {
    std::string padded;
    padded.reserve(text.size() + kPadding);
    padded.append(text).append(kPadding, '\0');
    rapidjson::StringStream stream(padded.c_str());
    if (parse_stream<kFlags>(stream, text, out, error)) return true;
  }
  rapidjson::MemoryStream stream(text.data(), text.size());
  return parse_stream<kValidatingFlags>(stream, text, out, error);
}

}  // namespace pawl::codecs
