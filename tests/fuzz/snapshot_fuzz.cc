// Snapshot files: as arbitrary bytes, with right checksums around arbitrary content, and with a
// byte of such a file changed. What is read is what was written, or is refused; what becomes tables
// obeys the rules of all tables.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/feature_level.h"
#include "log/names.h"
#include "log/snapshot_file.h"
#include "node/freeze.h"
#include "tests/log/journal_model.h"

namespace {

using namespace pawl;
using namespace pawl::log;

SnapshotHeader header_of(GroupId group) {
  return {test_store(), group, Index(9), Term(2), kFeatureLevel};
}

// What a reader hands out of the file; false if it refuses it.
bool read(MemoryFileSystem& files, const std::string& path, std::string* content) {
  auto reader = SnapshotReader::open(files, path, test_store());
  if (!reader.ok()) return false;
  for (;;) {
    const auto chunk = (*reader)->next_chunk();
    if (!chunk.ok()) return false;
    if (chunk->empty()) break;
    content->append(*chunk);
  }
  PAWL_CHECK((*reader)->content_bytes() == content->size());
  return true;
}

// In pieces of `step` bytes, as a file's chunks come.
void thaw(GroupId group, std::string_view content, std::size_t step) {
  node::Thaw thaw(group, /*verified=*/false);
  std::string error;
  for (std::size_t at = 0; at < content.size(); at += step) {
    if (!thaw.feed(content.substr(at, step), &error)) {
      PAWL_CHECK(!error.empty());
      return;
    }
  }
  const auto thawed = std::move(thaw).finish(&error);
  PAWL_CHECK(thawed.has_value() || !error.empty());
  if (thawed) PAWL_CHECK(thawed->tables.check_invariants() == "");
}

}  // namespace

// Two bytes, the place of the change and its bits; one, the size of pieces; the content.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.size() < 4 || input.size() > 300'000) return 0;
  const std::string_view content = input.substr(4);
  for (const GroupId group : {GroupId(0), GroupId(1)}) {
    thaw(group, content, std::size_t{data[3]} + 1);
    MemoryFileSystem files;
    const std::string path = join(kDirectory, snapshot_name(group, Index(9)));
    SnapshotWriter writer(files, kDirectory, header_of(group));
    PAWL_CHECK(writer.append(content).ok() && writer.commit().ok());
    std::string back;
    PAWL_CHECK(read(files, path, &back) && back == content);
    std::string bytes = files.contents(path);
    const std::size_t at = (std::size_t{data[0]} << 8 | data[1]) * (bytes.size() - 1) / 65'535;
    bytes[at] = static_cast<char>(bytes[at] ^ data[2]);
    files.set_contents(path, bytes);
    back.clear();
    PAWL_CHECK(!read(files, path, &back) || (data[2] == 0 && back == content));
    files.set_contents(path, std::string(input));
    (void)read(files, path, &back);
  }
  return 0;
}
