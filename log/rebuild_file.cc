#include "log/rebuild_file.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/limits.h"
#include "log/format.h"
#include "log/names.h"

namespace pawl::log {
namespace {

constexpr std::string_view kMagic = "PAWLRBLD";
constexpr std::size_t kCheckedAt = 12;  // the checksum covers the file from here on
constexpr std::size_t kBytes = 92;

std::string name_of(GroupId group) {
  char digits[8];
  std::snprintf(digits, sizeof digits, "%04x", static_cast<unsigned>(group.v));
  return std::string(format::kRebuildPrefix) + digits;
}

std::string encode(const StoreId& store_id, const Rebuild& rebuild) {
  std::string body;
  ByteWriter w(&body);
  w.fixed32(format::kVersion);
  w.raw({reinterpret_cast<const char*>(store_id.data()), store_id.size()});
  w.fixed16(rebuild.group.v);
  w.fixed16(0);
  w.fixed64(rebuild.until.segment);
  w.fixed64(rebuild.until.offset);
  w.fixed64(rebuild.kept_from);
  w.fixed64(rebuild.spent.v);
  w.fixed64(rebuild.promised.term.v);
  w.fixed64(rebuild.promised.index.v);
  w.fixed64(0);
  std::string bytes(kMagic);
  ByteWriter(&bytes).fixed32(crc32c(body));
  return bytes + body;
}

std::optional<Rebuild> decode(std::string_view bytes, const StoreId& store_id) {
  if (bytes.size() != kBytes || !bytes.starts_with(kMagic)) return std::nullopt;
  ByteReader in(bytes.substr(kMagic.size()));
  if (in.fixed32() != crc32c(bytes.substr(kCheckedAt))) return std::nullopt;
  if (in.fixed32() != format::kVersion) return std::nullopt;
  const std::string_view id = in.raw(store_id.size());
  if (id != std::string_view(reinterpret_cast<const char*>(store_id.data()), store_id.size())) {
    return std::nullopt;
  }
  Rebuild rebuild;
  rebuild.group = GroupId(in.fixed16());
  (void)in.fixed16();
  rebuild.until.segment = in.fixed64();
  rebuild.until.offset = static_cast<std::uint32_t>(in.fixed64());
  rebuild.kept_from = in.fixed64();
  rebuild.spent = Term(in.fixed64());
  rebuild.promised.term = Term(in.fixed64());
  rebuild.promised.index = Index(in.fixed64());
  return rebuild;
}

}  // namespace

const Rebuild* rebuild_of(const std::vector<Rebuild>& rebuilds, GroupId group) {
  const auto found = std::find_if(rebuilds.begin(), rebuilds.end(),
                                  [group](const Rebuild& r) { return r.group == group; });
  return found == rebuilds.end() ? nullptr : &*found;
}

bool is_void(const std::vector<Rebuild>& rebuilds, GroupId group, const Mark& place) {
  if (rebuilds.empty()) return false;
  const Rebuild* rebuild = rebuild_of(rebuilds, group);
  return rebuild != nullptr && place < rebuild->until;
}

absl::StatusOr<std::vector<Rebuild>> read_rebuilds(FileSystem& files, const std::string& directory,
                                                   const StoreId& store_id) {
  const absl::StatusOr<std::vector<FileInfo>> found = files.list(directory);
  if (!found.ok()) return found.status();
  std::vector<Rebuild> rebuilds;
  for (int g = 0; g < limits::kGroupsMax; ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    const std::string name = name_of(group);
    const bool there = std::any_of(found->begin(), found->end(),
                                   [&name](const FileInfo& file) { return file.name == name; });
    if (!there) continue;
    const std::string path = join(directory, name);
    std::string bytes(kBytes + 1, '\0');
    const auto got = files.read(path, 0, bytes.data(), bytes.size());
    if (!got.ok()) return got.status();
    bytes.resize(*got);
    const std::optional<Rebuild> rebuild = decode(bytes, store_id);
    if (!rebuild || rebuild->group != group) return damage(path, 0, "the file is damaged");
    rebuilds.push_back(*rebuild);
  }
  return rebuilds;
}

absl::Status write_rebuild(FileSystem& files, const std::string& directory, const StoreId& store_id,
                           const Rebuild& rebuild) {
  const std::string path = join(directory, name_of(rebuild.group));
  const std::string temporary = path + std::string(format::kTemporarySuffix);
  absl::Status status = files.write(temporary, 0, encode(store_id, rebuild));
  if (status.ok()) status = files.sync(temporary);
  if (status.ok()) status = files.rename(temporary, path);
  if (status.ok()) status = files.sync_directory(directory);
  return status;
}

absl::Status remove_rebuild(FileSystem& files, const std::string& directory, GroupId group) {
  if (absl::Status s = files.remove(join(directory, name_of(group))); !s.ok()) return s;
  return files.sync_directory(directory);
}

}  // namespace pawl::log
