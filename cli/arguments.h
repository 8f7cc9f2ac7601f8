// How a command says which arguments it takes: a thin layer over CLI11, which stays in one
// translation unit. Values are written when the command line is parsed; what is absent stays as it
// was.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace pawl::cli {

class Arguments {
 public:
  explicit Arguments(CLI::App& app) : app_(app) {}

  // Positional, in the order of the calls. `out` must outlive the parse.
  void value(const std::string& name, std::string* out, const std::string& help);
  void value(const std::string& name, std::optional<std::string>* out, const std::string& help);
  // The last positional: one or more.
  void values(const std::string& name, std::vector<std::string>* out, const std::string& help);

  // Named, e.g. "--reason"; `what` stands for its value in the help.
  void option(const std::string& name, const std::string& what, std::optional<std::string>* out,
              const std::string& help);
  void required(const std::string& name, const std::string& what, std::string* out,
                const std::string& help);
  // May be given several times, one value each.
  void repeated(const std::string& name, const std::string& what, std::vector<std::string>* out,
                const std::string& help);
  void number(const std::string& name, int* out, int min, int max, const std::string& help);
  void flag(const std::string& name, bool* out, const std::string& help);
  // Shown below the options in the help.
  void footer(const std::string& text);

 private:
  CLI::App& app_;
};

}  // namespace pawl::cli
