#include "cli/command.h"

namespace pawl::cli {

const std::vector<CommandEntry>& all_commands() {
  static const std::vector<CommandEntry> table = {
      {"deploy", "Definitions", "Deploy workflow definitions and make them the default",
       make_deploy},
      {"activate", "Definitions", "Make a deployed version the default for new runs",
       make_activate},
      {"check", "Definitions", "Check definitions; needs no daemon", make_check},
      {"fmt", "Definitions", "Lay definitions out in the one canonical way", make_fmt},
      {"graph", "Definitions", "Draw a definition's states and what leads where", make_graph},
      {"schema", "Definitions", "Print the language's JSON Schema, for editors", make_schema},
      {"test", "Definitions", "Run the tests of definitions; needs no daemon", make_test},
      {"start", "Runs", "Start a run of a workflow", make_start},
      {"list", "Runs", "List runs, the newest first", make_list},
      {"show", "Runs", "Show one run", make_show},
      {"history", "Runs", "Show what happened in a run", make_history},
      {"replay", "Runs", "Decide a run's history again, by its definition or another", make_replay},
      {"await", "Runs", "Wait until a run is in a state or has a status", make_await},
      {"signal", "Runs", "Send a signal to a run", make_signal},
      {"move", "Runs", "Move a run from one state to another", make_move},
      {"cancel", "Runs", "Ask a run to cancel itself", make_cancel},
      {"terminate", "Runs", "End a run at once, asking nobody", make_terminate},
      {"pause", "Runs", "Hold a run: nothing new begins", make_pause},
      {"resume", "Runs", "Let a paused run go on", make_resume},
      {"retry", "Runs", "Try a run's open incidents again", make_retry},
      {"reset", "Runs", "Let a run go on from what it was after an event", make_reset},
      {"migrate", "Runs", "Move an open run to another version of its workflow", make_migrate},
      {"scrub", "Runs", "Delete what a closed run holds, for good", make_scrub},
      {"batch", "Operations", "A verb on many runs: begin, list, show, stop", make_batch},
      {"incidents", "Operations", "List what waits for an operator", make_incidents},
      {"queues", "Operations", "Show, pause and resume the task queues", make_queues},
      {"limits", "Operations", "Show who holds and who waits for permits of limits", make_limits},
      {"schedules", "Operations", "Show, pause, fire and make up for schedules", make_schedules},
      {"events", "Operations", "Show committed events of all runs", make_events},
      {"subscriptions", "Operations", "Durable subscriptions to the events", make_subscriptions},
      {"namespaces", "Operations", "Namespaces and their quotas", make_namespaces},
      {"cluster", "Operations", "The boxes: status, transfer, a new keyring", make_cluster},
      {"backup", "Operations", "Write a store into one file", make_backup},
      {"restore", "Operations", "Make a store of a backup", make_restore},
      {"recover", "Operations", "Let a damaged box alone go on without what is missing",
       make_recover},
      {"journal", "Operations", "Look into a store's files: inspect, verify, dump", make_journal},
      {"worker", "Workers", "Run programs as tasks of a queue", make_worker},
      {"api", "Other", "Send any request to the API and print the answer", make_api},
      {"version", "Other", "Show the versions of this program and of the daemon", make_version},
  };
  return table;
}

}  // namespace pawl::cli
