// The lists extension, and sum().
#include <algorithm>

#include "dsl/arithmetic.h"
#include "dsl/functions.h"
#include "dsl/list_order.h"

namespace pawl::dsl {
namespace {

bool give_list(Call& call, List list) { return call.give(Value::list(std::move(list))); }

bool slice(Call& call) {
  const List& list = call[0].as_list();
  const std::int64_t first = call[1].as_int(), end = call[2].as_int();
  if (first < 0 || end < first || static_cast<std::uint64_t>(end) > list.size()) {
    return call.fail("slice(" + std::to_string(first) + ", " + std::to_string(end) +
                     ") is out of range of a list of " + std::to_string(list.size()));
  }
  // Charged for the whole list, which is at hand.
  if (!call.meter->make_copies(list)) return false;
  return give_list(call, List(list.begin() + first, list.begin() + end));
}

bool flatten_into(const List& list, std::int64_t levels, Call& call, List* out) {
  for (const Value& x : list) {
    if (!call.meter->charge(1) || !call.meter->charge_copy(x)) return false;
    if (x.kind() == Kind::list && levels > 0) {
      if (!flatten_into(x.as_list(), levels - 1, call, out)) return false;
    } else {
      out->push_back(x);
    }
  }
  return true;
}

bool flatten(Call& call) {
  constexpr std::int64_t kLevelsMax = 64;
  const std::int64_t levels = call.count == 2 ? call[1].as_int() : 1;
  if (levels < 0) return call.fail("flatten() needs a level that is not negative");
  List out;
  if (!flatten_into(call[0].as_list(), std::min(levels, kLevelsMax), call, &out)) return false;
  return call.meter->make_items(out.size()) && give_list(call, std::move(out));
}

bool distinct(Call& call) {
  List out;
  for (const Value& x : call[0].as_list()) {
    bool known = false;
    for (std::size_t i = 0; i < out.size() && !known; ++i) {
      if (!metered_equal(out[i], x, call.meter, &known)) return false;
    }
    if (known) continue;
    if (!call.meter->charge_copy(x)) return false;
    out.push_back(x);
  }
  return call.meter->make_items(out.size()) && give_list(call, std::move(out));
}

bool sort(Call& call) {
  const List& list = call[0].as_list();
  std::vector<std::uint32_t> order;
  if (!call.meter->make_copies(list) || !sorted_order(list, call.meter, &order)) return false;
  List out;
  out.reserve(list.size());
  for (const std::uint32_t i : order) out.push_back(list[i]);
  return give_list(call, std::move(out));
}

bool range(Call& call) {
  const std::int64_t n = call[0].as_int();
  if (n < 0) return call.fail("lists.range() needs a number that is not negative");
  if (!call.meter->make_items(static_cast<std::size_t>(n))) return false;
  List out;
  out.reserve(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) out.push_back(Value::int64(i));
  return give_list(call, std::move(out));
}

bool reverse(Call& call) {
  const List& list = call[0].as_list();
  return call.meter->make_copies(list) && give_list(call, List(list.rbegin(), list.rend()));
}

// Of numbers, or of durations; 0 for an empty list.
bool sum(Call& call) {
  const List& list = call[0].as_list();
  Value total = list.empty() ? Value::int64(0) : list[0];
  if (total.kind() == Kind::string || total.kind() == Kind::bytes || total.kind() == Kind::list) {
    return call.fail("no such overload: sum() needs numbers or durations");
  }
  for (std::size_t i = 1; i < list.size(); ++i) {
    Value next;
    if (!call.meter->charge(1) || !calculate(Op::add, total, list[i], call.meter, &next))
      return false;
    total = std::move(next);
  }
  if (total.kind() != Kind::duration && !is_number(total.kind())) {
    return call.fail("no such overload: sum() needs numbers or durations");
  }
  return call.give(std::move(total));
}

bool element_or_none(Call& call, bool last) {
  const List& list = call[0].as_list();
  if (list.empty()) return call.give(Value::optional(nullptr));
  const Value& element = last ? list.back() : list.front();
  return call.meter->charge_copy(element) &&
         call.give(Value::optional(std::make_shared<const Value>(element)));
}
bool first(Call& call) { return element_or_none(call, false); }
bool last(Call& call) { return element_or_none(call, true); }

constexpr Overload kFunctions[] = {
    {"slice", true, "LII", '0', slice},    {"flatten", true, "L", 'L', flatten},
    {"flatten", true, "LI", 'L', flatten}, {"distinct", true, "L", '0', distinct},
    {"sort", true, "L", '0', sort},        {"lists.range", false, "I", 'i', range},
    {"reverse", true, "L", '0', reverse},  {"sum", true, "L", 'e', sum},
    {"sum", false, "L", 'e', sum},         {"first", true, "L", 'O', first},
    {"last", true, "L", 'O', last},
};

}  // namespace

std::span<const Overload> list_functions() { return kFunctions; }

}  // namespace pawl::dsl
