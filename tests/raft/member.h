// One Raft alone on the bench: events in, effects looked at one by one. Every step is followed by
// check_invariants().
#pragma once

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "raft/invariants.h"
#include "raft/raft.h"

namespace pawl::raft {

inline Config bench_config(std::uint64_t self, std::uint64_t voters) {
  Config config;
  config.self = NodeId(self);
  for (std::uint64_t v = 1; v <= voters; ++v) config.voters.push_back(NodeId(v));
  return config;
}

// A log of these terms, from index 1.
inline Trail bench_trail(const std::vector<std::uint64_t>& terms) {
  Trail trail;
  for (const std::uint64_t t : terms) trail.append(Term(t), 1);
  return trail;
}

class BenchMember {
 public:
  explicit BenchMember(const Config& config, const Restored& restored = {})
      : raft_(config, restored, Tick{0, 0}) {}
  // Member 1 of `voters`, of `term`, with a log.
  BenchMember(std::uint64_t voters, std::uint64_t term, const std::vector<std::uint64_t>& log)
      : BenchMember(bench_config(1, voters),
                    {{Term(term), NodeId(0)}, bench_trail(log), Index(0)}) {}

  const Effects& step(const Event& event) {
    const State before = raft_.state();
    effects_.clear();
    raft_.step(event, &effects_);
    BOOST_TEST(check_invariants(before, raft_.state()) == "");
    return effects_;
  }
  const Effects& receive(std::uint64_t from, std::uint64_t term, const Body& body) {
    return step(Receive{{NodeId(from), raft_.state().config.self, Term(term), body}});
  }
  // Reports all that the last step asked to be written; the effects are then those of the reports.
  const Effects& sync() {
    const Effects asked = effects_;
    Effects all;
    for (const Effect& effect : asked) {
      if (const auto* hard = std::get_if<SaveHardState>(&effect)) {
        step(HardStatePersisted{hard->hard});
      } else if (const auto* append = std::get_if<AppendEntries>(&effect)) {
        step(EntriesPersisted{append->requested, append->last, append->term});
      } else {
        continue;
      }
      all.insert(all.end(), effects_.begin(), effects_.end());
    }
    effects_ = all;
    return effects_;
  }
  // Elects it, with the votes of all others; its no-op is on its own disk.
  void elect(std::uint64_t voters) {
    step(Campaign{});
    for (std::uint64_t v = 1; v <= voters; ++v) {
      if (raft_.role() != Role::pre_candidate || NodeId(v) == raft_.state().config.self) continue;
      receive(v, raft_.term().v, PreVoteReply{raft_.term().next(), true});
    }
    sync();
    for (std::uint64_t v = 1; v <= voters; ++v) {
      if (raft_.role() != Role::candidate || NodeId(v) == raft_.state().config.self) continue;
      receive(v, raft_.term().v, VoteReply{true});
    }
    sync();
  }

  // The effects of one kind of the last step (or of sync()).
  template <class T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const Effect& effect : effects_) {
      if (const auto* it = std::get_if<T>(&effect)) found.push_back(*it);
    }
    return found;
  }
  // The messages among them, a line each.
  std::string sent() const {
    std::string out;
    for (const Send& send : all<Send>()) out += to_string(send.message) + "\n";
    return out;
  }
  const Raft& raft() const { return raft_; }
  const Effects& effects() const { return effects_; }

 private:
  Raft raft_;
  Effects effects_;
};

}  // namespace pawl::raft
