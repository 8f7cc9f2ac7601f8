// The file a program writes its progress to (PAWL_PROGRESS): sent as a heartbeat's details when it
// has changed, and filled with what an earlier attempt left. Its text is a JSON value; text that
// isn't JSON counts as a string, and a string comes back as its plain text.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "dsl/value.h"

namespace pawl::cli {

class ProgressFile {
 public:
  // Creates the file; an old one of that name is replaced.
  static absl::Status create(const std::string& path, const dsl::Value& progress,
                             ProgressFile* out);
  void remove() const;

  const std::string& path() const { return path_; }
  // True, and *json the content as JSON, if it is not what was delivered last. What can't be sent
  // (not a regular file any more, not UTF-8, longer than limits::kWorkerProgressBytesMax) is left
  // out.
  bool changed(std::string* json);
  // What changed() gave last has arrived.
  void delivered() { delivered_ = offered_; }

 private:
  std::string path_;
  std::string delivered_;  // the raw text
  std::string offered_;
};

}  // namespace pawl::cli
