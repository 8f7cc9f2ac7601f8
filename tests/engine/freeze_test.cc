// Snapshots of tables that go on changing while they are copied, and those of the format before.
#include <boost/test/unit_test.hpp>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/random.h"
#include "engine/frozen_tables.h"
#include "engine/snapshot_records.h"
#include "engine/table_thaw.h"
#include "engine/tables.h"
#include "world.h"

namespace pawl::engine {
namespace {

constexpr const char* kWorkflow = R"toml(
dsl = 1
name = "flow"
start = "work"
[input]
text = "string"
[signal.add]
[signal.add.payload]
id = "int"
[signal.stop]
[state.work]
after = [ { in = "1h", next = "done" } ]
on.add = { save.copy = "= signal.id" }
on.stop = { next = "done" }
[state.done]
end = "completed"
)toml";

// By the build before format 3: three runs of a flow (a waits, b has ended, c's task is out), two
// answers by key, three forwarded ones, a message to group 0, feature level 4.
constexpr const char* kFormat2 =
    "ac09020180a0d5edee66040301d2020101016104666c6f7703b1ceabdcccb77fded765d20a7548e39e7c514e50"
    "a49808564f6f549ea4359d00c510c70f6daff2b3ea4c364796553b851402679ca348dbd6f4c6fda50c750f4bb5"
    "d12f6765e3763ae71c32cea4d7718fcae10801050474657874050a736f6d6520776f7264730007e80702e807e9"
    "0701010103b898ddcca58249560c27a9aa3b7f49f98dd93edb5f741d03329ef8d43237fb3c0180a0d5edee6680"
    "a0d5edee660000000000010004776f726b0180a0d5edee660200010004776f726b01010104000080da8cf1ee66"
    "00010100000004776f726b0001740764656661756c742066623437616165613864316563353863646339333331"
    "353536373539376164370001023433b9e7bdc52eb789d358ff87615cac151d17c8d5b45aaa7725d77d45826cd1"
    "0000e0d40300000080a0d5edee6680a0d5edee6600000000000000000000010100000000001502c30201020162"
    "04666c6f7703b1ceabdcccb77fded765d20a7548e39e7c514e50a49808564f6f549ea4359d0057d0a8a80d6928"
    "1a8ad5edda4280bbb91402cc4d3fbd9acc5270cf1d1e55afdba724cb583770773ec06f20f6e176c8a79ba90801"
    "050474657874050a736f6d6520776f7264730007e80702e807e90703010107b06cc6b07a5c347275415bf772d4"
    "dad781367c4582b4fe45c481b01e8348b8730380a0d5edee6680a0d5edee66000180a0d5edee66000000010004"
    "646f6e650180a0d5edee66060104636f70790c029194d0ac376584db5c3e0e38ef0544caf499f820f49385f1e6"
    "5cc217b3ade946050a736f6d6520776f726473020004646f6e65010004776f726b010000000000000001010001"
    "0c02618a63620465a3afdd61bc7ed94bd8bcf9a56389a527c0fe9ab3df820818e888050a736f6d6520776f7264"
    "7300002c04d8020104016304666c6f7703b1ceabdcccb77fded765d20a7548e39e7c514e50a49808564f6f549e"
    "a4359d00133a7ceba45770432c83c1d87f0d5ae91402be7c4a6ddcbcad201289175413318a7f1d550310a0d58f"
    "684986d93be35cf18f0801050474657874050a736f6d6520776f7264730007e80702e807e907010101042e7ce2"
    "4b0b93aacea3c75cb1739402b953c46e45f0cc3fed89cefa9d018a49390580a0d5edee6680a0d5edee66000000"
    "0000010004776f726b0180a0d5edee660200010004776f726b01010104000080da8cf1ee660001010000020477"
    "6f726b0001740764656661756c7420616666396161303730316263633830623562613537303138636530326361"
    "663700010260f2c91c9c6ba04ad5c059aa897ee5bc78d8c5e49cc35f759c229d37e2f870de0000e0d403000000"
    "80a0d5edee6680a0d5edee6680a0d5edee660100017700000000000001010000000000159501030201026b3200"
    "0000000000000000000000000000000000000000000000000000000000000080a0d5edee66c90104626f647902"
    "026b31000000000000000000000000000000000000000000000000000000000000000080a0d5edee66c9010462"
    "6f6479020901010480a0d5edee66c90104626f64790701020280a0d5edee66c90104626f64790380a0d5edee66"
    "c90104626f64791401000101010104666c6f7703000104666c6f770300";

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

KeyedAnswer answer(std::uint64_t n, TimeMs at) {
  KeyedAnswer a;
  a.key = "key " + std::to_string(n);
  a.at = at;
  a.status = 201;
  a.body = "body " + std::to_string(n);
  return a;
}

KeyedAnswer forwarded(std::uint64_t process, std::uint64_t number, std::uint64_t open_from,
                      TimeMs at) {
  KeyedAnswer a = answer(number, at);
  a.key.clear();
  a.forwarded = {process, number, open_from};
  return a;
}

// Everything that can happen to tables, at random.
struct Busy {
  explicit Busy(std::uint64_t seed) : random(seed) {
    world.checks = world.recording = false;
    for (int i = 0; i < 150; ++i) change();
  }

