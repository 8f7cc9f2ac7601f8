// The disk thread and the cold thread: order, failure, stopping.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "daemon/cold_thread.h"
#include "daemon/disk_thread.h"

namespace pawl::daemon {
namespace {

log::Batch batch(std::uint64_t id, bool background = false) {
  log::Batch b;
  b.id = id;
  b.background = background;
  return b;
}

std::vector<BatchDone> finish(DiskThread* disk) {
  std::vector<BatchDone> done;
  while (disk->under_way() > 0) disk->wait_done(&done);
  return done;
}

BOOST_AUTO_TEST_SUITE(threads)

BOOST_AUTO_TEST_CASE(batches_are_carried_out_in_order) {
  for (const int spin_us : {0, 50}) {
    std::vector<std::uint64_t> executed;
    DiskThread disk(
        [&](const log::Batch& b) {
          executed.push_back(b.id);
          return absl::OkStatus();
        },
        {spin_us}, nullptr);
    std::vector<BatchDone> done;
    std::uint64_t id = 0;
    for (int round = 0; round < 200; ++round) {
      for (int i = 0; i < 7; ++i) disk.submit(batch(++id));
      while (disk.under_way() > limits::kDiskBatchesMax - 7) disk.wait_done(&done);
    }
    for (BatchDone& d : finish(&disk)) done.push_back(std::move(d));
    BOOST_REQUIRE_EQUAL(done.size(), id);
    for (std::size_t i = 0; i < done.size(); ++i) {
      BOOST_REQUIRE_EQUAL(done[i].id, i + 1);
      BOOST_REQUIRE_EQUAL(executed[i], i + 1);
      BOOST_REQUIRE(done[i].status.ok());
    }
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_carried_out_after_a_failure) {
  std::vector<std::uint64_t> executed;
  DiskThread disk(
      [&](const log::Batch& b) {
        executed.push_back(b.id);
        return b.id == 2 ? absl::DataLossError("fdatasync journal: I/O error") : absl::OkStatus();
      },
      {}, nullptr);
  for (std::uint64_t id = 1; id <= 4; ++id) disk.submit(batch(id));
  const std::vector<BatchDone> done = finish(&disk);
  BOOST_REQUIRE_EQUAL(done.size(), 4);
  BOOST_TEST(done[0].status.ok());
  for (std::size_t i = 1; i < 4; ++i) BOOST_TEST(absl::IsDataLoss(done[i].status));
  BOOST_TEST(executed.size() == 2);
}

BOOST_AUTO_TEST_CASE(a_batch_that_lacks_room_is_carried_out_once_there_is_some) {
  for (const bool background : {true, false}) {
    int executed = 0;
    DiskThread disk(
        [&executed](const log::Batch&) {
          return ++executed == 1 ? absl::ResourceExhaustedError("allocate: no space")
                                 : absl::OkStatus();
        },
        {}, nullptr);
    disk.submit(batch(1, background));
    BOOST_TEST(absl::IsResourceExhausted(finish(&disk).at(0).status));
    disk.submit(batch(1, background));
    BOOST_TEST(finish(&disk).at(0).status.ok());
    BOOST_TEST(executed == 2);
  }
}

BOOST_AUTO_TEST_CASE(what_was_submitted_is_carried_out_before_the_end) {
  int executed = 0;
  {
    DiskThread disk(
        [&](const log::Batch&) {
          ++executed;
          return absl::OkStatus();
        },
        {}, nullptr);
    for (std::uint64_t id = 1; id <= 50; ++id) disk.submit(batch(id));
  }
  BOOST_TEST(executed == 50);
}

BOOST_AUTO_TEST_CASE(cold_jobs_complete_on_the_loops_side) {
  ColdThread cold(nullptr);
  std::vector<int> done;
  for (int i = 0; i < 100; ++i) {
    BOOST_REQUIRE(cold.submit([i, &done] { return [i, &done] { done.push_back(i); }; }));
  }
  BOOST_REQUIRE(cold.submit([] { return ColdThread::Completion(); }));
  while (cold.under_way() > 0) {
    cold.wait();
    cold.deliver();
  }
  BOOST_REQUIRE_EQUAL(done.size(), 100);
  for (int i = 0; i < 100; ++i) BOOST_TEST(done[static_cast<std::size_t>(i)] == i);
}

BOOST_AUTO_TEST_CASE(cold_jobs_are_bounded) {
  ColdThread cold(nullptr);
  for (int i = 0; i < limits::kColdJobsMax; ++i) {
    BOOST_REQUIRE(cold.submit([] { return ColdThread::Completion(); }));
  }
  BOOST_TEST(!cold.submit([] { return ColdThread::Completion(); }));
  cold.wait();
  BOOST_TEST(cold.deliver() > 0);
  BOOST_TEST(cold.submit([] { return ColdThread::Completion(); }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
