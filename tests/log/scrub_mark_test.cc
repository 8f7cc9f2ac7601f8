// The mark says only what was written into it, for its own store; a sweep leaves what is in use.
#include "log/scrub_mark.h"

#include <boost/test/unit_test.hpp>

#include "log/format.h"
#include "log/names.h"
#include "log/snapshot_file.h"
#include "tests/log/journal_model.h"

namespace pawl::log {
namespace {

const std::vector<Index> kThrough = {Index(1), Index(0), Index(1ull << 40)};
const std::vector<Index> kNothing(3);

BOOST_AUTO_TEST_SUITE(scrub_mark)

BOOST_AUTO_TEST_CASE(a_mark_comes_back_for_its_own_store) {
  MemoryFileSystem files;
  BOOST_TEST((read_scrub_mark(files, kDirectory, test_store(), 3) == kNothing));
  BOOST_REQUIRE(write_scrub_mark(files, kDirectory, test_store(), kThrough).ok());
  BOOST_TEST(files.paths().size() == 1u);
  BOOST_TEST((read_scrub_mark(files, kDirectory, test_store(), 3) == kThrough));
  BOOST_TEST((read_scrub_mark(files, kDirectory, StoreId{9}, 3) == kNothing));
  BOOST_TEST((read_scrub_mark(files, kDirectory, test_store(), 2) == std::vector<Index>(2)));
  BOOST_TEST((read_scrub_mark(files, kDirectory, test_store(), 4) == std::vector<Index>(4)));
}

BOOST_AUTO_TEST_CASE(no_byte_of_a_mark_may_be_wrong) {
  MemoryFileSystem files;
  BOOST_REQUIRE(write_scrub_mark(files, kDirectory, test_store(), kThrough).ok());
  const std::string path = files.paths().front();
  const std::string whole = files.contents(path);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string wrong = whole;
    wrong[at] = static_cast<char>(wrong[at] ^ 4);
    files.set_contents(path, wrong);
    BOOST_TEST((read_scrub_mark(files, kDirectory, test_store(), 3) == kNothing), at);
    files.set_contents(path, whole.substr(0, at));
    BOOST_TEST((read_scrub_mark(files, kDirectory, test_store(), 3) == kNothing), at);
  }
  files.set_contents(path, whole + "x");
  BOOST_TEST((read_scrub_mark(files, kDirectory, test_store(), 3) == kNothing));
}

// Whatever operation fails, and whatever of it a power loss leaves: the one before, or this one.
BOOST_AUTO_TEST_CASE(a_mark_that_could_not_be_written_leaves_the_one_before) {
  const std::vector<Index> before = {Index(1), Index(0), Index(5)};
  Random random(1);
  std::uint64_t operations = 1;
  for (std::uint64_t fails = 0; fails < operations; ++fails) {
    MemoryFileSystem files;
    BOOST_REQUIRE(write_scrub_mark(files, kDirectory, test_store(), before).ok());
    files.reset_operations();
    files.fail_operation(fails, absl::UnavailableError("EIO"));
    const bool ok = write_scrub_mark(files, kDirectory, test_store(), kThrough).ok();
    operations = std::max(operations, files.operations() + 1);
    files.crash(&random);
    const auto read = read_scrub_mark(files, kDirectory, test_store(), 3);
    BOOST_TEST((read == kThrough || (!ok && read == before)), fails);
  }
  BOOST_TEST(operations > 4u);
}

BOOST_AUTO_TEST_CASE(a_sweep_leaves_what_is_in_use) {
  MemoryFileSystem files;
  const auto put = [&files](const std::string& name) {
    files.set_contents(join(kDirectory, name), "x");
  };
  const std::uint64_t base = format::kKeptNumberBase;
  const std::vector<std::string> stay = {segment_name(5),
                                         segment_name(base + 2),
                                         segment_name(base + 9),
                                         segment_name(base + 8) + ".tmp",
                                         snapshot_name(GroupId(0), Index(10)),
                                         snapshot_name(GroupId(1), Index(30)),
                                         snapshot_name(GroupId(1), Index(31)) + ".tmp",
                                         "transfer-0001.tmp",
                                         "store",
                                         "reserve",
                                         spare_name(3)};
  for (const std::string& name : stay) put(name);
  for (const std::string& name :
       {segment_name(base + 1), segment_name(base + 3) + ".tmp", segment_name(4) + ".damaged",
        snapshot_name(GroupId(0), Index(9)), snapshot_name(GroupId(1), Index(29)),
        snapshot_name(GroupId(1), Index(29)) + ".tmp",
        snapshot_name(GroupId(1), Index(90)) + ".damaged", std::string("transfer-0000.tmp"),
        std::string("incoming-0001.tmp")}) {
    put(name);
  }
  const SweepOptions options{kDirectory,           5, base + 7, {base + 2}, {Index(10), Index(30)},
                             {"transfer-0001.tmp"}};
  BOOST_REQUIRE(sweep(files, options).ok());
  std::vector<std::string> left = files.paths(), expected;
  for (const std::string& name : stay) expected.push_back(join(kDirectory, name));
  std::sort(left.begin(), left.end());
  std::sort(expected.begin(), expected.end());
  BOOST_TEST(left == expected, boost::test_tools::per_element());
  put(segment_name(4));
  BOOST_TEST(absl::IsUnavailable(sweep(files, options)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::log
