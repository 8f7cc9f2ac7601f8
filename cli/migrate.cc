// `pawl migrate RUN [--to VERSION] [--dry-run]`: an open run goes on by another version of its
// workflow, or is told all that speaks against it.
#include <charconv>

#include "cli/command.h"
#include "cli/run_view.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

class Migrate : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("RUN", &run_, "The run's id");
    arguments.option("--to", "VERSION", &to_, "The workflow's version; its default without it");
    arguments.flag("--dry-run", &dry_run_, "Only show what the run would be, or why it can't");
    arguments.option("--reason", "TEXT", &reason_, "Why; it stays in the history");
    arguments.option("--key", "KEY", &key_, "Idempotency key: the same key does it once");
    arguments.option("--uid", "UID", &uid_, "This very run of the id");
  }

  int run(Session& session) override {
    std::uint32_t to = 0;
    if (to_) {
      const auto [end, error] = std::from_chars(to_->data(), to_->data() + to_->size(), to);
      if (error != std::errc() || end != to_->data() + to_->size() || to < 1) {
        return session.refuse(kUsage, "`" + *to_ +
                                          "` is no version's number\nhint: 1, 2, 3 ...; "
                                          "without --to it is the default version");
      }
    }
    const std::string query = uid_ ? "?uid=" + percent_encode(*uid_) : "";
    Request request{.method = "POST", .target = run_path(run_, "/migrate" + query)};
    codecs::JsonWriter body(&request.body);
    body.begin_object();
    if (to_) body.field("version", std::uint64_t{to});
    if (dry_run_) body.field("dry_run", true);
    if (reason_) body.field("reason", *reason_);
    body.end_object();
    if (key_) request.headers.emplace_back("Idempotency-Key", *key_);
    const int exit = print_change(session, session.call(std::move(request)));
    if (exit == kDone && dry_run_) session.note("so it would be: nothing was changed");
    return exit;
  }

 private:
  std::string run_;
  std::optional<std::string> to_, reason_, key_, uid_;
  bool dry_run_ = false;
};

}  // namespace

std::unique_ptr<Command> make_migrate() { return std::make_unique<Migrate>(); }

}  // namespace pawl::cli
