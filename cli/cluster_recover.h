// `pawl cluster recover`: a box that is left alone goes on; on its store, without a daemon.
#pragma once

#include <optional>
#include <string>

#include "cli/session.h"
#include "cli/store_directory.h"

namespace pawl::cli {

struct RecoverWish {
  StoreWish store;
  std::optional<std::string> in_words;  // the sentence; else it is asked for on a terminal
};

// Shows what is left and what may be lost; does it if the sentence was said. Returns the exit
// status: kUsage if it was not said, kConflict if it was another one.
int recover_cluster(Session& session, const RecoverWish& wish);

}  // namespace pawl::cli
