#include "daemon/config.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/limits.h"
#include "daemon/config_cluster.h"
#include "daemon/config_keys.h"
#include "dsl/diagnostic.h"
#include "dsl/diagnostic_list.h"
#include "dsl/toml_scan.h"
#include "dsl/toml_tree.h"

namespace pawl::daemon {
namespace {

constexpr std::string_view kBuiltIn = "default";  // the origin of what no layer says

// What the layers so far say about one key.
struct Current {
  KeyValue value;
  std::string origin{kBuiltIn};
  // Where it stands, if in a file; and of a list of tables each item.
  const ConfigFile* file = nullptr;
  dsl::Place place;
  std::vector<dsl::Place> items;
};

std::string bounds_of(const ConfigKey& key) {
  switch (key.type) {
    case KeyType::text:
      return "must be a string";
    case KeyType::list:
      return "must be a list of strings";
    case KeyType::peers:
      return "must be a list of tables, [[" + key.path() + "]] with node and address each";
    case KeyType::number:
      break;
  }
  return "must be an integer between " + std::to_string(key.min) + " and " +
         std::to_string(key.max);
}

// One [[cluster.peer]]; false, with what is wrong in *out, if it is none.
bool read_peer(const dsl::TomlNode& table, dsl::DiagnosticList* out, Config::Cluster::Peer* peer) {
  using Kind = dsl::TomlNode::Kind;
  const int errors = out->errors();
  for (const dsl::TomlNode& child : table.children) {
    if (child.key == "node" || child.key == "address" || child.key == "founder") continue;
    out->error(child.mark(), "unknown key " + dsl::quoted(child.key) + " in [[cluster.peer]]",
               out->did_you_mean(child.key, {"node", "address", "founder"}));
  }
  const auto node_max = static_cast<std::int64_t>(limits::kNodeIdMax);
  const dsl::TomlNode* node = table.find("node");
  if (node == nullptr) {
    out->error(table.mark(), "the box has no node, its id");
  } else if (!node->is(Kind::integer) || node->integer < 1 || node->integer > node_max) {
    out->error(node->place, "node must be an integer between 1 and " + std::to_string(node_max));
  } else {
    peer->node = node->integer;
  }
  const dsl::TomlNode* address = table.find("address");
  if (address == nullptr) {
    out->error(table.mark(), "the box has no address");
  } else if (!address->is(Kind::string)) {
    out->error(address->place, "address must be a string, \"HOST:PORT\"");
  } else if (std::string wrong = parse_endpoint(address->text, &peer->address); !wrong.empty()) {
    out->error(address->place, "address " + wrong);
  }
  if (const dsl::TomlNode* founder = table.find("founder"); founder != nullptr) {
    if (!founder->is(Kind::boolean)) {
      out->error(founder->place, "founder must be true or false");
    }
    peer->founder = founder->boolean;
  }
  return out->errors() == errors;
}

bool read_peers(const dsl::TomlNode& list, dsl::DiagnosticList* out, KeyValue* value) {
  bool all = true;
  for (const dsl::TomlNode& item : list.children) {
    if (!item.is(dsl::TomlNode::Kind::table)) {
      out->error(item.place, "cluster.peer must be a list of tables, is " +
                                 std::string(dsl::kind_name(item.kind)));
      all = false;
      continue;
    }
    all = read_peer(item, out, &value->peers.emplace_back()) && all;
  }
  return all;
}

class Merge {
 public:
  explicit Merge(ConfigResult* result) : result_(result) {
    for (const ConfigKey& key : config_keys()) {
      current_.push_back({key.fallback, std::string(kBuiltIn), nullptr, {}, {}});
      PAWL_CHECK(key.apply(key.fallback, &result_->config).empty());
    }
  }

  void file(const ConfigFile& file);
  void setting(const ConfigSetting& setting);
  void finish();

 private:
  void section(const dsl::TomlNode& table, const std::string& path, dsl::DiagnosticList* out);
  void entry(const dsl::TomlNode& node, std::size_t index, const std::string& path,
             dsl::DiagnosticList* out);
  void check_boxes();
  static bool convert(const ConfigKey& key, const dsl::TomlNode& node, KeyValue* value);
  static bool convert_text(const ConfigKey& key, const std::string& text, KeyValue* value);
  // Checks and stores a value; "" or what is wrong.
  std::string take(std::size_t index, KeyValue value, std::string origin);

