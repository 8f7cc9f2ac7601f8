// A command of `pawl`: it says what arguments it takes, and runs. commands.cc has the table of all
// of them; nothing registers itself.
#pragma once

#include <memory>
#include <vector>

#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/session.h"

namespace pawl::cli {

class Command {
 public:
  virtual ~Command() = default;
  virtual void declare(Arguments& arguments) = 0;
  // Called once, after the arguments were parsed; returns the exit status.
  virtual int run(Session& session) = 0;
};

using MakeCommand = std::unique_ptr<Command> (*)();

struct CommandEntry {
  const char* name;
  const char* group;  // heading in the help
  const char* summary;
  MakeCommand make;
};

// In the order of the help.
const std::vector<CommandEntry>& all_commands();

// One maker a command, each in the file of its name (the verbs share verbs.cc).
std::unique_ptr<Command> make_deploy();
std::unique_ptr<Command> make_activate();
std::unique_ptr<Command> make_check();
std::unique_ptr<Command> make_fmt();
std::unique_ptr<Command> make_graph();
std::unique_ptr<Command> make_schema();
std::unique_ptr<Command> make_test();
std::unique_ptr<Command> make_start();
std::unique_ptr<Command> make_list();
std::unique_ptr<Command> make_show();
std::unique_ptr<Command> make_history();
std::unique_ptr<Command> make_replay();
std::unique_ptr<Command> make_await();
std::unique_ptr<Command> make_signal();
std::unique_ptr<Command> make_move();
std::unique_ptr<Command> make_cancel();
std::unique_ptr<Command> make_terminate();
std::unique_ptr<Command> make_pause();
std::unique_ptr<Command> make_resume();
std::unique_ptr<Command> make_retry();
std::unique_ptr<Command> make_reset();
std::unique_ptr<Command> make_migrate();
std::unique_ptr<Command> make_scrub();
std::unique_ptr<Command> make_batch();
std::unique_ptr<Command> make_incidents();
std::unique_ptr<Command> make_limits();
std::unique_ptr<Command> make_queues();
std::unique_ptr<Command> make_schedules();
std::unique_ptr<Command> make_events();
std::unique_ptr<Command> make_subscriptions();
std::unique_ptr<Command> make_namespaces();
std::unique_ptr<Command> make_cluster();
std::unique_ptr<Command> make_backup();
std::unique_ptr<Command> make_restore();
std::unique_ptr<Command> make_recover();
std::unique_ptr<Command> make_journal();
std::unique_ptr<Command> make_worker();
std::unique_ptr<Command> make_api();
std::unique_ptr<Command> make_version();

}  // namespace pawl::cli
