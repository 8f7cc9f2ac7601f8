#include "dsl/value.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"
#include "dsl/number.h"

namespace pawl::dsl {
namespace {

// The rank of a key's kind in the order of keys; numbers share one.
int key_rank(Kind kind) {
  switch (kind) {
    case Kind::boolean:
      return 0;
    case Kind::int64:
    case Kind::uint64:
      return 1;
    case Kind::string:
      return 2;
    default:
      PAWL_UNREACHABLE();
  }
}

int sign_of(int x) { return x < 0 ? -1 : (x > 0 ? 1 : 0); }

using Same = bool (Value::*)(const Value&) const;

bool same_lists(const List& a, const List& b, Same same) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(a[i].*same)(b[i])) return false;
  }
  return true;
}

bool same_maps(const Map& a, const Map& b, Same same) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(a[i].first.*same)(b[i].first) || !(a[i].second.*same)(b[i].second)) return false;
  }
  return true;
}

bool same_optionals(const Value* a, const Value* b, Same same) {
  if (a == nullptr || b == nullptr) return a == b;
  return (a->*same)(*b);
}

bool keys_ascend(const Map& m) {
  for (std::size_t i = 1; i < m.size(); ++i) {
    if (Value::compare_keys(m[i - 1].first, m[i].first) >= 0) return false;
  }
  return true;
}

}  // namespace

Value Value::map(Map x) {
  if (!keys_ascend(x)) {
    std::stable_sort(x.begin(), x.end(), [](const auto& a, const auto& b) {
      return compare_keys(a.first, b.first) < 0;
    });
    // Of a row of equal keys keep the last.
    std::size_t kept = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (i + 1 < x.size() && compare_keys(x[i].first, x[i + 1].first) == 0) continue;
      if (kept != i) x[kept] = std::move(x[i]);
      ++kept;
    }
    x.resize(kept);
  }
  return Value(Rep(std::make_shared<const Map>(std::move(x))));
}

const Value* Value::field(std::string_view key) const {
  if (kind() != Kind::map) return nullptr;
  const Map& m = as_map();
  // Strings are the last in the order of keys, so everything else is "less".
  const auto it = std::lower_bound(m.begin(), m.end(), key, [](const auto& entry, auto wanted) {
    return entry.first.kind() != Kind::string || entry.first.as_string() < wanted;
  });
  if (it == m.end() || it->first.as_string() != key) return nullptr;
  return &it->second;
}

bool Value::equals(const Value& other) const {
  if (is_number(kind()) && is_number(other.kind())) {
    return compare_numbers(*this, other) == Ordering::equal;
  }
  if (kind() != other.kind()) return false;
  switch (kind()) {
    case Kind::list:
      return same_lists(as_list(), other.as_list(), &Value::equals);
    case Kind::map:
      return same_maps(as_map(), other.as_map(), &Value::equals);
    case Kind::optional:
      return same_optionals(as_optional(), other.as_optional(), &Value::equals);
    default:
      return identical(other);
  }
}

bool Value::identical(const Value& other) const {
  if (kind() != other.kind()) return false;
  switch (kind()) {
    case Kind::null:
      return true;
    case Kind::boolean:
      return as_bool() == other.as_bool();
    case Kind::int64:
      return as_int() == other.as_int();
    case Kind::uint64:
      return as_uint() == other.as_uint();
    case Kind::float64: {
      const double a = as_double(), b = other.as_double();
      if (std::isnan(a)) return std::isnan(b);
      return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
    }
    case Kind::string:
      return as_string() == other.as_string();
    case Kind::bytes:
      return as_bytes() == other.as_bytes();
    case Kind::list:
      return same_lists(as_list(), other.as_list(), &Value::identical);
    case Kind::map:
      return same_maps(as_map(), other.as_map(), &Value::identical);
    case Kind::timestamp:
      return as_timestamp() == other.as_timestamp();
    case Kind::duration:
      return as_duration() == other.as_duration();
    case Kind::type:
      return as_type() == other.as_type();
    case Kind::optional:
      return same_optionals(as_optional(), other.as_optional(), &Value::identical);
  }
  PAWL_UNREACHABLE();
}

int Value::compare_keys(const Value& a, const Value& b) {
  const int ra = key_rank(a.kind()), rb = key_rank(b.kind());
  if (ra != rb) return ra < rb ? -1 : 1;
  if (ra == 0) return static_cast<int>(a.as_bool()) - static_cast<int>(b.as_bool());
  if (ra == 2) return sign_of(a.as_string().compare(b.as_string()));
  const Ordering o = compare_exactly(a, b);
  return o == Ordering::less ? -1 : (o == Ordering::greater ? 1 : 0);
}

}  // namespace pawl::dsl
