// A disk in memory with the faults of real ones. What is written is seen at once (the page cache)
// but survives crash() only if it was synced; of the rest, each 512-byte sector survives or not, or
// tears in the middle, by the seed's choice, and of the name changes any first few. A sector never
// becomes something that was not written to it.
//
// Also fills up, becomes read-only, fails a chosen operation once, stops at a chosen operation, and
// lets a test flip bits, cut, copy, rename or remove files behind the journal's back.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "log/directories.h"
#include "log/file_system.h"

namespace pawl::log {

class MemoryFileSystem : public FileSystem, public Directories {
 public:
  static constexpr std::size_t kSectorBytes = 512;
  static constexpr std::uint64_t kCapacityBytes = std::uint64_t{1} << 50;  // unless it is set

  absl::StatusOr<std::vector<FileInfo>> list(const std::string& directory) override;
  absl::StatusOr<std::size_t> read(const std::string& path, std::uint64_t offset, char* out,
                                   std::size_t bytes) override;
  absl::Status write(const std::string& path, std::uint64_t offset,
                     std::string_view bytes) override;
  absl::Status allocate(const std::string& path, std::uint64_t offset, std::uint64_t bytes,
                        Preallocate how) override;
  absl::Status sync(const std::string& path) override;
  absl::Status rename(const std::string& from, const std::string& to) override;
  absl::Status remove(const std::string& path) override;
  absl::Status sync_directory(const std::string& directory) override;

  // Who never makes one has all files in directories that are there for ever. Once one was made, a
  // sync makes durable what stands in that very directory, and no other.
  absl::StatusOr<bool> is_there(const std::string& path) override;
  absl::StatusOr<bool> make_directory(const std::string& path) override;
  absl::Status remove_directory(const std::string& path) override;

  // --- faults ---
  // Operations that change something, counted from 0 since the last crash or reset_operations().
  std::uint64_t operations() const { return operations_; }
  void reset_operations() { operations_ = 0; }
  // Operation number `n` fails once with `status`; a failed write or sync leaves the cache as if
  // it had happened and nothing of it durable (what Linux does).
  void fail_operation(std::uint64_t n, absl::Status status);
  // The same in one of the ways that there are: EIO, ENOSPC, ENOSPC after a part of a write.
  static constexpr int kWaysToFail = 3;
  void fail_operation_in_way(std::uint64_t n, int way);
  // The same, but a write, or an allocation, got half as far.
  void cut_operation_short(std::uint64_t n, absl::Status status);
  // From operation number `n` on nothing happens any more: the machine is gone. Call crash() next.
  void stop_at(std::uint64_t n) { stop_at_ = n; }
  bool stopped() const { return stop_at_ && operations_ > *stop_at_; }
  // What power loss leaves.
  void crash(Random* random);
  // Of all files together; writes and allocations past it fail with ResourceExhausted.
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  std::uint64_t capacity() const { return capacity_; }
  std::uint64_t free_bytes() const { return capacity_ - std::min(capacity_, used_bytes()); }
  std::uint64_t used_bytes() const;
  void set_read_only(bool read_only) { read_only_ = read_only; }

  // --- behind the journal's back; durable at once ---
  bool exists(const std::string& path) const { return names_.count(path) > 0; }
  const std::string& contents(const std::string& path) const { return names_.at(path)->cached; }
  void set_contents(const std::string& path, std::string bytes);
  void forget(const std::string& path);
  // Reads that touch a sector of [from, to) of the file that is there now fail with DataLoss.
  void make_unreadable(const std::string& path, std::uint64_t from, std::uint64_t to);
  std::vector<std::string> paths() const;
  // A deep copy of what is there, all of it durable.
  MemoryFileSystem copy() const;
  // What is sure to be there after a power loss: all of it synced.
  MemoryFileSystem durable() const;

 private:
  struct File {
    std::string cached;
    std::string durable;
    std::set<std::size_t> dirty;  // sector numbers
    std::set<std::size_t> unreadable;
  };
  using Names = std::map<std::string, std::shared_ptr<File>>;

  // Ok if the next operation may go on.
  absl::Status step(const char* operation, const std::string& path);
  std::shared_ptr<File> file(const std::string& path);
  absl::Status put(const char* operation, const std::string& path, std::uint64_t offset,
                   std::string_view bytes);
  void name_changed() { unsynced_names_.push_back(names_); }

  Names names_;
  Names durable_names_;
  std::vector<Names> unsynced_names_;  // after each change since sync_directory()
  std::set<std::string> made_;  // directories, ever; one that is there is a name with a slash
  std::uint64_t operations_ = 0;
  std::optional<std::uint64_t> stop_at_;
  std::optional<std::uint64_t> fail_at_;
  absl::Status failure_;
  bool cut_short_ = false;  // it fails half way
  std::uint64_t capacity_ = kCapacityBytes;
  bool read_only_ = false;
};

}  // namespace pawl::log
