// A disk that fills up: when the reserve goes and comes, and what a node takes on meanwhile.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "tests/node/definitions.h"
#include "tests/node/host.h"

namespace pawl::node {
namespace {

using Reserve = DiskRoom::Reserve;
using limits::KiB;
using limits::MiB;

constexpr std::uint64_t kDisk = 1024 * MiB;
constexpr std::uint64_t kReserve = 32 * MiB;

struct Filled : Host {
  Filled() {
    boot();
    deploy(kCounter);
    deploy(kTask);
    start("r");
    start("j", "job");
    token = answer(poll()).tokens.at(0);
  }
  void room(RoomLevel level) {
    give(RoomChanged{level, 3 * MiB + 77, 33 * MiB});
    drain();
  }
  RequestId command(engine::Command command) {
    const RequestId id = ask(command_of("r", std::move(command)));
    drain();
    return id;
  }
  RequestId complete(const Asking& asking = {}) {
    const RequestId id = ask(complete_of(token), asking);
    drain();
    return id;
  }
  bool refused(RequestId id) const { return status(id) == 507 && type(id) == "disk-full"; }
  std::string token;
};

BOOST_AUTO_TEST_SUITE(room)

BOOST_AUTO_TEST_CASE(the_reserve_is_made_at_the_start) {
  DiskRoom room(limits::kSegmentBytesDefault);
  BOOST_CHECK(room.look({kDisk, 200 * MiB, 0}) == Reserve::make);
  BOOST_TEST(room.reserve_bytes() == kReserve);
  BOOST_CHECK(room.look({kDisk, 168 * MiB, kReserve}) == Reserve::keep);
  BOOST_CHECK(room.state().level == RoomLevel::plenty);
  BOOST_TEST(!room.watches());
}

BOOST_AUTO_TEST_CASE(the_reserve_is_a_share_of_a_small_disk) {
  DiskRoom room(limits::kSegmentBytesDefault);
  BOOST_CHECK(room.look({48 * MiB, 40 * MiB, 0}) == Reserve::make);
  BOOST_TEST(room.reserve_bytes() == 6 * MiB);
}

BOOST_AUTO_TEST_CASE(the_reserve_is_two_segments_unless_these_are_large) {
  DiskRoom small(256 * KiB), large(1024 * MiB);
  BOOST_CHECK(small.look({kDisk, 200 * MiB, 0}) == Reserve::make);
  BOOST_TEST(small.reserve_bytes() == 512 * KiB);
  BOOST_CHECK(large.look({kDisk, 200 * MiB, 0}) == Reserve::make);
  BOOST_TEST(large.reserve_bytes() == kReserve);
}

BOOST_AUTO_TEST_CASE(a_disk_without_room_for_the_reserve_has_little) {
  DiskRoom room(limits::kSegmentBytesDefault);
  BOOST_CHECK(room.look({kDisk, 20 * MiB, 0}) == Reserve::keep);
  BOOST_CHECK(room.state().level == RoomLevel::little);
  BOOST_TEST(room.state().free_bytes == 20 * MiB);
  BOOST_TEST(room.state().needed_bytes == kReserve + 1 * MiB);
  BOOST_TEST(room.watches());
}

BOOST_AUTO_TEST_CASE(from_plenty_to_none_and_back) {
  DiskRoom room(limits::kSegmentBytesDefault);
  BOOST_CHECK(room.look({kDisk, 168 * MiB, kReserve}) == Reserve::keep);
  room.lacked();
  BOOST_TEST(room.watches());
  BOOST_CHECK(room.state().level == RoomLevel::little);  // at once
  BOOST_TEST(room.state().free_bytes == 0u);
  BOOST_TEST(room.state().needed_bytes == kReserve + 1 * MiB);
  BOOST_CHECK(room.look({kDisk, 0, kReserve}) == Reserve::give_up);
  BOOST_CHECK(room.state().level == RoomLevel::little);
  // The reserve is there to be used up, not to be made of itself.
  BOOST_CHECK(room.look({kDisk, kReserve, 0}) == Reserve::keep);
  BOOST_CHECK(room.state().level == RoomLevel::little);
  BOOST_CHECK(room.look({kDisk, 100 * KiB, 0}) == Reserve::keep);
  BOOST_CHECK(room.state().level == RoomLevel::little);  // nobody has lacked any
  room.lacked();
  BOOST_CHECK(room.state().level == RoomLevel::none);
  BOOST_CHECK(room.look({kDisk, 100 * KiB, 0}) == Reserve::keep);
  BOOST_CHECK(room.state().level == RoomLevel::none);
  BOOST_CHECK(room.look({kDisk, 600 * KiB, 0}) == Reserve::keep);
  BOOST_CHECK(room.state().level == RoomLevel::none);  // a step's worth is no way out
  BOOST_CHECK(room.look({kDisk, 2 * MiB, 0}) == Reserve::keep);
  BOOST_CHECK(room.state().level == RoomLevel::little);
  BOOST_CHECK(room.look({kDisk, kReserve + 1 * MiB - 1, 0}) == Reserve::keep);
  BOOST_CHECK(room.look({kDisk, kReserve + 1 * MiB, 0}) == Reserve::make);
  BOOST_CHECK(room.state().level == RoomLevel::little);  // until it is there
  BOOST_CHECK(room.look({kDisk, 1 * MiB, kReserve}) == Reserve::keep);
  BOOST_CHECK(room.state().level == RoomLevel::plenty);
  BOOST_TEST(!room.watches());
}

BOOST_AUTO_TEST_CASE(who_takes_the_room_that_was_given_up_leaves_none) {
  DiskRoom room(limits::kSegmentBytesDefault);
  room.look({kDisk, 168 * MiB, kReserve});
  room.lacked();
  room.look({kDisk, 0, kReserve});
  room.lacked();
  BOOST_CHECK(room.look({kDisk, 0, 0}) == Reserve::keep);
  BOOST_CHECK(room.state().level == RoomLevel::none);
}

BOOST_AUTO_TEST_CASE(little_room_is_for_what_ends_work) {
  Filled host;
  host.start("bye");
  host.signal("bye", "stop");
  host.room(RoomLevel::little);
  BOOST_TEST(host.refused(host.start("new")));
  BOOST_TEST(host.refused(host.signal("r", "add", R"({"id": 1})")));
  const RequestId deployed = host.ask(DeployWorkflow{"job", std::string(kTask) + "\n", true});
  host.drain();
  BOOST_TEST(host.refused(deployed));
  BOOST_TEST(host.status(host.complete()) == 200);
  BOOST_TEST(host.run("j").closed());
  const RequestId emptied = host.ask(command_of("bye", engine::DeleteData{"to make room"}));
  host.drain();
  BOOST_TEST(host.status(emptied) == 202);
  BOOST_TEST(host.status(host.command(engine::Cancel{"it can wait"})) == 200);
  BOOST_TEST(host.node->stats().refused_room == 3u);
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_CASE(the_refusal_names_the_numbers) {
  Filled host;
  host.room(RoomLevel::little);
  const RequestId refused = host.start("new");
  BOOST_TEST(host.member(refused, "free_bytes").as_int() == std::int64_t{3 * MiB + 77});
  BOOST_TEST(host.member(refused, "needed_bytes").as_int() == std::int64_t{33 * MiB});
  const std::string detail = host.member(refused, "detail").as_string();
  BOOST_TEST(detail.find("3.0 MiB are free") != std::string::npos);
  BOOST_TEST(detail.find("33.0 MiB have to be") != std::string::npos);
  BOOST_TEST(detail.find("Make room") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(with_no_room_reads_alone_go_on) {
  Filled host;
  host.start("k", "job");
  host.room(RoomLevel::none);
  BOOST_TEST(host.refused(host.start("new")));
  BOOST_TEST(host.refused(host.complete()));
  BOOST_TEST(host.refused(host.command(engine::Cancel{""})));
  const RequestId paused = host.ask(PauseQueue{"default", ""});
  host.drain();
  BOOST_TEST(host.refused(paused));
  // Several outcomes: each its own.
  const RequestId both = host.ask(ReportTasks{{complete_of(host.token), complete_of(host.token)}});
  host.drain();
  const dsl::Value items = host.member(both, "items");
  for (const dsl::Value& item : items.as_list()) {
    BOOST_TEST(item.field("status")->as_int() == 507);
  }
  const RequestId read = host.ask(Barrier{RunRef{"r", {}}});
  host.drain();
  BOOST_TEST(host.reads.contains(read));
  // A poll waits, and gets what has gathered when there is room again.
  const RequestId parked = host.poll(5, 60'000);
  BOOST_TEST(!host.answered(parked));
  host.room(RoomLevel::little);
  BOOST_TEST(host.answer(parked).tokens.size() == 1u);
  BOOST_TEST(host.status(host.complete()) == 200);
  BOOST_TEST(host.refused(host.start("new")));
  host.room(RoomLevel::plenty);
  BOOST_TEST(host.status(host.start("new")) == 201);
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_CASE(what_was_answered_is_answered_again) {
  Filled host;
  Asking keyed;
  keyed.key = keyed.body = "k";
  const RequestId first = host.start("new", "w", keyed);
  BOOST_TEST(host.status(first) == 201);
  host.room(RoomLevel::none);
  const RequestId again = host.start("new", "w", keyed);
  BOOST_TEST(host.status(again) == 201);
  BOOST_TEST(host.answer(again).body == host.answer(first).body);
}

// The node's own: what a full disk holds up is its batch, not its decision.
BOOST_AUTO_TEST_CASE(timers_fire_and_what_waits_for_the_disk_is_written_later) {
  Filled host;
  host.signal("r", "nap");
  host.room(RoomLevel::none);
  host.files.set_capacity(0);
  host.stall(61'000);
  host.tick();
  while (!host.under_way()) BOOST_REQUIRE(host.begin());
  BOOST_TEST(host.finish_or_end());
  while (host.under_way()) {
    host.files.set_capacity(log::MemoryFileSystem::kCapacityBytes);
    BOOST_TEST(host.finish_or_end());
  }
  host.drain();
  BOOST_TEST(host.var("r", "ticks").as_int() == 1);
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
