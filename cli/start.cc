// `pawl start WORKFLOW`
#include "cli/await_run.h"
#include "cli/command.h"
#include "cli/run_view.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

class Start : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("WORKFLOW", &workflow_, "Its name");
    arguments.option("--id", "ID", &id_, "The run's id; without it the daemon makes one");
    arguments.option("--input", "JSON", &input_, "JSON, @FILE or @- (stdin); default {}");
    arguments.repeated("--tag", "NAME=VALUE", &tags_, "A tag to find it by");
    arguments.number("--version", &version_, 1, 2'000'000'000, "Not the default version but this");
    arguments.flag("--wait", &wait_, "Wait until it has closed and print its output");
    arguments.option("--timeout", "DURATION", &timeout_, "With --wait: then exit status 124");
    arguments.option("--key", "KEY", &key_, "Idempotency key: the same key starts one run");
  }

  int run(Session& session) override {
    Request request{.method = "POST", .target = "/v1/runs"};
    if (const int exit = write_body(session, &request.body); exit != kDone) return exit;
    std::optional<std::int64_t> timeout_ms;
    if (timeout_) {
      const absl::StatusOr<std::int64_t> parsed = read_duration_ms(*timeout_);
      if (!parsed.ok()) return session.refuse(parsed.status());
      timeout_ms = *parsed;
    }
    if (key_) request.headers.emplace_back("Idempotency-Key", *key_);
    const Answer answer = session.call(std::move(request));
    if (!wait_ || answer.exit != kDone) return print_change(session, answer);
    const std::string id = text_of(answer.json, "id");
    if (session.error_terminal())
      session.note("started " + printable(id) + ", waiting for its end");
    return wait_for_end(session, id, timeout_ms);
  }

 private:
  int write_body(Session& session, std::string* out) const {
    codecs::JsonWriter body(out);
    body.begin_object().field("workflow", workflow_);
    if (id_) body.field("id", *id_);
    if (version_ > 0) body.field("version", version_);
    if (input_) {
      const absl::StatusOr<dsl::Value> input = read_json_argument(*input_);
      if (!input.ok()) return session.refuse(input.status());
      body.field("input", *input);
    }
    dsl::Map tags;
    for (const std::string& tag : tags_) {
      const std::size_t equals = tag.find('=');
      if (equals == std::string::npos || equals == 0) {
        return session.refuse(kUsage, "`" + tag + "` is no tag\nhint: write --tag NAME=VALUE");
      }
      tags.emplace_back(dsl::Value::string(tag.substr(0, equals)),
                        dsl::Value::string(tag.substr(equals + 1)));
    }
    if (!tags.empty()) body.field("tags", dsl::Value::map(std::move(tags)));
    body.end_object();
    return kDone;
  }

  int wait_for_end(Session& session, const std::string& id,
                   std::optional<std::int64_t> timeout_ms) const {
    const AwaitResult result = await_run(session, id, "status=closed", timeout_ms);
    if (result.exit == kTimedOut) {
      return session.refuse(kTimedOut, id + " has not closed within " + timeout_.value_or("") +
                                           "; it goes on\nhint: `pawl await " + id +
                                           " --status closed --timeout 10m` waits again");
    }
    const std::string status = text_of(result.run, "status");
    if (!is_closed_status(status)) return result.exit == kDone ? kFailed : result.exit;
    if (session.json()) {
      session.print(codecs::to_json(result.run) + "\n");
    } else if (const dsl::Value* output = result.run.field("output")) {
      session.print(codecs::to_pretty_json(*output) + "\n");
    }
    if (status == "completed") return kDone;
    const dsl::Value* error = result.run.field("error");
    const std::string why =
        error == nullptr || error->is_null()
            ? ""
            : ": " + text_of(*error, "type") + ": " + text_of(*error, "message");
    return session.refuse(kFailed, printable(id + " " + status + why) + "\nhint: `pawl history " +
                                       id + "` says how it went");
  }

  std::string workflow_;
  std::optional<std::string> id_, input_, timeout_, key_;
  std::vector<std::string> tags_;
  int version_ = 0;
  bool wait_ = false;
};

}  // namespace

std::unique_ptr<Command> make_start() { return std::make_unique<Start>(); }

}  // namespace pawl::cli
