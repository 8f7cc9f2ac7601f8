// How limits and their permits read in the API and in `pawl journal dump`. api.md, "Limits".
#pragma once

#include <string>

#include "engine/limit_rows.h"

namespace pawl::codecs {

class JsonWriter;

// Appends one limit: {name, key, concurrency?, rate?, held, waiting, next_at?, holders: [{run, uid,
// permit, since}], queue: [{run, uid, permit, priority, since}]}, of both lists the first
// limits::kPermitsShownMax.
void append_limit(const engine::LimitName& name, const engine::LimitRow& row, std::string* out);

// A change, as an object.
void write_limit_change(JsonWriter& w, const engine::LimitChange& change);

}  // namespace pawl::codecs
