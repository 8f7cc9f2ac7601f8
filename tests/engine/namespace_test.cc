// Namespaces: the names that things are kept under, what the catalog folds of them, and what a run
// of one has of its own.
#include "engine/namespace.h"

#include <boost/test/unit_test.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/limits_namespaces.h"
#include "engine/catalog.h"
#include "engine/run_filter.h"
#include "engine/run_id.h"
#include "world.h"

namespace pawl::engine {
namespace {

const Actor kActor{NodeId(1), 5, {6}};

CatalogEvent put_of(const std::string& name, NamespaceQuota quota = {}) {
  return NamespaceEvent(NamespacePut{name, quota, "why", TimeMs(10), kActor});
}
CatalogEvent ended_of(const std::string& name, bool gone) {
  return NamespaceEvent(NamespaceEnded{name, gone, TimeMs(20), kActor});
}
CatalogEvent shared_of(const std::string& name, NamespaceShares shares) {
  return NamespaceEvent(NamespaceShared{name, std::move(shares)});
}
CatalogEvent stored_of(const std::string& workflow, std::uint32_t version) {
  VersionStored e;
  e.name = workflow;
  e.version = version;
  e.text = "text";
  e.hash = digest(workflow + std::to_string(version));
  return e;
}

void check_catalog(const Catalog& catalog) {
  std::string bytes;
  catalog.encode(&bytes);
  Catalog copy;
  BOOST_REQUIRE(copy.decode(bytes));
  BOOST_CHECK(copy == catalog);
}

void check_events(const std::vector<CatalogEvent>& events) {
  std::string bytes;
  encode_catalog_events(events, &bytes);
  std::vector<CatalogEvent> again;
  BOOST_REQUIRE(decode_catalog_events(bytes, &again));
  BOOST_CHECK(again == events);
  for (std::size_t n = 1; n < bytes.size(); ++n) {
    std::vector<CatalogEvent> cut;
    if (decode_catalog_events(bytes.substr(0, n), &cut)) BOOST_CHECK(cut.size() < events.size());
  }
}

BOOST_AUTO_TEST_SUITE(namespaces)

BOOST_AUTO_TEST_CASE(names) {
  for (const char* good : {"a", "default", "team-7", "0"}) BOOST_CHECK(is_namespace_name(good));
  for (const char* bad : {"", "-a", "A", "a_b", "a!b", "a/b", "a.b"}) {
    BOOST_CHECK(!is_namespace_name(bad));
  }
  BOOST_CHECK(is_namespace_name(std::string(63, 'x')));
  BOOST_CHECK(!is_namespace_name(std::string(64, 'x')));
}

// No two pairs are kept under one name, and each can be read back.
BOOST_AUTO_TEST_CASE(what_is_kept_under_a_name) {
  BOOST_CHECK_EQUAL(qualified("default", "o/1"), "o/1");
  BOOST_CHECK_EQUAL(qualified("a", "o/1"), "a!o/1");
  std::set<std::string> seen;
  for (const std::string name_space : {"default", "a", "b", "x"}) {
    for (const std::string name : {"x", "a!x", "b!a!x", "!", "", "default!x"}) {
      const std::string kept = qualified(name_space, name);
      BOOST_CHECK(seen.insert(kept).second);
      BOOST_CHECK_EQUAL(namespace_of(kept), name_space);
      BOOST_CHECK_EQUAL(plain_name(kept), name);
      BOOST_CHECK_EQUAL(qualified_like(kept, name), kept);
    }
  }
  BOOST_CHECK_EQUAL(qualified_key("default", "k"), "k");
  BOOST_CHECK_NE(qualified_key("a", "k"), qualified_key("b", "k"));
  BOOST_CHECK_EQUAL(qualified_key("a", ""), "");  // none was sent
}

BOOST_AUTO_TEST_CASE(a_runs_group_is_chosen_by_both) {
  BOOST_CHECK(group_of_run("o/1", 8) == group_of_run("default", "o/1", 8));
  BOOST_CHECK(group_of_run("a!o/1", 8) == group_of_run("a", "o/1", 8));
  BOOST_CHECK(group_of_run("a!o/1", 8) == group_of_run("a!o/2", 8));
  std::set<std::uint16_t> groups;
  for (int i = 0; i < 64; ++i) groups.insert(group_of_run("n" + std::to_string(i) + "!x", 8).v);
  BOOST_CHECK_GT(groups.size(), 4u);
}

BOOST_AUTO_TEST_CASE(a_filter_is_of_one_namespace) {
  RunSummary run;
  RunFilter filter;
  run.workflow = "w";
  BOOST_CHECK(filter.fits(run));
  run.workflow = "a!w";
  BOOST_CHECK(!filter.fits(run));
  filter.id_prefix = qualified("a", "");
  BOOST_CHECK(filter.fits(run));
  filter.workflow = qualified("a", "w");
  BOOST_CHECK(filter.fits(run));
  run.workflow = "w";
  BOOST_CHECK(!filter.fits(run));
}

constexpr const char* kFlow = R"toml(
dsl = 1
name = "flow"
start = "work"
[signal.stop]
[state.work]
task = "t"
queue = "q"
with = { me = "= run.id", of = "= run.workflow" }
on.stop = { next = "tell" }
next = "child"
[state.tell]
send = { to = "x/other", signal = "stop" }
next = "child"
[state.child]
call = "flow"
id = "x/child"
next = "end"
)toml";

// What it asks for is of its namespace; what it sees has none.
BOOST_AUTO_TEST_CASE(a_run_of_a_namespace) {
  World world(kFlow);
  Start start;
  start.id = "a!x/r";
  start.version = 1;
  start.input = dsl::Value::map({});
  world.start(std::move(start));
  BOOST_CHECK_EQUAL(world.run().id(), "a!x/r");
  BOOST_CHECK_EQUAL(world.run().workflow(), "a!flow");
  const Step& step = *world.run().steps.at(0);
  BOOST_CHECK_EQUAL(step.queue, "a!q");
  BOOST_CHECK_EQUAL(step.input.value.debug_string(),
                    value("{'me': 'x/r', 'of': 'flow'}").debug_string());
  const NamespaceUsage open = world.tables.usage_of("a");
  BOOST_CHECK_EQUAL(open.open_runs, 1u);
  BOOST_CHECK_EQUAL(open.payload_bytes, world.run().state_bytes);
  BOOST_CHECK(world.tables.usage_of("default") == NamespaceUsage{});
  world.signal("stop");
  const OpenCall& signal = *world.run().tree->calls.at(0);
  BOOST_CHECK_EQUAL(signal.run, "a!x/other");
  BOOST_CHECK(signal.to == group_of_run("a", "x/other", world.context().run_groups));
  world.send(AnswerSignal{signal.id, {}});
  const OpenCall& call = *world.run().tree->calls.at(0);
  BOOST_CHECK_EQUAL(call.run, "a!x/child");
  BOOST_CHECK_EQUAL(call.name, "a!flow");
  world.send(Terminate{""});
  BOOST_CHECK((world.tables.usage_of("a") == NamespaceUsage{1, 0, 0}));
  BOOST_CHECK_EQUAL(world.tables.check_invariants(), "");
}

BOOST_AUTO_TEST_CASE(the_book_folds) {
  Catalog catalog;
  const NamespaceBook& book = catalog.namespaces();
  check_catalog(catalog);
  BOOST_CHECK(book.is_open("default") && !book.is_open("a"));
  BOOST_CHECK(!catalog.apply(put_of("A")));
  BOOST_CHECK(!catalog.apply(ended_of("a", false)));
  BOOST_CHECK(!catalog.apply(shared_of("a", {{1, 0}})));
  BOOST_CHECK(!catalog.apply(put_of("a", {-1, {}, {}})));
  BOOST_CHECK(!catalog.apply(put_of("a", {limits::kQuotaRunsMax + 1, {}, {}})));
  BOOST_CHECK_EQUAL(book.changes(), 0u);
  BOOST_CHECK(catalog.apply(put_of("a", {10, 1'000, {}})));
  BOOST_CHECK(book.is_open("a"));
  // Never more than the quota, and of what has none nothing.
  BOOST_CHECK(!catalog.apply(shared_of("a", {{6, 0}, {5, 0}})));
  BOOST_CHECK(!catalog.apply(shared_of("a", {{0, 1'001}})));
  BOOST_CHECK(!catalog.apply(shared_of("a", {{-1, 0}})));
  BOOST_CHECK(catalog.apply(shared_of("a", {{6, 0}, {4, 1'000}})));
  BOOST_CHECK((book.find("a")->share(GroupId(2)) == NamespaceShare{4, 1'000}));
  BOOST_CHECK(book.find("a")->share(GroupId(3)) == NamespaceShare{});
  BOOST_CHECK(book.find("a")->share(GroupId(0)) == NamespaceShare{});
  BOOST_CHECK_EQUAL(book.find("a")->change, 2u);
  check_catalog(catalog);
  BOOST_CHECK(catalog.apply(put_of("a", {{}, 5'000, 3})));
  BOOST_CHECK(!catalog.apply(shared_of("a", {{1, 0}})));
  check_catalog(catalog);
  BOOST_CHECK(catalog.apply(put_of("default", {3, {}, {}})));
  BOOST_CHECK(!catalog.apply(ended_of("default", false)));
  check_catalog(catalog);
}

BOOST_AUTO_TEST_CASE(with_a_namespace_go_its_definitions) {
  Catalog catalog;
  for (const char* name : {"a", "b"}) BOOST_CHECK(catalog.apply(put_of(name)));
  for (const char* workflow : {"w", "a!w", "b!w"}) {
    BOOST_CHECK(catalog.apply(stored_of(workflow, 1)));
    BOOST_CHECK(catalog.apply(QueuePaused{workflow, "", TimeMs(1), kActor}));
  }
  BOOST_CHECK(catalog.apply(stored_of("a!w", 2)));
  BOOST_CHECK_EQUAL(catalog.version_count(), 4u);
  BOOST_CHECK(!catalog.apply(ended_of("a", true)));  // it is open
  BOOST_CHECK(catalog.apply(ended_of("a", false)));
  BOOST_CHECK(!catalog.namespaces().is_open("a"));
  BOOST_CHECK(catalog.find("a!w") != nullptr);
  check_catalog(catalog);
  BOOST_CHECK(catalog.apply(put_of("a")));  // and again it is not
  BOOST_CHECK(catalog.namespaces().is_open("a"));
  BOOST_CHECK(catalog.apply(ended_of("a", false)));
  BOOST_CHECK(!catalog.apply(ended_of("a", false)));
  BOOST_CHECK(catalog.apply(ended_of("a", true)));
  BOOST_CHECK(catalog.namespaces().find("a") == nullptr);
  BOOST_CHECK(catalog.find("a!w") == nullptr);
  BOOST_CHECK(catalog.find("w") != nullptr && catalog.find("b!w") != nullptr);
  BOOST_CHECK_EQUAL(catalog.version_count(), 2u);
  BOOST_CHECK(!catalog.is_paused("a!w") && catalog.is_paused("b!w") && catalog.is_paused("w"));
  BOOST_CHECK_EQUAL(catalog.namespaces().changes(), 6u);  // those of what is gone count on
  check_catalog(catalog);
}

BOOST_AUTO_TEST_CASE(events_as_bytes) {
  check_events({put_of("a", {10, {}, 0}), ended_of("a", false), ended_of("a", true),
                shared_of("a", {{1, 2}, {3, 4}})});
}

BOOST_AUTO_TEST_CASE(there_are_at_most_so_many) {
  Catalog catalog;
  for (std::size_t i = 0; i < limits::kNamespacesMax; ++i) {
    BOOST_REQUIRE(catalog.apply(put_of("n" + std::to_string(i))));
  }
  BOOST_CHECK(!catalog.apply(put_of("one-more")));
  BOOST_CHECK(catalog.apply(put_of("n0", {1, {}, {}})));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::engine
