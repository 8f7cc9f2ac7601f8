// `pawl scrub RUN`: deletes what a closed run holds, for good; who it was and what happened stay.
#include "cli/command.h"
#include "cli/run_view.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

class Scrub : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("RUN", &run_, "The run's id; it has to be closed");
    arguments.option("--uid", "UID", &uid_, "An earlier run of the id");
    arguments.option("--reason", "TEXT", &reason_, "Why; it stays in the history");
  }

  int run(Session& session) override {
    Request request{.method = "DELETE", .target = run_path(run_, "/data")};
    if (uid_) request.target += "?uid=" + percent_encode(*uid_);
    codecs::JsonWriter body(&request.body);
    body.begin_object();
    if (reason_) body.field("reason", *reason_);
    body.end_object();
    const Answer answer = session.call(std::move(request));
    if (answer.exit != kDone || session.json()) return print_change(session, answer);
    session.print(run_line(answer.json) + printable(text_of(answer.json, "detail")) + "\n");
    return kDone;
  }

 private:
  std::string run_;
  std::optional<std::string> uid_, reason_;
};

}  // namespace

std::unique_ptr<Command> make_scrub() { return std::make_unique<Scrub>(); }

}  // namespace pawl::cli
