// Kept files with right checksums around arbitrary bytes: as their index, as a frame of entries,
// and as a whole file. What is read stays inside its bounds, or is refused.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/checksum.h"
#include "base/feature_level.h"
#include "log/format.h"
#include "log/frame.h"
#include "log/kept_files.h"
#include "log/names.h"
#include "log/old_entries.h"
#include "log/place_reader.h"
#include "tests/log/journal_model.h"

namespace {

using namespace pawl;
using namespace pawl::log;

constexpr std::uint64_t kNumber = format::kKeptNumberBase + 3;

void append_frame(std::string_view payload, std::uint8_t flags, const std::vector<Range>& ranges,
                  std::string* file) {
  const std::uint32_t seed = frame_seed(test_store(), kNumber);
  FrameHeader header;
  header.segment = kNumber;
  header.offset = static_cast<std::uint32_t>(file->size());
  header.flags = flags;
  header.ranges = ranges;
  header.raw_bytes = header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  std::string padded(payload);
  padded.resize(format::aligned(padded.size()));
  header.payload_crc = crc32c(padded, seed);
  encode(header, seed, file);
  file->append(padded);
}

void append_end(std::uint32_t index_at, std::string* file) {
  std::string end;
  ByteWriter(&end).fixed32(index_at);
  ByteWriter(&end).fixed32(crc32c(end, frame_seed(test_store(), kNumber)));
  file->append(end).append(format::kKeptEndMagic);
}

// Whatever the file says, every place it names is read, and every frame walked.
void read(std::string bytes) {
  MemoryFileSystem files;
  const std::string path = join(kDirectory, segment_name(kNumber));
  const std::uint64_t size = bytes.size();
  files.set_contents(path, std::move(bytes));
  const auto file = read_kept_file(files, kDirectory, test_store(), kFeatureLevel, kNumber, size);
  if (!file.ok()) return;
  const Source source{kDirectory, test_store()};
  for (const KeptSpan& span : file->spans) {
    for (const Index index : {span.from.next(), span.through, Index(1)}) {
      const auto place = file->places.find(kNumber, span.group, index);
      if (place) (void)read_entry(files, source, *place, span.group, index);
    }
  }
  WalkStep step{kNumber, format::kSegmentHeaderBytes, file->frames_end, 3, 1000};
  while (step.from < step.until) {
    const auto looked = look(files, source, step, [](std::string_view) { return Index(1); });
    if (!looked.ok()) break;
    PAWL_CHECK(looked->next > step.from && looked->next <= step.until);
    step.from = looked->next;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.size() < 2 || input.size() > 100'000) return 0;
  std::string file;
  encode(
      SegmentHeader{test_store(), kNumber, format::kCompressedLevel, format::kSegmentFlagKept, 0},
      &file);
  const auto cut = static_cast<std::uint8_t>(input[0]) * (input.size() - 1) / 255;
  const std::string_view first = input.substr(1, cut), second = input.substr(1 + cut);
  append_frame(first, 0, {{GroupId(1), Term(1), Index(1), 2}, {GroupId(2), Term(3), Index(9), 1}},
               &file);
  const auto index_at = static_cast<std::uint32_t>(file.size());
  append_frame(second, format::kFrameFlagIndex, {}, &file);
  append_end(index_at, &file);
  read(file);
  read(std::string(input));
  return 0;
}
