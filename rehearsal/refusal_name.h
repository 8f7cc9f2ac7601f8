// How a refusal is called where people read it: the last part of its problem's type in the API
// (node/refusals.cc says the rest; tests/cli compares the two).
#pragma once

#include <string>
#include <vector>

#include "engine/decide.h"

namespace pawl::rehearsal {

const char* refusal_name(engine::Refusal refusal);
// All of them.
std::vector<std::string> refusal_names();

}  // namespace pawl::rehearsal
