// `pawl move RUN --from A --to B`: compare-and-set, for applications that own the rules.
#include "cli/command.h"
#include "cli/run_view.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

class Move : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("RUN", &run_, "The run's id");
    arguments.required("--from", "STATE", &from_, "The state it must be in");
    arguments.required("--to", "STATE", &to_, "The state to go to; one of the state's `moves`");
    arguments.option("--reason", "TEXT", &reason_, "Why; it stays in the history");
    arguments.option("--key", "KEY", &key_, "Idempotency key: the same key does it once");
  }

  int run(Session& session) override {
    Request request{.method = "POST", .target = run_path(run_, "/move")};
    codecs::JsonWriter body(&request.body);
    body.begin_object().field("from", from_).field("to", to_);
    if (reason_) body.field("reason", *reason_);
    body.end_object();
    if (key_) request.headers.emplace_back("Idempotency-Key", *key_);
    return print_change(session, session.call(std::move(request)));
  }

 private:
  std::string run_, from_, to_;
  std::optional<std::string> reason_, key_;
};

}  // namespace

std::unique_ptr<Command> make_move() { return std::make_unique<Move>(); }

}  // namespace pawl::cli
