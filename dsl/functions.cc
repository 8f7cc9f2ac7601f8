#include "dsl/functions.h"

#include "base/check.h"
#include "dsl/number.h"

namespace pawl::dsl {
namespace {

template <class Visit>
void for_each_overload(Visit visit) {
  for (const auto& table :
       {string_functions(), text_format_functions(), math_functions(), conversion_functions(),
        time_functions(), list_functions(), optional_functions()}) {
    for (const Overload& overload : table) visit(overload);
  }
}

}  // namespace

bool Overload::takes(std::size_t count) const {
  const bool repeats = !arguments.empty() && arguments.back() == '+';
  return repeats ? count + 1 >= arguments.size() : count == arguments.size();
}

char Overload::argument(std::size_t i) const {
  const bool repeats = arguments.back() == '+';
  const std::size_t last = arguments.size() - (repeats ? 2 : 1);
  return arguments[i < last ? i : last];
}

bool letter_fits(char letter, Kind kind) {
  switch (letter) {
    case 'A':
      return true;
    case 'X':
      return is_number(kind);
    case 'B':
      return kind == Kind::boolean;
    case 'I':
      return kind == Kind::int64;
    case 'U':
      return kind == Kind::uint64;
    case 'D':
      return kind == Kind::float64;
    case 'S':
      return kind == Kind::string;
    case 'Y':
      return kind == Kind::bytes;
    case 'T':
      return kind == Kind::timestamp;
    case 'R':
      return kind == Kind::duration;
    case 'L':
      return kind == Kind::list;
    case 'M':
      return kind == Kind::map;
    case 'K':
      return kind == Kind::type;
    case 'O':
      return kind == Kind::optional;
    default:
      PAWL_UNREACHABLE();
  }
}

std::vector<const Overload*> overloads_of(std::string_view name, bool with_target) {
  std::vector<const Overload*> out;
  for_each_overload([&](const Overload& o) {
    if (o.name == name && o.with_target == with_target) out.push_back(&o);
  });
  return out;
}

std::vector<std::string_view> function_names(bool with_target) {
  std::vector<std::string_view> out;
  for_each_overload([&](const Overload& o) {
    if (o.with_target == with_target && (out.empty() || out.back() != o.name))
      out.push_back(o.name);
  });
  return out;
}

}  // namespace pawl::dsl
