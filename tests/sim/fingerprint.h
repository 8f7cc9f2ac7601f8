// 64 bits that tell texts apart, by the same sequence on every machine: what the simulator compares
// after every step, where BLAKE2b would be most of its time. Nobody chooses the texts so that they
// collide.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace pawl::sim {

// To go on with more text, pass what came of the text before it as `seed`.
inline std::uint64_t fingerprint(std::string_view text, std::uint64_t seed = 0) {
  constexpr std::uint64_t kFactor = 0x9E3779B97F4A7C15;
  std::uint64_t sum = (seed ^ text.size()) * kFactor;
  const auto mix = [&sum](std::uint64_t word) {
    sum = (sum ^ word) * kFactor;
    sum ^= sum >> 29;
  };
  for (; text.size() >= sizeof(std::uint64_t); text.remove_prefix(sizeof(std::uint64_t))) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof word);
    mix(word);
  }
  std::uint64_t rest = 0;
  if (!text.empty()) std::memcpy(&rest, text.data(), text.size());
  mix(rest);
  return sum ^ (sum >> 32);
}

}  // namespace pawl::sim
