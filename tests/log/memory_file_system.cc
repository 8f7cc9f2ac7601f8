#include "tests/log/memory_file_system.h"

#include <algorithm>
#include <utility>

#include "log/names.h"

namespace pawl::log {
namespace {

// Stands in the directory itself, as a file or as a directory.
bool is_in(const std::string& path, const std::string& directory) {
  if (path.size() <= directory.size() + 1 || path.compare(0, directory.size(), directory) != 0) {
    return false;
  }
  const std::size_t next = path.find('/', directory.size() + 1);
  return path[directory.size()] == '/' && (next == std::string::npos || next + 1 == path.size());
}

std::string named(const char* operation, const std::string& path, const char* what) {
  return std::string(operation) + " " + path + ": " + what;
}

}  // namespace

absl::Status MemoryFileSystem::step(const char* operation, const std::string& path) {
  const std::uint64_t number = operations_++;
  if (stop_at_ && number >= *stop_at_) {
    return absl::UnavailableError(named(operation, path, "the machine is gone"));
  }
  if (read_only_) return absl::PermissionDeniedError(named(operation, path, "read-only"));
  if (fail_at_ && number == *fail_at_) {
    return absl::Status(failure_.code(), named(operation, path, "made to fail"));
  }
  return absl::OkStatus();
}

void MemoryFileSystem::fail_operation(std::uint64_t n, absl::Status status) {
  fail_at_ = n;
  failure_ = std::move(status);
  cut_short_ = false;
}

void MemoryFileSystem::fail_operation_in_way(std::uint64_t n, int way) {
  const absl::Status full = absl::ResourceExhaustedError("ENOSPC");
  if (way == 2) return cut_operation_short(n, full);
  fail_operation(n, way == 0 ? absl::UnavailableError("EIO") : full);
}

void MemoryFileSystem::cut_operation_short(std::uint64_t n, absl::Status status) {
  fail_operation(n, std::move(status));
  cut_short_ = true;
}

std::shared_ptr<MemoryFileSystem::File> MemoryFileSystem::file(const std::string& path) {
  std::shared_ptr<File>& found = names_[path];
  if (found == nullptr) {
    found = std::make_shared<File>();
    name_changed();
  }
  return found;
}

std::uint64_t MemoryFileSystem::used_bytes() const {
  std::uint64_t used = 0;
  for (const auto& [name, content] : names_) used += content->cached.size();
  return used;
}

absl::StatusOr<std::vector<FileInfo>> MemoryFileSystem::list(const std::string& directory) {
  std::vector<FileInfo> found;
  for (const auto& [path, content] : names_) {
    if (is_in(path, directory) && path.back() != '/') {
      found.push_back(FileInfo{path.substr(directory.size() + 1), content->cached.size()});
    }
  }
  return found;
}

absl::StatusOr<std::size_t> MemoryFileSystem::read(const std::string& path, std::uint64_t offset,
                                                   char* out, std::size_t bytes) {
  const auto found = names_.find(path);
  if (found == names_.end()) return absl::NotFoundError(named("read", path, "no such file"));
  const std::string& content = found->second->cached;
  if (offset >= content.size()) return std::size_t{0};
  const auto bad = found->second->unreadable.lower_bound(offset / kSectorBytes);
  if (bad != found->second->unreadable.end() && *bad * kSectorBytes < offset + bytes) {
    return damage(path, *bad * kSectorBytes, "the disk can't give bytes back (made so),");
  }
  return content.copy(out, bytes, offset);
}

absl::Status MemoryFileSystem::put(const char* operation, const std::string& path,
                                   std::uint64_t offset, std::string_view bytes) {
  absl::Status status = step(operation, path);
  if (!status.ok() && !(fail_at_ && operations_ == *fail_at_ + 1)) return status;
  if (!status.ok() && cut_short_) bytes = bytes.substr(0, bytes.size() / 2);
  const std::uint64_t used = used_bytes();
  const std::shared_ptr<File> target = file(path);
  const std::uint64_t end = offset + bytes.size();
  if (end > target->cached.size()) {
    if (used + end - target->cached.size() > capacity_) {
      return absl::ResourceExhaustedError(named(operation, path, "no space left"));
    }
    target->cached.resize(end);
  }
  target->cached.replace(offset, bytes.size(), bytes);
  if (!status.ok() && !cut_short_) return status;  // seen in the cache, never on the disk
  for (std::uint64_t at = offset / kSectorBytes; at * kSectorBytes < end; ++at) {
    target->dirty.insert(at);
  }
  return status;
}

absl::Status MemoryFileSystem::write(const std::string& path, std::uint64_t offset,
                                     std::string_view bytes) {
  return put("write", path, offset, bytes);
}

absl::Status MemoryFileSystem::allocate(const std::string& path, std::uint64_t offset,
                                        std::uint64_t bytes, Preallocate how) {
  if (how == Preallocate::kZero) return put("write", path, offset, std::string(bytes, '\0'));
  const auto found = names_.find(path);
  const std::uint64_t size = found == names_.end() ? 0 : found->second->cached.size();
  const std::uint64_t from = std::max(offset, size);
  const std::uint64_t end = std::max(offset + bytes, from);
  return put("allocate", path, from, std::string(end - from, '\0'));
}

absl::Status MemoryFileSystem::sync(const std::string& path) {
  if (absl::Status s = step("sync", path); !s.ok()) {
    const auto found = names_.find(path);
    if (found != names_.end()) found->second->dirty.clear();
    return s;
  }
  const std::shared_ptr<File> target = file(path);
  target->durable.resize(target->cached.size());
  for (const std::size_t sector : target->dirty) {
    const std::size_t at = sector * kSectorBytes;
    if (at >= target->cached.size()) continue;
    const std::size_t bytes = std::min(kSectorBytes, target->cached.size() - at);
    target->durable.replace(at, bytes, target->cached, at, bytes);
  }
  target->dirty.clear();
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  if (absl::Status s = step("rename", from); !s.ok()) return s;
  const auto found = names_.find(from);
  if (found == names_.end()) return absl::NotFoundError(named("rename", from, "no such file"));
  std::shared_ptr<File> moved = found->second;
  names_.erase(found);
  names_[to] = std::move(moved);
  name_changed();
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::remove(const std::string& path) {
  if (absl::Status s = step("remove", path); !s.ok()) return s;
  if (names_.erase(path) == 0) return absl::NotFoundError(named("remove", path, "no such file"));
  name_changed();
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::sync_directory(const std::string& directory) {
  if (absl::Status s = step("sync directory", directory); !s.ok()) return s;
  if (made_.empty()) {
    durable_names_ = names_;
    unsynced_names_.clear();
    return absl::OkStatus();
  }
  unsynced_names_.push_back(std::move(durable_names_));
  for (Names& names : unsynced_names_) {
    std::erase_if(names, [&](const auto& name) { return is_in(name.first, directory); });
    for (const auto& name : names_) {
      if (is_in(name.first, directory)) names.insert(name);
    }
  }
  durable_names_ = std::move(unsynced_names_.back());
  unsynced_names_.pop_back();
  return absl::OkStatus();
}

absl::StatusOr<bool> MemoryFileSystem::is_there(const std::string& path) {
  return names_.contains(path + "/");
}

absl::StatusOr<bool> MemoryFileSystem::make_directory(const std::string& path) {
  if (names_.contains(path + "/")) return false;
  if (absl::Status s = step("mkdir", path); !s.ok()) return s;
  made_.insert(path);
  names_[path + "/"] = std::make_shared<File>();
  name_changed();
  return true;
}

absl::Status MemoryFileSystem::remove_directory(const std::string& path) {
  if (absl::Status s = step("rmdir", path); !s.ok()) return s;
  for (const auto& [name, content] : names_) {
    if (is_in(name, path)) {
      return absl::FailedPreconditionError(named("rmdir", path, "it is not empty"));
    }
  }
  if (names_.erase(path + "/") == 0) {
    return absl::NotFoundError(named("rmdir", path, "no such directory"));
  }
  name_changed();
  return absl::OkStatus();
}

void MemoryFileSystem::crash(Random* random) {
  const std::uint64_t survived = random->below(unsynced_names_.size() + 1);
  names_ = survived == 0 ? durable_names_ : unsynced_names_[survived - 1];
  for (const std::string& directory : made_) {
    if (names_.contains(directory + "/")) continue;
    std::erase_if(names_, [&](const auto& name) { return is_in(name.first, directory); });
  }
  // All, none or a mixture: each deserves its share of the seeds.
  const double keep = std::vector<double>{0.0, 0.2, 0.5, 0.8, 1.0}[random->below(5)];
  std::set<File*> seen;
  for (const auto& [path, content] : names_) {
    File* const file = content.get();
    if (!seen.insert(file).second) continue;
    // An unsynced size may or may not have got there.
    if (file->cached.size() > file->durable.size() && random->chance(keep)) {
      file->durable.resize(file->durable.size() +
                           random->below(file->cached.size() - file->durable.size() + 1));
    }
    for (const std::size_t sector : file->dirty) {
      const std::size_t at = sector * kSectorBytes;
      if (at >= file->durable.size() || !random->chance(keep)) continue;
      std::size_t bytes =
          std::min({kSectorBytes, file->durable.size() - at, file->cached.size() - at});
      if (random->chance(0.1)) bytes = random->below(bytes + 1);
      file->durable.replace(at, bytes, file->cached, at, bytes);
    }
    file->dirty.clear();
    file->cached = file->durable;
  }
  durable_names_ = names_;
  unsynced_names_.clear();
  operations_ = 0;
  stop_at_.reset();
  fail_at_.reset();
}

void MemoryFileSystem::set_contents(const std::string& path, std::string bytes) {
  auto replaced = std::make_shared<File>();
  replaced->cached = bytes;
  replaced->durable = std::move(bytes);
  names_[path] = replaced;
  durable_names_[path] = replaced;
}

void MemoryFileSystem::make_unreadable(const std::string& path, std::uint64_t from,
                                       std::uint64_t to) {
  auto replaced = std::make_shared<File>(*names_.at(path));
  for (std::size_t sector = from / kSectorBytes; sector * kSectorBytes < to; ++sector) {
    replaced->unreadable.insert(sector);
  }
  names_[path] = replaced;
  durable_names_[path] = replaced;
}

void MemoryFileSystem::forget(const std::string& path) {
  names_.erase(path);
  durable_names_.erase(path);
}

std::vector<std::string> MemoryFileSystem::paths() const {
  std::vector<std::string> all;
  for (const auto& [path, content] : names_) all.push_back(path);
  return all;
}

MemoryFileSystem MemoryFileSystem::copy() const {
  MemoryFileSystem other;
  for (const auto& [path, content] : names_) other.set_contents(path, content->cached);
  return other;
}

MemoryFileSystem MemoryFileSystem::durable() const {
  MemoryFileSystem other;
  for (const auto& [path, content] : durable_names_) other.set_contents(path, content->durable);
  return other;
}

}  // namespace pawl::log
