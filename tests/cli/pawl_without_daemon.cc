// The commands as a program, without the daemon: what the tests start.
#include <cstdio>
#include <string>
#include <vector>

#include "cli/cli.h"

int main(int argc, char** argv) {
  return pawl::cli::run({argv + 1, argv + argc}, [](const std::vector<std::string>& args) {
    std::printf("serve");
    for (const std::string& arg : args) std::printf(" %s", arg.c_str());
    std::printf("\n");
    return 0;
  });
}
