// Strings: the functions of the specification and of the strings and encoders extensions. Positions
// count code points. Searches are linear (memmem is two-way); what could be slower is charged.
#include <cstring>

#include "base/limits.h"
#include "dsl/base64.h"
#include "dsl/functions.h"
#include "dsl/regex.h"
#include "dsl/utf8.h"

namespace pawl::dsl {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

// The byte offset of `needle` in `text` at or behind `from`; kNone if there is none.
std::size_t find(std::string_view text, std::string_view needle, std::size_t from = 0) {
  if (from > text.size()) return kNone;
  if (needle.empty()) return from;
  if (needle.size() > text.size() - from) return kNone;
  const void* hit = ::memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  return hit == nullptr ? kNone
                        : static_cast<std::size_t>(static_cast<const char*>(hit) - text.data());
}

std::string_view text_of(const Call& call, std::size_t i) { return call[i].as_string(); }

bool give_text(Call& call, std::string_view text) {
  return call.meter->make_bytes(text.size()) && call.give(Value::string(std::string(text)));
}

bool give_int(Call& call, std::size_t n) {
  return call.give(Value::int64(static_cast<std::int64_t>(n)));
}

bool out_of_range(Call& call, std::int64_t position) {
  return call.fail("index out of range: " + std::to_string(position));
}

bool size_of_string(Call& call) {
  return call.meter->charge_bytes(text_of(call, 0).size()) &&
         give_int(call, count_runes(text_of(call, 0)));
}
bool size_of_bytes(Call& call) { return give_int(call, call[0].as_bytes().size()); }
bool size_of_list(Call& call) { return give_int(call, call[0].as_list().size()); }
bool size_of_map(Call& call) { return give_int(call, call[0].as_map().size()); }

bool contains(Call& call) {
  return call.meter->charge_bytes(text_of(call, 0).size()) &&
         call.give(Value::boolean(find(text_of(call, 0), text_of(call, 1)) != kNone));
}

bool starts_with(Call& call) {
  return call.give(Value::boolean(text_of(call, 0).starts_with(text_of(call, 1))));
}

bool ends_with(Call& call) {
  return call.give(Value::boolean(text_of(call, 0).ends_with(text_of(call, 1))));
}

bool matches(Call& call) {
  std::shared_ptr<const Regex> compiled;
  const Regex* regex = call.regex;
  if (regex == nullptr) {
    RegexError error;
    if (!call.meter->charge_bytes(text_of(call, 1).size() * 16)) return false;
    compiled = Regex::compile(text_of(call, 1), &error);
    if (compiled == nullptr) return call.fail("bad pattern: " + error.message);
    regex = compiled.get();
  }
  const std::size_t steps = (text_of(call, 0).size() + 1) * regex->size();
  return call.meter->charge_bytes(steps) &&
         call.give(Value::boolean(regex->matches(text_of(call, 0))));
}

bool char_at(Call& call) {
  const std::string_view text = text_of(call, 0);
  const std::int64_t position = call[1].as_int();
  if (!call.meter->charge_bytes(text.size())) return false;
  const std::size_t at =
      position < 0 ? kNone : rune_offset(text, static_cast<std::size_t>(position));
  if (at == kNone) return out_of_range(call, position);
  std::string_view rest = text.substr(at);
  if (rest.empty()) return call.give(Value::string(""));
  take_rune(&rest);
  return call.give(Value::string(std::string(text.substr(at, text.size() - at - rest.size()))));
}

bool index_of(Call& call) {
  const std::string_view text = text_of(call, 0), needle = text_of(call, 1);
  const std::int64_t from = call.count == 3 ? call[2].as_int() : 0;
  if (from < 0) return out_of_range(call, from);
  if (!call.meter->charge_bytes(text.size())) return false;
  const std::size_t start = rune_offset(text, static_cast<std::size_t>(from));
  const std::size_t hit = start == kNone ? kNone : find(text, needle, start);
  if (hit == kNone) return call.give(Value::int64(-1));
  return give_int(call, count_runes(text.substr(0, hit)));
}

bool last_index_of(Call& call) {
  const std::string_view text = text_of(call, 0), needle = text_of(call, 1);
  std::size_t last = text.size();  // the last byte a hit may begin at
  if (call.count == 3) {
    const std::int64_t from = call[2].as_int();
    if (from < 0) return out_of_range(call, from);
    last = rune_offset(text, static_cast<std::size_t>(from));
    // Behind the last character nothing begins, as the extension has it.
    const bool behind = last == text.size() && !needle.empty();
    if (last == kNone || behind) return call.give(Value::int64(-1));
  }
  // Backwards the search compares from scratch at each place.
  if (!call.meter->charge_bytes(text.size() * (1 + needle.size() / 16))) return false;
  const std::size_t hit = text.rfind(needle, last);
  if (hit == kNone) return call.give(Value::int64(-1));
  return give_int(call, count_runes(text.substr(0, hit)));
}

template <char kFirst, char kLast, char kTo>
bool change_case(Call& call) {
  if (!call.meter->make_bytes(text_of(call, 0).size())) return false;
  std::string out(text_of(call, 0));
  for (char& c : out) {
    if (c >= kFirst && c <= kLast) c = static_cast<char>(c - kFirst + kTo);
  }
  return call.give(Value::string(std::move(out)));
}

// The end of the code point that begins at `at`, or one past the end.
std::size_t after_rune(std::string_view text, std::size_t at) {
  std::string_view rest = text.substr(at);
  if (rest.empty()) return text.size() + 1;
  take_rune(&rest);
  return text.size() - rest.size();
}

bool replace(Call& call) {
  const std::string_view text = text_of(call, 0), old = text_of(call, 1), by = text_of(call, 2);
  std::int64_t left = call.count == 4 ? call[3].as_int() : -1;
  if (!call.meter->charge_bytes(text.size())) return false;
  std::string out;
  std::size_t at = 0;
  // Of an empty `old` there is one before each code point and one at the end.
  for (std::size_t hit = find(text, old); hit != kNone && left != 0; --left) {
    if (!call.meter->charge(1)) return false;
    out.append(text.substr(at, hit - at)).append(by);
    at = hit + old.size();
    if (out.size() > limits::kValueBytesMax) break;
    hit = find(text, old, old.empty() ? after_rune(text, hit) : at);
  }
  if (at <= text.size()) out.append(text.substr(at));
  return call.meter->make_bytes(out.size()) && call.give(Value::string(std::move(out)));
}

bool split(Call& call) {
  const std::string_view text = text_of(call, 0), separator = text_of(call, 1);
  const std::int64_t most = call.count == 3 ? call[2].as_int() : -1;
  List out;
  std::size_t at = 0;
  const auto more = [&] { return most < 0 || static_cast<std::int64_t>(out.size()) + 1 < most; };
  const auto piece = [&](std::size_t end) {
    out.push_back(Value::string(std::string(text.substr(at, end - at))));
    return call.meter->charge_bytes(end - at);
  };
  if (most == 0 || (text.empty() && separator.empty())) return call.give(Value::list({}));
  while (more()) {
    std::size_t hit = separator.empty() ? after_rune(text, at) : find(text, separator, at);
    if (hit == kNone || (separator.empty() && hit >= text.size())) break;
    if (!piece(hit)) return false;
    at = hit + separator.size();
  }
  if (!piece(text.size()) || !call.meter->make_items(out.size())) return false;
  return call.give(Value::list(std::move(out)));
}

bool substring(Call& call) {
  const std::string_view text = text_of(call, 0);
  if (!call.meter->charge_bytes(text.size())) return false;
  const std::int64_t first = call[1].as_int();
  const std::int64_t end =
      call.count == 3 ? call[2].as_int() : static_cast<std::int64_t>(count_runes(text));
  if (first < 0 || end < first) {
    return out_of_range(call, first < 0 || call.count == 2 ? first : end);
  }
  const std::size_t from = rune_offset(text, static_cast<std::size_t>(first));
  const std::size_t to = rune_offset(text, static_cast<std::size_t>(end));
  if (from == kNone || to == kNone) return out_of_range(call, from == kNone ? first : end);
  return give_text(call, text.substr(from, to - from));
}

// Unicode's White_Space property.
bool is_space(std::uint32_t r) {
  return (r >= 0x09 && r <= 0x0d) || r == 0x20 || r == 0x85 || r == 0xa0 || r == 0x1680 ||
         (r >= 0x2000 && r <= 0x200a) || r == 0x2028 || r == 0x2029 || r == 0x202f || r == 0x205f ||
         r == 0x3000;
}

bool trim(Call& call) {
  const std::string_view text = text_of(call, 0);
  if (!call.meter->charge_bytes(text.size())) return false;
  std::size_t first = text.size(), end = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t at = text.size() - rest.size();
    if (is_space(take_rune(&rest))) continue;
    first = std::min(first, at);
    end = text.size() - rest.size();
  }
  return give_text(call, first < end ? text.substr(first, end - first) : std::string_view());
}

