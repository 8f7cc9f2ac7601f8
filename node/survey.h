// What a group says of the runs of one workflow, to a schedule that is about to start another one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/tables.h"
#include "node/request.h"

namespace pawl::node {

struct SurveyAnswer {
  // A run is open; if they are listed, also: a worker may still be at a task of one that has
  // closed.
  bool busy = false;
  std::vector<RunUid> runs;  // open ones, newest first, at most limits::kSurveyRunsMax
  Index more;                // go on before this one; 0: that was all
};

SurveyAnswer survey(const engine::Tables& tables, const SurveyRuns& asked);

std::string encode_survey(const SurveyAnswer& answer);
bool decode_survey(std::string_view bytes, SurveyAnswer* answer);

}  // namespace pawl::node
