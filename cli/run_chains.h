// The chained hash of every run, computed from its events as they pass (docs/log-format.md, "The
// chained hash"), held against what a snapshot says of the run; and what must hold from one entry
// of a run, and of a group, to the next. About 100 bytes of memory for each run that is open, and
// as many for each that a snapshot holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/digest.h"
#include "base/ids.h"
#include "codecs/entry.h"
#include "engine/event_bytes.h"

namespace pawl::cli {

struct ChainCounts {
  std::uint64_t runs = 0;      // that passed from their beginning, or a generation's, on
  std::uint64_t events = 0;    // of those
  std::uint64_t entries = 0;   // that were decoded, a leader's without contents too
  std::uint64_t compared = 0;  // runs whose hash a snapshot has as well
  std::uint64_t headless = 0;  // entries of runs whose beginning was not seen
};

class RunChains {
 public:
  // A snapshot says that the run's hash is this once it has had so many events.
  void expect(const RunUid& run, Seq seq, const Digest& hash);
  // The entries of a group in the order of their indexes, without those that were replaced. "", or
  // what is wrong with the entry.
  std::string take(GroupId group, Index index, std::string_view payload);
  const ChainCounts& counts() const { return counts_; }

 private:
  struct Chain {
    engine::Salt salt;
    Digest hash{};
    Seq seq;
    Index newest;  // its newest entry
  };
  std::string take_run(GroupId group, Index index, const codecs::Entry& entry);
  std::string continue_run(const RunUid& uid, Index index, const codecs::Entry& entry,
                           const std::vector<engine::Event>& events);
  std::string take_events(const RunUid& uid, Index index, const codecs::Entry& entry,
                          const std::vector<engine::Event>& events);

  struct Expected {
    Seq seq;
    Digest hash{};
  };

  absl::flat_hash_map<RunUid, Chain> chains_;
  absl::flat_hash_map<RunUid, Expected> expected_;
  std::vector<TimeMs> times_;  // by group
  engine::HashScratch scratch_;
  ChainCounts counts_;
};

}  // namespace pawl::cli
