// Runs that rest: packed, found again, listed without being woken.
#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "base/random.h"
#include "engine/frozen_tables.h"
#include "engine/run_glance.h"
#include "engine/run_ids.h"
#include "engine/run_store.h"
#include "engine/snapshot_records.h"
#include "engine/table_thaw.h"
#include "engine/tables.h"
#include "world.h"

namespace pawl::engine {
namespace {

constexpr const char* kWorkflow = R"toml(
dsl = 1
name = "flow"
start = "wait"
[input]
text = "string"
[signal.note]
[signal.note.payload]
text = "string"
[signal.work]
[signal.stop]
[state.wait]
after = [ { in = "1h", next = "done" } ]
on.note = { save.note = "= signal.text" }
on.work = { next = "work" }
on.stop = { next = "done" }
[state.work]
task = "t"
next = "wait"
[state.done]
end = "completed"
output = "= input.text"
)toml";

std::string bytes_of(const Run& run) {
  std::string bytes;
  encode_run(run, &bytes);
  return bytes;
}

// Runs in every state there is.
struct Runs {
  explicit Runs(int count) {
    world.checks = world.recording = false;
    for (int i = 0; i < count; ++i) {
      Start command;
      command.id = "order/" + std::to_string(1'000 + i);
      command.version = 3;
      command.tags = {{"n", std::to_string(i)}};
      command.input = value(R"({"text": "some words of order )" + std::to_string(i) + "\"}");
      world.now.v += i;
      world.start(std::move(command));
      if (i % 5 == 1)
        world.signal("note", R"({"text": ")" + std::string(400, 'a' + i % 20) + "\"}");
      if (i % 5 == 2) world.signal("stop");
      if (i % 5 == 3) world.signal("work");
      if (i % 10 == 4) world.send(Pause{});
      indexes.push_back(world.index);
    }
  }
  RunStore::RestOptions all() const {
    RunStore::RestOptions options;
    options.now = world.now;
    options.packed_max = 1'000'000;
    options.busy = [](const Run&) { return false; };
    return options;
  }
  Tables& tables() { return world.tables; }

  World world{kWorkflow};
  std::vector<Index> indexes;
};

BOOST_AUTO_TEST_SUITE(rest)

