// An event as JSON: its fields as event.h lists them, by one visitor for every kind.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "engine/event.h"

namespace pawl::codecs {

// Appends {"seq": N, "at": TIME, "type": "state.entered", ...fields}. With `hashed`, also
// "body": base64 of the event's hashed form, so that a reader can recompute the chained hash. What
// is empty (an actor that is the engine itself, an absent option) is left out; salts are never
// shown.
void append_event(const engine::Event& event, Seq seq, TimeMs at, std::string_view hashed,
                  std::string* out);

}  // namespace pawl::codecs
