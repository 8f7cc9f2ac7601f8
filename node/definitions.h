// The definitions this node can run: group 0's catalog, and each version's text parsed once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "dsl/definition.h"
#include "engine/catalog.h"

namespace pawl::node {

class Definitions {
 public:
  engine::Catalog& catalog() { return catalog_; }
  const engine::Catalog& catalog() const { return catalog_; }

  // The parsed version, or null if there is none (or this build can no longer parse it: a newer
  // language). The pointer stays valid: versions are immutable and kept, while their namespace is.
  const dsl::Definition* find(const std::string& name, std::uint32_t version);

  // The version a start gets: the one it asks for, or the default; nullopt if there is none.
  std::optional<std::uint32_t> resolve(const std::string& name,
                                       const std::optional<std::uint32_t>& version) const;

  // The namespace is gone, and its definitions with it.
  void forget(std::string_view name_space);

 private:
  // Compares with a pair of a name that is not copied.
  struct ByVersion {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return a.first != b.first ? a.first < b.first : a.second < b.second;
    }
  };
  engine::Catalog catalog_;
  std::map<std::pair<std::string, std::uint32_t>, std::shared_ptr<const dsl::Definition>, ByVersion>
      parsed_;
};

}  // namespace pawl::node
