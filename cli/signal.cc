// `pawl signal RUN NAME [JSON]`
#include "cli/command.h"
#include "cli/run_view.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

class SendSignal : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("RUN", &run_, "The run's id");
    arguments.value("NAME", &name_, "The signal");
    arguments.value("PAYLOAD", &payload_, "JSON, @FILE or @- (stdin)");
    arguments.option("--dedupe-id", "ID", &dedupe_id_,
                     "The run takes a signal with this id once, for as long as it lives");
    arguments.option("--expect-state", "STATE", &expect_state_, "Refuse unless the run is there");
    arguments.option("--key", "KEY", &key_, "Idempotency key: the same key sends it once");
  }

  int run(Session& session) override {
    Request request{.method = "POST",
                    .target = run_path(run_, "/signals/" + percent_encode(name_))};
    codecs::JsonWriter body(&request.body);
    body.begin_object();
    if (payload_) {
      const absl::StatusOr<dsl::Value> payload = read_json_argument(*payload_);
      if (!payload.ok()) return session.refuse(payload.status());
      body.field("payload", *payload);
    }
    if (dedupe_id_) body.field("dedupe_id", *dedupe_id_);
    if (expect_state_) body.field("expect_state", *expect_state_);
    body.end_object();
    if (key_) request.headers.emplace_back("Idempotency-Key", *key_);
    return print_change(session, session.call(std::move(request)));
  }

 private:
  std::string run_, name_;
  std::optional<std::string> payload_, dedupe_id_, expect_state_, key_;
};

}  // namespace

std::unique_ptr<Command> make_signal() { return std::make_unique<SendSignal>(); }

}  // namespace pawl::cli
