#include "rehearsal/refusal_name.h"

#include <iterator>

#include "base/check.h"

namespace pawl::rehearsal {
namespace {

// In the order of engine::Refusal.
constexpr const char* kNames[] = {
    "none",
    "signal-not-accepted",
    "signal-unknown",
    "signal-forbidden",
    "signal-buffer-full",
    "payload-invalid",
    "input-invalid",
    "wrong-state",
    "wrong-seq",
    "move-not-allowed",
    "run-closed",
    "run-open",
    "run-not-paused",
    "run-already-paused",
    "no-incident",
    "task-unknown",
    "task-withdrawn",
    "lease-lost",
    "too-big",
    "reset-impossible",
    "migration-impossible",
    "nothing-to-do",
};
static_assert(std::size(kNames) == static_cast<std::size_t>(engine::Refusal::nothing_to_do) + 1);

}  // namespace

const char* refusal_name(engine::Refusal refusal) {
  const auto at = static_cast<std::size_t>(refusal);
  PAWL_CHECK(at < std::size(kNames));
  return kNames[at];
}

std::vector<std::string> refusal_names() { return {std::begin(kNames) + 1, std::end(kNames)}; }

}  // namespace pawl::rehearsal
