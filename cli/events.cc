// `pawl events [--follow]`: what was committed, in all runs.
#include "cli/command.h"
#include "cli/feed.h"
#include "cli/run_view.h"

namespace pawl::cli {
namespace {

class Events : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.flag("--follow", &follow_, "Go on as events are committed");
    arguments.option("--after", "CURSOR", &after_, "Go on behind this cursor");
    arguments.footer("Events of one run are in order; see the {cursor} lines of --json.");
  }

  int run(Session& session) override {
    const bool colour = session.colour();
    return print_feed(
        session,
        {.path = "/v1/events", .after = after_.value_or(""), .follow = follow_, .position = ""},
        [colour](const dsl::Value& event) {
          return printable(padded(text_of(event, "at"), 24)) + " " +
                 printable(padded(text_of(event, "run"), 24)) + " " +
                 paint(printable(padded(text_of(event, "seq"), 5)), Colour::dim, colour) + " " +
                 paint(printable(padded(text_of(event, "type"), 20)), Colour::bold, colour) + " " +
                 printable(fields_line(event, " run seq at type actor cursor "));
        });
  }

 private:
  std::optional<std::string> after_;
  bool follow_ = false;
};

}  // namespace

std::unique_ptr<Command> make_events() { return std::make_unique<Events>(); }

}  // namespace pawl::cli
