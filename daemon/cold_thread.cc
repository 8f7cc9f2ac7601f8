#include "daemon/cold_thread.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "daemon/event_loop.h"
#include "daemon/kernel.h"

namespace pawl::daemon {

struct ColdThread::Impl {
  Waker* waker;
  int under_way = 0;  // loop thread only

  std::mutex mutex;
  std::condition_variable work_came;
  std::condition_variable done_came;
  std::deque<Job> waiting;           // by mutex
  std::vector<Completion> finished;  // by mutex
  bool stopping = false;             // by mutex

  std::thread thread;

  void run();
};

ColdThread::ColdThread(Waker* waker) : impl_(std::make_unique<Impl>()) {
  impl_->waker = waker;
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

ColdThread::~ColdThread() {
  {
    const std::lock_guard<std::mutex> lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->work_came.notify_one();
  impl_->thread.join();
}

bool ColdThread::submit(Job job) {
  if (impl_->under_way >= limits::kColdJobsMax) return false;
  ++impl_->under_way;
  {
    const std::lock_guard<std::mutex> lock(impl_->mutex);
    impl_->waiting.push_back(std::move(job));
  }
  impl_->work_came.notify_one();
  return true;
}

int ColdThread::deliver() {
  if (impl_->under_way == 0) return 0;
  std::vector<Completion> finished;
  {
    const std::lock_guard<std::mutex> lock(impl_->mutex);
    finished.swap(impl_->finished);
  }
  impl_->under_way -= static_cast<int>(finished.size());
  for (Completion& completion : finished) {
    if (completion) completion();
  }
  return static_cast<int>(finished.size());
}

int ColdThread::under_way() const { return impl_->under_way; }

void ColdThread::wait() {
  if (impl_->under_way == 0) return;
  std::unique_lock<std::mutex> lock(impl_->mutex);
  impl_->done_came.wait(lock, [this] { return !impl_->finished.empty(); });
}

void ColdThread::Impl::run() {
  let_others_go_first();
  for (;;) {
    Job job;
    {
      std::unique_lock<std::mutex> lock(mutex);
      work_came.wait(lock, [this] { return !waiting.empty() || stopping; });
      if (stopping) return;
      job = std::move(waiting.front());
      waiting.pop_front();
    }
    Completion completion = job();
    {
      const std::lock_guard<std::mutex> lock(mutex);
      finished.push_back(std::move(completion));
    }
    done_came.notify_one();
    if (waker != nullptr) waker->wake();
  }
}

}  // namespace pawl::daemon
