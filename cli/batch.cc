// `pawl batch VERB --workflow W ...`: a verb on many runs; and list, show and stop.
#include <algorithm>
#include <chrono>
#include <thread>

#include "cli/command.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

constexpr std::chrono::milliseconds kLookAgain(500);

bool is_over(const dsl::Value& batch) {
  const std::string status = text_of(batch, "status");
  return status == "done" || status == "stopped";
}

std::string progress_of(const dsl::Value& batch) {
  return "batch " + text_of(batch, "batch") + " " + text_of(batch, "status") + ": " +
         text_of(batch, "changed") + " changed, " + text_of(batch, "unchanged") + " unchanged, " +
         text_of(batch, "refused") + " refused, of " + text_of(batch, "matching");
}

class BatchCommand : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("VERB", &verb_,
                    "cancel, terminate, pause, resume, retry, signal, move or scrub many runs; or "
                    "list, show, stop batches");
    arguments.value("WHAT", &what_, "Of signal its name; of show and stop the batch's number");
    arguments.value("PAYLOAD", &payload_, "Of signal: JSON, @FILE or @- (stdin)");
    arguments.option("--workflow", "NAME", &workflow_, "Only runs of this workflow");
    arguments.option("--status", "STATUS", &status_,
                     "Only runs of this status; without it open ones, of resume paused ones, of "
                     "scrub closed ones");
    arguments.option("--state", "STATE", &state_, "Only runs that are in this state");
    arguments.option("--id-prefix", "TEXT", &id_prefix_, "Only runs whose id begins so");
    arguments.repeated("--tag", "NAME=VALUE", &tags_, "Only runs with this tag");
    arguments.option("--started-after", "TIME", &started_after_, "Only runs started after it");
    arguments.option("--started-before", "TIME", &started_before_, "Only runs started before it");
    arguments.option("--from", "STATE", &from_, "move: the state they must be in");
    arguments.option("--to", "STATE", &to_, "move: the state to go to");
    arguments.option("--reason", "TEXT", &reason_, "Why; it stays in the runs' histories");
    arguments.number("--rate", &rate_, 1, 10'000, "At most so many runs a second (200)");
    arguments.flag("--dry-run", &dry_run_, "Say which runs it would be, and change nothing");
    arguments.flag("--follow", &follow_, "Wait until the batch is over");
    arguments.option("--key", "KEY", &key_, "Idempotency key: the same key begins it once");
    arguments.footer(
        "Each run that fits when its turn comes is asked once; those started later are left "
        "alone.");
  }

  int run(Session& session) override {
    if (verb_ == "list") return list(session);
    if (verb_ == "show" || verb_ == "stop") return one(session);
    return begin(session);
  }

 private:
  int begin(Session& session) {
    const bool any = workflow_ || status_ || state_ || id_prefix_ || started_after_ ||
                     started_before_ || !tags_.empty();
    if (!any) {
      return session.refuse(kUsage,
                            "which runs?\nhint: say --workflow, --state, --tag or the like; "
                            "--status open means all that are open");
    }
    Request request{.method = "POST", .target = "/v1/batches"};
    codecs::JsonWriter body(&request.body);
    body.begin_object().field("verb", verb_);
    if (const int exit = write_args(session, &body); exit != kDone) return exit;
    if (const int exit = write_filter(session, &body); exit != kDone) return exit;
    if (reason_) body.field("reason", *reason_);
    if (rate_ > 0) body.field("rate", rate_);
    if (dry_run_) body.field("dry_run", true);
    body.end_object();
    if (key_) request.headers.emplace_back("Idempotency-Key", *key_);
    const Answer answer = session.call(std::move(request));
    if (answer.exit != kDone) return answer.exit;
    if (dry_run_) return show_dry_run(session, answer);
    if (follow_) return follow(session, text_of(answer.json, "batch"));
    if (session.json()) {
      session.print_json(answer.body);
    } else {
      session.print(progress_of(answer.json) + "\n");
      session.note("`pawl batch show " + text_of(answer.json, "batch") + " --follow` waits for it");
    }
    return kDone;
  }

  int write_args(Session& session, codecs::JsonWriter* body) const {
    if (verb_ == "signal") {
      if (!what_) {
        return session.refuse(kUsage,
                              "which signal?\nhint: `pawl batch signal NAME [PAYLOAD] ...`");
      }
      body->plain_key("args").begin_object().field("signal", *what_);
      if (payload_) {
        const absl::StatusOr<dsl::Value> payload = read_json_argument(*payload_);
        if (!payload.ok()) return session.refuse(payload.status());
        body->field("payload", *payload);
      }
      body->end_object();
      return kDone;
    }
    if (what_) {
      return session.refuse(kUsage, "`" + *what_ +
                                        "` is too much\nhint: which runs it is for say " +
                                        "--workflow, --state, --tag and the like");
    }
    if (from_.has_value() != to_.has_value() || (verb_ == "move") != from_.has_value()) {
      return session.refuse(kUsage, "--from and --to belong to `move`, which takes both");
    }
    if (from_) {
      body->plain_key("args").begin_object().field("from", *from_).field("to", *to_).end_object();
    }
    return kDone;
  }

  int write_filter(Session& session, codecs::JsonWriter* body) const {
    body->plain_key("filter").begin_object();
    if (workflow_) body->field("workflow", *workflow_);
    if (status_) body->field("status", *status_);
    if (state_) body->field("state", *state_);
    if (id_prefix_) body->field("id_prefix", *id_prefix_);
    if (started_after_) body->field("started_after", *started_after_);
    if (started_before_) body->field("started_before", *started_before_);
    if (!tags_.empty()) {
      body->plain_key("tags").begin_object();
      for (const std::string& tag : tags_) {
        const std::size_t equals = tag.find('=');
        if (equals == std::string::npos || equals == 0) {
          return session.refuse(kUsage, "`" + tag + "` is no tag\nhint: write --tag NAME=VALUE");
        }
        body->key(tag.substr(0, equals)).string(tag.substr(equals + 1));
      }
      body->end_object();
    }
    body->end_object();
    return kDone;
  }

  static int show_dry_run(Session& session, const Answer& answer) {
    if (session.json()) {
      session.print_json(answer.body);
      return kDone;
    }
    session.print(text_of(answer.json, "matching") + " runs fit; nothing was changed\n");
    Table table({"RUN", "WORKFLOW", "STATUS", "STATE"});
    table.colour_column(2);
    const dsl::Value* sample = answer.json.field("sample");
    if (sample != nullptr && sample->kind() == dsl::Kind::list) {
      for (const dsl::Value& run : sample->as_list()) {
        table.add({text_of(run, "run"), text_of(run, "workflow"), text_of(run, "status"),
                   text_of(run, "state")});
      }
    }
    if (!table.empty()) session.print(table.render(session.colour()));
    return kDone;
  }

  int list(Session& session) const {
    const Answer answer = session.call({.target = "/v1/batches"});
    if (answer.exit != kDone) return answer.exit;
    if (session.json()) {
      session.print_items(answer.json);
      return kDone;
    }
    Table table(
        {"BATCH", "VERB", "STATUS", "MATCHING", "CHANGED", "UNCHANGED", "REFUSED", "BEGAN"});
    const dsl::Value* items = answer.json.field("items");
    if (items != nullptr && items->kind() == dsl::Kind::list) {
      for (const dsl::Value& batch : items->as_list()) {
        table.add({text_of(batch, "batch"), text_of(batch, "verb"), text_of(batch, "status"),
                   text_of(batch, "matching"), text_of(batch, "changed"),
                   text_of(batch, "unchanged"), text_of(batch, "refused"),
                   text_of(batch, "began_at")});
      }
    }
    session.print(table.empty() ? "no batches\n" : table.render(session.colour()));
    return kDone;
  }

  int one(Session& session) const {
    if (!what_) {
      return session.refuse(kUsage, "which batch?\nhint: `pawl batch list` has their numbers");
    }
    if (verb_ == "show" && follow_) return follow(session, *what_);
    Request request{.method = verb_ == "stop" ? "DELETE" : "GET",
                    .target = "/v1/batches/" + percent_encode(*what_)};
    if (verb_ == "stop" && reason_) {
      codecs::JsonWriter(&request.body).begin_object().field("reason", *reason_).end_object();
    }
    const Answer answer = session.call(std::move(request));
    if (answer.exit != kDone) return answer.exit;
    show(session, answer);
    return kDone;
  }

  // Looks again until it is over; on a terminal says how far it is meanwhile.
  static int follow(Session& session, const std::string& batch) {
    std::string said;
    while (true) {
      const Answer answer = session.call({.target = "/v1/batches/" + percent_encode(batch)});
      if (answer.exit != kDone) return answer.exit;
      if (is_over(answer.json)) {
        show(session, answer);
        return kDone;
      }
      const std::string now = progress_of(answer.json);
      if (session.error_terminal() && now != said) session.note(now);
      said = now;
      std::this_thread::sleep_for(kLookAgain);
    }
  }

  static void show(Session& session, const Answer& answer) {
    if (session.json()) return session.print_json(answer.body);
    session.print(progress_of(answer.json) + "\n");
    const dsl::Value* refusals = answer.json.field("refusals");
    if (refusals == nullptr || refusals->kind() != dsl::Kind::list) return;
    Table table({"REFUSED BY", "WHY", "DETAIL"});
    for (const dsl::Value& refusal : refusals->as_list()) {
      table.add({text_of(refusal, "run"), text_of(refusal, "type"), text_of(refusal, "detail")});
    }
    if (!table.empty()) session.print(table.render(session.colour()));
  }

  std::string verb_;
  std::optional<std::string> what_, payload_, workflow_, status_, state_, id_prefix_;
  std::optional<std::string> started_after_, started_before_, from_, to_, reason_, key_;
  std::vector<std::string> tags_;
  int rate_ = 0;
  bool dry_run_ = false, follow_ = false;
};

}  // namespace

std::unique_ptr<Command> make_batch() { return std::make_unique<BatchCommand>(); }

}  // namespace pawl::cli
