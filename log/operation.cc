#include "log/operation.h"

namespace pawl::log {
namespace {

struct Executor {
  FileSystem& files;
  absl::Status operator()(const AllocateFile& o) const {
    return files.allocate(o.path, o.offset, o.bytes, o.how);
  }
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
    absl::Status status = execute(files, operation);
    if (status.ok()) continue;
    const bool allocates = std::holds_alternative<AllocateFile>(operation);
    if (allocates || !absl::IsResourceExhausted(status)) return status;
    return absl::UnavailableError(status.message());
  }
  return absl::OkStatus();
}

}  // namespace pawl::log
