// `pawl list`
#include "cli/command.h"

namespace pawl::cli {
namespace {

class ListRuns : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.option("--workflow", "NAME", &workflow_, "Only runs of this workflow");
    arguments.option("--status", "STATUS", &status_,
                     "scheduled, running, paused, completed, failed, cancelled or terminated");
    arguments.option("--state", "STATE", &state_, "Only runs that are in this state");
    arguments.repeated("--tag", "NAME=VALUE", &tags_, "Only runs with this tag");
    arguments.number("--limit", &limit_, 1, 500, "How many, at most; with --all, a page");
    arguments.option("--cursor", "CURSOR", &cursor_, "Go on where an earlier page ended");
    arguments.flag("--all", &all_, "All pages");
  }

  int run(Session& session) override {
    std::string query = "?limit=" + std::to_string(limit_);
    if (const int exit = filters(session, &query); exit != kDone) return exit;
    Table table({"RUN", "WORKFLOW", "VERSION", "STATUS", "STATE", "STARTED", "UPDATED"});
    table.colour_column(3);
    std::string cursor = cursor_.value_or("");
    do {
      const Answer answer =
          session.call({.target = "/v1/runs" + query +
                                  (cursor.empty() ? "" : "&cursor=" + percent_encode(cursor))});
      if (answer.exit != kDone) return answer.exit;
      if (session.json()) {
        session.print_items(answer.json);
      } else {
        add_rows(answer.json, &table);
      }
      cursor = text_of(answer.json, "next_cursor");
    } while (all_ && !cursor.empty());
    if (!session.json()) {
      session.print(table.empty() ? "no runs\n" : table.render(session.colour()));
    }
    if (!cursor.empty()) session.note("there are more: add --all, or --cursor " + cursor);
    return kDone;
  }

 private:
  int filters(Session& session, std::string* query) const {
    if (workflow_) *query += "&workflow=" + percent_encode(*workflow_);
    if (status_) *query += "&status=" + percent_encode(*status_);
    if (state_) *query += "&state=" + percent_encode(*state_);
    for (const std::string& tag : tags_) {
      const std::size_t equals = tag.find('=');
      if (equals == std::string::npos || equals == 0) {
        return session.refuse(kUsage, "`" + tag + "` is no tag\nhint: write --tag NAME=VALUE");
      }
      *query += "&tag." + percent_encode(tag.substr(0, equals)) + "=" +
                percent_encode(tag.substr(equals + 1));
    }
    return kDone;
  }

  static void add_rows(const dsl::Value& page, Table* table) {
    const dsl::Value* items = page.field("items");
    if (items == nullptr || items->kind() != dsl::Kind::list) return;
    for (const dsl::Value& run : items->as_list()) {
      table->add({text_of(run, "id"), text_of(run, "workflow"), text_of(run, "version"),
                  text_of(run, "status"), text_of(run, "state"), text_of(run, "started_at"),
                  text_of(run, "updated_at")});
    }
  }

  std::optional<std::string> workflow_, status_, state_, cursor_;
  std::vector<std::string> tags_;
  int limit_ = 100;
  bool all_ = false;
};

}  // namespace

std::unique_ptr<Command> make_list() { return std::make_unique<ListRuns>(); }

}  // namespace pawl::cli
