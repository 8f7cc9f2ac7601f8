#include "engine/namespace.h"

#include <algorithm>

#include "base/limits_namespaces.h"

namespace pawl::engine {
namespace {

constexpr char kSeparator = '!';
constexpr char kKeySeparator = '\n';  // in no header, so in no key that a client sends

}  // namespace

bool is_namespace_name(std::string_view name) {
  if (name.empty() || name.size() > limits::kNamespaceBytesMax || name.front() == '-') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::string qualified(std::string_view name_space, std::string_view name) {
  const bool plain =
      name_space == kDefaultNamespace && name.find(kSeparator) == std::string_view::npos;
  if (plain) return std::string(name);
  std::string kept(name_space);
  kept.push_back(kSeparator);
  return kept.append(name);
}

std::string qualified_like(std::string_view other, std::string_view name) {
  return qualified(namespace_of(other), name);
}

std::string_view namespace_of(std::string_view kept) {
  const auto at = kept.find(kSeparator);
  return at == std::string_view::npos ? kDefaultNamespace : kept.substr(0, at);
}

std::string_view plain_name(std::string_view kept) {
  const auto at = kept.find(kSeparator);
  return at == std::string_view::npos ? kept : kept.substr(at + 1);
}

std::string qualified_key(std::string_view name_space, std::string_view key) {
  if (key.empty() || name_space == kDefaultNamespace) return std::string(key);
  std::string kept(name_space);
  kept.push_back(kKeySeparator);
  return kept.append(key);
}

}  // namespace pawl::engine
