// Values of a definition that may hold expressions: templates, conditions, assignments.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "dsl/parse_context.h"

namespace pawl::dsl {

// Any TOML value, its strings that begin with '=' compiled in `environment`; checked against
// `expected` unless that is null. What can be known now is: constant subtrees and constant
// expressions become literals, converted as the schema says. Mistakes are reported; the result is
// then a null literal or partial.
Template parse_template(const TomlNode& node, const Environment& environment,
                        const Schema* expected, ParseContext* context);

// The same for a template of one plain type, such as a queue's name.
Template parse_template_of(const TomlNode& node, const Environment& environment, SchemaType type,
                           ParseContext* context);

// A duration: "90s" or an expression.
Template parse_delay(const TomlNode& node, const Environment& environment, ParseContext* context);

// `if`: always an expression, and a bool. Null after a mistake.
std::shared_ptr<const Expression> parse_condition(const TomlNode& node,
                                                  const Environment& environment,
                                                  ParseContext* context);

// `save` and `set`: a table of variables and their new values, sorted by variable (they are
// assigned at once, so the order of the file means nothing).
std::vector<Assignment> parse_assignments(const TomlNode& node, const Environment& environment,
                                          ParseContext* context);

// A value with no expression in it, such as a schema's default; nothing after a mistake.
std::optional<Value> parse_literal(const TomlNode& node, ParseContext* context);

// Every variable that `set` or `save` assign anywhere in the document, sorted.
std::vector<std::string> assigned_variables(const TomlNode& root);

}  // namespace pawl::dsl
