// Namespaces: what belongs to one is called NAMESPACE!NAME wherever it is kept (tables, catalog,
// mailboxes), so that two namespaces may use the same ids and names. What is of the namespace
// `default` goes by its plain name: a store from before there were others holds just that. No other
// file knows the `!`.
#pragma once

#include <string>
#include <string_view>

namespace pawl::engine {

inline constexpr std::string_view kDefaultNamespace = "default";

// 1 to limits::kNamespaceBytesMax of a-z, 0-9 and -, the first not a -.
bool is_namespace_name(std::string_view name);

// What `name` of this namespace is kept as. Different for each pair of a namespace and a name: a
// plain name that has a `!` itself (none of an id, a workflow or a schedule does; a queue's may) is
// kept under its namespace, be that `default`.
std::string qualified(std::string_view name_space, std::string_view name);
// The same for a name of the namespace that `other` is of.
std::string qualified_like(std::string_view other, std::string_view name);

// Of what is kept under a name: its namespace, and what its clients call it.
std::string_view namespace_of(std::string_view kept);
std::string_view plain_name(std::string_view kept);

// An idempotency key of a client of this namespace; no two namespaces share any.
std::string qualified_key(std::string_view name_space, std::string_view key);

}  // namespace pawl::engine
