// A definition's graph as JSON: {name, version?, start, states: [NAME], edges: [{from, to, label}],
// nodes: [{name, what, ends, flows: [{name, start, nodes, edges}]}], notes: [TEXT]}. `states` and
// `edges` are the root's at a glance, edges from "" what applies to the whole run; `nodes` have
// all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dsl/definition.h"

namespace pawl::codecs {

std::string graph_json(const dsl::Definition& definition, std::optional<std::uint64_t> version);

}  // namespace pawl::codecs
