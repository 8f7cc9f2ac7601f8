// What a history tells: which states were entered, which tasks were handed out, how each event
// reads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dsl/value.h"
#include "rehearsal/virtual_run.h"

namespace pawl::rehearsal {

class Chronicle {
 public:
  // The history must outlive this and not change.
  explicit Chronicle(const std::vector<HistoryEvent>& history);

  // The root's states in the order of their entries.
  std::vector<std::string> path() const;
  // The types of tasks, a hand-out each.
  std::vector<std::string> tasks_handed_out() const;
  // The types of completed undo tasks.
  std::vector<std::string> undone() const;
  // {to, signal, with} of each signal sent, {workflow, id, with} of each call.
  dsl::List sent() const;
  dsl::List called() const;
  // How often the state of a path was entered, also within machines that are over.
  std::int64_t visits(std::string_view path) const;
  // An event as the API shows it.
  dsl::Value json(std::size_t at) const;

 private:
  // The event that scheduled a step, or null.
  const engine::TaskScheduled* scheduled(engine::StepId step) const;

  const std::vector<HistoryEvent>& history_;
  std::vector<const engine::TaskScheduled*> scheduled_;  // by step; null: not seen
};

// "+2h30m0.5s": virtual time since `began`.
std::string passed_text(TimeMs began, TimeMs at);

// A line an event: when, what, and its fields, long values cut.
std::string history_text(const std::vector<HistoryEvent>& history, TimeMs began);

}  // namespace pawl::rehearsal
