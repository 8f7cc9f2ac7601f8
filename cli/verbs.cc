// The verbs an operator has for one run: cancel, terminate, pause, resume, retry. Each is a POST
// with a reason, which stays in the run's history.
#include <algorithm>

#include "cli/command.h"
#include "cli/run_view.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

class Verb : public Command {
 public:
  explicit Verb(const char* verb) : verb_(verb) {}

  void declare(Arguments& arguments) override {
    arguments.value("RUN", &run_, "The run's id");
    arguments.option("--reason", "TEXT", &reason_, "Why; it stays in the history");
    if (verb_ == "retry") {
      arguments.option("--incident", "ID", &incident_, "Only this incident, not all of the run's");
    }
    arguments.option("--key", "KEY", &key_, "Idempotency key: the same key does it once");
  }

  int run(Session& session) override {
    Request request{.method = "POST", .target = run_path(run_, "/" + verb_)};
    codecs::JsonWriter body(&request.body);
    body.begin_object();
    if (reason_) body.field("reason", *reason_);
    if (incident_) {
      const bool digits = !incident_->empty() && incident_->size() < 10 &&
                          std::all_of(incident_->begin(), incident_->end(),
                                      [](char c) { return c >= '0' && c <= '9'; });
      if (!digits) {
        return session.refuse(kUsage, "`" + *incident_ +
                                          "` is no incident's number\nhint: `pawl show " + run_ +
                                          "` lists the run's incidents");
      }
      body.field("incident", std::stoi(*incident_));
    }
    body.end_object();
    if (key_) request.headers.emplace_back("Idempotency-Key", *key_);
    return print_change(session, session.call(std::move(request)));
  }

 private:
  std::string verb_;
  std::string run_;
  std::optional<std::string> reason_, incident_, key_;
};

}  // namespace

std::unique_ptr<Command> make_cancel() { return std::make_unique<Verb>("cancel"); }
std::unique_ptr<Command> make_terminate() { return std::make_unique<Verb>("terminate"); }
std::unique_ptr<Command> make_pause() { return std::make_unique<Verb>("pause"); }
std::unique_ptr<Command> make_resume() { return std::make_unique<Verb>("resume"); }
std::unique_ptr<Command> make_retry() { return std::make_unique<Verb>("retry"); }

}  // namespace pawl::cli
