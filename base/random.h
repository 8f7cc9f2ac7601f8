// A seeded generator whose sequence is the same on every machine, compiler and library
// (xoshiro256** 1.0 by Blackman and Vigna, seeded by splitmix64). Not for secrets.
#pragma once

#include <cstdint>

namespace pawl {

class Random {
 public:
  explicit Random(std::uint64_t seed);

  // Uniform over all 64-bit values.
  std::uint64_t next();
  // Uniform in [0, bound); bound must be > 0 (Lemire's rejection method, unbiased).
  std::uint64_t below(std::uint64_t bound);
  // Uniform in [lo, hi], both included.
  std::int64_t between(std::int64_t lo, std::int64_t hi);
  // Uniform in [0, 1) with 53 bits.
  double unit();
  // True with probability p (p <= 0: never, p >= 1: always).
  bool chance(double p) { return unit() < p; }

 private:
  std::uint64_t state_[4];
};

}  // namespace pawl
