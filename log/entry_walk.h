// The entries of a segment, or of a kept file, frame by frame in bounded steps: how whoever reads
// old parts of the journal goes through them. Checksums are verified.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "log/file_system.h"
#include "log/record.h"
#include "log/source.h"

namespace pawl::log {

struct WalkedEntry {
  Place frame;  // the one frame that it is in
  GroupId group;
  Term term;
  Index index;
  std::string_view payload;  // valid during the visit
};
using WalkVisitor = std::function<absl::Status(const WalkedEntry&)>;

struct WalkStep {
  std::uint64_t segment = 0;  // or a kept file's number
  std::uint32_t from = 0;     // a frame begins here
  std::uint32_t until = 0;    // frames end here
  // The step ends with the frame that reaches one of them.
  std::size_t entries_max = 0;
  std::size_t bytes_max = 0;  // of payloads before compression; also read at once
};

// Where the next step goes on; `until` at the end. DataLoss names file and offset; NotFound if the
// file is gone; what `visit` said, if that is not ok.
absl::StatusOr<std::uint32_t> walk(FileSystem& files, const Source& source, const WalkStep& step,
                                   const WalkVisitor& visit);

// The same in one step, of the frames that end before `step.until`, where no frame needs to end.
absl::Status walk_whole_frames(FileSystem& files, const Source& source, const WalkStep& step,
                               const WalkVisitor& visit);

}  // namespace pawl::log
