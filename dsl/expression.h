// The expression language: CEL as its specification says (cel-spec, langdef.md), with the additions
// of the language reference: JSON numbers without a fraction are int, int and double mix in
// arithmetic, sum(), durations take d and w.
//
// compile() lexes, parses, expands macros and type-checks; an Expression is immutable and may be
// shared between definitions' parts. evaluate() is pure: no clock, no randomness, a bounded number
// of steps.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/value.h"

namespace pawl::dsl {

// A static type. `dyn` fits everything and is checked when evaluated.
struct Type {
  enum class Base : std::uint8_t {
    dyn,
    null,
    boolean,
    int64,
    uint64,
    float64,
    number /* int or double */,
    string,
    bytes,
    timestamp,
    duration,
    list,
    map,
    type,
    error,
  };
  Base base = Base::dyn;
  std::shared_ptr<const Type> element;  // of a list, or a map's values; null: dyn
  std::shared_ptr<const Type> key;      // of a map; null: dyn
  // Of a map with known fields (an input schema): selecting another field is an error unless open.
  std::shared_ptr<const std::map<std::string, Type>> fields;
  bool open = false;

  static Type of(Base base) {
    Type t;
    t.base = base;
    return t;
  }
};

// "int", "list(string)", "map(string, dyn)": for messages.
std::string to_string(const Type& type);

// The variables an expression may name, with their types.
using Environment = std::map<std::string, Type, std::less<>>;

// One mistake: where in the text (bytes), what, and what to do about it (may be empty).
struct ExpressionError {
  std::size_t offset = 0;
  std::size_t length = 0;
  std::string message;
  std::string hint;
};

class Expression;  // a checked syntax tree; defined in expression_tree.h for dsl/ alone

struct Compiled {
  std::shared_ptr<const Expression> expression;  // null if there are errors
  Type type;                                     // of the result
  std::vector<ExpressionError> errors;           // all that were found
  std::vector<std::string> variables;  // free variables it reads (first segments), sorted, unique
};

// `text` is the expression alone (without the leading '=' of a definition's string).
Compiled compile(std::string_view text, const Environment& environment);

// What variables are at the moment of evaluation. find() returns null for an unbound name; what it
// returns must stay valid until evaluate() returns.
class Scope {
 public:
  virtual ~Scope() = default;
  virtual const Value* find(std::string_view name) const = 0;
};

struct Evaluation {
  bool ok = false;
  Value value;            // if ok
  std::string error;      // if not: e.g. "no such key: 'total'", "division by zero"
  std::int64_t cost = 0;  // steps used
};

// Never throws, never recurses past limits::kExpressionDepthMax, stops with the error "cost limit
// exceeded" once `cost_max` steps are used.
Evaluation evaluate(const Expression& expression, const Scope& scope, std::int64_t cost_max);

// Parses "90s", "1h30m", "2d", "1.5h", "100ms", "-3s", "1w2d" (units ns us ms s m h d w); false on
// anything else.
bool parse_duration(std::string_view text, Duration* out);
// CEL's string form of a duration, in seconds: "5400s", "0.1s".
std::string to_string(Duration duration);
// RFC 3339 with any offset, up to nanoseconds; false on anything else.
bool parse_timestamp(std::string_view text, Timestamp* out);
// RFC 3339 UTC, fraction only as long as needed: "2026-11-21T09:00:00Z", "….5Z".
std::string to_string(Timestamp timestamp);

}  // namespace pawl::dsl
