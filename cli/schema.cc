// `pawl schema`: the language as a JSON Schema, for editors.
#include "cli/command.h"
#include "codecs/definition_schema.h"

namespace pawl::cli {
namespace {

class Schema : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.footer(
        "A definition names it in its first line, and editors with taplo complete and mark\n"
        "what one types:\n\n  #:schema pawl.schema.json");
  }

  int run(Session& session) override {
    session.print(codecs::definition_schema());
    return kDone;
  }
};

}  // namespace

std::unique_ptr<Command> make_schema() { return std::make_unique<Schema>(); }

}  // namespace pawl::cli
