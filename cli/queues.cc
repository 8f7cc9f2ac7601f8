// `pawl queues`
#include "cli/command.h"

namespace pawl::cli {
namespace {

class Queues : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.footer("A queue that grows without workers: `pawl worker --queue QUEUE ...`.");
  }

  int run(Session& session) override {
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

 private:
  // A number, or the list of their names.
  static std::string workers(const dsl::Value& queue) {
    const dsl::Value* value = queue.field("workers");
    if (value == nullptr) return "";
    if (value->kind() != dsl::Kind::list) return text_of(*value);
    return std::to_string(value->as_list().size());
  }
};

}  // namespace

std::unique_ptr<Command> make_queues() { return std::make_unique<Queues>(); }

}  // namespace pawl::cli
