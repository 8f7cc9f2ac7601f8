#include "cli/test_files.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/limits.h"

namespace pawl::cli {
namespace {

constexpr std::string_view kTests = ".test.toml";
constexpr std::string_view kDefinition = ".toml";

bool ends(const std::string& text, std::string_view with) {
  return text.size() > with.size() &&
         text.compare(text.size() - with.size(), with.size(), with) == 0;
}

absl::Status unreadable(const std::string& path, int error) {
  return absl::InvalidArgumentError(path + ": " + std::strerror(error));
}

// The names in a directory, sorted, without those that begin with a dot.
absl::StatusOr<std::vector<std::string>> names_in(const std::string& directory) {
  DIR* open = opendir(directory.c_str());
  if (open == nullptr) return unreadable(directory, errno);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(open)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  closedir(open);
  std::sort(names.begin(), names.end());
  return names;
}

// Links to directories are not followed, so that none is met twice.
absl::Status search(const std::string& directory, int depth, std::vector<std::string>* files) {
  if (depth > limits::kTestDirectoryDepthMax) {
    return absl::InvalidArgumentError(directory + ": too many directories in one another");
  }
  const absl::StatusOr<std::vector<std::string>> names = names_in(directory);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const std::string path = directory + (directory.back() == '/' ? "" : "/") + name;
    struct stat info;
    if (lstat(path.c_str(), &info) != 0) return unreadable(path, errno);
    if (S_ISDIR(info.st_mode)) {
      if (const absl::Status below = search(path, depth + 1, files); !below.ok()) return below;
    } else if (ends(name, kTests)) {
      files->push_back(path);
    }
    if (files->size() > limits::kTestFilesMax) {
      return absl::InvalidArgumentError("more than " + std::to_string(limits::kTestFilesMax) +
                                        " test files: name fewer directories");
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string definition_of(const std::string& test_file) {
  return test_file.substr(0, test_file.size() - kTests.size()) + std::string(kDefinition);
}

absl::StatusOr<std::vector<std::string>> find_test_files(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    struct stat info;
    if (stat(path.c_str(), &info) != 0) return unreadable(path, errno);
    const std::size_t before = files.size();
    if (S_ISDIR(info.st_mode)) {
      if (const absl::Status found = search(path, 1, &files); !found.ok()) return found;
      if (files.size() > before) continue;
      return absl::InvalidArgumentError(path + ": no NAME.test.toml is below this directory");
    }
    if (ends(path, kTests)) {
      files.push_back(path);
    } else if (ends(path, kDefinition)) {
      const std::string tests =
          path.substr(0, path.size() - kDefinition.size()) + std::string(kTests);
      if (stat(tests.c_str(), &info) != 0) return unreadable(tests, errno);
      files.push_back(tests);
    } else {
      return absl::InvalidArgumentError(path + ": neither NAME.test.toml nor NAME.toml");
    }
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

}  // namespace pawl::cli
