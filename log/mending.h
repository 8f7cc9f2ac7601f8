// What is done about damage in a journal, after a survey (survey.h). Offline: nothing has opened
// the journal, and its directory is locked.
//
//   mend   a damaged segment is replaced by a copy in which lost frames stand where frames were
//          damaged: all that is legible stays, at its place, and so do all marks
//   cut    the journal ends where the first stretch begins, in all groups; what is damaged before
//          that, and loses nothing, is mended
//
// In both a copy of what was there is kept as NAME.damaged, which readers ignore; zeros are in it
// where the disk gave nothing back. A copy is written
// under another name and synced before it is renamed over the original: a crash at any step leaves
// a journal that is damaged as before, or mended, and the same can be done again.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "log/file_system.h"
#include "log/survey.h"

namespace pawl::log {

// Durable when it returns ok.
absl::Status mend(FileSystem& files, const std::string& directory, const Survey& survey);

// Where the journal would end then; absent: nothing would be left of it.
std::optional<Mark> end_of_cut(const Survey& survey);

// The same. FailedPrecondition, and nothing is changed, if there is no such end. The snapshots of
// what is cut off are the caller's to put aside, before.
absl::Status cut(FileSystem& files, const std::string& directory, const Survey& survey);

// NAME.damaged of segments before `oldest`: nobody needs them any more.
absl::Status remove_damaged_before(FileSystem& files, const std::string& directory,
                                   std::uint64_t oldest);

}  // namespace pawl::log