BOOST_AUTO_TEST_CASE(a_run_that_rested_is_the_same_run) {
  Runs runs(100);
  std::vector<std::string> before;
  for (const Index index : runs.indexes) before.push_back(bytes_of(*runs.tables().find(index)));
  const std::string whole = bytes_of(runs.tables());
  BOOST_TEST(!runs.tables().rest(runs.all()));
  BOOST_TEST(runs.tables().runs().awake_count() == 20u);  // those with a task
  BOOST_TEST(runs.tables().run_count() == 100u);
  BOOST_CHECK(bytes_of(runs.tables()) == whole);
  BOOST_TEST(runs.tables().check_invariants() == "");
  BOOST_TEST(runs.tables().runs().awake_count() == 20u);  // nobody was woken by that
  for (std::size_t i = 0; i < 100; ++i) {
    const Run* run = runs.tables().find(runs.indexes[i]);
    BOOST_REQUIRE(run != nullptr);
    BOOST_CHECK(bytes_of(*run) == before[i]);
    BOOST_CHECK(runs.tables().find_id("order/" + std::to_string(1'000 + i)) == run);
  }
  BOOST_TEST(runs.tables().runs().awake_count() == 100u);
  BOOST_TEST(runs.tables().find(Index(9'999)) == nullptr);
  BOOST_TEST(runs.tables().find_id("order/9999") == nullptr);
}

BOOST_AUTO_TEST_CASE(what_rests_takes_events_as_if_it_had_not) {
  Runs awake(60), resting(60);
  Random random(3);
  for (int i = 0; i < 400; ++i) {
    const std::size_t n = random.below(60);
    const double what = random.unit();
    for (Runs* runs : {&awake, &resting}) {
      if (runs == &resting && i % 3 == 0) runs->tables().rest(runs->all());
      runs->world.index = runs->indexes[n];
      if (runs->world.run().status != RunStatus::running) continue;
      if (what < 0.5) runs->world.signal("note", R"({"text": ")" + std::to_string(i) + "\"}");
      if (what >= 0.5 && what < 0.6) runs->world.signal("stop");
      if (what > 0.97) runs->world.advance(700'000);
    }
  }
  resting.tables().rest(resting.all());
  BOOST_CHECK(bytes_of(awake.tables()) == bytes_of(resting.tables()));
  BOOST_TEST(resting.tables().check_invariants() == "");
}

BOOST_AUTO_TEST_CASE(lists_see_what_rests_without_waking_it) {
  Runs runs(50);
  std::vector<RunSummary> before;
  for (const Index index : runs.indexes) {
    before.push_back(summary_of(runs.tables().runs().kept(index)));
  }
  // The views are of runs that will be gone.
  std::vector<std::pair<std::string, std::string>> names;
  for (const RunSummary& s : before) names.emplace_back(s.workflow, s.state);
  runs.tables().rest(runs.all());
  const RunStore& store = runs.tables().runs();
  const std::size_t awake = store.awake_count();
  for (std::size_t i = 0; i < 50; ++i) {
    const RunSummary now = summary_of(store.kept(runs.indexes[i]));
    BOOST_TEST(now.workflow == names[i].first);
    BOOST_TEST(now.state == names[i].second);
    BOOST_CHECK(now.version == before[i].version && now.status == before[i].status);
    BOOST_CHECK(now.started_at == before[i].started_at && now.closed_at == before[i].closed_at);
    BOOST_TEST(now.may_have_work == before[i].may_have_work);
    BOOST_TEST(store.id_of(runs.indexes[i]) == "order/" + std::to_string(1'000 + i));
  }
  Index at = store.last().next();
  for (std::size_t i = 50; i-- > 0;) {
    at = store.before(at);
    BOOST_CHECK(at == runs.indexes[i]);
  }
  BOOST_CHECK(store.before(at).v == 0 && store.first() == at);
  BOOST_TEST(store.awake_count() == awake);
}

BOOST_AUTO_TEST_CASE(the_ones_untouched_for_longest_rest_first_and_the_busy_do_not) {
  Runs runs(50);
  RunStore::RestOptions options = runs.all();
  options.awake_max = 30;
  options.rest_ms = 1'000'000'000;
  runs.tables().rest(options);
  BOOST_TEST(runs.tables().runs().awake_count() == 50u);  // none has rested for so long
  options.rest_ms = 0;
  options.packed_max = 5;
  BOOST_TEST(runs.tables().rest(options));
  BOOST_TEST(runs.tables().runs().awake_count() >= 45u);
  options.packed_max = 1'000;
  const Index busy = runs.indexes[10];
  options.busy = [&](const Run& run) { return run.uid().index == busy; };
  runs.tables().rest(options);
  const RunStore& store = runs.tables().runs();
  BOOST_TEST(store.may_rest_count() == 30u);
  BOOST_TEST(store.awake_count() == 40u);  // who has a task does not count
  BOOST_CHECK(store.kept(busy).awake != nullptr);
  BOOST_CHECK(store.kept(runs.indexes[0]).awake == nullptr);
  BOOST_CHECK(store.kept(runs.indexes[49]).awake != nullptr);
  // One that is used again is awake longer than those that are not.
  const Index used = runs.indexes[0];
  runs.tables().find(used);
  options.awake_max = 25;
  runs.tables().rest(options);
  BOOST_CHECK(store.kept(used).awake != nullptr);
}

// Who has a task is not even looked at: many may have, and each turn looks.
BOOST_AUTO_TEST_CASE(who_may_not_rest_is_not_asked) {
  Runs runs(50);
  const RunStore& store = runs.tables().runs();
  BOOST_TEST(store.may_rest_count() == 40u);
  RunStore::RestOptions options = runs.all();
  std::size_t asked = 0;
  options.busy = [&](const Run& run) {
    BOOST_TEST((run.steps.empty() && run.incidents.empty()));
    ++asked;
    return false;
  };
  runs.tables().rest(options);
  BOOST_TEST(asked == 40u);
  BOOST_TEST(store.may_rest_count() == 0u);
  BOOST_TEST(store.awake_count() == 10u);
  BOOST_TEST(!runs.tables().rest(options));
  BOOST_TEST(asked == 40u);
  for (const Index index : runs.indexes) runs.tables().find(index);
  BOOST_TEST(store.may_rest_count() == 40u);
}

BOOST_AUTO_TEST_CASE(a_copy_may_be_taken_while_runs_go_to_rest_and_wake) {
  Random random(5);
  for (int round = 0; round < 20; ++round) {
    Runs runs(50);
    if (round % 2 == 1) runs.tables().rest(runs.all());
    const std::string before = bytes_of(runs.tables());
    auto frozen = runs.tables().freeze();
    std::string copy;
    for (bool more = true; more;) {
      RunStore::RestOptions options = runs.all();
      options.packed_max = random.below(10);
      runs.tables().rest(options);
      for (int i = 0; i < 5; ++i) {
        runs.world.index = runs.indexes[random.below(50)];
        if (random.chance(0.5)) runs.tables().find(runs.world.index);
        if (runs.world.run().status == RunStatus::running && random.chance(0.5)) {
          runs.world.signal("stop");
        }
      }
      FrozenSlice slice;
      more = frozen->next(7, 1'000, &slice);
      runs.tables().rest(options);
      while (encode_slice(&slice, 100, &copy)) continue;
    }
    frozen->end(&copy);
    BOOST_REQUIRE(copy == before);
  }
}

BOOST_AUTO_TEST_CASE(runs_like_one_another_take_little) {
  Runs runs(50);
  runs.tables().rest(runs.all());
  const PackedRun packed = runs.tables().runs().kept(runs.indexes[40]).packed;
  BOOST_REQUIRE(static_cast<bool>(packed));
  const std::size_t plain = bytes_of(*runs.tables().find(runs.indexes[40])).size();
  BOOST_TEST(packed.bytes() * 3 < plain * 2);
  BOOST_TEST(packed.compressed());
}

BOOST_AUTO_TEST_CASE(what_was_packed_in_haste_is_compressed_later) {
  Runs runs(200);
  const std::string whole = bytes_of(runs.tables());
  RunStore::RestOptions options = runs.all();
  options.compress = false;
  runs.tables().rest(options);
  const RunStore& store = runs.tables().runs();
  BOOST_TEST(store.awake_count() == 40u);
  BOOST_TEST(store.has_raw());
  const auto compressed = [&] {
    return std::count_if(runs.indexes.begin(), runs.indexes.end(), [&](Index index) {
      const KeptRun kept = store.kept(index);
      return kept.awake == nullptr && kept.packed.compressed();
    });
  };
  BOOST_TEST(compressed() == 0);
  BOOST_CHECK(bytes_of(runs.tables()) == whole);
  // In several calls, each of which also sees one that was packed since, before those.
  options.compress = true;
  options.packed_max = 7;
  int calls = 0;
  for (; store.has_raw() && calls < 1'000; ++calls) {
    runs.tables().rest(options);
    if (calls % 10 != 0) continue;
    runs.tables().find(runs.indexes[0]);
    options.compress = false;
    runs.tables().rest(options);
    options.compress = true;
    if (calls == 50) runs.tables().find(runs.indexes[0]);
  }
  BOOST_TEST(calls < 1'000);
  // All but those from before their shape (two states, both open and closed) had a dictionary.
  BOOST_TEST(compressed() >= 160 - 2 * static_cast<int>(limits::kRunSamples));
  BOOST_CHECK(bytes_of(runs.tables()) == whole);
  BOOST_TEST(runs.tables().check_invariants() == "");
}

// Runs of many shapes, of which only few dictionaries are kept ready; runs that nothing can be
// learnt of; runs far larger than what they are packed by.
BOOST_AUTO_TEST_CASE(each_shape_has_its_dictionary_and_any_bytes_come_back) {
  Random random(7);
  RunShapes shapes;
  RunPacker packer, other;
  Runs runs(40);
  std::vector<std::pair<PackedRun, std::string>> packed;
  for (int round = 0; round < 60; ++round) {
    for (int shape = 0; shape < 10; ++shape) {
      Run run = *runs.tables().find(runs.indexes[random.below(40)]);
      RunIdentity& identity = run.identity.edit();
      identity.version = static_cast<std::uint32_t>(shape);
      std::string text(shape == 9 ? random.below(100'000) : random.below(300), ' ');
      for (char& c : text)
        c = static_cast<char>(shape < 5 ? 'a' + random.below(3) : random.below(256));
      identity.id = text;
      const std::string bytes = bytes_of(run);
      packed.emplace_back(packer.pack(summary_of(run), bytes, &shapes), bytes);
    }
  }
  int compressed = 0;
  for (const auto& [run, bytes] : packed) {
    std::string back;
    (random.chance(0.5) ? packer : other).unpack(run, &back);
    BOOST_REQUIRE(back == bytes);
    compressed += run.compressed() ? 1 : 0;
  }
  BOOST_TEST(compressed >= 100);
  packed.clear();
  BOOST_TEST(shapes.size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_glance_sees_what_the_run_says) {
  Runs runs(50);
  for (const auto& [index, run] : runs.tables().runs()) {
    const std::string bytes = bytes_of(*run);
    RunGlance glance;
    BOOST_REQUIRE(glance_at(bytes, &glance));
    BOOST_TEST(glance.id == run->id());
    BOOST_TEST(glance.workflow == run->workflow());
    BOOST_TEST(glance.state == run->state());
    BOOST_TEST(glance.version == run->version());
    BOOST_CHECK(glance.uid == run->uid() && glance.status == run->status);
    BOOST_CHECK(glance.started_at == run->started_at && glance.updated_at == run->updated_at);
    BOOST_CHECK(glance.closed_at == run->closed_at);
    BOOST_CHECK(std::equal(glance.timers.begin(), glance.timers.end(), run->timers.begin(),
                           run->timers.end()));
    BOOST_TEST(glance.has_steps == !run->steps.empty());
    BOOST_TEST(glance.has_incidents == !run->incidents.empty());
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      BOOST_REQUIRE(!glance_at(std::string_view(bytes).substr(0, n), &glance));
    }
  }
}

// What a start takes from a file that is as it was written, against what is looked at at once.
BOOST_AUTO_TEST_CASE(a_verified_snapshot_gives_the_same_tables) {
  Runs runs(200);
  const std::string bytes = bytes_of(runs.tables());
  TableThaw thaw(GroupId(1), /*verified=*/true);
  RecordSplitter records;
  records.feed(std::string_view(bytes).substr(snapshot_prologue().size()));
  std::uint8_t kind = 0;
  std::string_view body;
  while (records.next(&kind, &body)) BOOST_REQUIRE(thaw.take(kind, body));
  Tables tables = std::move(thaw).tables();
  BOOST_TEST(tables.runs().awake_count() == 40u);
  BOOST_TEST(tables.runs().has_raw());
  BOOST_CHECK(bytes_of(tables) == bytes);
  BOOST_TEST(tables.check_invariants() == "");
  RunStore::RestOptions options = runs.all();
  options.packed_max = 30;
  int passes = 0;
  while (tables.runs().has_raw()) {
    tables.rest(options);
    ++passes;
  }
  BOOST_TEST(passes >= 5);
  BOOST_CHECK(bytes_of(tables) == bytes);
  BOOST_TEST(tables.check_invariants() == "");
  for (const Index index : runs.indexes) {
    BOOST_REQUIRE(tables.find(index) != nullptr);
    BOOST_CHECK(bytes_of(*tables.find(index)) == bytes_of(*runs.tables().find(index)));
  }
}

BOOST_AUTO_TEST_CASE(ids_are_told_apart_whatever_their_hashes) {
  for (const int bits : {64, 3, 1}) {
    RunIds ids(bits);
    std::map<std::string, Index> model;
    std::map<std::uint64_t, std::string> of;
    const RunIds::IdOf id_of = [&](Index run) { return of.at(run.v); };
    Random random(static_cast<std::uint64_t>(bits));
    for (std::uint64_t run = 1; run <= 2'000; ++run) {
      const std::string id = "id " + std::to_string(random.below(40));
      if (random.chance(0.3)) {
        const auto at = model.find(id);
        if (at == model.end()) continue;
        ids.erase(id, at->second);
        of.erase(at->second.v);
        model.erase(at);
      } else {
        of[run] = id;
        ids.set(id, Index(run), id_of);
        model[id] = Index(run);
      }
      BOOST_REQUIRE(ids.size() == model.size());
      for (int i = 0; i < 41; ++i) {
        const std::string wanted = "id " + std::to_string(i);
        const auto at = model.find(wanted);
        BOOST_REQUIRE(ids.find(wanted, id_of) == (at == model.end() ? Index() : at->second));
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::engine
