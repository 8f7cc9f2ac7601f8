// `pawl subscriptions`: list them; show, put, ack and delete one.
#include "cli/command.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

class Subscriptions : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("VERB", &verb_, "show, put (make, or begin anew), ack, delete; without: list");
    arguments.value("NAME", &name_, "The subscription");
    arguments.value("CURSOR", &cursor_, "ack: all events before it were taken");
    arguments.option("--after", "PLACE", &after_,
                     "put: where it begins: now, oldest or a cursor (one that is there stays)");
    arguments.option("--max-lag", "DURATION", &max_lag_,
                     "put: how long events are held for it at most (7d)");
    arguments.footer("`pawl events --subscription NAME --ack` reads one.");
  }

  int run(Session& session) override {
    if (!verb_) return list(session);
    const bool known = *verb_ == "show" || *verb_ == "put" || *verb_ == "ack" || *verb_ == "delete";
    if (!known || !name_ || (*verb_ == "ack") != cursor_.has_value()) {
      return session.refuse(kUsage,
                            "`subscriptions` takes nothing, `show NAME`, `put NAME`, `ack NAME "
                            "CURSOR` or `delete NAME`\nhint: `pawl subscriptions` lists them");
    }
    Request request{.target = "/v1/subscriptions/" + percent_encode(*name_)};
    if (*verb_ == "put") {
      request.method = "PUT";
      codecs::JsonWriter body(&request.body);
      body.begin_object();
      if (after_) body.field("after", *after_);
      if (max_lag_) body.field("max_lag", *max_lag_);
      body.end_object();
    } else if (*verb_ == "ack") {
      request.method = "POST";
      request.target += "/ack";
      codecs::JsonWriter(&request.body).begin_object().field("cursor", *cursor_).end_object();
    } else if (*verb_ == "delete") {
      request.method = "DELETE";
    }
    const Answer answer = session.call(std::move(request));
    if (answer.exit != kDone) return answer.exit;
    if (session.json()) {
      session.print_json(answer.body);
    } else if (*verb_ == "delete") {
      session.print(printable(*name_) + ": deleted\n");
    } else {
      Table table = header();
      add(answer.json, &table);
      session.print(table.render(session.colour()));
    }
    return kDone;
  }

 private:
  static Table header() { return Table({"NAME", "STATUS", "ACKED", "MAX LAG", "CURSOR"}); }
  static void add(const dsl::Value& item, Table* table) {
    table->add({text_of(item, "name"), text_of(item, "status"), text_of(item, "acked_at"),
                text_of(item, "max_lag"), text_of(item, "cursor")});
  }

  static int list(Session& session) {
    const Answer answer = session.call({.target = "/v1/subscriptions"});
    if (answer.exit != kDone) return answer.exit;
    if (session.json()) {
      session.print_items(answer.json);
      return kDone;
    }
    Table table = header();
    const dsl::Value* items = answer.json.field("items");
    if (items != nullptr && items->kind() == dsl::Kind::list) {
      for (const dsl::Value& item : items->as_list()) add(item, &table);
    }
    session.print(table.empty() ? "no subscriptions\n" : table.render(session.colour()));
    return kDone;
  }

  std::optional<std::string> verb_, name_, cursor_, after_, max_lag_;
};

}  // namespace

std::unique_ptr<Command> make_subscriptions() { return std::make_unique<Subscriptions>(); }

}  // namespace pawl::cli
