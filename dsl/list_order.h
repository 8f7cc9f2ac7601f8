// Sorting for sort() and sortBy().
#pragma once

#include <cstdint>
#include <vector>

#include "dsl/meter.h"
#include "dsl/value.h"

namespace pawl::dsl {

// The positions of `keys` in ascending order, equal ones in their own order. False if the keys are
// not all numbers (no NaN) or all of one kind that has an order; the meter has the message.
bool sorted_order(const List& keys, Meter* meter, std::vector<std::uint32_t>* order);

}  // namespace pawl::dsl
