// The table of raft/durability.h: reports of writes, late, repeated and void ones among them.
#include <boost/test/unit_test.hpp>

#include "tests/raft/member.h"

namespace pawl::raft {
namespace {

EntryId id(std::uint64_t index, std::uint64_t term) { return {Index(index), Term(term)}; }

Append entries(EntryId prev, std::uint64_t term, std::uint32_t count, std::uint64_t commit = 0) {
  return {prev, Term(term), count, Index(commit)};
}

BOOST_AUTO_TEST_CASE(a_report_raises_durable_and_is_acknowledged) {
  BenchMember member(3, 2, {1});
  member.receive(2, 2, entries(id(1, 1), 2, 3));
  BOOST_TEST(member.sent() == "");
  BOOST_TEST(member.raft().durable().v == 1u);
  member.step(EntriesPersisted{Term(2), Index(3), Term(2)});
  BOOST_TEST(member.sent() == "1>2 t2 appended match 3 received 4\n");
  member.step(EntriesPersisted{Term(2), Index(4), Term(2)});
  BOOST_TEST(member.sent() == "1>2 t2 appended match 4 received 4\n");
  // Repeated: nothing new.
  BOOST_TEST(member.step(EntriesPersisted{Term(2), Index(4), Term(2)}).empty());
  BOOST_TEST(member.step(EntriesPersisted{Term(2), Index(3), Term(2)}).empty());
}

BOOST_AUTO_TEST_CASE(a_report_of_an_overwritten_entry_is_void) {
  BenchMember member(3, 2, {1});
  member.receive(2, 2, entries(id(1, 1), 2, 3));
  member.receive(3, 3, entries(id(1, 1), 3, 1));
  BOOST_TEST(member.all<AppendEntries>().at(0).truncates);
  BOOST_TEST(member.step(EntriesPersisted{Term(2), Index(4), Term(2)}).empty());
  BOOST_TEST(member.raft().durable().v == 1u);
  member.step(HardStatePersisted{{Term(3), NodeId(0)}});
  member.step(EntriesPersisted{Term(3), Index(2), Term(3)});
  BOOST_TEST(member.sent() == "1>3 t3 appended match 2 received 2\n");
}

// 2.2 is written, overwritten by 2.3, written again. The first report comes last: by index and term
// it names what the log holds, but on disk there may be 2.3.
BOOST_AUTO_TEST_CASE(a_report_from_before_a_truncation_is_void_even_if_the_entry_is_back) {
  BenchMember member(5, 2, {1});
  member.receive(2, 2, entries(id(1, 1), 2, 1));
  const auto first = member.all<AppendEntries>().at(0);
  member.receive(3, 3, entries(id(1, 1), 3, 1));
  const auto second = member.all<AppendEntries>().at(0);
  member.receive(2, 4, entries(id(1, 1), 2, 1));
  const auto third = member.all<AppendEntries>().at(0);
  BOOST_TEST(third.truncates);
  member.step(HardStatePersisted{{Term(4), NodeId(0)}});
  BOOST_TEST((first.last == third.last && first.term == third.term));

  BOOST_TEST(member.step(EntriesPersisted{first.requested, first.last, first.term}).empty());
  BOOST_TEST(member.raft().durable().v == 1u);
  BOOST_TEST(member.step(EntriesPersisted{second.requested, second.last, second.term}).empty());
  BOOST_TEST(member.raft().durable().v == 1u);
  member.step(EntriesPersisted{third.requested, third.last, third.term});
  BOOST_TEST(member.raft().durable().v == 2u);
  BOOST_TEST(member.sent() == "1>2 t4 appended match 2 received 2\n");
}

// Entries of an old leader that the new one has too: the late report of the old write is good.
BOOST_AUTO_TEST_CASE(a_report_from_an_older_term_counts_if_nothing_was_cut) {
  BenchMember member(3, 2, {1});
  member.receive(2, 2, entries(id(1, 1), 2, 2));
  member.receive(3, 3, entries(id(3, 2), 3, 1));
  member.step(HardStatePersisted{{Term(3), NodeId(0)}});
  member.step(EntriesPersisted{Term(2), Index(3), Term(2)});
  BOOST_TEST(member.raft().durable().v == 3u);
  BOOST_TEST(member.sent() == "1>3 t3 appended match 3 received 4\n");
}

BOOST_AUTO_TEST_CASE(durable_falls_with_a_truncation) {
  BenchMember member(3, 2, {1, 2, 2, 2});
  BOOST_TEST(member.raft().durable().v == 4u);
  member.receive(3, 3, entries(id(1, 1), 3, 1));
  BOOST_TEST(member.raft().durable().v == 1u);
  BOOST_TEST(member.raft().last().index.v == 2u);
}

BOOST_AUTO_TEST_CASE(messages_wait_for_the_newest_hard_state) {
  BenchMember member(3, 2, {1});
  member.receive(2, 3, Heartbeat{});
  member.receive(2, 3, entries(id(1, 1), 1, 0));
  member.receive(3, 4, VoteRequest{id(1, 1)});
  BOOST_TEST(member.sent() == "");  // protected leader: not even the term was taken
  BOOST_TEST(member.raft().term().v == 3u);
  BOOST_TEST(member.raft().state().held.size() == 2u);
  // An older hard state's report lets nothing go.
  BOOST_TEST(member.step(HardStatePersisted{{Term(2), NodeId(0)}}).empty());
  member.step(HardStatePersisted{{Term(3), NodeId(0)}});
  BOOST_TEST(member.sent() ==
             "1>2 t3 alive r0 match 0 received 0\n1>2 t3 appended match 1 received 1\n");
}

BOOST_AUTO_TEST_CASE(held_answers_of_an_older_term_are_forgotten) {
  BenchMember member(3, 2, {1});
  member.receive(2, 3, VoteRequest{id(1, 1)});
  BOOST_TEST(member.raft().state().held.size() == 1u);
  member.receive(3, 4, VoteRequest{id(1, 1)});
  member.step(HardStatePersisted{{Term(3), NodeId(2)}});
  BOOST_TEST(member.sent() == "");
  member.step(HardStatePersisted{{Term(4), NodeId(3)}});
  BOOST_TEST(member.sent() == "1>3 t4 vote granted\n");
}

BOOST_AUTO_TEST_CASE(a_stalled_disk_does_not_pile_up_messages) {
  BenchMember member(3, 2, {1});
  for (int i = 0; i < 10 * limits::kHeldMessagesMax; ++i) member.receive(2, 3, Heartbeat{});
  BOOST_TEST(member.raft().state().held.size() == std::size_t{limits::kHeldMessagesMax});
}

}  // namespace
}  // namespace pawl::raft
