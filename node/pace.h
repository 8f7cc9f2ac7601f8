// How patient this box's groups are: the election timeout, from what disks and links were measured
// to take.
//
// An election is two writes and a round trip: the candidate's vote, then the voters'. A heartbeat
// is a round trip and no write. The timeout is well above both (paper, 5.6), so that a slow card or
// a long way does not look like a dead leader; on a fast disk it is the shortest one. Boxes tell
// one another what they measure, and each goes by the slowest: the timeouts of a cluster are alike.
//
// Estimates are those of RFC 6298, section 2: smoothed value and four mean deviations.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "base/ids.h"
#include "base/limits.h"

namespace pawl::node {

class Pace {
 public:
  // A batch took so long, from when the disk had it to when the loop heard of its end.
  void wrote(std::int64_t ms) {
    sync_.sample(ms * 1000);
    wrote_ = true;
  }
  // Once a second: one bad batch before a quiet time is forgotten within a minute.
  void age() {
    if (!std::exchange(wrote_, false)) sync_.age();
  }
  // There and back, as the links have it smoothed already. 0 is not a measurement.
  void round_trip(NodeId peer, std::int64_t us) {
    if (us > 0) round_trips_us_[peer] = us;
  }
  void lost(NodeId peer) { round_trips_us_.erase(peer); }

  // What this box tells the others; milliseconds, rounded up, 0 if nothing was measured.
  std::int64_t sync_ms() const { return (sync_.high_us() + 999) / 1000; }
  std::int64_t round_trip_ms() const {
    std::int64_t us = 0;
    for (const auto& [peer, one] : round_trips_us_) us = std::max(us, one);
    return (us + 999) / 1000;
  }

  // The shortest election timeout for the slowest of all boxes; the longest is twice that.
  static std::int64_t election_ms(std::int64_t sync_ms, std::int64_t round_trip_ms) {
    const std::int64_t wanted = 3 * std::min(sync_ms, limits::kElectionMsMax) +
                                10 * std::min(round_trip_ms, limits::kElectionMsMax);
    return std::clamp(wanted, limits::kElectionMsMin, limits::kElectionMsMax / 2);
  }
  // True if that is so far from what is in use that the groups are to be told.
  bool takes(std::int64_t election_ms) {
    const std::int64_t change = election_ms - election_ms_;
    if (std::abs(change) * 5 < election_ms_) return false;
    election_ms_ = election_ms;
    return true;
  }
  std::int64_t election_ms() const { return election_ms_; }

 private:
  // What is beyond four times the usual counts as that much: one bad batch is not a slow disk, and
  // a disk that turns slow is believed after a few.
  class Estimate {
   public:
    void sample(std::int64_t us) {
      if (!known_) {
        known_ = true;
        smoothed_us_ = us;
        deviation_us_ = us / 2;
        return;
      }
      us = std::min(us, 4 * (smoothed_us_ + deviation_us_) + kOutlierUs);
      deviation_us_ += (std::abs(smoothed_us_ - us) - deviation_us_) / 4;
      smoothed_us_ += (us - smoothed_us_) / 8;
    }
    void age() { deviation_us_ -= deviation_us_ / 8; }
    std::int64_t high_us() const { return smoothed_us_ + 4 * deviation_us_; }

   private:
    static constexpr std::int64_t kOutlierUs = 20'000;
    bool known_ = false;
    std::int64_t smoothed_us_ = 0, deviation_us_ = 0;
  };

  Estimate sync_;
  bool wrote_ = false;  // since the last age()
  std::map<NodeId, std::int64_t> round_trips_us_;
  std::int64_t election_ms_ = limits::kElectionMsMin;
};

}  // namespace pawl::node
