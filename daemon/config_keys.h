// The one table of configuration keys: name, type, bounds, default, whether a change needs a
// restart, and where the value goes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config.h"

namespace pawl::daemon {

enum class KeyType : std::uint8_t { text, number, list, peers };

// A value of any key; which part counts is the key's type.
struct KeyValue {
  std::string text;
  std::int64_t number = 0;
  std::vector<std::string> list;
  std::vector<Config::Cluster::Peer> peers;  // {node, address} each
};

struct ConfigKey {
  std::string_view section;
  std::string_view name;
  KeyType type = KeyType::text;
  std::int64_t min = 0;  // of a number
  std::int64_t max = 0;
  bool restart = true;
  KeyValue fallback;
  // Checks and stores; "" or what is wrong, continuing the sentence "server.socket ...".
  std::string (*apply)(const KeyValue& value, Config* config) = nullptr;

  std::string path() const { return std::string(section) + "." + std::string(name); }
};

// In the order of the documentation.
std::span<const ConfigKey> config_keys();

// The value as TOML.
std::string to_toml(const ConfigKey& key, const KeyValue& value);

}  // namespace pawl::daemon
