// The follower's side of a snapshot: the table of raft/install.h.
#include "raft/install.h"

#include <boost/test/unit_test.hpp>

#include "tests/raft/member.h"

namespace pawl::raft {
namespace {

EntryId id(std::uint64_t index, std::uint64_t term) { return {Index(index), Term(term)}; }

Snapshot snapshot_of(EntryId last, unsigned char mark = 1) {
  Snapshot s{last, 100, {}};
  s.hash[0] = mark;
  return s;
}

SnapshotChunk chunk(const Snapshot& s, std::uint64_t offset, std::uint32_t bytes) {
  return {s, offset, bytes, Round(1)};
}

MembershipPtr founders() {
  Membership m;
  m.voters = {NodeId(1), NodeId(2), NodeId(3)};
  return std::make_shared<const Membership>(m);
}

// Takes in the whole of it, but for the last report.
void receive_all(BenchMember* member, const Snapshot& s) {
  member->receive(2, 3, chunk(s, 0, 60));
  BOOST_TEST(member->all<StoreSnapshotChunk>().size() == 1u);
  member->step(SnapshotChunkStored{s.last.index, 60});
  BOOST_TEST(member->sent() ==
             "1>2 t3 snapshot at " + std::to_string(s.last.index.v) + " has 60\n");
  member->receive(2, 3, chunk(s, 60, 40));
  member->step(SnapshotChunkStored{s.last.index, 100});
  BOOST_TEST(member->all<FinishSnapshot>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_empty_log_is_replaced) {
  BenchMember member(3, 3, {});
  const Snapshot s = snapshot_of(id(4, 2));
  receive_all(&member, s);
  member.step(SnapshotReceived{Index(4), true, founders()});
  BOOST_TEST(member.all<InstallSnapshot>().size() == 1u);
  BOOST_TEST(!member.all<InstallSnapshot>()[0].log_kept);
  BOOST_TEST(member.sent() == "1>2 t3 appended match 4 received 4\n");
  BOOST_TEST((member.raft().trail().floor() == id(4, 2)));
  BOOST_TEST(member.raft().commit().v == 4u);
  BOOST_TEST((member.raft().state().snapshot == s));
}

// Dissertation 5.3: what follows the snapshot's last entry is kept if the log holds that.
BOOST_AUTO_TEST_CASE(a_log_that_holds_the_last_entry_is_kept) {
  BenchMember member(3, 3, {1, 1, 2, 2, 2});
  receive_all(&member, snapshot_of(id(3, 2)));
  member.step(SnapshotReceived{Index(3), true, founders()});
  BOOST_TEST(member.all<InstallSnapshot>().at(0).log_kept);
  BOOST_TEST((member.raft().trail().floor() == id(3, 2)));
  BOOST_TEST(member.raft().last().index.v == 5u);
  BOOST_TEST(member.raft().durable().v == 5u);
}

BOOST_AUTO_TEST_CASE(a_log_that_conflicts_is_void) {
  BenchMember member(3, 3, {1, 1, 1, 1, 1});
  receive_all(&member, snapshot_of(id(3, 2)));
  member.step(SnapshotReceived{Index(3), true, founders()});
  BOOST_TEST(!member.all<InstallSnapshot>().at(0).log_kept);
  BOOST_TEST((member.raft().last() == id(3, 2)));
  // A write of the old log is reported late.
  BOOST_TEST(member.step(EntriesPersisted{Term(2), Index(5), Term(1)}).empty());
}

// The log has passed it while it was checked.
BOOST_AUTO_TEST_CASE(a_snapshot_takes_nobody_back) {
  BenchMember member(3, 3, {1, 1, 2});
  receive_all(&member, snapshot_of(id(3, 2)));
  member.receive(2, 3, Append{id(3, 2), Term(3), 1, Index(4), Round(2)});
  member.sync();
  BOOST_TEST(member.raft().commit().v == 4u);
  member.step(SnapshotReceived{Index(3), true, founders()});
  BOOST_TEST(member.all<InstallSnapshot>().empty());
  BOOST_TEST(member.sent() == "1>2 t3 appended match 4 received 4\n");
}

BOOST_AUTO_TEST_CASE(chunks_out_of_place_are_told_where_to_go_on) {
  BenchMember member(3, 3, {});
  const Snapshot s = snapshot_of(id(4, 2));
  member.receive(2, 3, chunk(s, 60, 40));
  BOOST_TEST(member.sent() == "1>2 t3 snapshot at 4 has 0\n");
  member.receive(2, 3, chunk(s, 0, 60));
  BOOST_TEST(member.receive(2, 3, chunk(s, 0, 60)).empty());  // is being stored
  member.step(SnapshotChunkStored{Index(4), 60});
  member.receive(2, 3, chunk(s, 0, 60));
  BOOST_TEST(member.sent() == "1>2 t3 snapshot at 4 has 60\n");
  BOOST_TEST(member.all<StoreSnapshotChunk>().empty());
}

BOOST_AUTO_TEST_CASE(a_newer_snapshot_replaces_an_older_one_and_not_the_other_way_round) {
  BenchMember member(3, 3, {});
  const Snapshot old = snapshot_of(id(4, 2), 1);
  const Snapshot newer = snapshot_of(id(9, 2), 2);
  member.receive(2, 3, chunk(old, 0, 60));
  member.step(SnapshotChunkStored{Index(4), 60});
  member.receive(2, 3, chunk(newer, 0, 50));
  BOOST_TEST(member.all<StoreSnapshotChunk>().size() == 1u);
  BOOST_TEST(member.receive(2, 3, chunk(old, 60, 40)).empty());
  BOOST_TEST(member.step(SnapshotChunkStored{Index(4), 100}).empty());
  // The next leader may have only the older one.
  member.receive(3, 4, Heartbeat{});
  member.sync();
  member.receive(3, 4, chunk(old, 0, 60));
  BOOST_TEST(member.all<StoreSnapshotChunk>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_damaged_snapshot_is_sent_again) {
  BenchMember member(3, 3, {});
  receive_all(&member, snapshot_of(id(4, 2)));
  member.step(SnapshotReceived{Index(4), false, nullptr});
  BOOST_TEST(member.sent() == "1>2 t3 snapshot at 4 has 0\n");
  receive_all(&member, snapshot_of(id(4, 2)));
}

BOOST_AUTO_TEST_CASE(no_chunk_is_stored_before_the_term_is_durable) {
  BenchMember member(3, 2, {});
  BOOST_TEST(member.receive(2, 3, chunk(snapshot_of(id(4, 2)), 0, 60)).size() == 2u);
  BOOST_TEST(member.all<StoreSnapshotChunk>().empty());
}

BOOST_AUTO_TEST_CASE(what_was_stored_before_a_crash_counts) {
  const Snapshot s = snapshot_of(id(4, 2));
  Restored restored;
  restored.hard = {Term(3), NodeId(0)};
  restored.incoming = s;
  restored.incoming_stored = 60;
  BenchMember member(bench_config(1, 3), restored);
  member.receive(2, 3, chunk(s, 0, 60));
  BOOST_TEST(member.sent() == "1>2 t3 snapshot at 4 has 60\n");
  restored.incoming_stored = 100;
  BenchMember whole(bench_config(1, 3), restored);
  whole.receive(2, 3, chunk(s, 0, 60));
  BOOST_TEST(whole.all<FinishSnapshot>().size() == 1u);
}

}  // namespace
}  // namespace pawl::raft
