// The variables the tests of expressions have in scope: what a workflow's state would see.
#pragma once

#include "dsl/expression.h"

namespace pawl::dsl {

// input {order_id: string, total: number, note?: string, items: list of {sku: string, qty: int}},
// signal {ok: bool, by: string}, vars (open), at (timestamp), wait (duration), any (dyn).
const Environment& sample_environment();

class SampleScope : public Scope {
 public:
  const Value* find(std::string_view name) const override;
};

}  // namespace pawl::dsl
