#include "engine/residency.h"

#include <algorithm>

#include "base/check.h"

namespace pawl::engine {
namespace {

void drop_value(Payload* payload) {
  if (payload->length == 0 || payload->scrubbed) return;
  PAWL_CHECK(payload->digest.has_value());
  payload->value = dsl::Value();
  payload->cold = true;
}

}  // namespace

bool is_cold(const Run& run) {
  if (run.identity->input.cold || run.output->cold) return true;
  return std::any_of(run.frames.begin(), run.frames.end(), [](const Frame& frame) {
    return std::any_of(frame.vars->begin(), frame.vars->end(),
                       [](const Variable& variable) { return variable.value.cold; });
  });
}

std::shared_ptr<Run> without_values(const Run& run) {
  auto cold = std::make_shared<Run>(run);
  drop_value(&cold->identity.edit().input);
  for (Frame& frame : cold->frames) {
    for (Variable& variable : frame.vars.edit()) drop_value(&variable.value);
  }
  // The output's digest is known only where it was folded from an event that carried it.
  if (cold->output->digest) drop_value(&cold->output.edit());
  return cold;
}

bool is_same_run(const Run& known, const Run& loaded) {
  return known.uid() == loaded.uid() && known.seq == loaded.seq && known.hash == loaded.hash;
}

}  // namespace pawl::engine
