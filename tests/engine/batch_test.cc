// Batches: what the catalog and a group's tables fold of them, and their bytes.
#include <boost/test/unit_test.hpp>

#include "base/limits_batches.h"
#include "engine/batch_rows.h"
#include "engine/tables.h"
#include "tests/engine/catalog_check.h"

namespace pawl::engine {
namespace {

const Actor kActor{NodeId(2), 5, {6, 7}};

BatchBegun begun(std::uint64_t id, std::size_t groups = 2) {
  BatchBegun e;
  e.batch = BatchId(id);
  e.spec.filter.workflow = "orders";
  e.spec.filter.started_before = TimeMs(-7);
  e.spec.filter.tags = {{"region", "eu"}};
  e.spec.verb = BatchVerb::signal;
  e.spec.signal = "go";
  dsl::Value::string("now").encode(&e.spec.args);
  e.spec.reason = "why";
  e.spec.rate = 50;
  for (std::size_t g = 0; g < groups; ++g) e.through.emplace_back(100 + g);
  e.matching = 9;
  e.at = TimeMs(1'000);
  e.actor = kActor;
  return e;
}

BatchCounts counts(std::uint64_t changed, std::uint64_t refused) {
  BatchCounts c;
  c.changed = changed;
  c.unchanged = 1;
  c.refused = refused;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(refused, limits::kBatchRefusalsKept); ++i) {
    c.refusals.push_back({RunUid{GroupId(1), Index(i + 1)}, "r", "run-closed", "it is closed"});
  }
  return c;
}

BatchPartDone part(std::uint64_t id, std::uint16_t group, TimeMs at = TimeMs(5'000)) {
  return {BatchId(id), GroupId(group), counts(3, 2), at};
}

BatchStopped stopped(std::uint64_t id) { return {BatchId(id), "enough", TimeMs(4'000), kActor}; }

BatchStep met(std::uint64_t id, std::uint64_t through, std::uint64_t changed = 1) {
  BatchStep step{BatchId(id), BatchStep::What::met, Index(through), {}};
  step.counts.changed = changed;
  return step;
}
BatchStep done(std::uint64_t id, std::uint64_t through) {
  return {BatchId(id), BatchStep::What::done, Index(through), {}};
}
BatchStep forget(std::uint64_t id) { return {BatchId(id), BatchStep::What::forget, Index(0), {}}; }

BOOST_AUTO_TEST_SUITE(batches)

BOOST_AUTO_TEST_CASE(events_have_one_form) {
  const std::vector<CatalogEvent> events = {BatchEvent(begun(3)), BatchEvent(part(3, 1)),
                                            BatchEvent(stopped(3))};
  std::string bytes;
  encode_catalog_events(events, &bytes);
  std::vector<CatalogEvent> decoded;
  BOOST_REQUIRE(decode_catalog_events(bytes, &decoded));
  BOOST_CHECK(decoded == events);
  std::string stop;
  encode_catalog_events({BatchEvent(stopped(3))}, &stop);
  // The stored form: kind, number, reason, time, actor. It never changes.
  BOOST_CHECK_EQUAL(stop, std::string("\x16\x03\x06"
                                      "enough\xc0\x3e\x02\x05\x02\x06\x07"));
  for (std::size_t n = 1; n < stop.size(); ++n) {
    std::vector<CatalogEvent> none;
    BOOST_CHECK(!decode_catalog_events(stop.substr(0, n), &none));
  }
  std::string one;
  encode_catalog_events({BatchEvent(begun(3))}, &one);
  for (std::size_t n = 1; n < one.size(); ++n) {
    std::vector<CatalogEvent> none;
    BOOST_CHECK(!decode_catalog_events(one.substr(0, n), &none));
  }
  std::vector<CatalogEvent> none;
  BOOST_CHECK(!decode_catalog_events("\x17", &none));  // a kind that there is not
}

BOOST_AUTO_TEST_CASE(a_batch_goes_from_group_to_group) {
  Catalog catalog;
  BOOST_CHECK(!catalog.apply(BatchEvent(part(1, 1))));
  BOOST_CHECK(!catalog.apply(BatchEvent(stopped(1))));
  BOOST_CHECK(!catalog.apply(BatchEvent(begun(1, 0))));  // of no group
  BOOST_CHECK(catalog.apply(BatchEvent(begun(1))));
  BOOST_CHECK(!catalog.apply(BatchEvent(begun(1))));
  const BatchBook& book = catalog.batches();
  BOOST_CHECK(book.find(BatchId(1))->turn() == GroupId(1));
  check_catalog(catalog);
  BOOST_CHECK(!catalog.apply(BatchEvent(part(1, 2))));  // whose turn it is not
  BOOST_CHECK(catalog.apply(BatchEvent(part(1, 1))));
  BOOST_CHECK(!catalog.apply(BatchEvent(part(1, 1))));
  BOOST_CHECK(book.find(BatchId(1))->turn() == GroupId(2));
  check_catalog(catalog);
  BOOST_CHECK(catalog.apply(BatchEvent(part(1, 2))));
  BOOST_CHECK(book.find(BatchId(1))->turn() == GroupId(0));
  BOOST_CHECK(book.find(BatchId(1))->over_at == TimeMs(5'000));
  BOOST_CHECK(!catalog.apply(BatchEvent(stopped(1))));
  BOOST_CHECK(!catalog.apply(BatchEvent(part(1, 3))));
  BOOST_CHECK_EQUAL(book.open_count(), 0u);
  check_catalog(catalog);
}

BOOST_AUTO_TEST_CASE(a_stopped_batch_ends_with_the_group_whose_turn_it_is) {
  Catalog catalog;
  BOOST_CHECK(catalog.apply(BatchEvent(begun(7, 3))));
  BOOST_CHECK(catalog.apply(BatchEvent(part(7, 1))));
  BOOST_CHECK(catalog.apply(BatchEvent(stopped(7))));
  BOOST_CHECK(!catalog.apply(BatchEvent(stopped(7))));
  BOOST_CHECK(catalog.batches().find(BatchId(7))->turn() == GroupId(2));
  check_catalog(catalog);
  BOOST_CHECK(catalog.apply(BatchEvent(part(7, 2, TimeMs(6'000)))));
  BOOST_CHECK(catalog.batches().find(BatchId(7))->over_at == TimeMs(6'000));
  check_catalog(catalog);
}

BOOST_AUTO_TEST_CASE(so_many_are_open_and_so_many_are_kept) {
  Catalog catalog;
  std::uint64_t id = 0;
  for (std::size_t i = 0; i < limits::kBatchesOpenMax; ++i) {
    BOOST_REQUIRE(catalog.apply(BatchEvent(begun(++id, 1))));
  }
  BOOST_CHECK(!catalog.apply(BatchEvent(begun(id + 1, 1))));
  BOOST_CHECK(catalog.batches().oldest_open() == BatchId(1));
  BOOST_CHECK(catalog.apply(BatchEvent(part(2, 1))));
  for (std::size_t i = 0; i < 2 * limits::kBatchesKeptMax; ++i) {
    BOOST_REQUIRE(catalog.apply(BatchEvent(begun(++id, 1))));
    BOOST_REQUIRE(catalog.apply(BatchEvent(part(id, 1))));
  }
  // The open ones stay whatever comes.
  BOOST_CHECK_EQUAL(catalog.batches().open_count(), limits::kBatchesOpenMax - 1);
  BOOST_CHECK(catalog.batches().find(BatchId(1)) != nullptr);
  BOOST_CHECK(catalog.batches().find(BatchId(2)) == nullptr);
  BOOST_CHECK(catalog.batches().last() == BatchId(id));
  const std::size_t over = catalog.batches().all().size() - catalog.batches().open_count();
  BOOST_CHECK_LE(over, limits::kBatchesKeptMax + 1);
  std::string bytes;
  catalog.encode(&bytes);
  Catalog copy;
  BOOST_REQUIRE(copy.decode(bytes));
  BOOST_CHECK(copy == catalog);
}

BOOST_AUTO_TEST_CASE(a_group_meets_each_run_once) {
  BatchRows rows;
  BOOST_CHECK(rows.empty() && !rows.is_done(BatchId(1)));
  BOOST_CHECK(rows.apply(met(1, 10)));
  BOOST_CHECK(!rows.apply(met(1, 10)));  // the same run again
  BOOST_CHECK(!rows.apply(met(1, 9)));
  BOOST_CHECK(rows.apply(met(1, 10, 0)));  // only counts what refused
  BOOST_CHECK(rows.apply(met(1, 12)));
  BOOST_CHECK(rows.find(BatchId(1))->counts.changed == 2);
  BOOST_CHECK(rows.apply(met(2, 3)));
  BOOST_CHECK(!rows.apply(forget(1)));  // is not done
  BOOST_CHECK(rows.apply(done(1, 100)));
  BOOST_CHECK(rows.is_done(BatchId(1)) && !rows.is_done(BatchId(2)));
  BOOST_CHECK(!rows.apply(met(1, 101)));
  BOOST_CHECK(!rows.apply(done(1, 101)));
  std::string bytes;
  rows.encode(&bytes);
  BatchRows copy;
  BOOST_REQUIRE(copy.decode(bytes));
  BOOST_CHECK(copy == rows);
  BOOST_CHECK(!copy.decode(bytes.substr(0, bytes.size() - 1)));
  BOOST_CHECK(!copy.decode(bytes + "x"));
  BOOST_CHECK(rows.apply(forget(1)));
  BOOST_CHECK(rows.find(BatchId(1)) == nullptr && rows.is_done(BatchId(1)));
  BOOST_CHECK(!rows.apply(met(1, 200)));  // never again
  BOOST_CHECK(!rows.apply(forget(1)));
  BOOST_CHECK(rows.last() == BatchId(2));
}

BOOST_AUTO_TEST_CASE(steps_are_bytes_and_damaged_ones_are_refused) {
  BatchStep step = met(4, 77);
  step.counts = counts(1, 3);
  const std::vector<BatchStep> steps = {step, done(5, 8), forget(3)};
  std::string bytes;
  encode_batch_steps(steps, &bytes);
  std::vector<BatchStep> decoded;
  BOOST_REQUIRE(decode_batch_steps(bytes, &decoded));
  BOOST_CHECK(decoded == steps);
  std::size_t whole = 0;
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    std::vector<BatchStep> some;
    if (!decode_batch_steps(bytes.substr(0, n), &some)) continue;
    ++whole;
    BOOST_CHECK(some.size() < steps.size());
  }
  BOOST_CHECK_EQUAL(whole, steps.size());  // before each of them
  std::vector<BatchStep> none;
  BOOST_CHECK(!decode_batch_steps(std::string("\x01\x03\x00\x00\x00\x00\x00", 7), &none));
  // More refusals than were counted.
  BOOST_CHECK(!decode_batch_steps(
      std::string("\x01\x00\x01\x00\x00\x00\x01\x01\x01\x00\x00\x00", 12), &none));
}

BOOST_AUTO_TEST_CASE(tables_keep_them_in_their_snapshot) {
  Tables tables(GroupId(1));
  std::string without;
  tables.encode(&without);
  BOOST_REQUIRE(tables.batches().apply(met(1, 10)));
  std::string with;
  tables.encode(&with);
  BOOST_CHECK(with.size() > without.size());
  Tables copy(GroupId(1));
  BOOST_REQUIRE(Tables::decode(with, &copy));
  BOOST_CHECK(copy.batches() == tables.batches());
  Tables old(GroupId(1));  // as a build of a lower level writes it
  BOOST_REQUIRE(Tables::decode(without, &old));
  BOOST_CHECK(old.batches().empty());
  // Twice is once too much.
  const std::size_t end = without.size() - (without.size() - without.find_last_of('\x06'));
  const std::string record = with.substr(end, with.size() - without.size());
  Tables twice(GroupId(1));
  BOOST_CHECK(!Tables::decode(with.substr(0, end) + record + with.substr(end), &twice));
}

BOOST_AUTO_TEST_CASE(each_verb_is_a_command_that_names_its_batch) {
  BatchSpec spec = begun(1).spec;
  const Command signal = spec.command(BatchId(12));
  BOOST_CHECK_EQUAL(std::get<Signal>(signal).dedupe_id, "pawl.batch.12");
  BOOST_CHECK(std::get<Signal>(signal).payload == dsl::Value::string("now"));
  spec.args.clear();
  spec.verb = BatchVerb::terminate;
  BOOST_CHECK_EQUAL(std::get<Terminate>(spec.command(BatchId(12))).reason, "batch 12: why");
  spec.reason.clear();
  spec.verb = BatchVerb::cancel;
  BOOST_CHECK_EQUAL(std::get<Cancel>(spec.command(BatchId(3))).reason, "batch 3");
  spec.verb = BatchVerb::move;
  spec.from = "a";
  spec.to = "b";
  BOOST_CHECK_EQUAL(std::get<Move>(spec.command(BatchId(3))).to, "b");
  BOOST_CHECK(!parse_batch_verb("delete"));
  for (int v = 0; v <= static_cast<int>(kLastBatchVerb); ++v) {
    const auto verb = static_cast<BatchVerb>(v);
    BOOST_CHECK(parse_batch_verb(to_string(verb)) == verb);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::engine
