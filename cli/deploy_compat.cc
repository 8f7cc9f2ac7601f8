#include "cli/deploy_compat.h"

#include "cli/recorded_run.h"
#include "cli/replay_view.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

constexpr int kShownMax = 20;       // runs that differ; the rest is counted
constexpr int kProgressRuns = 100;  // between two lines of progress

class OpenRuns {
 public:
  OpenRuns(Session& session, const std::string& file,
           std::shared_ptr<const dsl::Definition> definition)
      : session_(session), file_(file), definition_(std::move(definition)), reader_(session) {}

  int check() {
    std::string cursor;
    do {
      const Answer page =
          session_.call({.target = "/v1/runs?status=open&limit=500&workflow=" +
                                   percent_encode(definition_->name) +
                                   (cursor.empty() ? "" : "&cursor=" + percent_encode(cursor))});
      if (page.exit != kDone) return page.exit;
      const dsl::Value* items = page.json.field("items");
      const bool any = items != nullptr && items->kind() == dsl::Kind::list;
      for (std::size_t i = 0; any && i < items->as_list().size(); ++i) {
        if (const int exit = check_run(items->as_list()[i]); exit != kDone) return exit;
      }
      cursor = text_of(page.json, "next_cursor");
    } while (!cursor.empty());
    return verdict();
  }

 private:
  int check_run(const dsl::Value& item) {
    RecordedRun run;
    const int exit = reader_.read_listed(text_of(item, "id"), text_of(item, "uid"), &run);
    if (exit == kNotFound) return kDone;  // closed and forgotten since
    if (exit != kDone) return exit;
    const rehearsal::ReplayResult result = rehearsal::replay(run.recording, definition_);
    ++checked_;
    if (result.kind != rehearsal::ReplayResult::Kind::same) {
      ++differ_;
      show(run.id, result);
    }
    if (checked_ % kProgressRuns == 0) {
      session_.note(file_ + ": " + std::to_string(checked_) + " open runs replayed, " +
                    std::to_string(differ_) + " differ");
    }
    return kDone;
  }

  void show(const std::string& run, const rehearsal::ReplayResult& result) {
    if (session_.json()) {
      std::string out;
      append_replay(run, result, &out);
      session_.print_json(out);
    } else if (differ_ <= kShownMax) {
      session_.print(replay_text(run, result, file_));
    }
  }

  int verdict() {
    if (differ_ == 0) {
      session_.note(file_ + ": " + std::to_string(checked_) + " open runs of " + definition_->name +
                    " decide the same by it");
      return kDone;
    }
    return session_.refuse(
        kFailed, file_ + " was not deployed: " + std::to_string(differ_) + " of " +
                     std::to_string(checked_) +
                     " open runs would have gone another way by it\nhint: they stay on their own "
                     "version whatever is deployed; without --compat nothing is compared");
  }

  Session& session_;
  const std::string& file_;
  std::shared_ptr<const dsl::Definition> definition_;
  RunReader reader_;
  int checked_ = 0, differ_ = 0;
};

}  // namespace

int check_open_runs(Session& session, const std::string& file) {
  std::shared_ptr<const dsl::Definition> definition;
  if (const int exit = read_definition(session, file, &definition); exit != kDone) return exit;
  return OpenRuns(session, file, std::move(definition)).check();
}

}  // namespace pawl::cli
