// `pawl incidents`: steps that stopped and wait for an operator.
#include "cli/command.h"

namespace pawl::cli {
namespace {

class Incidents : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.footer(
        "Put right what is wrong, then `pawl retry RUN [--incident ID]`; `pawl show RUN` and\n"
        "`pawl history RUN` say how it came to it.");
  }

  int run(Session& session) override {
    Table table({"RUN", "INCIDENT", "WORKFLOW", "AT", "ERROR", "MESSAGE", "SINCE"});
    std::string cursor;
    do {
      const Answer answer =
          session.call({.target = "/v1/incidents" +
                                  (cursor.empty() ? "" : "?cursor=" + percent_encode(cursor))});
      if (answer.exit != kDone) return answer.exit;
      if (session.json()) {
        session.print_items(answer.json);
      } else {
        add_rows(answer.json, &table);
      }
      cursor = text_of(answer.json, "next_cursor");
    } while (!cursor.empty());
    if (session.json()) return kDone;
    session.print(table.empty() ? "no incidents\n" : table.render(session.colour()));
    if (!table.empty()) session.note("next: `pawl show RUN`, then `pawl retry RUN`");
    return kDone;
  }

 private:
  static void add_rows(const dsl::Value& page, Table* table) {
    const dsl::Value* items = page.field("items");
    if (items == nullptr || items->kind() != dsl::Kind::list) return;
    for (const dsl::Value& item : items->as_list()) {
      const dsl::Value* error = item.field("error");
      const dsl::Value nothing;
      const dsl::Value& e = error == nullptr ? nothing : *error;
      table->add({text_of(item, "run"), text_of(item, "id"), text_of(item, "workflow"),
                  text_of(item, "path"), text_of(e, "type"), shorten(text_of(e, "message"), 60),
                  text_of(item, "since")});
    }
  }
};

}  // namespace

std::unique_ptr<Command> make_incidents() { return std::make_unique<Incidents>(); }

}  // namespace pawl::cli
