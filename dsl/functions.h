// The functions of the expression language: tables of overloads, one file for each subject. A row
// says what it takes and gives in one letter each, which serves the checker and the evaluator
// alike; the code behind it can rely on the kinds it names.
//
//   B bool  I int  U uint  D double  S string  Y bytes  T timestamp  R duration  L list  M map
//   K type  O optional  X any number  A anything       a `+` at the end repeats the last argument
// Results also: 0 the first argument's type, e the type of its elements, s list(string), i
// list(int).
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "dsl/meter.h"
#include "dsl/value.h"

namespace pawl::dsl {

class Regex;

// One call under way. The result goes to *out, which no argument points to.
struct Call {
  const Value* const* arguments;  // the target first, if there is one
  std::size_t count;
  Value* out;
  Meter* meter;
  const Regex* regex;  // the compiled pattern if it was a literal, else null

  const Value& operator[](std::size_t i) const { return *arguments[i]; }
  // For `return call.give(...)`: always true.
  bool give(Value value) {
    *out = std::move(value);
    return true;
  }
  bool fail(std::string message) { return meter->fail(std::move(message)); }
};

struct Overload {
  std::string_view name;       // "math.floor" for a function of a namespace
  bool with_target = false;    // x.name(...)
  std::string_view arguments;  // letters, the target first
  char result = 'A';
  bool (*run)(Call& call) = nullptr;  // false: failed, the meter has the message

  bool takes(std::size_t count) const;
  // The letter of argument i.
  char argument(std::size_t i) const;
};

// Whether a value of this kind can be what the letter asks for.
bool letter_fits(char letter, Kind kind);

std::span<const Overload> string_functions();
std::span<const Overload> text_format_functions();
std::span<const Overload> math_functions();
std::span<const Overload> conversion_functions();
std::span<const Overload> time_functions();
std::span<const Overload> list_functions();
std::span<const Overload> optional_functions();

// All overloads of a name, of any number of arguments.
std::vector<const Overload*> overloads_of(std::string_view name, bool with_target);

// Every name, for suggestions.
std::vector<std::string_view> function_names(bool with_target);

}  // namespace pawl::dsl
