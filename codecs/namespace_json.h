// How namespaces read in the API, and what belongs to one: by its plain name, with the namespace
// behind it unless that is `default`. api.md, "Namespaces".
#pragma once

#include <string>
#include <string_view>

#include "engine/namespace_book.h"
#include "engine/tables.h"

namespace pawl::codecs {

class JsonWriter;

// The member `namespace`, within an object; nothing of `default`.
void write_namespace(JsonWriter& w, std::string_view name_space);
// The plain name of what is kept under this one (engine/namespace.h), and its namespace.
void write_name(JsonWriter& w, std::string_view key, std::string_view kept);

// Appends one: {name, max_runs?, max_payload_bytes?, starts_per_second?, reason?, created_at?,
// ending?, usage?: {runs, open_runs, payload_bytes}}. `known` is null of `default` without a quota;
// without `usage` none is written.
void append_namespace(std::string_view name, const engine::Namespace* known,
                      const engine::NamespaceUsage* usage, std::string* out);

// The members of an event, within an object.
void write_namespace_event(JsonWriter& w, const engine::NamespaceEvent& event);

}  // namespace pawl::codecs