  ConfigResult* result_;
  const ConfigFile* file_ = nullptr;  // being read
  std::vector<Current> current_;      // by key
};

std::string Merge::take(std::size_t index, KeyValue value, std::string origin) {
  const ConfigKey& key = config_keys()[index];
  if (key.type == KeyType::number && (value.number < key.min || value.number > key.max)) {
    return bounds_of(key);
  }
  std::string wrong = key.apply(value, &result_->config);
  if (wrong.empty()) current_[index] = {std::move(value), std::move(origin), nullptr, {}, {}};
  return wrong;
}

bool Merge::convert(const ConfigKey& key, const dsl::TomlNode& node, KeyValue* value) {
  switch (key.type) {
    case KeyType::text:
      value->text = node.text;
      return node.is(dsl::TomlNode::Kind::string);
    case KeyType::number:
      value->number = node.integer;
      return node.is(dsl::TomlNode::Kind::integer);
    case KeyType::peers:
      return node.is(dsl::TomlNode::Kind::list);  // read_peers() has the rest
    case KeyType::list:
      break;
  }
  for (const dsl::TomlNode& item : node.children) {
    if (!item.is(dsl::TomlNode::Kind::string)) return false;
    value->list.push_back(item.text);
  }
  return node.is(dsl::TomlNode::Kind::list);
}

// A value from the environment or a flag: bare text, but lists as TOML.
bool Merge::convert_text(const ConfigKey& key, const std::string& text, KeyValue* value) {
  switch (key.type) {
    case KeyType::text:
      value->text = text;
      return true;
    case KeyType::number: {
      const char* end = text.data() + text.size();
      const auto result = std::from_chars(text.data(), end, value->number);
      return result.ec == std::errc() && result.ptr == end;
    }
    case KeyType::list:
    case KeyType::peers:
      break;
  }
  const std::string line = "x = " + text;
  dsl::DiagnosticList diagnostics(line);
  if (!dsl::scan_toml(&diagnostics)) return false;
  const auto tree = dsl::parse_toml(&diagnostics);
  if (!tree || tree->children.size() != 1) return false;
  if (!convert(key, tree->children[0], value)) return false;
  return key.type != KeyType::peers || read_peers(tree->children[0], &diagnostics, value);
}

void Merge::entry(const dsl::TomlNode& node, std::size_t index, const std::string& path,
                  dsl::DiagnosticList* out) {
  const ConfigKey& key = config_keys()[index];
  KeyValue value;
  if (!convert(key, node, &value)) {
    out->error(node.place, key.path() + " " + bounds_of(key) + ", is " +
                               std::string(dsl::kind_name(node.kind)));
    return;
  }
  if (key.type == KeyType::peers && !read_peers(node, out, &value)) return;
  const std::string origin = path + ":" + std::to_string(node.mark().line);
  if (const std::string wrong = take(index, std::move(value), origin); !wrong.empty()) {
    out->error(node.place, key.path() + " " + wrong);
    return;
  }
  current_[index].file = file_;
  current_[index].place = node.place;
  for (const dsl::TomlNode& item : node.children) current_[index].items.push_back(item.mark());
}

void Merge::section(const dsl::TomlNode& table, const std::string& path, dsl::DiagnosticList* out) {
  const auto keys = config_keys();
  std::vector<std::string> names;
  for (const ConfigKey& key : keys) {
    if (key.section == table.key) names.emplace_back(key.name);
  }
  for (const dsl::TomlNode& child : table.children) {
    bool known = false;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i].section != table.key || keys[i].name != child.key) continue;
      known = true;
      entry(child, i, path, out);
    }
    if (known) continue;
    out->error(child.mark(), "unknown key " + dsl::quoted(child.key) + " in [" + table.key + "]",
               out->did_you_mean(child.key, names));
  }
}

void Merge::file(const ConfigFile& file) {
  file_ = &file;
  dsl::DiagnosticList diagnostics(file.text);
  std::vector<std::string> sections;
  for (const ConfigKey& key : config_keys()) {
    if (sections.empty() || sections.back() != key.section) sections.emplace_back(key.section);
  }
  if (dsl::scan_toml(&diagnostics)) {
    if (const auto tree = dsl::parse_toml(&diagnostics)) {
      const dsl::TomlNode* schema = tree->find("schema");
      if (schema == nullptr) {
        diagnostics.error({}, "the key `schema` is missing", "begin the file with `schema = 1`");
      } else if (!schema->is(dsl::TomlNode::Kind::integer) || schema->integer != 1) {
        diagnostics.error(schema->place, "schema must be 1",
                          "this daemon knows no other form of the file");
      }
      for (const dsl::TomlNode& child : tree->children) {
        if (child.key == "schema") continue;
        const bool known = std::find(sections.begin(), sections.end(), child.key) != sections.end();
        if (!known) {
          diagnostics.error(child.mark(), "unknown key " + dsl::quoted(child.key),
                            diagnostics.did_you_mean(child.key, sections));
        } else if (!child.is(dsl::TomlNode::Kind::table)) {
          diagnostics.error(child.mark(), child.key + " must be a table, [" + child.key + "]");
        } else {
          section(child, file.path, &diagnostics);
        }
      }
    }
  }
  int suppressed = 0;
  for (const dsl::Diagnostic& d : diagnostics.take(&suppressed)) {
    result_->errors.push_back(dsl::render(d, file.path));
  }
  if (suppressed > 0) {
    result_->errors.push_back(file.path + ": and " + std::to_string(suppressed) + " more\n");
  }
}

