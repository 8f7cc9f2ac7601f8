#include "cli/arguments.h"

#include <CLI/CLI.hpp>

namespace pawl::cli {

void Arguments::value(const std::string& name, std::string* out, const std::string& help) {
  app_.add_option(name, *out, help)->required();
}

void Arguments::value(const std::string& name, std::optional<std::string>* out,
                      const std::string& help) {
  app_.add_option_function<std::string>(
      name, [out](const std::string& text) { *out = text; }, help);
}

void Arguments::values(const std::string& name, std::vector<std::string>* out,
                       const std::string& help) {
  app_.add_option(name, *out, help)->required();
}

void Arguments::option(const std::string& name, const std::string& what,
                       std::optional<std::string>* out, const std::string& help) {
  app_.add_option_function<std::string>(
          name, [out](const std::string& text) { *out = text; }, help)
      ->type_name(what);
}

void Arguments::required(const std::string& name, const std::string& what, std::string* out,
                         const std::string& help) {
  app_.add_option(name, *out, help)->required()->type_name(what);
}

void Arguments::repeated(const std::string& name, const std::string& what,
                         std::vector<std::string>* out, const std::string& help) {
  // One value each: `--tag a=b order` must not take "order".
  app_.add_option(name, *out, help)
      ->type_name(what)
      ->type_size(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void Arguments::number(const std::string& name, int* out, int min, int max,
                       const std::string& help) {
  app_.add_option(name, *out, help)->type_name("N")->check(CLI::Range(min, max));
}

void Arguments::flag(const std::string& name, bool* out, const std::string& help) {
  app_.add_flag(name, *out, help);
}

void Arguments::footer(const std::string& text) { app_.footer(text); }

}  // namespace pawl::cli
