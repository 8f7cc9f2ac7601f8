// What the daemon asks of the kernel for itself, and nothing else does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace pawl::daemon {

// From the kernel's generator (getrandom).
std::string random_bytes(std::size_t count);
std::uint64_t random_seed();

// Whether the kernel calls the wall clock synchronised (adjtimex).
bool kernel_clock_synchronised();

// The kernel's batch class: of this process, who is woken does not push aside who runs, but waits
// for a pause or the end of the slice. So the loop finishes its turn, and what the turn wakes finds
// all of it (docs/decisions/0032). Needs no privilege; an operator's own choice stays. Before the
// threads are made: they inherit it.
void run_in_batches();

// Where the processor is short, the calling thread gets little of it: what it does can wait for
// what others do.
void let_others_go_first();

}  // namespace pawl::daemon
