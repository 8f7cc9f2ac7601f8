// CRC32C (Castagnoli polynomial 0x1EDC6F41, reflected, as in RFC 3720 B.4): guards frames against
// torn and flipped bits, not against an adversary. Uses the SSE4.2 instruction where the CPU has
// it.
#pragma once

#include <cstdint>
#include <string_view>

namespace pawl {

// CRC32C of `data`. To continue a checksum over more data pass the previous result as `seed`.
std::uint32_t crc32c(std::string_view data, std::uint32_t seed = 0);

// The table-driven version alone: what runs where the CPU lacks the instruction; for tests.
std::uint32_t crc32c_portable(std::string_view data, std::uint32_t seed = 0);

}  // namespace pawl
