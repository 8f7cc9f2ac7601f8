// Reads entries of a group's log back from the journal, for boxes that lag behind: what the loop
// looks up, the cold thread reads.
#pragma once

#include <functional>
#include <string>

#include "daemon/cold_thread.h"
#include "daemon/logging.h"
#include "log/journal.h"
#include "node/inputs.h"
#include "node/outputs.h"

namespace pawl::daemon {

class EntryReader {
 public:
  // All outlive the object.
  EntryReader(const log::Journal* journal, ColdThread* cold, Logger* logger)
      : journal_(journal), cold_(cold), logger_(logger) {}

  // Calls `loaded` later, on the loop thread, never from within this call. With fewer entries than
  // were wanted if the journal has no more, can't be read (which is logged), or too many reads
  // wait.
  void read(const node::ReadEntries& wanted, std::function<void(node::EntriesLoaded)> loaded);
  // Once a turn: says what could not even be asked for.
  void deliver();

 private:
  void tell(const absl::Status& status);

  const log::Journal* journal_;
  ColdThread* cold_;
  Logger* logger_;
  std::string told_;  // why the last read failed that did
  std::vector<std::function<void()>> refused_;
};

}  // namespace pawl::daemon