  void start() {
    Start command;
    command.id = "run " + std::to_string(random.below(30));
    const Run* namesake = tables().find_id(command.id);
    if (namesake != nullptr && !namesake->closed()) return;
    command.version = 3;
    command.input = value(R"({"text": "words"})");
    world.start(std::move(command));
    runs.push_back(world.index);
  }
  void signal(const char* name) {
    if (runs.empty()) return;
    world.index = runs[random.below(runs.size())];
    if (!world.run().closed())
      world.signal(name, R"({"id": )" + std::to_string(random.below(1'000)) + "}");
  }
  void answers() {
    const std::uint64_t process = 1 + random.below(4);
    const std::uint64_t number = 1 + random.below(40);
    const std::uint64_t open_from = random.chance(0.2) ? number : 1;
    tables().dedupe().remember(random.chance(0.5)
                                   ? answer(random.below(30), world.now)
                                   : forwarded(process, number, open_from, world.now));
  }
  void change() {
    const double what = random.unit();
    if (what < 0.25) return start();
    if (what < 0.5) return signal("add");
    if (what < 0.6) return signal("stop");
    if (what < 0.62) return world.advance(static_cast<std::int64_t>(random.below(3'600'000)));
    if (what < 0.65 && !runs.empty()) {  // the same again, as an unload and a load are
      const Index run = runs[random.below(runs.size())];
      return tables().replace_values(run, std::make_shared<Run>(*tables().find(run)));
    }
    answers();
  }
  Tables& tables() { return world.tables; }

  World world{kWorkflow};
  Random random;
  std::vector<Index> runs;
};

BOOST_AUTO_TEST_SUITE(freeze)

BOOST_AUTO_TEST_CASE(a_copy_is_as_the_tables_were_whatever_happens_meanwhile) {
  std::size_t slices = 0, changed = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      Busy busy(seed);
      const std::string before = bytes_of(busy.tables());
      auto frozen = busy.tables().freeze();
      std::string copy;
      for (bool more = true; more; ++slices) {
        for (std::uint64_t n = busy.random.below(6); n > 0; --n) busy.change();
        FrozenSlice slice;
        more = frozen->next(1 + busy.random.below(4), 1 + busy.random.below(300), &slice);
        BOOST_REQUIRE(slice.runs.size() <= 4);
        // The cold thread is slower than the loop.
        for (std::uint64_t n = busy.random.below(3); n > 0; --n) busy.change();
        while (encode_slice(&slice, 1 + busy.random.below(2'000), &copy)) busy.change();
      }
      frozen->end(&copy);
      BOOST_REQUIRE(copy == before);
      changed += bytes_of(busy.tables()) == before ? 0 : 1;
      frozen.reset();
      Tables again{GroupId(1)};
      BOOST_REQUIRE(Tables::decode(copy, &again));
      BOOST_REQUIRE_EQUAL(again.check_invariants(), "");
      // And another one of what has become of them.
      const std::string later = bytes_of(busy.tables());
      frozen = busy.tables().freeze();
      frozen.reset();
      BOOST_REQUIRE(bytes_of(busy.tables()) == later);
    }
  }
  BOOST_TEST(changed > 250u);
  BOOST_TEST(slices > 300u * 10);
}

BOOST_AUTO_TEST_CASE(the_oldest_process_that_goes_and_the_oldest_answers_that_go_are_in_the_copy) {
  Tables tables{GroupId(1)};
  for (std::uint64_t p = 1; p <= limits::kForwardingProcessesMax; ++p) {
    for (std::uint64_t n = 1; n <= 3; ++n) tables.dedupe().remember(forwarded(p, n, 1, kEpoch));
  }
  for (std::uint64_t n = 1; n <= 3; ++n) tables.dedupe().remember(answer(n, kEpoch));
  const std::string before = bytes_of(tables);
  auto frozen = tables.freeze();
  const TimeMs later(kEpoch.v + limits::kRememberedMs + 1);
  tables.dedupe().remember(forwarded(99, 1, 1, later));
  tables.dedupe().remember(answer(9, later));
  BOOST_TEST(tables.dedupe().kept().size() == 1u);
  BOOST_TEST(tables.dedupe().forwarded().size() == 1u);
  std::string copy;
  for (bool more = true; more;) {
    FrozenSlice slice;
    more = frozen->next(10, 100, &slice);
    encode_slice(&slice, limits::MiB, &copy);
  }
  frozen->end(&copy);
  BOOST_CHECK(copy == before);
}

BOOST_AUTO_TEST_CASE(what_the_build_before_wrote_is_read) {
  const std::string content = from_hex(kFormat2);
  ByteReader in(content);
  const std::string_view bytes = in.str();
  BOOST_REQUIRE(in.str().empty() && in.done());
  Tables tables{GroupId(1)}, copy{GroupId(1)};
  BOOST_REQUIRE(Tables::decode_format_2(bytes, &tables));
  BOOST_REQUIRE_EQUAL(tables.check_invariants(), "");
  BOOST_TEST(tables.run_count() == 3u);
  BOOST_TEST(tables.find_id("a")->state() == "work");
  BOOST_TEST(tables.find_id("b")->closed());
  BOOST_TEST(tables.find_id("b")->output->value.as_string() == "some words");
  BOOST_TEST(tables.find_id("c")->steps.size() == 1u);
  BOOST_TEST(tables.feature_level() == 4u);
  BOOST_TEST(tables.dedupe().find("k1")->body == "body");
  BOOST_TEST(tables.dedupe().kept().size() == 2u);
  BOOST_TEST(tables.dedupe().find({7, 3, 1})->status == 201u);
  BOOST_TEST(tables.dedupe().find({9, 4, 1})->status == 201u);
  BOOST_TEST(tables.channels().outbox(GroupId(0))->size() == 1u);
  const std::string now = bytes_of(tables);
  BOOST_REQUIRE(Tables::decode(now, &copy));
  BOOST_CHECK(bytes_of(copy) == now);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    BOOST_REQUIRE(!Tables::decode_format_2(bytes.substr(0, n), &copy));
  }
}

// Runs of format 3 end before their four fields of older generations, which are 0 in these.
BOOST_AUTO_TEST_CASE(what_the_build_before_generations_wrote_is_read) {
  const std::string content = from_hex(kFormat2);
  Tables tables{GroupId(1)}, copy{GroupId(1)};
  ByteReader in(content);
  BOOST_REQUIRE(Tables::decode_format_2(in.str(), &tables));
  const std::string now = bytes_of(tables);
  RecordSplitter splitter;
  splitter.feed(std::string_view(now).substr(snapshot_prologue().size()));
  std::string before = snapshot_prologue(3);
  std::uint8_t kind = 0;
  std::string_view body;
  int runs = 0;
  while (splitter.next(&kind, &body)) {
    const bool run = static_cast<SnapshotRecord>(kind) == SnapshotRecord::run;
    runs += run ? 1 : 0;
    if (run) BOOST_REQUIRE(body.substr(body.size() - 4) == std::string(4, '\0'));
    append_record(static_cast<SnapshotRecord>(kind), run ? body.substr(0, body.size() - 4) : body,
                  &before);
  }
  BOOST_TEST(runs == 3);
  BOOST_REQUIRE(Tables::decode(before, &copy));
  BOOST_CHECK(bytes_of(copy) == now);
  BOOST_TEST(copy.check_invariants() == "");
  // Neither is what it says it is not.
  std::string wrong = before;
  wrong[1] = 4;
  BOOST_TEST(!Tables::decode(wrong, &copy));
  wrong[1] = 2;
  BOOST_TEST(!Tables::decode(wrong, &copy));
}

BOOST_AUTO_TEST_CASE(records_come_in_their_order_and_are_counted) {
  Busy busy(7);
  const std::string whole = bytes_of(busy.tables());
  const std::string prologue = snapshot_prologue();
  RecordSplitter splitter;
  splitter.feed(std::string_view(whole).substr(prologue.size()));
  std::vector<std::string> records;
  std::uint8_t kind = 0;
  std::string_view body;
  while (splitter.next(&kind, &body)) {
    append_record(static_cast<SnapshotRecord>(kind), body, &records.emplace_back());
  }
  BOOST_REQUIRE(records.size() > 20);
  const auto reads = [&](const std::vector<std::string>& some) {
    std::string bytes = prologue;
    for (const std::string& record : some) bytes += record;
    Tables tables{GroupId(1)};
    return Tables::decode(bytes, &tables);
  };
  BOOST_TEST(reads(records));
  for (std::size_t i = 0; i < records.size(); ++i) {
    std::vector<std::string> some = records;
    some.erase(some.begin() + static_cast<std::ptrdiff_t>(i));
    BOOST_TEST(!reads(some));  // one is missing
    some = records;
    some.insert(some.begin() + static_cast<std::ptrdiff_t>(i), records[i]);
    BOOST_TEST(!reads(some));  // one is there twice
    if (i == 0) continue;
    some = records;
    std::swap(some[i - 1], some[i]);
    BOOST_TEST(!reads(some));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::engine
