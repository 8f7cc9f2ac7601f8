#include "daemon/disk_thread.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/check.h"
#include "base/limits.h"
#include "daemon/event_loop.h"

namespace pawl::daemon {
namespace {

std::int64_t monotonic_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

struct DiskThread::Impl {
  Executor executor;
  Options options;
  Waker* waker;
  int under_way = 0;  // loop thread only

  std::mutex mutex;
  std::condition_variable work_came;
  std::condition_variable done_came;
  std::deque<log::Batch> waiting;  // by mutex
  std::vector<BatchDone> done;     // by mutex
  bool stopping = false;           // by mutex
  bool sleeping = false;           // by mutex
  std::atomic<bool> hint{false};   // there may be work: what the spinning looks at

  std::thread thread;

  void run();
  void spin();
  bool next(log::Batch* batch);
};

DiskThread::DiskThread(Executor executor, Options options, Waker* waker)
    : impl_(std::make_unique<Impl>()) {
  PAWL_CHECK(options.spin_us >= 0 && options.spin_us <= limits::kSpinMicrosecondsMax);
  impl_->executor = std::move(executor);
  impl_->options = options;
  impl_->waker = waker;
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

DiskThread::~DiskThread() {
  {
    const std::lock_guard<std::mutex> lock(impl_->mutex);
    impl_->stopping = true;
    impl_->hint.store(true);
  }
  impl_->work_came.notify_one();
  impl_->thread.join();
}

void DiskThread::submit(log::Batch batch) {
  PAWL_CHECK(impl_->under_way < limits::kDiskBatchesMax);
  ++impl_->under_way;
  bool wake = false;
  {
    const std::lock_guard<std::mutex> lock(impl_->mutex);
    impl_->waiting.push_back(std::move(batch));
    impl_->hint.store(true, std::memory_order_release);
    wake = impl_->sleeping;
  }
  if (wake) impl_->work_came.notify_one();
}

bool DiskThread::take_done(std::vector<BatchDone>* done) {
  if (impl_->under_way == 0) return false;
  const std::lock_guard<std::mutex> lock(impl_->mutex);
  if (impl_->done.empty()) return false;
  impl_->under_way -= static_cast<int>(impl_->done.size());
  for (BatchDone& d : impl_->done) done->push_back(std::move(d));
  impl_->done.clear();
  return true;
}

int DiskThread::under_way() const { return impl_->under_way; }

void DiskThread::wait_done(std::vector<BatchDone>* done) {
  PAWL_CHECK(impl_->under_way > 0);
  {
    std::unique_lock<std::mutex> lock(impl_->mutex);
    impl_->done_came.wait(lock, [this] { return !impl_->done.empty(); });
  }
  take_done(done);
}

void DiskThread::Impl::spin() {
  if (options.spin_us == 0) return;
  const std::int64_t until = monotonic_ns() + std::int64_t{options.spin_us} * 1000;
  while (!hint.load(std::memory_order_acquire) && monotonic_ns() < until) {
  }
}

// Waits for a batch; false once the thread is to end and nothing waits.
bool DiskThread::Impl::next(log::Batch* batch) {
  spin();
  std::unique_lock<std::mutex> lock(mutex);
  sleeping = true;
  work_came.wait(lock, [this] { return !waiting.empty() || stopping; });
  sleeping = false;
  if (waiting.empty()) return false;
  *batch = std::move(waiting.front());
  waiting.pop_front();
  if (waiting.empty() && !stopping) hint.store(false, std::memory_order_release);
  return true;
}

void DiskThread::Impl::run() {
  absl::Status failed;
  log::Batch batch;
  while (next(&batch)) {
    BatchDone result;
    result.id = batch.id;
    if (failed.ok()) {
      const std::int64_t began = monotonic_ns();
      result.status = executor(batch);
      result.took_ns = monotonic_ns() - began;
      const bool harmless = absl::IsResourceExhausted(result.status);  // nothing was done
      if (!result.status.ok() && !harmless) failed = result.status;
    } else {
      result.status = failed;
    }
    {
      const std::lock_guard<std::mutex> lock(mutex);
      done.push_back(std::move(result));
    }
    done_came.notify_one();
    if (waker != nullptr) waker->wake();
  }
}

}  // namespace pawl::daemon
