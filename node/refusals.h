// How the engine's refusals read as problem documents.
#pragma once

#include <string>

#include "engine/decide.h"
#include "engine/run.h"
#include "node/request.h"

namespace pawl::node {

// The answer to a request whose decision was a refusal (not Refusal::none). `run` may be null.
Answer refusal_answer(RequestId id, const engine::Decision& decision, const engine::Run* run);

}  // namespace pawl::node
