// Run ids: what a client may call a run, which group holds it, and what a run is called whose
// client gave no id. api.md, "Ids"; architecture.md, "Partitions".
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"

namespace pawl::engine {

// "" if `id` may name a run, else a sentence that says why not: at most limits::kRunIdBytesMax
// bytes, segments of [A-Za-z0-9._:@~-]+ joined by '/', none of them "." or "..".
std::string run_id_problem(std::string_view id);

// The part of an id that chooses its group: up to the last '/', or the whole id.
std::string_view partition_key(std::string_view id);

// The group (1 .. run_groups) that holds runs of this id.
GroupId group_of_run(std::string_view name_space, std::string_view id, std::uint16_t run_groups);
// The same by the id that a run is kept under (namespace.h).
GroupId group_of_run(std::string_view kept_id, std::uint16_t run_groups);

// The group that keeps the permits of a limit ([limit.NAME]), for this value of its key.
GroupId group_of_limit(std::string_view name, std::string_view key, std::uint16_t run_groups);

// The id of a run started without one: the same for the same idempotency key.
std::string derived_run_id(std::string_view name_space, std::string_view key);

}  // namespace pawl::engine
