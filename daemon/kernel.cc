#include "daemon/kernel.h"

#include <sched.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/timex.h>

#include <cstring>

#include "base/check.h"

namespace pawl::daemon {
namespace {

// About a tenth of what a thread at 0 gets.
constexpr int kNiceOfWhatCanWait = 10;

}  // namespace

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  PAWL_CHECK(::getrandom(bytes.data(), count, 0) == static_cast<ssize_t>(count));
  return bytes;
}

std::uint64_t random_seed() {
  const std::string bytes = random_bytes(8);
  std::uint64_t seed;
  std::memcpy(&seed, bytes.data(), sizeof seed);
  return seed;
}

bool kernel_clock_synchronised() {
  timex state{};
  return ::adjtimex(&state) != TIME_ERROR;
}

void run_in_batches() {
  const sched_param no_priority{};
  if (::sched_getscheduler(0) == SCHED_OTHER) ::sched_setscheduler(0, SCHED_BATCH, &no_priority);
}

// On Linux this is a thread's own (setpriority(2), notes), against POSIX.
void let_others_go_first() { ::setpriority(PRIO_PROCESS, 0, kNiceOfWhatCanWait); }

}  // namespace pawl::daemon
