// Schedules as JSON: how the API shows them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dsl/definition.h"
#include "engine/schedule.h"

namespace pawl::codecs {

class JsonWriter;

// "type" and the other members of an event of the catalog, but for who it is of, into an open
// object.
void write_schedule_event(JsonWriter& w, const engine::ScheduleEvent& event);

// {"schedule": NAME, "changed": ..., "firings": N}; firings only where some were asked for.
void append_schedule_change(std::string_view name, bool changed, std::int64_t firings,
                            std::string* out);

// A schedule of a workflow's default version, and how far it is.
void append_schedule(const dsl::Definition& definition, std::uint32_t version,
                     const dsl::Schedule& schedule, const engine::ScheduleState& state,
                     std::string* out);

}  // namespace pawl::codecs
