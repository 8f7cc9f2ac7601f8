// Reads entries of a group's log back from the journal, for boxes that lag behind: what the loop
// looks up, the cold thread reads.
#pragma once

#include <functional>

#include "daemon/cold_thread.h"
#include "log/journal.h"
#include "node/inputs.h"
#include "node/outputs.h"

namespace pawl::daemon {

class EntryReader {
 public:
  // Both outlive the object.
  EntryReader(const log::Journal* journal, ColdThread* cold) : journal_(journal), cold_(cold) {}

  // Calls `loaded` later, on the loop thread, never from within this call. With fewer entries than
  // were wanted if the journal has no more, can't be read, or too many reads wait.
  void read(const node::ReadEntries& wanted, std::function<void(node::EntriesLoaded)> loaded);
  // Once a turn: says what could not even be asked for.
  void deliver();

 private:
  const log::Journal* journal_;
  ColdThread* cold_;
  std::vector<std::function<void()>> refused_;
};

}  // namespace pawl::daemon
