// Machines of several states: the root's, and [flow.NAME].
#pragma once

#include "dsl/parse_context.h"
#include "dsl/parse_table.h"

namespace pawl::dsl {

// Names first: a `next` may name a state that stands further down, a state any flow.
void collect_states(const TomlNode& states, ParseContext* context);
void collect_flows(const TomlNode& flows, ParseContext* context);

// The states of a machine whose names are collected. `start` is the node of its key, or null;
// `table` the one it would stand in.
void parse_states(const TomlNode& states, const TomlNode* start, TableReader* table, Flow* flow,
                  ParseContext* context);

// All [flow.NAME] of the document at `root`, and what is wrong with how they run one another. The
// context is the root's, its states are parsed.
void parse_flows(const TomlNode& flows, const TomlNode& root, Definition* definition,
                 ParseContext* context);

}  // namespace pawl::dsl
