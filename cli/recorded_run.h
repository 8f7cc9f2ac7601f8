// Whole histories, with the definition they were made by: from the daemon, or from a file that
// `pawl history --export` or `pawl journal dump` wrote.
//
// An export is lines of JSON. The first says what it is:
//   {"export": 1, "run": ID, "uid", "workflow", "version", "definition": TOML}
// and each other is an event, oldest first, of all generations that are kept.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "cli/session.h"
#include "rehearsal/replay.h"

namespace pawl::cli {

struct RecordedRun {
  std::string id, uid, workflow, version;
  std::string text;  // of the definition; "" if it is not known
  rehearsal::Recording recording;
};

// Asks the daemon, and keeps the definitions it has told.
class RunReader {
 public:
  explicit RunReader(Session& session) : session_(session) {}

  // kDone, or the exit status of what was refused and has been printed.
  int read(const std::string& id, RecordedRun* run);
  // The same of a run that a list named: kNotFound, and nothing printed, if it is gone.
  int read_listed(const std::string& id, const std::string& uid, RecordedRun* run);

 private:
  using Key = std::pair<std::string, std::string>;  // workflow, version

  Answer call(const std::string& target);
  int read_history(const std::string& id, const std::string& uid, RecordedRun* run);
  int definition(RecordedRun* run);

  Session& session_;
  bool quiet_ = false;  // a 404 is not printed
  std::map<Key, std::pair<std::string, std::shared_ptr<const dsl::Definition>>> known_;
};

// The run in a file. InvalidArgument: it can't be read, or is no history of one run.
absl::StatusOr<RecordedRun> read_recorded_run(const std::string& path);

// The lines of an export.
std::string export_lines(const RecordedRun& run);

}  // namespace pawl::cli
