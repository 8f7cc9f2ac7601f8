// `pawl schedules`, `pawl schedules show|pause|resume|trigger NAME`,
// `pawl schedules backfill NAME --from TIME --to TIME`
#include <algorithm>

#include "cli/command.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

class SchedulesCommand : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("VERB", &verb_,
                    "show: one schedule; pause: it does not fire; resume: it fires again, from now "
                    "on; trigger: fire it now; backfill: make up for a time that is over");
    arguments.value("NAME", &name_, "The schedule: WORKFLOW.NAME");
    arguments.option("--workflow", "NAME", &workflow_, "List those of this workflow alone");
    arguments.option("--reason", "TEXT", &reason_, "Why it is paused or resumed");
    arguments.option("--from", "TIME", &from_,
                     "Of a backfill: after this moment, as in 2026-11-23T04:30:00Z");
    arguments.option("--to", "TIME", &to_, "Of a backfill: up to this moment");
    arguments.option("--key", "KEY", &key_, "Idempotency key: the same key does it once");
    arguments.footer(
        "A schedule stands in its workflow's file, as [schedule.NAME]; that of the default version "
        "counts.");
  }

  int run(Session& session) override {
    if (!verb_) return list(session);
    const std::string& verb = *verb_;
    const bool known = verb == "show" || verb == "pause" || verb == "resume" || verb == "trigger" ||
                       verb == "backfill";
    if (!known || !name_ || name_->empty()) {
      return session.refuse(kUsage,
                            "`schedules` takes nothing, or show, pause, resume, trigger or "
                            "backfill, and a schedule's NAME\nhint: `pawl schedules` lists them");
    }
    if ((verb == "backfill") != (from_ && to_)) {
      return session.refuse(kUsage, verb == "backfill"
                                        ? "a backfill takes --from TIME and --to TIME"
                                        : "--from and --to go with `schedules backfill`");
    }
    return verb == "show" ? show(session) : change(session);
  }

 private:
  std::string target() const { return "/v1/schedules/" + percent_encode(*name_); }

  int change(Session& session) {
    Request request{.method = "POST", .target = target() + "/" + *verb_};
    codecs::JsonWriter body(&request.body);
    body.begin_object();
    if (reason_) body.field("reason", *reason_);
    if (from_) body.field("from", *from_).field("to", *to_);
    body.end_object();
    if (key_) request.headers.emplace_back("Idempotency-Key", *key_);
    const Answer answer = session.call(std::move(request));
    if (answer.exit != kDone) return answer.exit;
    if (session.json()) {
      session.print_json(answer.body);
      return kDone;
    }
    session.print(printable(*name_) + ": " + said(answer) + "\n");
    return kDone;
  }

  std::string said(const Answer& answer) const {
    const bool changed = text_of(answer.json, "changed") == "true";
    const std::string firings = text_of(answer.json, "firings");
    if (*verb_ == "trigger") return "one firing, now; `pawl schedules show` has its run";
    if (*verb_ == "backfill") {
      return changed ? firings + (firings == "1" ? " firing" : " firings") +
                           ", one after the other as its `overlap` has it"
                     : "there was no firing in that time";
    }
    return std::string(changed ? "now " : "already ") +
           (*verb_ == "pause" ? "paused" : "not paused");
  }

  int list(Session& session) {
    if (from_ || to_) return session.refuse(kUsage, "--from and --to go with `schedules backfill`");
    std::string target = "/v1/schedules?limit=500";
    if (workflow_) target += "&workflow=" + percent_encode(*workflow_);
    dsl::List all;
    std::string cursor;
    do {
      const Answer answer = session.call(
          {.target = target + (cursor.empty() ? "" : "&cursor=" + percent_encode(cursor))});
      if (answer.exit != kDone) return answer.exit;
      const dsl::Value* items = answer.json.field("items");
      if (items != nullptr && items->kind() == dsl::Kind::list) {
        all.insert(all.end(), items->as_list().begin(), items->as_list().end());
      }
      cursor = text_of(answer.json, "next_cursor");
    } while (!cursor.empty());
    return session.json() ? list_json(session, std::move(all)) : list_table(session, all);
  }

  static int list_json(Session& session, dsl::List all) {
    dsl::Map page;
    page.emplace_back(dsl::Value::string("items"), dsl::Value::list(std::move(all)));
    session.print_items(dsl::Value::map(std::move(page)));
    return kDone;
  }

  static int list_table(Session& session, const dsl::List& all) {
    Table table({"SCHEDULE", "WHEN", "NEXT", "LAST", "STARTED", "SKIPPED", "WAITING", ""});
    for (const dsl::Value& schedule : all) {
      table.add({text_of(schedule, "name"), when(schedule), next(schedule),
                 text_of(schedule, "last_at"), text_of(schedule, "started"),
                 text_of(schedule, "skipped"), text_of(schedule, "waiting"), held(schedule)});
    }
    session.print(table.empty() ? "no schedules: no default version of a workflow has any\n"
                                : table.render(session.colour()));
    return kDone;
  }

  int show(Session& session) {
    const Answer answer = session.call({.target = target()});
    if (answer.exit != kDone) return answer.exit;
    if (session.json()) {
      session.print_json(answer.body);
      return kDone;
    }
    const dsl::Value& schedule = answer.json;
    std::string out = printable(text_of(schedule, "name")) + "  " + printable(when(schedule));
    const std::string state = held(schedule);
    if (!state.empty()) out += "  " + state;
    out += "\noverlap " + text_of(schedule, "overlap") + ", missed " + text_of(schedule, "missed") +
           "; started " + text_of(schedule, "started") + ", refused " +
           text_of(schedule, "refused") + ", skipped " + text_of(schedule, "skipped") +
           ", waiting " + text_of(schedule, "waiting") + "\n";
    out += "next";
    for (const dsl::Value& time : list_of(schedule, "next")) out += " " + text_of(time);
    out += list_of(schedule, "next").empty() ? " never\n" : "\n";
    Table table({"FIRING", "OUTCOME", "RUN", "DETAIL"});
    for (const dsl::Value& firing : list_of(schedule, "starting")) {
      table.add({text_of(firing, "at"), "starting", text_of(firing, "run"), ""});
    }
    for (const dsl::Value& firing : list_of(schedule, "recent")) {
      const std::string count = text_of(firing, "count");
      table.add({text_of(firing, "at"), text_of(firing, "outcome"), text_of(firing, "run"),
                 count.empty() ? text_of(firing, "detail")
                               : count + " up to " + text_of(firing, "through")});
    }
    if (!table.empty()) out += table.render(session.colour());
    session.print(out);
    return kDone;
  }

  static dsl::List list_of(const dsl::Value& map, std::string_view field) {
    const dsl::Value* value = map.field(field);
    if (value == nullptr || value->kind() != dsl::Kind::list) return {};
    return dsl::List(value->as_list().begin(), value->as_list().end());
  }

  static std::string when(const dsl::Value& schedule) {
    const std::string cron = text_of(schedule, "cron");
    if (cron.empty()) return "every " + text_of(schedule, "every");
    const std::string zone = text_of(schedule, "tz");
    return zone == "UTC" ? cron : cron + " " + zone;
  }

  static std::string next(const dsl::Value& schedule) {
    const dsl::List times = list_of(schedule, "next");
    return times.empty() ? "" : text_of(times.front());
  }

  static std::string held(const dsl::Value& schedule) {
    if (text_of(schedule, "paused") == "true") return "paused";
    return text_of(schedule, "enabled") == "false" ? "not enabled" : "";
  }

  std::optional<std::string> verb_, name_, workflow_, reason_, from_, to_, key_;
};

}  // namespace

std::unique_ptr<Command> make_schedules() { return std::make_unique<SchedulesCommand>(); }

}  // namespace pawl::cli