bool join(Call& call) {
  const std::string_view separator = call.count == 2 ? text_of(call, 1) : std::string_view();
  std::string out;
  bool first = true;
  for (const Value& x : call[0].as_list()) {
    if (x.kind() != Kind::string) {
      return call.fail("join() needs strings, one is " + std::string(type_name(x.kind())));
    }
    const std::size_t grown = out.size() + separator.size() + x.as_string().size();
    if (grown > limits::kValueBytesMax + separator.size()) return call.meter->make_bytes(grown);
    if (!call.meter->charge_bytes(separator.size() + x.as_string().size())) return false;
    if (!first) out.append(separator);
    out.append(x.as_string());
    first = false;
  }
  return call.meter->make_bytes(out.size()) && call.give(Value::string(std::move(out)));
}

bool reverse(Call& call) {
  const std::string_view text = text_of(call, 0);
  if (!call.meter->make_bytes(text.size())) return false;
  std::string out(text.size(), '\0');
  std::size_t end = text.size();
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view before = rest;
    take_rune(&rest);
    const std::size_t length = before.size() - rest.size();
    end -= length;
    out.replace(end, length, before.substr(0, length));
  }
  return call.give(Value::string(std::move(out)));
}

bool encode_base64(Call& call) {
  return call.meter->make_bytes(call[0].as_bytes().size() * 4 / 3) &&
         call.give(Value::string(base64_encode(call[0].as_bytes())));
}

