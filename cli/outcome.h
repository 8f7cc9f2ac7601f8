// What a program's end means for its task: the contract of "A worker's program" (the API page), as
// a pure function.
//
//   exit 0:  stdout empty -> null | one JSON value -> the result | else -> sys.output
//   exit N:  stdout is an object with a type -> that error | 75 -> exit.75, retried | exit.N
//   signal:  sys.lease: the worker's fault, not the task's
//   stopped by the worker's own end, and not exit 0: worker.stopped, retried
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pawl::cli {

struct ProgramEnd {
  bool signalled = false;
  int code = 0;                    // exit status, or the signal's number
  bool stopped_by_worker = false;  // the worker was told to stop and ended the program
  std::string output;              // stdout, up to limits::kWorkerStdoutBytesMax
  std::uint64_t output_bytes = 0;  // all that came
  std::string error_tail;          // the end of stderr
};

struct Outcome {
  bool completed = false;
  std::string body;     // of complete {result}, or of fail {type, message, data?, retryable?}
  std::string summary;  // for the worker's log: "done", "failed: exit.3: no such card"
};

Outcome judge(const ProgramEnd& end);

// A failure the worker itself has to report.
Outcome failure(std::string_view type, std::string_view message, bool retryable);
// Without a word on retries: by the task's policy.
Outcome failure(std::string_view type, std::string_view message);

}  // namespace pawl::cli
