#include "dsl/check_usage.h"

#include <algorithm>

namespace pawl::dsl {
namespace {

bool leads_out(const std::vector<TimerHandler>& timers) {
  return std::any_of(timers.begin(), timers.end(), [](const TimerHandler& timer) {
    return std::any_of(timer.branches.begin(), timer.branches.end(),
                       [](const Branch& b) { return b.next.has_value(); });
  });
}

}  // namespace

void check_wait(const State& state, Place place, const ParseContext& context) {
  const TaskTimeouts& t = state.task->timeouts;
  if (context.run_is_bounded || t.queue_ms || t.attempt_ms || t.total_ms ||
      leads_out(state.after) || leads_out(state.every)) {
    return;
  }
  context.diagnostics->warning(
      place, "this task could wait for ever: nothing ends it if no worker answers",
      "timeout = { total = \"10m\" } in the state or in [task.\"TYPE\"], an "
      "`after` with `next`, or a `timeout` of the run");
}

void check_unused(const ParseContext& context) {
  DiagnosticList* diagnostics = context.diagnostics;
  for (const auto& [name, entry] : context.signals) {
    if (entry.handled) continue;
    diagnostics->warning(entry.place, "no state takes the signal " + quoted(name),
                         "handle it with on." + name + ", or remove it");
  }
  for (const auto& [name, entry] : context.retries) {
    if (entry.used || name == "default") continue;
    diagnostics->warning(entry.place, "no task uses the retry policy " + quoted(name),
                         "use it with retry = \"" + name + "\", or remove it");
  }
  for (const auto& [name, entry] : context.limits) {
    if (entry.used) continue;
    diagnostics->warning(entry.place, "no task uses the limit " + quoted(name),
                         "name it in a task's limits = [\"" + name + "\"], or remove it");
  }
  for (const auto& [name, entry] : context.flows) {
    if (entry.used) continue;
    diagnostics->warning(entry.place, "no state runs the flow " + quoted(name),
                         "run it with flow = \"" + name + "\", or remove it");
  }
  const std::vector<std::string> undos(context.undo_names.begin(), context.undo_names.end());
  for (const auto& [name, place] : context.forgets) {
    if (context.undo_names.contains(name)) continue;
    std::string hint = diagnostics->did_you_mean(name, undos);
    diagnostics->error(place, "no undo has the name " + quoted(name),
                       hint.empty() ? "undo = { name = \"...\", task = \"...\" }" : hint);
  }
  for (const auto& [type, entry] : context.tasks) {
    if (entry.used) continue;
    diagnostics->warning(entry.place, "no state runs tasks of type " + quoted(type),
                         "see whether the type is spelt as in the states");
  }
}

}  // namespace pawl::dsl
