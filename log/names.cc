#include "log/names.h"

#include "log/format.h"

namespace pawl::log {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

std::optional<std::string_view> between(std::string_view name, std::string_view prefix,
                                        std::string_view suffix) {
  if (name.size() < prefix.size() + suffix.size() || name.substr(0, prefix.size()) != prefix ||
      name.substr(name.size() - suffix.size()) != suffix) {
    return std::nullopt;
  }
  return name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
}

}  // namespace

std::string join(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty() && path.back() != '/') path += '/';
  path += name;
  return path;
}

std::string hex16(std::uint64_t number) {
  std::string digits(16, '0');
  for (std::size_t i = 16; i-- > 0; number >>= 4) digits[i] = kDigits[number & 0xf];
  return digits;
}

std::optional<std::uint64_t> parse_hex16(std::string_view digits) {
  if (digits.size() != 16) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : digits) {
    const auto digit = std::string_view(kDigits, 16).find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    number = number << 4 | digit;
  }
  return number;
}

std::string segment_name(std::uint64_t segment) {
  if (segment <= format::kKeptNumberBase) return hex16(segment).append(format::kSegmentSuffix);
  return std::string(format::kKeptPrefix)
      .append(hex16(segment - format::kKeptNumberBase))
      .append(format::kSegmentSuffix);
}

std::optional<std::uint64_t> parse_kept_name(std::string_view name) {
  const auto digits = between(name, format::kKeptPrefix, format::kSegmentSuffix);
  if (!digits) return std::nullopt;
  const auto number = parse_hex16(*digits);
  if (!number || *number == 0 || *number > format::kSegmentNumberMax) return std::nullopt;
  return format::kKeptNumberBase + *number;
}

std::optional<std::uint64_t> parse_segment_name(std::string_view name) {
  const auto digits = between(name, "", format::kSegmentSuffix);
  if (!digits) return std::nullopt;
  const auto number = parse_hex16(*digits);
  return number && *number > 0 && *number <= format::kSegmentNumberMax ? number : std::nullopt;
}

std::string spare_name(std::uint64_t number) {
  return std::string(format::kSparePrefix).append(hex16(number)).append(format::kSegmentSuffix);
}

std::optional<std::uint64_t> parse_spare_name(std::string_view name) {
  const auto digits = between(name, format::kSparePrefix, format::kSegmentSuffix);
  return digits ? parse_hex16(*digits) : std::nullopt;
}

absl::Status damage(std::string_view path, std::uint64_t offset, std::string_view what) {
  std::string text = "read ";
  text.append(path).append(": ").append(what).append(" at offset ").append(std::to_string(offset));
  text.append(
      ". These bytes were promised to be on the disk and are never skipped. Keep a copy of the "
      "directory and check the disk; then restore the store from a backup or, if the cluster has "
      "other members, remove this box and add it again with an empty directory");
  return absl::DataLossError(text);
}

}  // namespace pawl::log
