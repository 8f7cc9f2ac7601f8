// Has the journal's dictionaries trained on the cold thread: what the journal samples goes there,
// what comes of it the journal takes for its next segment.
#pragma once

#include "daemon/cold_thread.h"
#include "log/journal.h"

namespace pawl::daemon {

class DictionaryTrainer {
 public:
  // Both outlive the object, and the object the jobs it has submitted.
  DictionaryTrainer(log::Journal* journal, ColdThread* cold) : journal_(journal), cold_(cold) {}

  // Once a turn of the loop.
  void turn();

 private:
  log::Journal* journal_;
  ColdThread* cold_;
};

}  // namespace pawl::daemon
