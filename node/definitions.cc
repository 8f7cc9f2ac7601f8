#include "node/definitions.h"

#include "engine/namespace.h"

namespace pawl::node {

const dsl::Definition* Definitions::find(const std::string& name, std::uint32_t version) {
  const auto known = parsed_.find(std::pair<const std::string&, std::uint32_t>(name, version));
  if (known != parsed_.end()) return known->second.get();
  const engine::CatalogVersion* stored = catalog_.find(name, version);
  if (stored == nullptr) return nullptr;
  auto definition = dsl::parse_definition(stored->text).definition;
  // A version this build can't parse is remembered as null: it is not parsed again at every
  // look-up.
  return parsed_.emplace(std::make_pair(name, version), std::move(definition)).first->second.get();
}

void Definitions::forget(std::string_view name_space) {
  std::erase_if(parsed_, [name_space](const auto& known) {
    return engine::namespace_of(known.first.first) == name_space;
  });
}

std::optional<std::uint32_t> Definitions::resolve(
    const std::string& name, const std::optional<std::uint32_t>& version) const {
  const engine::CatalogWorkflow* workflow = catalog_.find(name);
  if (workflow == nullptr) return std::nullopt;
  const std::uint32_t wanted = version.value_or(workflow->default_version);
  if (workflow->find(wanted) == nullptr) return std::nullopt;
  return wanted;
}

}  // namespace pawl::node
