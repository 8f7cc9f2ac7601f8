// Finds the layers of the configuration on this machine.
#include <dirent.h>
#include <errno.h>

#include <algorithm>

#include "base/limits.h"
#include "daemon/config.h"
#include "daemon/system_error.h"
#include "daemon/text_file.h"

namespace pawl::daemon {
namespace {

constexpr const char* kMainFile = "/etc/pawl/pawld.toml";
constexpr const char* kFragments = "/etc/pawl/conf.d";

absl::Status add_file(const std::string& path, bool must_exist, ConfigSources* sources) {
  absl::StatusOr<std::string> text = read_text_file(path, limits::kConfigBytesMax);
  if (!text.ok()) {
    if (!must_exist && absl::IsNotFound(text.status())) return absl::OkStatus();
    return text.status();
  }
  sources->files.push_back({path, *std::move(text)});
  return absl::OkStatus();
}

// *.toml of conf.d in name order; hidden files (of editors) are passed over.
absl::StatusOr<std::vector<std::string>> fragment_names() {
  std::vector<std::string> names;
  DIR* directory = ::opendir(kFragments);
  if (directory == nullptr) {
    if (errno == ENOENT) return names;
    return system_error(errno, "open", kFragments);
  }
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name.front() != '.' && name.ends_with(".toml")) names.push_back(name);
  }
  ::closedir(directory);
  if (names.size() > static_cast<std::size_t>(limits::kConfigFilesMax)) {
    return absl::ResourceExhaustedError(std::string("read ") + kFragments +
                                        ": more than 100 files");
  }
  std::sort(names.begin(), names.end());
  return names;
}

// PAWL_SERVER__SOCKET=x is server.socket. Names without a double underscore (PAWL_SOCKET) are not
// ours.
void add_environment(const char* const* environment, ConfigSources* sources) {
  std::vector<ConfigSetting> found;
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos || !entry.starts_with("PAWL_")) continue;
    const std::string_view name = entry.substr(0, equals);
    const std::size_t middle = name.find("__", 5);
    if (middle == std::string_view::npos) continue;
    std::string key =
        std::string(name.substr(5, middle - 5)) + "." + std::string(name.substr(middle + 2));
    for (char& c : key) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    }
    found.push_back({std::move(key), std::string(entry.substr(equals + 1)), std::string(name)});
  }
  // The environment's own order is an accident.
  std::sort(found.begin(), found.end(),
            [](const ConfigSetting& a, const ConfigSetting& b) { return a.origin < b.origin; });
  for (ConfigSetting& setting : found) sources->settings.push_back(std::move(setting));
}

}  // namespace

absl::StatusOr<ConfigSources> collect_config(const std::string& file,
                                             const char* const* environment,
                                             std::vector<ConfigSetting> flags) {
  ConfigSources sources;
  if (absl::Status s = add_file(file.empty() ? kMainFile : file, !file.empty(), &sources);
      !s.ok()) {
    return s;
  }
  if (file.empty()) {
    absl::StatusOr<std::vector<std::string>> names = fragment_names();
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      const std::string path = std::string(kFragments) + "/" + name;
      if (absl::Status s = add_file(path, true, &sources); !s.ok()) return s;
    }
  }
  add_environment(environment, &sources);
  for (ConfigSetting& flag : flags) sources.settings.push_back(std::move(flag));
  return sources;
}

}  // namespace pawl::daemon
