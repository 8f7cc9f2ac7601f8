#include "dsl/meter.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/limits.h"
#include "dsl/number.h"

namespace pawl::dsl {
namespace {

// Deeper than any stored value may be, and far from the stack's end.
constexpr int kCompareDepthMax = 4 * limits::kValueDepthMax;

bool compare(const Value& a, const Value& b, int depth, Meter* meter, bool* equal);

bool compare_lists(const List& a, const List& b, int depth, Meter* meter, bool* equal) {
  *equal = a.size() == b.size();
  for (std::size_t i = 0; *equal && i < a.size(); ++i) {
    if (!compare(a[i], b[i], depth + 1, meter, equal)) return false;
  }
  return true;
}

bool compare_maps(const Map& a, const Map& b, int depth, Meter* meter, bool* equal) {
  *equal = a.size() == b.size();
  for (std::size_t i = 0; *equal && i < a.size(); ++i) {
    if (!compare(a[i].first, b[i].first, depth + 1, meter, equal)) return false;
    if (*equal && !compare(a[i].second, b[i].second, depth + 1, meter, equal)) return false;
  }
  return true;
}

bool compare(const Value& a, const Value& b, int depth, Meter* meter, bool* equal) {
  if (!meter->charge(1)) return false;
  if (depth > kCompareDepthMax) return meter->fail("the values are nested too deeply to compare");
  if (a.kind() != b.kind()) {
    *equal = is_number(a.kind()) && is_number(b.kind()) && compare_numbers(a, b) == Ordering::equal;
    return true;
  }
  if (a.kind() == Kind::list) return compare_lists(a.as_list(), b.as_list(), depth, meter, equal);
  if (a.kind() == Kind::map) return compare_maps(a.as_map(), b.as_map(), depth, meter, equal);
  if (a.kind() == Kind::optional && a.as_optional() != nullptr && b.as_optional() != nullptr) {
    return compare(*a.as_optional(), *b.as_optional(), depth + 1, meter, equal);
  }
  if (a.kind() == Kind::string &&
      !meter->charge(static_cast<std::int64_t>(a.as_string().size() / 64))) {
    return false;
  }
  *equal = a.equals(b);
  return true;
}

Ordering ordering_of(int sign) {
  return sign < 0 ? Ordering::less : (sign > 0 ? Ordering::greater : Ordering::equal);
}

template <class T>
Ordering three_way(const T& a, const T& b) {
  return a < b ? Ordering::less : (b < a ? Ordering::greater : Ordering::equal);
}

}  // namespace

bool Meter::exceed() {
  fatal_ = true;
  error_ = "cost limit exceeded";
  return false;
}

bool Meter::make_bytes(std::size_t bytes) {
  if (bytes > limits::kValueBytesMax) {
    return fail("the result is larger than " + std::to_string(limits::kValueBytesMax) + " bytes");
  }
  return charge_bytes(bytes);
}

bool Meter::make_items(std::size_t count) {
  // An element takes at least one byte.
  if (count > limits::kValueBytesMax) {
    return fail("the result has more than " + std::to_string(limits::kValueBytesMax) + " elements");
  }
  return charge(static_cast<std::int64_t>(count));
}

bool Meter::charge_copies(const List& elements) {
  for (const Value& x : elements) {
    if (!charge_copy(x)) return false;
  }
  return true;
}

bool metered_equal(const Value& a, const Value& b, Meter* meter, bool* equal) {
  return compare(a, b, 0, meter, equal);
}

bool metered_order(const Value& a, const Value& b, Meter* meter, Ordering* order) {
  if (is_number(a.kind()) && is_number(b.kind())) {
    *order = compare_numbers(a, b);
    return true;
  }
  if (a.kind() == b.kind()) {
    switch (a.kind()) {
      case Kind::string:
        *order = ordering_of(a.as_string().compare(b.as_string()));
        return meter->charge(static_cast<std::int64_t>(a.as_string().size() / 64));
      case Kind::bytes:
        *order = ordering_of(a.as_bytes().compare(b.as_bytes()));
        return meter->charge(static_cast<std::int64_t>(a.as_bytes().size() / 64));
      case Kind::boolean:
        *order = three_way(a.as_bool(), b.as_bool());
        return true;
      case Kind::timestamp:
        *order = three_way(a.as_timestamp(), b.as_timestamp());
        return true;
      case Kind::duration:
        *order = three_way(a.as_duration(), b.as_duration());
        return true;
      default:
        break;
    }
  }
  return meter->fail("no such overload: " + std::string(type_name(a.kind())) +
                     " has no order with " + std::string(type_name(b.kind())));
}

const Value* find_key(const Map& map, const Value& key) {
  Value whole;
  const Value* wanted = &key;
  switch (key.kind()) {
    case Kind::boolean:
    case Kind::int64:
    case Kind::uint64:
    case Kind::string:
      break;
    case Kind::float64: {
      const double x = key.as_double();
      if (!(x >= -9223372036854775808.0 && x < 18446744073709551616.0) || std::floor(x) != x) {
        return nullptr;
      }
      whole = x < 0 ? Value::int64(static_cast<std::int64_t>(x))
                    : Value::uint64(static_cast<std::uint64_t>(x));
      wanted = &whole;
      break;
    }
    default:
      return nullptr;
  }
  const auto it = std::lower_bound(
      map.begin(), map.end(), *wanted,
      [](const auto& e, const Value& k) { return Value::compare_keys(e.first, k) < 0; });
  if (it == map.end() || Value::compare_keys(it->first, *wanted) != 0) return nullptr;
  return &it->second;
}

std::string_view type_name(Kind kind) {
  switch (kind) {
    case Kind::null:
      return "null_type";
    case Kind::boolean:
      return "bool";
    case Kind::int64:
      return "int";
    case Kind::uint64:
      return "uint";
    case Kind::float64:
      return "double";
    case Kind::string:
      return "string";
    case Kind::bytes:
      return "bytes";
    case Kind::list:
      return "list";
    case Kind::map:
      return "map";
    case Kind::timestamp:
      return "google.protobuf.Timestamp";
    case Kind::duration:
      return "google.protobuf.Duration";
    case Kind::type:
      return "type";
    case Kind::optional:
      return "optional_type";
  }
  PAWL_UNREACHABLE();
}

}  // namespace pawl::dsl
