#include "log/scrub_mark.h"

#include <algorithm>
#include <string_view>

#include "base/bytes.h"
#include "base/checksum.h"
#include "log/format.h"
#include "log/names.h"
#include "log/snapshot_file.h"
#include "log/transfer_file.h"

namespace pawl::log {
namespace {

constexpr std::string_view kMagic = "PAWLSCRB";
constexpr char kName[] = "scrubbed";

std::string encode_mark(const StoreId& store_id, const std::vector<Index>& through) {
  std::string body;
  ByteWriter writer(&body);
  writer.fixed32(static_cast<std::uint32_t>(through.size()));
  writer.raw({reinterpret_cast<const char*>(store_id.data()), store_id.size()});
  for (const Index index : through) writer.fixed64(index.v);
  std::string bytes(kMagic);
  ByteWriter(&bytes).fixed32(crc32c(body));
  return bytes + body;
}

bool is_left_over(std::string_view name, const SweepOptions& options) {
  const auto is_in = [](const auto& list, const auto& x) {
    return std::find(list.begin(), list.end(), x) != list.end();
  };
  if (name.ends_with(format::kDamagedSuffix)) return true;
  if (is_transfer(name)) return !is_in(options.by_name, name);
  const bool temporary = name.ends_with(format::kTemporarySuffix);
  if (temporary) name.remove_suffix(format::kTemporarySuffix.size());
  if (temporary && (parse_segment_name(name) || name.starts_with(format::kRebuildPrefix)))
    return true;
  const auto number = parse_kept_name(name);
  return number && *number <= options.kept_from && (temporary || !is_in(options.kept, *number));
}

}  // namespace

std::vector<Index> read_scrub_mark(FileSystem& files, const std::string& directory,
                                   const StoreId& store_id, std::size_t groups) {
  std::vector<Index> through(groups);
  std::string bytes(encode_mark(store_id, through).size() + 1, '\0');
  const auto got = files.read(join(directory, kName), 0, bytes.data(), bytes.size());
  if (!got.ok() || *got + 1 != bytes.size()) return through;
  bytes.pop_back();
  ByteReader in(std::string_view(bytes).substr(bytes.size() - groups * 8));
  for (Index& index : through) index = Index(in.fixed64());
  return bytes == encode_mark(store_id, through) ? through : std::vector<Index>(groups);
}

absl::Status write_scrub_mark(FileSystem& files, const std::string& directory,
                              const StoreId& store_id, const std::vector<Index>& through) {
  const std::string path = join(directory, kName);
  const std::string temporary = path + std::string(format::kTemporarySuffix);
  absl::Status status = files.remove(temporary);
  if (absl::IsNotFound(status)) status = absl::OkStatus();
  if (status.ok()) status = files.write(temporary, 0, encode_mark(store_id, through));
  if (status.ok()) status = files.sync(temporary);
  if (status.ok()) status = files.rename(temporary, path);
  if (status.ok()) status = files.sync_directory(directory);
  return status;
}

absl::Status lower_scrub_mark(FileSystem& files, const std::string& directory,
                              const StoreId& store_id, std::size_t groups,
                              const std::vector<Rebuild>& rebuilds) {
  std::vector<Index> through = read_scrub_mark(files, directory, store_id, groups);
  const std::vector<Index> before = through;
  for (const Rebuild& rebuild : rebuilds) {
    if (rebuild.group.v < groups) through[rebuild.group.v] = Index(0);
  }
  return through == before ? absl::OkStatus()
                           : write_scrub_mark(files, directory, store_id, through);
}

absl::Status sweep(FileSystem& files, const SweepOptions& options) {
  const auto found = files.list(options.directory);
  if (!found.ok()) return found.status();
  for (const FileInfo& file : *found) {
    const auto segment = parse_segment_name(file.name);
    if (segment && *segment < options.first_segment) {
      return absl::UnavailableError(file.name + " is still there");
    }
    if (!is_left_over(file.name, options)) continue;
    if (absl::Status s = files.remove(join(options.directory, file.name)); !s.ok()) return s;
  }
  for (std::size_t g = 0; g < options.snapshots.size(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    absl::Status removed =
        remove_snapshots_before(files, options.directory, group, options.snapshots[g]);
    if (!removed.ok()) return removed;
  }
  return files.sync_directory(options.directory);
}

}  // namespace pawl::log
