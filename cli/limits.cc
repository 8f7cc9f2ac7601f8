// `pawl limits [NAME]`
#include "cli/command.h"

namespace pawl::cli {
namespace {

class Limits : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("NAME", &name_, "Only the limit of this name, with all of its keys");
    arguments.footer(
        "A limit is there while a task holds a permit of it, waits for one, or counts in its "
        "rate's\n"
        "window. Who holds and who waits: --json.");
  }

  int run(Session& session) override {
    std::vector<dsl::Value> limits;
    std::string cursor;
    do {
      std::string target = "/v1/limits?limit=500";
      if (name_) target += "&name=" + percent_encode(*name_);
      if (!cursor.empty()) target += "&cursor=" + percent_encode(cursor);
      const Answer answer = session.call({.target = target});
      if (answer.exit != kDone) return answer.exit;
      const dsl::Value* items = answer.json.field("items");
      if (items != nullptr && items->kind() == dsl::Kind::list) {
        limits.insert(limits.end(), items->as_list().begin(), items->as_list().end());
      }
      cursor = text_of(answer.json, "next_cursor");
    } while (!cursor.empty());
    if (session.json()) {
      dsl::Map page;
      page.emplace_back(dsl::Value::string("items"), dsl::Value::list(std::move(limits)));
      session.print_items(dsl::Value::map(std::move(page)));
      return kDone;
    }
    Table table({"LIMIT", "KEY", "AT ONCE", "RATE", "HELD", "WAITING", "NEXT"});
    for (const dsl::Value& limit : limits) {
      table.add({text_of(limit, "name"), text_of(limit, "key"), text_of(limit, "concurrency"),
                 text_of(limit, "rate"), text_of(limit, "held"), text_of(limit, "waiting"),
                 text_of(limit, "next_at")});
    }
    session.print(table.empty() ? "no limits: no task holds or waits for a permit\n"
                                : table.render(session.colour()));
    return kDone;
  }

 private:
  std::optional<std::string> name_;
};

}  // namespace

std::unique_ptr<Command> make_limits() { return std::make_unique<Limits>(); }

}  // namespace pawl::cli
