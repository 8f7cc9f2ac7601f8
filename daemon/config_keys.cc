#include "daemon/config_keys.h"

#include "base/limits.h"
#include "codecs/json.h"
#include "dsl/expression.h"

namespace pawl::daemon {
namespace {

std::string apply_data(const KeyValue& value, Config* config) {
  if (value.text.empty()) return "must not be empty";
  config->server.data = value.text;
  return "";
}

std::string apply_socket(const KeyValue& value, Config* config) {
  if (value.text.empty() || value.text.size() > 107) {
    return "must be a path of 1 to 107 bytes (the kernel's bound for a socket)";
  }
  config->server.socket = value.text;
  return "";
}

// A string of octal digits: as an integer, 660 and 0o660 could not be told apart.
std::string apply_mode(const KeyValue& value, Config* config) {
  if (value.text.size() < 3 || value.text.size() > 4) {
    return "must be a string of 3 or 4 octal digits such as \"0660\"";
  }
  std::int64_t mode = 0;
  for (const char c : value.text) {
    if (c < '0' || c > '7') return "must be a string of 3 or 4 octal digits such as \"0660\"";
    mode = mode * 8 + (c - '0');
  }
  if (mode > 0777) return "must not hold more than permission bits (at most \"0777\")";
  config->server.socket_mode = mode;
  return "";
}

std::string apply_group(const KeyValue& value, Config* config) {
  config->server.socket_group = value.text;
  return "";
}

std::string apply_spin(const KeyValue& value, Config* config) {
  config->server.spin_us = value.number;
  return "";
}

std::string apply_segment(const KeyValue& value, Config* config) {
  if (value.number % 4096 != 0) return "must be a multiple of 4096";
  config->journal.segment_bytes = value.number;
  return "";
}

std::string apply_preallocate(const KeyValue& value, Config* config) {
  if (value.text == "zero") {
    config->journal.preallocate = log::Preallocate::kZero;
  } else if (value.text == "fallocate") {
    config->journal.preallocate = log::Preallocate::kFallocate;
  } else {
    return "must be \"zero\" or \"fallocate\"";
  }
  return "";
}

std::string apply_scrub_pause(const KeyValue& value, Config* config) {
  dsl::Duration duration;
  const bool read = dsl::parse_duration(value.text, &duration) && duration >= dsl::Duration{};
  if (!read || duration.seconds * 1000 > limits::kScrubPauseMsMax) {
    return "must be a duration of at most a day, such as \"1m\"";
  }
  config->journal.scrub_pause_ms = duration.seconds * 1000 + (duration.nanos + 999'999) / 1'000'000;
  return "";
}

std::string apply_groups(const KeyValue& value, Config* config) {
  config->store.groups = value.number;
  return "";
}

std::string apply_closed(const KeyValue& value, Config* config) {
  dsl::Duration duration;
  config->history.closed_ms.reset();
  if (value.text == "forever") return "";
  if (!dsl::parse_duration(value.text, &duration) || duration <= dsl::Duration{}) {
    return "must be a duration such as \"30d\", or \"forever\"";
  }
  config->history.closed_ms = duration.seconds * 1000 + (duration.nanos + 999'999) / 1'000'000;
  return "";
}

std::string apply_level(const KeyValue& value, Config* config) {
  if (parse_log_level(value.text, &config->log.level)) return "";
  return "must be \"error\", \"warning\", \"notice\", \"info\" or \"debug\"";
}

std::string apply_role(Role role, const KeyValue& value, Config* config) {
  if (value.list.size() > static_cast<std::size_t>(limits::kRolePrincipalsMax)) {
    return "has more than 1000 entries";
  }
  const Accounts nobody("", "");
  for (const std::string& text : value.list) {
    Principals ignored;
    std::vector<std::string> unknown;
    std::string why;
    if (!add_principal(text, nobody, &ignored, &unknown, &why)) {
      std::string message = "holds ";
      codecs::append_json_string(text, &message);
      return message + ", which " + why;
    }
  }
  config->roles.of[static_cast<int>(role)] = value.list;
  return "";
}

template <Role kRole>
std::string apply_role_of(const KeyValue& value, Config* config) {
  return apply_role(kRole, value, config);
}

std::string apply_node(const KeyValue& value, Config* config) {
  config->cluster.node = value.number;
  return "";
}

std::string apply_listen(const KeyValue& value, Config* config) {
  Endpoint endpoint;
  if (!value.text.empty()) {
    if (std::string wrong = parse_endpoint(value.text, &endpoint); !wrong.empty()) return wrong;
    if (endpoint.literal().is_none()) return "must have an address as its host, not a name";
  }
  config->cluster.listen = value.text;
  return "";
}

std::string apply_keyring(const KeyValue& value, Config* config) {
  config->cluster.keyring = value.text;
  return "";
}

// Each was checked where it was read.
std::string apply_peers(const KeyValue& value, Config* config) {
  config->cluster.peers = value.peers;
  return "";
}

KeyValue text(std::string value) {
  KeyValue out;
  out.text = std::move(value);
  return out;
}
KeyValue number(std::int64_t value) {
  KeyValue out;
  out.number = value;
  return out;
}
KeyValue list(std::vector<std::string> value) {
  KeyValue out;
  out.list = std::move(value);
  return out;
}

std::vector<ConfigKey> make_keys() {
  constexpr auto kText = KeyType::text;
  constexpr auto kNumber = KeyType::number;
  constexpr auto kList = KeyType::list;
  const auto segment = static_cast<std::int64_t>(limits::kSegmentBytesDefault);
  const auto segment_min = static_cast<std::int64_t>(limits::kSegmentBytesMin);
  const auto segment_max = static_cast<std::int64_t>(limits::kSegmentBytesMax);
  return {
      {"server", "data", kText, 0, 0, true, text("/var/lib/pawl"), apply_data},
      {"server", "socket", kText, 0, 0, true, text("/run/pawl/pawl.sock"), apply_socket},
      {"server", "socket_mode", kText, 0, 0, true, text("0660"), apply_mode},
      {"server", "socket_group", kText, 0, 0, true, text(""), apply_group},
      {"server", "spin_us", kNumber, 0, limits::kSpinMicrosecondsMax, true, number(0), apply_spin},
      {"journal", "segment_bytes", kNumber, segment_min, segment_max, true, number(segment),
       apply_segment},
      {"journal", "preallocate", kText, 0, 0, true, text("zero"), apply_preallocate},
      {"journal", "scrub_pause", kText, 0, 0, false, text("1m"), apply_scrub_pause},
      {"store", "groups", kNumber, 1, limits::kGroupsMax - 1, true, number(8), apply_groups},
      {"history", "closed", kText, 0, 0, false, text("30d"), apply_closed},
      {"roles", "reader", kList, 0, 0, false, list({}), apply_role_of<Role::reader>},
      {"roles", "client", kList, 0, 0, false, list({"group:pawl"}), apply_role_of<Role::client>},
      {"roles", "worker", kList, 0, 0, false, list({"group:pawl"}), apply_role_of<Role::worker>},
      {"roles", "operator", kList, 0, 0, false, list({"group:pawl-operator"}),
       apply_role_of<Role::operator_>},
      {"roles", "admin", kList, 0, 0, false, list({"uid:0", "group:pawl-admin"}),
       apply_role_of<Role::admin>},
      {"cluster", "node", kNumber, 0, static_cast<std::int64_t>(limits::kNodeIdMax), true,
       number(0), apply_node},
      {"cluster", "listen", kText, 0, 0, true, text(""), apply_listen},
      {"cluster", "keyring", kText, 0, 0, true, text(""), apply_keyring},
      {"cluster", "peer", KeyType::peers, 0, 0, true, {}, apply_peers},
      {"log", "level", kText, 0, 0, false, text("info"), apply_level},
  };
}

}  // namespace

std::span<const ConfigKey> config_keys() {
  static const std::vector<ConfigKey> keys = make_keys();
  return keys;
}

namespace {

std::string peers_toml(const std::vector<Config::Cluster::Peer>& peers) {
  std::string out = "[";
  for (const Config::Cluster::Peer& peer : peers) {
    if (out.size() > 1) out += ", ";
    out += "{ node = " + std::to_string(peer.node) + ", address = ";
    codecs::append_json_string(peer.address.text(), &out);
    out += " }";
  }
  return out + "]";
}

}  // namespace

// JSON's strings are TOML's basic strings, but for DEL, which no path or name here holds.
std::string to_toml(const ConfigKey& key, const KeyValue& value) {
  std::string out;
  switch (key.type) {
    case KeyType::number:
      return std::to_string(value.number);
    case KeyType::text:
      codecs::append_json_string(value.text, &out);
      return out;
    case KeyType::peers:
      return peers_toml(value.peers);
    case KeyType::list:
      break;
  }
  out.push_back('[');
  for (const std::string& item : value.list) {
    if (out.size() > 1) out.append(", ");
    codecs::append_json_string(item, &out);
  }
  out.push_back(']');
  return out;
}

}  // namespace pawl::daemon
