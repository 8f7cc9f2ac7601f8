// Deleting a closed run's data: no answer, table or snapshot has it afterwards, on any replica.
#include <boost/test/unit_test.hpp>

#include "engine/residency.h"
#include "tests/node/definitions.h"
#include "tests/node/host.h"

namespace pawl::node {
namespace {

// Run "r" is closed and holds a secret, and so does the answer under the key "k".
struct Deletion : Host {
  explicit Deletion(std::size_t bytes = 20) : Host(1) {
    boot();
    deploy(kCounter);
    start("r");
    const std::string text = "secret" + std::string(bytes, 'x');
    signal("r", "blob", R"({"text": ")" + text + R"("})", {"k", "blob"});
    signal("r", "stop");
    tick();
  }
  RequestId remove(const Asking& asking = {}) {
    const RequestId id = ask(command_of("r", engine::DeleteData{"asked for"}), asking);
    drain();
    return id;
  }
  bool tables_hold_it() const {
    for (std::uint16_t g = 0; g < node->group_count(); ++g) {
      if (snapshot_of(node.get(), GroupId(g)).bytes.find("secret") != std::string::npos)
        return true;
    }
    return false;
  }
};

BOOST_AUTO_TEST_SUITE(deletion)

BOOST_AUTO_TEST_CASE(nothing_shows_the_data_afterwards) {
  Deletion host;
  BOOST_TEST(host.tables_hold_it());
  const RequestId removed = host.remove();
  BOOST_TEST(host.status(removed) == 202);
  BOOST_TEST(host.member(removed, "status").as_string() == "data_deleted");
  BOOST_TEST((host.member(removed, "bytes_on_disk") == json("true")));
  BOOST_TEST(!host.tables_hold_it());
  // The key still says that it was done, and of which run, but not with what.
  const RequestId replay = host.signal("r", "blob", "null", {"k", "blob"});
  BOOST_TEST(host.status(replay) == 200);
  BOOST_TEST(host.member(replay, "status").as_string() == "data_deleted");
  BOOST_TEST(host.answer(replay).body.find("secret") == std::string::npos);
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_CASE(it_stays_deleted_over_crashes_and_snapshots) {
  Deletion host;
  host.remove();
  for (const bool with_snapshots : {true, false}) {
    host.snapshots.clear();
    host.snapshot_places.clear();
    for (std::uint16_t g = 0; with_snapshots && g < host.node->group_count(); ++g) {
      const GroupSnapshot taken = snapshot_of(host.node.get(), GroupId(g));
      host.snapshots.push_back(taken.bytes);
      host.snapshot_places.emplace_back(taken.index, taken.term);
    }
    host.crash();
    host.boot();
    BOOST_TEST(!host.tables_hold_it());
    BOOST_TEST((host.run("r").status == engine::RunStatus::data_deleted));
    BOOST_TEST(host.audit() == "");
  }
}

BOOST_AUTO_TEST_CASE(repeated_it_says_the_same_and_changes_nothing) {
  Deletion host;
  const RequestId keyed = host.remove({"delete", "d"});
  const std::uint64_t seq = host.run("r").seq.v;
  BOOST_TEST(host.answer(host.remove({"delete", "d"})).body == host.answer(keyed).body);
  BOOST_TEST(host.status(host.remove()) == 202);
  BOOST_TEST(host.run("r").seq.v == seq);
}

BOOST_AUTO_TEST_CASE(an_open_run_is_refused) {
  Host host(1);
  host.boot();
  host.deploy(kCounter);
  host.start("r");
  const RequestId refused = host.ask(command_of("r", engine::DeleteData{""}));
  host.drain();
  BOOST_TEST(host.status(refused) == 409);
  BOOST_TEST(host.type(refused) == "run-open");
  const RequestId unknown = host.ask(command_of("nobody", engine::DeleteData{""}));
  host.drain();
  BOOST_TEST(host.status(unknown) == 404);
}

// The journal may be unreadable just there: what is deleted need not be read.
BOOST_AUTO_TEST_CASE(a_cold_run_is_deleted_without_being_loaded) {
  Deletion host(engine::kColdBytesMin);
  BOOST_REQUIRE(engine::is_cold(host.run("r")));
  const RequestId removed = host.remove();
  BOOST_TEST(host.status(removed) == 202);
  BOOST_TEST(host.loads.empty());
  BOOST_TEST(!engine::is_cold(host.run("r")));
  BOOST_TEST(host.run("r").variable(0, "blob")->value.scrubbed);
  BOOST_TEST(host.audit() == "");
  const RequestId read = host.ask(Barrier{RunRef{"r", std::nullopt}});
  BOOST_TEST(host.reads.contains(read));
}

BOOST_AUTO_TEST_CASE(a_load_under_way_brings_nothing_back) {
  Deletion host(engine::kColdBytesMin);
  const RequestId read = host.ask(Barrier{RunRef{"r", std::nullopt}});
  BOOST_REQUIRE(host.loads.size() == 1u);
  const RunLoaded loaded = host.load(std::exchange(host.loads, {}).at(0));
  host.remove();
  host.give(loaded);  // with the values
  host.drain();
  while (!host.loads.empty()) host.give(host.load(std::exchange(host.loads, {}).at(0)));
  host.drain();
  BOOST_TEST(host.reads.contains(read));
  BOOST_TEST(!host.tables_hold_it());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
