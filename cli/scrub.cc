// `pawl scrub RUN`: deletes what a closed run holds, for good; who it was and what happened stay.
// Asked again it says which boxes have it off their disks; --wait asks until all have.
#include <chrono>
#include <thread>

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
    arguments.flag("--wait", &wait_, "Until the data is off the disks of all boxes");
    arguments.option("--timeout", "DURATION", &timeout_,
                     "Of --wait, default 5m; then exit status 124");
  }

  int run(Session& session) override {
    const absl::StatusOr<std::int64_t> timeout_ms = read_duration_ms(timeout_.value_or("5m"));
    if (!timeout_ms.ok()) return session.refuse(timeout_ms.status());
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(*timeout_ms);
    Answer answer = ask(session);
    while (wait_ && answer.exit == kDone && answer.status == kAccepted &&
           std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(kBetween);
      answer = ask(session);
    }
    if (answer.exit != kDone || session.json()) {
      const int printed = print_change(session, answer);
      if (printed != kDone) return printed;
    } else {
      session.print(run_line(answer.json) + printable(text_of(answer.json, "detail")) + "\n" +
                    boxes_of(answer.json));
    }
    if (!wait_ || answer.status != kAccepted) return kDone;
    return session.refuse(kTimedOut,
                          "not off the disks of all boxes within " + timeout_.value_or("5m") +
                              "\nhint: `pawl cluster status` says which boxes are there");
  }

 private:
  static constexpr int kAccepted = 202;
  static constexpr std::chrono::milliseconds kBetween{500};

  Answer ask(Session& session) const {
    Request request{.method = "DELETE", .target = run_path(run_, "/data")};
    if (uid_) request.target += "?uid=" + percent_encode(*uid_);
    codecs::JsonWriter body(&request.body);
    body.begin_object();
    if (reason_) body.field("reason", *reason_);
    body.end_object();
    return session.call(std::move(request));
  }

  // "box 1: scrubbed", a line each.
  static std::string boxes_of(const dsl::Value& answer) {
    std::string text;
    const dsl::Value* boxes = answer.field("boxes");
    if (boxes == nullptr || boxes->kind() != dsl::Kind::list) return text;
    for (const dsl::Value& box : boxes->as_list()) {
      const dsl::Value* scrubbed = box.field("scrubbed");
      const bool done = scrubbed != nullptr && *scrubbed == dsl::Value::boolean(true);
      text += "box " + text_of(box, "id") + (done ? ": scrubbed\n" : ": not yet\n");
    }
    return text;
  }

  std::string run_;
  std::optional<std::string> uid_, reason_, timeout_;
  bool wait_ = false;
};

}  // namespace

std::unique_ptr<Command> make_scrub() { return std::make_unique<Scrub>(); }

}  // namespace pawl::cli
