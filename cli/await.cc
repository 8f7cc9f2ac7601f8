// `pawl await RUN (--state S | --status S)`
#include "cli/await_run.h"
#include "cli/command.h"
#include "cli/run_view.h"

namespace pawl::cli {
namespace {

class Await : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("RUN", &run_, "The run's id");
    arguments.option("--state", "STATE", &state_, "Wait until it is, or was, in this state");
    arguments.option("--status", "STATUS", &status_,
                     "completed, failed, cancelled, terminated, paused, running; "
                     "`closed` is any that ends it");
    arguments.option("--timeout", "DURATION", &timeout_, "Default 30s; then exit status 124");
  }

  int run(Session& session) override {
    if (state_.has_value() == status_.has_value()) {
      return session.refuse(kUsage,
                            "give either --state or --status\nhint: `pawl await RUN --status "
                            "closed` waits for the end");
    }
    const absl::StatusOr<std::int64_t> timeout_ms = read_duration_ms(timeout_.value_or("30s"));
    if (!timeout_ms.ok()) return session.refuse(timeout_ms.status());
    const std::string condition =
        state_ ? "state=" + percent_encode(*state_) : "status=" + percent_encode(*status_);
    const AwaitResult result = await_run(session, run_, condition, *timeout_ms);
    if (result.body.empty()) return result.exit;
    if (session.json()) {
      session.print_json(result.body);
    } else {
      session.print(run_line(result.run));
    }
    if (result.exit == kTimedOut) {
      session.refuse(kTimedOut, "not reached within " + timeout_.value_or("30s") +
                                    "\nhint: `pawl show " + run_ +
                                    "` says what it waits for; --timeout waits longer");
    } else if (result.exit == kFailed) {
      session.refuse(kFailed, "the run has closed without that\nhint: `pawl history " + run_ +
                                  "` says how it went");
    }
    return result.exit;
  }

 private:
  std::string run_;
  std::optional<std::string> state_, status_, timeout_;
};

}  // namespace

std::unique_ptr<Command> make_await() { return std::make_unique<Await>(); }

}  // namespace pawl::cli
