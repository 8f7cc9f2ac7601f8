// Segments that nothing needs are given up: what snapshots stand for, and no history of a kept run
// goes back to. What was not given up says all that is needed; what was is never missed in silence.
#include "node/needed.h"

#include <boost/test/unit_test.hpp>

#include "tests/node/small_host.h"

namespace pawl::node {
namespace {

BOOST_AUTO_TEST_SUITE(needed)

BOOST_AUTO_TEST_CASE(without_snapshots_all_is_needed) {
  SmallHost host;
  host.fill_and_forget("a");
  BOOST_TEST(host.journal->current_segment() > 2u);
  BOOST_TEST(host.needed() == 1u);
}

BOOST_AUTO_TEST_CASE(what_snapshots_hold_and_no_run_needs_is_given_up) {
  SmallHost host;
  host.fill_and_forget("a");
  host.fill("kept", "w");
  host.take_snapshots();
  const std::uint64_t segment = host.needed();
  BOOST_TEST(segment > 1u);
  BOOST_TEST(segment < host.journal->current_segment());
  host.give_up();
  BOOST_TEST(host.journal->oldest_segment() == segment);
  for (int life = 0; life < 2; ++life) {
    host.crash();
    host.boot();
    BOOST_TEST(host.history_holds("kept"));
    BOOST_TEST(host.status(host.start("again-" + std::to_string(life))) == 201);
    host.fill_and_forget("more-" + std::to_string(life));
  }
  // The run that is kept is where it ends, whatever was forgotten since.
  host.take_snapshots();
  BOOST_TEST(host.needed() == segment);
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_CASE(a_start_that_lacks_the_snapshot_is_refused) {
  SmallHost host;
  host.fill_and_forget("a");
  host.take_snapshots();
  host.give_up();
  host.crash();
  const auto snapshots = host.snapshots;
  for (std::size_t g = 0; g < snapshots.size(); ++g) {
    BOOST_TEST_CONTEXT("without that of group " << g) {
      host.snapshots = snapshots;
      host.snapshots[g].clear();
      const std::string refusal = host.boot_refused();
      BOOST_TEST(refusal.find("group " + std::to_string(g)) != std::string::npos);
      BOOST_TEST(refusal.find(".snap files back from a copy") != std::string::npos);
    }
  }
  host.snapshots = snapshots;
  host.boot();
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
