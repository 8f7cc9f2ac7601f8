// What becomes of damage that is met while the daemon runs. A start looks at every byte; one that
// turns bad later is found when it is read: for a history, a box that lags, a compaction. A box
// whose groups have other voters stops at once, as one that lost something must neither vote nor
// lead (decision 0054): its next start finds the damage and fetches what it lost. A box alone goes
// on, for what it acknowledges from now on is sound, and says what to do.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "daemon/logging.h"
#include "log/journal.h"
#include "node/node.h"

namespace pawl::daemon {

class DamageWatch {
 public:
  // All outlive the object.
  DamageWatch(const node::Node* node, const log::Journal* journal, Logger* logger)
      : node_(*node), journal_(*journal), logger_(*logger) {}

  // Once a turn. Why the process has to stop; "": it goes on.
  std::string turn();
  void append_metrics(std::string* out) const;

 private:
  bool others_vote() const;

  const node::Node& node_;
  const log::Journal& journal_;
  Logger& logger_;
  std::set<std::string> said_;
  std::uint64_t found_ = 0;
};

}  // namespace pawl::daemon
