#include "cli/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <sstream>

#include "cli/command.h"
#include "dsl/diagnostic.h"
#include "engine/namespace.h"

namespace pawl::cli {
namespace {

// What CLI11 found wrong, in our words: what, and which help tells more.
int usage_error(const CLI::App& app, const std::vector<std::string>& args,
                const CLI::ParseError& error) {
  std::string command;
  std::vector<std::string> names = {"serve"};
  for (const CommandEntry& entry : all_commands()) names.emplace_back(entry.name);
  for (const CLI::App* sub : app.get_subcommands()) command = " " + sub->get_name();
  std::string text = error.what();
  if (command.empty()) {
    const auto word = std::find_if(args.begin(), args.end(), [](const std::string& arg) {
      return !arg.empty() && arg[0] != '-';
    });
    text = word == args.end() ? "no command given" : "there is no command `" + *word + "`";
    const std::string near = word == args.end() ? "" : dsl::closest(*word, names);
    if (!near.empty()) text += "; did you mean `" + near + "`?";
    const bool flag = !args.empty() && !args[0].empty() && args[0][0] == '-' && word == args.end();
    if (flag) text = error.what();
  }
  std::fprintf(stderr, "pawl%s: %s\nhint: `pawl%s --help` shows what it takes\n", command.c_str(),
               text.c_str(), command.c_str());
  return kUsage;
}

struct Bound {
  CLI::App* app;
  std::unique_ptr<Command> command;
};

void global_options(CLI::App& app, SessionOptions* options) {
  app.name("pawl");
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.set_version_flag("--version", "pawl " PAWL_VERSION, "Print this program's version and exit");
  app.add_flag("--json", options->json,
               "Print the API's JSON: one object, or one a line for lists");
  app.add_option("--socket", options->socket_path,
                 "The daemon's socket (else $PAWL_SOCKET, else /run/pawl/pawl.sock)")
      ->type_name("PATH");
  app.add_option("--namespace", options->name_space,
                 "The namespace (else $PAWL_NAMESPACE, else default)")
      ->type_name("NAME");
  app.footer(
      "Exit status: 0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 unreachable or no "
      "leader,\n124 timed out. `pawl COMMAND --help` tells more.");
}

// `worker` takes several.
int check_namespace(const CLI::App& app, const SessionOptions& options) {
  const std::string all = name_space(options.name_space);
  std::string_view rest = all;
  const bool several = app.got_subcommand("worker");
  while (!rest.empty()) {
    const std::size_t end = several ? std::min(rest.find(','), rest.size()) : rest.size();
    if (!engine::is_namespace_name(rest.substr(0, end))) {
      std::fprintf(
          stderr,
          "pawl: `%s` is no namespace\nhint: --namespace and PAWL_NAMESPACE take a name of "
          "a-z, 0-9 and -; `pawl namespaces` lists those there are\n",
          all.c_str());
      return kUsage;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return kDone;
}

}  // namespace

int run(const std::vector<std::string>& args, Serve serve) {
  // The daemon reads its own arguments.
  if (!args.empty() && args[0] == "serve") return serve({args.begin() + 1, args.end()});

  SessionOptions options;
  CLI::App app("Pawl keeps the state of long-running work.");
  global_options(app, &options);
  app.add_subcommand("serve", "Run the daemon (`pawld` means the same)")->group("Daemon");
  std::vector<Bound> commands;
  for (const CommandEntry& entry : all_commands()) {
    CLI::App* sub = app.add_subcommand(entry.name, entry.summary)->group(entry.group);
    sub->fallthrough();  // --json and --socket may stand behind the command too
    commands.push_back({sub, entry.make()});
    Arguments arguments(*sub);
    commands.back().command->declare(arguments);
  }
  try {
    std::vector<std::string> reversed(args.rbegin(), args.rend());  // as CLI11 wants them
    app.parse(std::move(reversed));
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, args, error);
  }
  if (const int exit = check_namespace(app, options); exit != kDone) return exit;
  Session session(options);
  for (const Bound& bound : commands) {
    if (bound.app->parsed()) return bound.command->run(session);
  }
  return serve({});
}

}  // namespace pawl::cli
