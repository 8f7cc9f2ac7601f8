// A backup, and what one box sends another, with right checksums around arbitrary records: read to
// its end, or refused; what is heard of it is within the bounds that its readers count on.
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/feature_level.h"
#include "base/limits.h"
#include "log/backup_file.h"
#include "log/names.h"
#include "log/transfer_file.h"
#include "tests/log/journal_model.h"

namespace {

using namespace pawl;
using namespace pawl::log;

struct Bounded final : BackupSink {
  absl::Status on_header(const BackupHeader&) override { return absl::OkStatus(); }
  absl::Status on_state(GroupId group, const HardState&) override { return check(group); }
  absl::Status on_snapshot(const BackedUpSnapshot& snapshot) override {
    return check(snapshot.group);
  }
  absl::Status on_piece(std::string_view bytes) override {
    PAWL_CHECK(bytes.size() <= limits::kSnapshotChunkBytes);
    return absl::OkStatus();
  }
  absl::Status on_entry(GroupId group, Term, Index index, std::string_view payload) override {
    PAWL_CHECK(index.v > 0 && payload.size() <= limits::kEntryBytesMax);
    return check(group);
  }
  static absl::Status check(GroupId group) {
    PAWL_CHECK(group.v < limits::kGroupsMax);
    return absl::OkStatus();
  }
};

std::string header_bytes() {
  std::string all;
  BackupHeader header;
  header.store_id = test_store();
  header.feature_level = kFeatureLevel;
  header.run_groups = 4;
  BackupWriter writer(
      [&all](std::string_view bytes) {
        all.append(bytes);
        return absl::OkStatus();
      },
      header);
  PAWL_CHECK(writer.finish().ok());
  return all.substr(0, format::kBackupHeaderBytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string header = header_bytes();
  const std::string_view records(reinterpret_cast<const char*>(data), size);
  if (records.empty() || size > 200'000) return 0;
  std::string file = header;
  const auto stored = static_cast<std::uint32_t>(size);
  std::string lengths;
  ByteWriter(&lengths).fixed32(stored);
  ByteWriter(&lengths).fixed32(stored);
  file.append(lengths);
  ByteWriter(&file).fixed32(crc32c(records, crc32c(lengths, crc32c(header))));
  file.append(records);
  std::size_t at = 0;
  Bounded sink;
  (void)read_backup(
      [&](char* out, std::size_t bytes) -> absl::StatusOr<std::size_t> {
        const std::size_t some = std::min(bytes, file.size() - at);
        std::memcpy(out, file.data() + at, some);
        at += some;
        return some;
      },
      "a backup", sink);
  MemoryFileSystem files;
  files.set_contents("j/incoming", file);
  TakeOptions options{kDirectory,
                      test_store(),
                      GroupId(1),
                      Index(7),
                      Term(2),
                      {file.size(), {}},
                      format::kKeptNumberBase + 1,
                      kFeatureLevel};
  PAWL_CHECK(!take_transfer(files, "j/incoming", options, [](std::string_view) {
                return absl::OkStatus();
              }).ok());
  return 0;
}
