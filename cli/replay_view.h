// How a replay reads, and the definition it is asked of.
#pragma once

#include <memory>
#include <string>

#include "cli/session.h"
#include "dsl/definition.h"
#include "rehearsal/replay.h"

namespace pawl::cli {

// The definition in a file; its mistakes are printed. Returns the exit status.
int read_definition(Session& session, const std::string& file,
                    std::shared_ptr<const dsl::Definition>* definition);

// "order-42: the same, 57 events", or where it differs: `file` is what a line belongs to.
std::string replay_text(const std::string& run, const rehearsal::ReplayResult& result,
                        const std::string& file);
// {"run", "result": "same" | "differs" | "impossible", "events", "what"?, "seq"?, "state"?,
// "line"?, "recorded"?, "decided"?}
void append_replay(const std::string& run, const rehearsal::ReplayResult& result, std::string* out);

}  // namespace pawl::cli