bool decode_base64(Call& call) {
  std::string out;
  if (!call.meter->make_bytes(text_of(call, 0).size())) return false;
  if (!base64_decode(text_of(call, 0), &out)) return call.fail("this is not base64");
  return call.give(Value::bytes(std::move(out)));
}

constexpr Overload kFunctions[] = {
    {"size", false, "S", 'I', size_of_string},
    {"size", false, "Y", 'I', size_of_bytes},
    {"size", false, "L", 'I', size_of_list},
    {"size", false, "M", 'I', size_of_map},
    {"size", true, "S", 'I', size_of_string},
    {"size", true, "Y", 'I', size_of_bytes},
    {"size", true, "L", 'I', size_of_list},
    {"size", true, "M", 'I', size_of_map},
    {"contains", true, "SS", 'B', contains},
    {"startsWith", true, "SS", 'B', starts_with},
    {"endsWith", true, "SS", 'B', ends_with},
    {"matches", true, "SS", 'B', matches},
    {"matches", false, "SS", 'B', matches},
    {"charAt", true, "SI", 'S', char_at},
    {"indexOf", true, "SS", 'I', index_of},
    {"indexOf", true, "SSI", 'I', index_of},
    {"lastIndexOf", true, "SS", 'I', last_index_of},
    {"lastIndexOf", true, "SSI", 'I', last_index_of},
    {"lowerAscii", true, "S", 'S', change_case<'A', 'Z', 'a'>},
    {"upperAscii", true, "S", 'S', change_case<'a', 'z', 'A'>},
    {"replace", true, "SSS", 'S', replace},
    {"replace", true, "SSSI", 'S', replace},
    {"split", true, "SS", 's', split},
    {"split", true, "SSI", 's', split},
    {"substring", true, "SI", 'S', substring},
    {"substring", true, "SII", 'S', substring},
    {"trim", true, "S", 'S', trim},
    {"join", true, "L", 'S', join},
    {"join", true, "LS", 'S', join},
    {"reverse", true, "S", 'S', reverse},
    {"base64.encode", false, "Y", 'S', encode_base64},
    {"base64.decode", false, "S", 'Y', decode_base64},
};

}  // namespace

std::span<const Overload> string_functions() { return kFunctions; }

}  // namespace pawl::dsl
