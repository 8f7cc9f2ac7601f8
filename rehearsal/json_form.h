// Values as JSON carries them: clients and workers know no others, and people write expectations
// in what they see.
#pragma once

#include "dsl/value.h"

namespace pawl::rehearsal {

// Timestamps, durations and bytes become the strings that JSON has for them; all else stays.
dsl::Value json_form(const dsl::Value& value);

// Equal as JSON, 1 and 1.0 included.
bool same(const dsl::Value& expected, const dsl::Value& actual);
// The same, but of maps, at any depth, only the fields of `expected` count.
bool includes(const dsl::Value& expected, const dsl::Value& actual);

}  // namespace pawl::rehearsal
