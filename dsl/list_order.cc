#include "dsl/list_order.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "dsl/number.h"

namespace pawl::dsl {

bool sorted_order(const List& keys, Meter* meter, std::vector<std::uint32_t>* order) {
  order->resize(keys.size());
  std::iota(order->begin(), order->end(), 0U);
  std::size_t bytes = 0;
  for (const Value& key : keys) {
    // Comparable with the first and with itself (a NaN is not): then all are with each other.
    Ordering o = Ordering::equal;
    if (!metered_order(key, keys.front(), meter, &o)) return false;
    if (is_number(key.kind()) && compare_numbers(key, key) != Ordering::equal) {
      return meter->fail("a NaN has no place in a sorted list");
    }
    if (key.kind() == Kind::string) bytes = std::max(bytes, key.as_string().size());
    if (key.kind() == Kind::bytes) bytes = std::max(bytes, key.as_bytes().size());
  }
  const auto rounds = static_cast<std::int64_t>(keys.size()) * std::bit_width(keys.size());
  if (!meter->charge(rounds * static_cast<std::int64_t>(1 + bytes / 64))) return false;
  Meter paid(INT64_MAX, meter->additions());
  std::stable_sort(order->begin(), order->end(), [&](std::uint32_t a, std::uint32_t b) {
    if (is_number(keys[a].kind())) return compare_exactly(keys[a], keys[b]) == Ordering::less;
    Ordering o = Ordering::equal;
    metered_order(keys[a], keys[b], &paid, &o);
    return o == Ordering::less;
  });
  return true;
}

}  // namespace pawl::dsl
