// A value of the expression language: what inputs, variables, results and payloads are made of.
//
// A Value is immutable and cheap to copy: lists and maps are shared, never changed once made. Maps
// are kept sorted by key, so equal maps are equal in memory, iterate in one order on every machine
// and encode to equal bytes. Kinds are those of the CEL specification ("Values").
//
// The canonical encoding (encode / decode) is what the journal stores for a payload and what its
// digest covers: one byte of kind, then the content; numbers little-endian or varint, strings with
// a varint length. docs/log-format.md has the grammar.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace pawl {
class ByteBuilder;
}

namespace pawl::dsl {

class Value;

using List = std::vector<Value>;
// Sorted by key (Value::compare_keys), keys unique; a key is bool, int, uint or string.
using Map = std::vector<std::pair<Value, Value>>;

// 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z; nanos in [0, 1e9).
struct Timestamp {
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

// +-292 years: what fits in an int64 of nanoseconds (cel-spec, langdef.md, "Overflow"); nanos has
// the sign of seconds and |nanos| < 1e9.
struct Duration {
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;
  friend auto operator<=>(const Duration&, const Duration&) = default;
};

enum class Kind : std::uint8_t {
  null = 0,
  boolean = 1,
  int64 = 2,
  uint64 = 3,
  float64 = 4,
  string = 5,
  bytes = 6,
  list = 7,
  map = 8,
  timestamp = 9,
  duration = 10,
  type = 11,      // a type as a value: what type(x) returns; never stored
  optional = 12,  // CEL's optional_type; only inside an evaluation, never stored
};

struct BytesRep {
  std::string data;
};
struct TypeRep {
  std::string name;
};
struct OptionalRep {
  std::shared_ptr<const Value> value;  // null: none
};

class Value {
 public:
  Value() = default;  // null
  static Value boolean(bool x) { return Value(Rep(x)); }
  static Value int64(std::int64_t x) { return Value(Rep(x)); }
  static Value uint64(std::uint64_t x) { return Value(Rep(x)); }
  static Value float64(double x) { return Value(Rep(x)); }
  static Value string(std::string x) { return Value(Rep(std::move(x))); }
  static Value bytes(std::string x) { return Value(Rep(BytesRep{std::move(x)})); }
  static Value list(List x) { return Value(Rep(std::make_shared<const List>(std::move(x)))); }
  // Sorts; of two equal keys the later wins.
  static Value map(Map x);
  static Value timestamp(Timestamp x) { return Value(Rep(x)); }
  static Value duration(Duration x) { return Value(Rep(x)); }
  static Value type(std::string name) { return Value(Rep(TypeRep{std::move(name)})); }
  // Null is optional.none().
  static Value optional(std::shared_ptr<const Value> x) {
    return Value(Rep(OptionalRep{std::move(x)}));
  }

  Kind kind() const { return static_cast<Kind>(rep_.index()); }
  bool is_null() const { return kind() == Kind::null; }

  // Each needs the kind it names (checked).
  bool as_bool() const { return std::get<1>(rep_); }
  std::int64_t as_int() const { return std::get<2>(rep_); }
  std::uint64_t as_uint() const { return std::get<3>(rep_); }
  double as_double() const { return std::get<4>(rep_); }
  const std::string& as_string() const { return std::get<5>(rep_); }
  const std::string& as_bytes() const { return std::get<6>(rep_).data; }
  const List& as_list() const { return *std::get<7>(rep_); }
  const Map& as_map() const { return *std::get<8>(rep_); }
  Timestamp as_timestamp() const { return std::get<9>(rep_); }
  Duration as_duration() const { return std::get<10>(rep_); }
  const std::string& as_type() const { return std::get<11>(rep_).name; }
  // Null for optional.none(); lives as long as this.
  const Value* as_optional() const { return std::get<12>(rep_).value.get(); }

  // The entry of a map with this string key, or null if there is none or this is no map.
  const Value* field(std::string_view key) const;

  // CEL's ==: numbers compare across int, uint and double; NaN differs from itself; lists and maps
  // by element.
  bool equals(const Value& other) const;
  // Equal in kind and content (1 and 1.0 differ, NaN is itself): what tests and snapshots compare.
  bool identical(const Value& other) const;
  friend bool operator==(const Value& a, const Value& b) { return a.identical(b); }

  // The order of map keys: bool < numbers (int and uint by numeric value) < string.
  static int compare_keys(const Value& a, const Value& b);

  // Bytes this value takes encoded.
  std::size_t encoded_size() const;
  // Appends the canonical encoding. The value holds no Kind::type and no Kind::optional.
  void encode(std::string* out) const;
  void encode(ByteBuilder* out) const;
  // Decodes what encode wrote, all of it; false on anything else (truncation, rubbish behind,
  // unsorted or repeated keys, nesting past limits::kValueDepthMax). `out` is untouched on failure.
  static bool decode(std::string_view bytes, Value* out);

  // For messages and tests: CEL literal syntax, e.g. {"a": [1, 2u, b"x"]}.
  std::string debug_string() const;

 private:
  using Rep = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string,
                           BytesRep, std::shared_ptr<const List>, std::shared_ptr<const Map>,
                           Timestamp, Duration, TypeRep, OptionalRep>;
  explicit Value(Rep rep) : rep_(std::move(rep)) {}
  Rep rep_;
};

}  // namespace pawl::dsl
