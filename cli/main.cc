// One binary: `pawl COMMAND ...`; called as `pawld` it is `pawl serve`.
#include <string>
#include <string_view>
#include <vector>

#include "cli/cli.h"
#include "cli/serve.h"

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + (argc > 0 ? 1 : 0), argv + argc);
  const std::string_view path = argc > 0 ? argv[0] : "pawl";
  if (path.substr(path.rfind('/') + 1) == "pawld") return pawl::cli::serve_main(args);
  return pawl::cli::run(args, pawl::cli::serve_main);
}
