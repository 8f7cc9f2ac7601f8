// `pawl show RUN`
#include "cli/command.h"
#include "cli/run_view.h"

namespace pawl::cli {
namespace {

class Show : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("RUN", &run_, "The run's id");
    arguments.option("--at", "SEQ", &at_, "As it was after this event");
    arguments.option("--uid", "UID", &uid_, "An earlier run of the same id");
  }

  int run(Session& session) override {
    std::string query;
    if (at_) query += "&at=" + percent_encode(*at_);
    if (uid_) query += "&uid=" + percent_encode(*uid_);
    if (!query.empty()) query[0] = '?';
    const Answer answer = session.call({.target = run_path(run_, query)});
    if (answer.exit != kDone) return answer.exit;
    if (session.json()) {
      session.print_json(answer.body);
    } else {
      session.print(run_details(answer.json, session.colour()));
    }
    return kDone;
  }

 private:
  std::string run_;
  std::optional<std::string> at_, uid_;
};

}  // namespace

std::unique_ptr<Command> make_show() { return std::make_unique<Show>(); }

}  // namespace pawl::cli
