#include "engine/run_id.h"

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/digest.h"
#include "base/limits.h"
#include "engine/namespace.h"

namespace pawl::engine {
namespace {

bool is_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._:@~-").find(c) != std::string_view::npos;
}

std::string segment_problem(std::string_view segment) {
  if (segment.empty()) return "a run id has no empty segment";
  if (segment == "." || segment == "..") return "a run id has no segment `.` or `..`";
  for (const char c : segment) {
    if (!is_id_character(c)) {
      return "a run id is made of letters, digits and ._:@~- in segments joined by /";
    }
  }
  return "";
}

}  // namespace

std::string run_id_problem(std::string_view id) {
  if (id.empty()) return "a run id is not empty";
  if (id.size() > limits::kRunIdBytesMax) {
    return absl::StrCat("a run id has at most ", limits::kRunIdBytesMax, " bytes, this one has ",
                        id.size());
  }
  for (std::size_t at = 0;;) {
    const std::size_t slash = id.find('/', at);
    std::string problem = segment_problem(id.substr(at, slash - at));
    if (!problem.empty() || slash == std::string_view::npos) return problem;
    at = slash + 1;
  }
}

std::string_view partition_key(std::string_view id) {
  const std::size_t slash = id.rfind('/');
  return slash == std::string_view::npos ? id : id.substr(0, slash);
}

GroupId group_of_run(std::string_view name_space, std::string_view id, std::uint16_t run_groups) {
  PAWL_CHECK(run_groups > 0);
  // CRC32C spreads keys evenly enough, and costs nothing beside a digest.
  const std::uint64_t hash = crc32c(partition_key(id), crc32c(name_space));
  return GroupId(static_cast<std::uint16_t>(1 + (hash * run_groups >> 32)));
}

GroupId group_of_limit(std::string_view name, std::string_view key, std::uint16_t run_groups) {
  PAWL_CHECK(run_groups > 0);
  const std::uint64_t hash = crc32c(key, crc32c(name, crc32c("limit")));
  return GroupId(static_cast<std::uint16_t>(1 + (hash * run_groups >> 32)));
}

GroupId group_of_run(std::string_view kept_id, std::uint16_t run_groups) {
  return group_of_run(namespace_of(kept_id), plain_name(kept_id), run_groups);
}

std::string derived_run_id(std::string_view name_space, std::string_view key) {
  const Digest d = digest_chain(digest(key, "run id"), name_space);
  return to_hex(d).substr(0, 20);
}

}  // namespace pawl::engine
