// `pawl deploy --compat`: would a new definition have decided what is open now as it was decided?
#pragma once

#include <string>

#include "cli/session.h"

namespace pawl::cli {

// Replays every open run of the definition's workflow by the one in `file`. kDone if all agree;
// else what differs has been printed, kFailed. Progress goes to stderr.
int check_open_runs(Session& session, const std::string& file);

}  // namespace pawl::cli
