// A single-voter group takes proposals without allocating: effects and state reuse their room.
#include <boost/test/unit_test.hpp>
#include <chrono>

#include "raft/raft.h"
#include "tests/raft/allocation_count.h"

namespace pawl::raft {
namespace {

BOOST_AUTO_TEST_CASE(proposals_of_a_single_voter_allocate_nothing) {
  Config config;
  config.self = NodeId(1);
  config.voters = {NodeId(1)};
  Raft raft(config, {}, Tick{0, 0});
  Effects effects;
  effects.reserve(16);
  raft.step(Campaign{}, &effects);
  raft.step(HardStatePersisted{raft.state().hard}, &effects);
  raft.step(EntriesPersisted{Term(1), Index(1), Term(1)}, &effects);
  BOOST_TEST_REQUIRE(raft.ready());

  constexpr std::uint64_t kProposals = 200'000;
  const std::uint64_t before = allocation_count();
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < kProposals; ++i) {
    effects.clear();
    raft.step(Propose{1}, &effects);
    raft.step(EntriesPersisted{Term(1), raft.last().index, Term(1)}, &effects);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  BOOST_TEST(allocation_count() == before);
  BOOST_TEST(raft.commit().v == kProposals + 1);
  BOOST_TEST_MESSAGE(static_cast<std::uint64_t>(kProposals / took.count()) << " proposals/s");
}

}  // namespace
}  // namespace pawl::raft
