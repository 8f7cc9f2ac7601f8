// `pawl history RUN [--follow]`
#include "cli/command.h"
#include "cli/feed.h"
#include "cli/run_view.h"

namespace pawl::cli {
namespace {

class History : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("RUN", &run_, "The run's id");
    arguments.flag("--follow", &follow_, "Go on until the run has closed");
    arguments.option("--after", "SEQ", &after_, "What came after this event; 0: all there is");
    arguments.option("--generation", "N", &generation_,
                     "Of this generation; without, of the present one");
  }

  int run(Session& session) override {
    const bool colour = session.colour();
    return print_feed(
        session,
        {.path = run_path(run_, "/history"),
         .after = after_.value_or(""),
         .generation = generation_.value_or(""),
         .follow = follow_,
         .position = "seq"},
        [colour](const dsl::Value& event) {
          return paint(printable(padded(text_of(event, "seq"), 5)), Colour::dim, colour) + " " +
                 printable(padded(text_of(event, "at"), 24)) + " " +
                 paint(printable(padded(text_of(event, "type"), 20)), Colour::bold, colour) + " " +
                 printable(fields_line(event, " seq at type actor cursor "));
        });
  }

 private:
  std::string run_;
  std::optional<std::string> after_, generation_;
  bool follow_ = false;
};

}  // namespace

std::unique_ptr<Command> make_history() { return std::make_unique<History>(); }

}  // namespace pawl::cli
