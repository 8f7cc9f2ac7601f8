// The journal alone: what the loop pays for a batch, what the disk pays for a frame, and how fast a
// start reads it back. Usage: log_bench DIRECTORY (on the disk to measure; what it
// writes there is removed again).
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>

#include "log/journal.h"
#include "log/posix_file_system.h"

namespace pawl::log {
namespace {

double now_us() {
  return std::chrono::duration<double, std::micro>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

struct Counting final : RecoverySink {
  std::uint64_t bytes = 0;
  absl::Status on_hard_state(GroupId, const HardState&) override { return absl::OkStatus(); }
  absl::Status on_entry(GroupId, Term, Index, std::string_view payload) override {
    bytes += payload.size();
    return absl::OkStatus();
  }
};

JournalOptions options(const std::string& directory, Preallocate how) {
  JournalOptions made;
  made.directory = directory;
  made.store_id[0] = 1;
  made.preallocate = how;
  return made;
}

// `frames` batches of `entries` entries each; recycles as it goes if asked to.
bool write(const std::string& directory, Preallocate how, int frames, int entries, bool recycle) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  PosixFileSystem files;
  Counting sink;
  auto journal = Journal::open(files, options(directory, how), sink, nullptr);
  if (!journal.ok()) return false;
  const std::string payload(400, 'p');
  std::uint64_t index[8] = {};
  double loop_us = 0;
  double disk_us = 0;
  for (int i = 0; i < frames; ++i) {
    const double start = now_us();
    for (int k = 0; k < entries; ++k) {
      const int group = (i + k) % 8;
      (*journal)->append(GroupId(static_cast<std::uint16_t>(1 + group)), Term(1),
                         Index(++index[group]), payload);
    }
    const Batch* batch = (*journal)->begin_batch();
    const double begun = now_us();
    if (absl::Status s = execute(files, *batch); !s.ok()) {
      std::fprintf(stderr, "%s\n", s.ToString().c_str());
      return false;
    }
    const double done = now_us();
    (*journal)->completed(batch->id);
    if (recycle) (*journal)->recycle_below((*journal)->current_segment() - 1);
    loop_us += begun - start + (now_us() - done);
    disk_us += done - begun;
  }
  const JournalStats& stats = (*journal)->stats();
  std::printf(
      "%-9s %3d entries/frame: loop %6.2f us, disk %7.1f us a frame; %.0f bytes an entry, "
      "zeros %.1f MB, %.3f syncs a frame, %llu rotations\n",
      how == Preallocate::kZero ? (recycle ? "recycled" : "zero") : "fallocate", entries,
      loop_us / frames, disk_us / frames,
      static_cast<double>(stats.data_bytes) / static_cast<double>(stats.entries),
      static_cast<double>(stats.zero_fill_bytes) / 1e6, static_cast<double>(stats.syncs) / frames,
      static_cast<unsigned long long>(stats.rotations));
  return true;
}

bool start(const std::string& directory) {
  PosixFileSystem files;
  Counting sink;
  RecoveryReport report;
  const double before = now_us();
  auto journal = Journal::open(files, options(directory, Preallocate::kZero), sink, &report);
  const double us = now_us() - before;
  if (!journal.ok()) return false;
  std::printf("start: %llu entries, %.1f MB in %.1f ms: %.2f GB/s, %.1f million entries/s\n",
              static_cast<unsigned long long>(report.entries),
              static_cast<double>(report.bytes) / 1e6, us / 1e3,
              static_cast<double>(report.bytes) / us / 1e3,
              static_cast<double>(report.entries) / us);
  return true;
}

bool first_start(const std::string& directory) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  PosixFileSystem files;
  Counting sink;
  const double before = now_us();
  auto journal = Journal::open(files, options(directory, Preallocate::kZero), sink, nullptr);
  std::printf("first start: %.2f ms\n", (now_us() - before) / 1e3);
  return journal.ok();
}

}  // namespace
}  // namespace pawl::log

int main(int argc, char** argv) {
  using pawl::log::Preallocate;
  if (argc != 2) {
    std::fprintf(stderr, "usage: log_bench DIRECTORY\n");
    return 2;
  }
  const std::string directory = std::string(argv[1]) + "/log_bench";
  bool ok = pawl::log::first_start(directory);
  for (const int entries : {1, 16, 64}) {
    const int frames = entries == 64 ? 3000 : 5000;
    ok = ok && pawl::log::write(directory, Preallocate::kFallocate, frames, entries, false);
    ok = ok && pawl::log::write(directory, Preallocate::kZero, frames, entries, true);
    ok = ok && pawl::log::write(directory, Preallocate::kZero, frames, entries, false);
    ok = ok && pawl::log::start(directory);
  }
  std::filesystem::remove_all(directory);
  return ok ? 0 : 1;
}
