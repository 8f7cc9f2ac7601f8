// How batches read in the API and in `pawl journal dump`. api.md, "Batches".
#pragma once

#include <string>

#include "engine/batch_rows.h"

namespace pawl::codecs {

class JsonWriter;

// Appends one batch: {batch, verb, args, filter, reason, rate, status, matching, changed,
// unchanged, refused, refusals, began_at, over_at?, stopped?, actor}. `open_part`: what the group
// has done whose turn it is; null: nothing yet, or it is over.
void append_batch(const engine::Batch& batch, const engine::BatchRow* open_part, std::string* out);

// The members of a filter that are given, as an object.
void write_filter(JsonWriter& w, const engine::RunFilter& filter);

// The members of an event, within an object.
void write_batch_event(JsonWriter& w, const engine::BatchEvent& event);
// A step, as an object.
void write_batch_step(JsonWriter& w, const engine::BatchStep& step);

}  // namespace pawl::codecs
