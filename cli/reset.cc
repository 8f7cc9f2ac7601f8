// `pawl reset RUN --to SEQ`: a run goes on from what it was, and nothing of what it has done since
// is undone.
#include <charconv>

#include "cli/command.h"
#include "cli/run_view.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

class Reset : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("RUN", &run_, "The run's id");
    arguments.required("--to", "SEQ", &to_, "As it was after this event of its history");
    arguments.option("--reason", "TEXT", &reason_, "Why; it stays in the history");
    arguments.option("--key", "KEY", &key_, "Idempotency key: the same key does it once");
    arguments.option("--uid", "UID", &uid_, "This very run of the id");
  }

  int run(Session& session) override {
    std::int64_t to = 0;
    const auto [end, error] = std::from_chars(to_.data(), to_.data() + to_.size(), to);
    if (error != std::errc() || end != to_.data() + to_.size() || to < 1) {
      return session.refuse(kUsage, "`" + to_ + "` is no event's number\nhint: `pawl history " +
                                        run_ + " --diff` shows them, and what each changed");
    }
    const std::string query = uid_ ? "?uid=" + percent_encode(*uid_) : "";
    Request request{.method = "POST", .target = run_path(run_, "/reset" + query)};
    codecs::JsonWriter body(&request.body);
    body.begin_object().field("to", to);
    if (reason_) body.field("reason", *reason_);
    body.end_object();
    if (key_) request.headers.emplace_back("Idempotency-Key", *key_);
    const int exit = print_change(session, session.call(std::move(request)));
    if (exit == kDone) {
      session.note("what it did after event " + to_ + " stays done: nothing was undone");
    }
    return exit;
  }

 private:
  std::string run_, to_;
  std::optional<std::string> reason_, key_, uid_;
};

}  // namespace

std::unique_ptr<Command> make_reset() { return std::make_unique<Reset>(); }

}  // namespace pawl::cli
