// What a state runs inside of itself: flows, branches, items; and what it tells other runs.
#pragma once

#include "dsl/parse_context.h"
#include "dsl/parse_table.h"

namespace pawl::dsl {

// Each takes its own keys from the state's table, `node` being that of the verb's key, but for
// `save`, `catch` and `next`.
void parse_flow_verb(const TomlNode& node, State* state, ParseContext* context);
void parse_parallel(const TomlNode& node, TableReader* table, State* state, ParseContext* context);
void parse_map(const TomlNode& node, TableReader* table, State* state, ParseContext* context);
void parse_call(const TomlNode& node, TableReader* table, State* state, ParseContext* context);
void parse_send(const TomlNode& node, State* state, ParseContext* context);
void parse_continue(const TomlNode& node, State* state, ParseContext* context);

// The names that every `map` of the document gives its items, sorted.
std::vector<std::string> item_names(const TomlNode& root);

}  // namespace pawl::dsl
