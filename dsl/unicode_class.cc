#include "dsl/unicode_class.h"

#include <iterator>

namespace pawl::dsl {
namespace {

// kCategoryNames and kScriptNames (the name of class 1, of class 2 ..., each with a zero behind
// it); kCategory and kScript: code point << 8 | class, the class from there up to the next row.
#include "dsl/unicode_table.inc"

constexpr std::uint32_t kRuneMax = 0x10'ffff;

// Appends what has a class whose name is `name`, or begins with it if it is a single letter.
template <std::size_t kRows>
bool append_from(const std::uint32_t (&rows)[kRows], std::string_view names, std::string_view name,
                 Regex::Ranges* out) {
  bool wanted[256] = {};
  bool known = false;
  // The literal's own zero is behind the last name's.
  for (std::size_t number = 1; names.front() != '\0'; ++number) {
    const std::string_view here = names.substr(0, names.find('\0'));
    wanted[number] = here == name || (name.size() == 1 && here.starts_with(name));
    known = known || wanted[number];
    names.remove_prefix(here.size() + 1);
  }
  if (!known) return false;
  for (std::size_t i = 0; i < kRows; ++i) {
    if (!wanted[rows[i] & 0xff]) continue;
    const std::uint32_t last = i + 1 < kRows ? (rows[i + 1] >> 8) - 1 : kRuneMax;
    out->emplace_back(rows[i] >> 8, last);
  }
  return true;
}

}  // namespace

bool append_unicode_class(std::string_view name, Regex::Ranges* out) {
  if (name == "Any") {
    out->emplace_back(0, kRuneMax);
    return true;
  }
  const std::string_view categories(kCategoryNames, std::size(kCategoryNames));
  if (name.size() <= 2) return append_from(kCategory, categories, name, out);
  return append_from(kScript, {kScriptNames, std::size(kScriptNames)}, name, out);
}

}  // namespace pawl::dsl
