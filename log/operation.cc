#include "log/operation.h"

#include <algorithm>
#include <array>

#include "base/limits.h"

namespace pawl::log {
namespace {

constexpr std::size_t kZerosBytes = 64 * limits::KiB;

std::string_view zeros() {
  // Not const, so that they are not in the binary.
  static std::array<char, kZerosBytes> zeros{};
  return {zeros.data(), zeros.size()};
}

absl::Status allocate(FileSystem& files, const AllocateFile& operation) {
  if (operation.how == Preallocate::kFallocate) {
    return files.allocate(operation.path, operation.offset, operation.bytes);
  }
  std::uint64_t offset = operation.offset;
  const std::uint64_t end = operation.offset + operation.bytes;
  while (offset < end) {
    const std::string_view part =
        zeros().substr(0, std::min<std::uint64_t>(end - offset, kZerosBytes));
    if (absl::Status status = files.write(operation.path, offset, part); !status.ok())
      return status;
    offset += part.size();
  }
  return absl::OkStatus();
}

struct Executor {
  FileSystem& files;
  absl::Status operator()(const AllocateFile& o) const { return allocate(files, o); }
  absl::Status operator()(const WriteFile& o) const {
    return files.write(o.path, o.offset, o.bytes);
  }
  absl::Status operator()(const SyncFile& o) const { return files.sync(o.path); }
  absl::Status operator()(const SyncDirectory& o) const { return files.sync_directory(o.path); }
  absl::Status operator()(const RenameFile& o) const { return files.rename(o.from, o.to); }
  absl::Status operator()(const RemoveFile& o) const { return files.remove(o.path); }
};

}  // namespace

absl::Status execute(FileSystem& files, const Operation& operation) {
  return std::visit(Executor{files}, operation);
}

absl::Status execute(FileSystem& files, const Batch& batch) {
  for (const Operation& operation : batch.operations) {
    if (absl::Status status = execute(files, operation); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace pawl::log
