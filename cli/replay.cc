// `pawl replay RUN|FILE`: decides a recorded history again.
#include <sys/stat.h>

#include "base/limits.h"
#include "cli/command.h"
#include "cli/recorded_run.h"
#include "cli/replay_view.h"
#include "codecs/json.h"
#include "dsl/definition.h"

namespace pawl::cli {
namespace {

class ReplayRun : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("RUN|FILE", &what_, "A run's id, or a file of `pawl history --export`");
    arguments.option("--definition", "FILE", &definition_,
                     "By this definition; without, by the run's own");
    arguments.footer(
        "Exit status: 0 it decides the same, 1 it differs, 4 the history is not whole.");
  }

  int run(Session& session) override {
    RecordedRun recorded;
    if (const int exit = read(session, &recorded); exit != kDone) return exit;
    std::shared_ptr<const dsl::Definition> definition = recorded.recording.original;
    std::string file = recorded.workflow + " version " + recorded.version;
    if (definition_) {
      file = *definition_;
      if (const int exit = read_definition(session, file, &definition); exit != kDone) return exit;
    }
    if (definition == nullptr) {
      return session.refuse(kUsage, what_ +
                                        " does not say which definition it was made by\nhint: "
                                        "name one with --definition");
    }
    const rehearsal::ReplayResult result = rehearsal::replay(recorded.recording, definition);
    if (session.json()) {
      std::string out;
      append_replay(recorded.id, result, &out);
      session.print_json(out);
    } else {
      session.print(replay_text(recorded.id, result, file));
    }
    switch (result.kind) {
      case rehearsal::ReplayResult::Kind::same:
        return kDone;
      case rehearsal::ReplayResult::Kind::differs:
        return kFailed;
      case rehearsal::ReplayResult::Kind::impossible:
        return kConflict;
    }
    return kFailed;
  }

 private:
  int read(Session& session, RecordedRun* recorded) const {
    struct stat info;
    const bool is_file = what_ == "-" || (stat(what_.c_str(), &info) == 0 && S_ISREG(info.st_mode));
    if (!is_file) return RunReader(session).read(what_, recorded);
    absl::StatusOr<RecordedRun> from_file = read_recorded_run(what_);
    if (!from_file.ok()) return session.refuse(from_file.status());
    *recorded = *std::move(from_file);
    return kDone;
  }

  std::string what_;
  std::optional<std::string> definition_;
};

}  // namespace

std::unique_ptr<Command> make_replay() { return std::make_unique<ReplayRun>(); }

}  // namespace pawl::cli
