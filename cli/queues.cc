// `pawl queues`, `pawl queues pause QUEUE`, `pawl queues resume QUEUE`
#include "cli/command.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

class Queues : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("VERB", &verb_, "pause: hand out no task of a queue; resume: go on");
    arguments.value("QUEUE", &queue_, "The queue to pause or resume");
    arguments.option("--reason", "TEXT", &reason_, "Why it is paused or resumed");
    arguments.footer("A queue that grows without workers: `pawl worker --queue QUEUE ...`.");
  }

  int run(Session& session) override { return verb_ ? change(session) : list(session); }

 private:
  int change(Session& session) {
    if ((*verb_ != "pause" && *verb_ != "resume") || !queue_) {
      return session.refuse(kUsage,
                            "`queues` takes nothing, `pause QUEUE` or `resume QUEUE`\n"
                            "hint: `pawl queues` lists the queues");
    }
    if (queue_->empty()) return session.refuse(kUsage, "QUEUE is empty\nhint: `pawl queues`");
    Request request{.method = "POST",
                    .target = "/v1/queues/" + percent_encode(*queue_) + "/" + *verb_};
    codecs::JsonWriter body(&request.body);
    body.begin_object();
    if (reason_) body.field("reason", *reason_);
    body.end_object();
    const Answer answer = session.call(std::move(request));
    if (answer.exit != kDone) return answer.exit;
    if (session.json()) {
      session.print_json(answer.body);
      return kDone;
    }
    const bool changed = text_of(answer.json, "changed") == "true";
    const std::string state = *verb_ == "pause" ? "paused" : "not paused";
    session.print(printable(*queue_) + (changed ? ": now " : ": already ") + state + "\n");
    return kDone;
  }

  int list(Session& session) {
    const Answer answer = session.call({.target = "/v1/queues"});
    if (answer.exit != kDone) return answer.exit;
    if (session.json()) {
      session.print_items(answer.json);
      return kDone;
    }
    Table table({"QUEUE", "WAITING", "OLDEST", "IN FLIGHT", "POLLS", "WORKERS", "PAUSED"});
    const dsl::Value* items = answer.json.field("items");
    if (items != nullptr && items->kind() == dsl::Kind::list) {
      for (const dsl::Value& queue : items->as_list()) {
        table.add({text_of(queue, "queue"), text_of(queue, "depth"), text_of(queue, "oldest"),
                   text_of(queue, "in_flight"), text_of(queue, "parked_polls"), workers(queue),
                   text_of(queue, "paused") == "true" ? "paused" : ""});
      }
    }
    session.print(table.empty() ? "no queues: no task was ever waiting\n"
                                : table.render(session.colour()));
    return kDone;
  }

  // A number, or the list of their names.
  static std::string workers(const dsl::Value& queue) {
    const dsl::Value* value = queue.field("workers");
    if (value == nullptr) return "";
    if (value->kind() != dsl::Kind::list) return text_of(*value);
    return std::to_string(value->as_list().size());
  }

  std::optional<std::string> verb_, queue_, reason_;
};

}  // namespace

std::unique_ptr<Command> make_queues() { return std::make_unique<Queues>(); }

}  // namespace pawl::cli
