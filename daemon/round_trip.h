// How long a path takes there and back: the estimator of RFC 6298, section 2, without its timeout.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace pawl::daemon {

class RoundTrip {
 public:
  // One measurement; what is not positive counts as a nanosecond.
  void sample(std::int64_t ns) {
    if (ns <= 0) ns = 1;
    if (smoothed_ns_ == 0) {
      smoothed_ns_ = ns;
      deviation_ns_ = ns / 2;
      return;
    }
    deviation_ns_ += (std::llabs(smoothed_ns_ - ns) - deviation_ns_) / 4;
    smoothed_ns_ += (ns - smoothed_ns_) / 8;
    if (smoothed_ns_ <= 0) smoothed_ns_ = 1;
  }
  bool known() const { return smoothed_ns_ > 0; }
  // 0 until there was a sample.
  std::int64_t smoothed_ns() const { return smoothed_ns_; }
  std::int64_t deviation_ns() const { return deviation_ns_; }

 private:
  std::int64_t smoothed_ns_ = 0;
  std::int64_t deviation_ns_ = 0;
};

}  // namespace pawl::daemon
