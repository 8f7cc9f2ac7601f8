// The one writer. The loop hands over batches of the journal; this thread carries them out strictly
// in order and reports back. Nothing else in the process writes to the journal's files.
//
// The first failed batch ends it: later batches are not executed but reported as failed too, for
// after a failed write or fdatasync no promise about the disk holds any more; the loop then stops
// the process. A background batch that failed because the disk is full is reported and does not end
// it (log/operation.h).
//
// Handing over: both sides are a short critical section on one mutex and, where the other side
// sleeps, a wake-up (tens of microseconds). Each side may spin a little before it sleeps (spin_us).
// This file and cold_thread hold the only mutexes of the process.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "log/operation.h"

namespace pawl::daemon {

class Waker;

// What became of one batch.
struct BatchDone {
  std::uint64_t id = 0;
  absl::Status status;
  std::int64_t took_ns = 0;  // in the executor alone, without the waiting
};

class DiskThread {
 public:
  // Carries out one batch; runs on the disk thread. The usual one is log::execute on a FileSystem
  // of its own.
  using Executor = std::function<absl::Status(const log::Batch&)>;

  struct Options {
    int spin_us = 0;  // how long the thread polls for the next batch before it sleeps
  };

  // Starts the thread. `waker` (may be null in tests that call wait_done) outlives this.
  DiskThread(Executor executor, Options options, Waker* waker);
  // Carries out what was submitted, then ends the thread.
  ~DiskThread();
  DiskThread(const DiskThread&) = delete;
  DiskThread& operator=(const DiskThread&) = delete;

  // Loop thread. The batch's bytes must stay valid until it is reported; at most
  // limits::kDiskBatchesMax are under way (checked).
  void submit(log::Batch batch);
  // Loop thread. Appends the finished batches in order of submission; false if there were none.
  bool take_done(std::vector<BatchDone>* done);
  // Loop thread. Batches submitted and not yet taken back.
  int under_way() const;
  // Blocks until at least one batch is finished; for start-up and tests.
  void wait_done(std::vector<BatchDone>* done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pawl::daemon