void Merge::setting(const ConfigSetting& setting) {
  const auto keys = config_keys();
  std::vector<std::string> names;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    names.push_back(keys[i].path());
    if (names.back() != setting.key) continue;
    KeyValue value;
    std::string wrong = bounds_of(keys[i]);
    if (convert_text(keys[i], setting.value, &value)) {
      wrong = take(i, std::move(value), setting.origin);
    }
    if (!wrong.empty()) {
      result_->errors.push_back(setting.origin + ": error: " + setting.key + " " + wrong + "\n");
    }
    return;
  }
  std::string text = setting.origin + ": error: there is no key " + dsl::quoted(setting.key) + "\n";
  const std::string close = dsl::closest(setting.key, names);
  if (!close.empty()) text += "  hint: did you mean `" + close + "`?\n";
  result_->errors.push_back(std::move(text));
}

void Merge::finish() {
  const auto keys = config_keys();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    result_->origins.push_back(
        {keys[i].path(), to_toml(keys[i], current_[i].value), current_[i].origin, keys[i].restart});
    for (int role = 0; role < kRoles && keys[i].section == "roles"; ++role) {
      if (keys[i].name != to_string(static_cast<Role>(role))) continue;
      result_->config.roles.built_in[role] = current_[i].origin == kBuiltIn;
    }
  }
  // Of values that are missing since they were wrong, nothing more is said.
  if (result_->errors.empty()) check_boxes();
  result_->ok = result_->errors.empty();
}

// What the boxes' keys say together, marked where the value that shows it stands.
void Merge::check_boxes() {
  const auto keys = config_keys();
  for (const ClusterFault& fault : check_cluster(result_->config.cluster)) {
    std::size_t index = 0;
    while (index < keys.size() && keys[index].path() != fault.key) ++index;
    PAWL_CHECK(index < keys.size());
    const Current& shown = current_[index];
    if (shown.file == nullptr) {
      std::string text = shown.origin + ": error: " + fault.key + ": " + fault.message + "\n";
      if (!fault.hint.empty()) text += "  hint: " + fault.hint + "\n";
      result_->errors.push_back(std::move(text));
      continue;
    }
    const bool of_item = fault.item && *fault.item < shown.items.size();
    dsl::DiagnosticList diagnostics(shown.file->text);
    diagnostics.error(of_item ? shown.items[*fault.item] : shown.place, fault.message, fault.hint);
    int suppressed = 0;
    for (const dsl::Diagnostic& d : diagnostics.take(&suppressed)) {
      result_->errors.push_back(dsl::render(d, shown.file->path));
    }
  }
}

}  // namespace

ConfigResult make_config(const ConfigSources& sources) {
  ConfigResult result;
  Merge merge(&result);
  for (const ConfigFile& file : sources.files) merge.file(file);
  for (const ConfigSetting& setting : sources.settings) merge.setting(setting);
  merge.finish();
  return result;
}

std::vector<std::string> keys_needing_restart(const ConfigResult& before,
                                              const ConfigResult& after) {
  std::vector<std::string> keys;
  PAWL_CHECK(before.origins.size() == after.origins.size());
  for (std::size_t i = 0; i < before.origins.size(); ++i) {
    const ConfigOrigin& old = before.origins[i];
    if (old.restart && old.value != after.origins[i].value) keys.push_back(old.key);
  }
  return keys;
}

std::string dump_config(const ConfigResult& result, bool with_origin) {
  std::string out = "schema = 1\n";
  std::string section;
  for (const ConfigOrigin& origin : result.origins) {
    const std::size_t dot = origin.key.find('.');
    if (const std::string own = origin.key.substr(0, dot); own != section) {
      section = own;
      out += "\n[" + section + "]\n";
    }
    out += origin.key.substr(dot + 1) + " = " + origin.value;
    if (with_origin) out += "  # from " + origin.origin;
    out += "\n";
  }
  return out;
}

RoleMap make_roles(const Config& config, const Accounts& accounts,
                   std::vector<std::string>* unknown) {
  RoleMap map;
  for (int i = 0; i < kRoles; ++i) {
    Principals principals;
    std::string why;
    std::vector<std::string> missing;
    for (const std::string& text : config.roles.of[i]) {
      PAWL_CHECK(add_principal(text, accounts, &principals, &missing, &why));
    }
    if (!config.roles.built_in[i]) {
      unknown->insert(unknown->end(), missing.begin(), missing.end());
    }
    map.set(static_cast<Role>(i), std::move(principals));
  }
  return map;
}

}  // namespace pawl::daemon
