// File names of the journal and the words of its refusals.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace pawl::log {

std::string join(std::string_view directory, std::string_view name);

// "00000000000000ff.seg"; of a number behind kKeptNumberBase "kept-00000000000000ff.seg".
std::string segment_name(std::uint64_t segment);
// nullopt unless `name` is exactly what segment_name() makes; 0 is no segment, nor is a number past
// kSegmentNumberMax.
std::optional<std::uint64_t> parse_segment_name(std::string_view name);

// The number that Place::segment has of it: behind kKeptNumberBase.
std::optional<std::uint64_t> parse_kept_name(std::string_view name);

std::string spare_name(std::uint64_t number);
std::optional<std::uint64_t> parse_spare_name(std::string_view name);

// Exactly 16 lower-case hexadecimal digits.
std::optional<std::uint64_t> parse_hex16(std::string_view digits);
std::string hex16(std::uint64_t number);

// DataLoss that names the file, the offset and what to do: bytes that were promised are damaged.
absl::Status damage(std::string_view path, std::uint64_t offset, std::string_view what);

}  // namespace pawl::log
