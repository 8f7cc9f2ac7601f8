// Work that reads the disk or burns CPU and that nobody's commit waits for: loading sleeping runs,
// reading histories in bounded slices, compressing and writing snapshots. One thread, jobs in order
// of submission; a job is cut small by its author (a slice of a history, a piece of a snapshot), so
// that one reader does not hold up all others.
//
// A job runs on the cold thread and returns what is to be done with its result on the loop thread;
// it shares nothing with the loop: what it needs is moved in, what it found is moved out.
#pragma once

#include <functional>
#include <memory>

namespace pawl::daemon {

class Waker;

class ColdThread {
 public:
  using Completion = std::function<void()>;  // runs on the loop thread, within deliver()
  using Job = std::function<Completion()>;   // runs on the cold thread; may return an empty one

  explicit ColdThread(Waker* waker);
  // Ends the job that runs and drops the rest, their completions never run.
  ~ColdThread();
  ColdThread(const ColdThread&) = delete;
  ColdThread& operator=(const ColdThread&) = delete;

  // Loop thread. False if limits::kColdJobsMax wait already: answer 429.
  bool submit(Job job);
  // Loop thread, once a turn: runs the completions of finished jobs. Returns how many.
  int deliver();
  // Jobs submitted whose completion has not run.
  int under_way() const;
  // Blocks until a job has finished or none is under way; for start-up and tests.
  void wait();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pawl::daemon
