// The real disk behind the interface: the same calls, and errors that say what and where.
#include "log/posix_file_system.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>

#include "log/names.h"
#include "log/place_reader.h"
#include "tests/log/journal_model.h"

namespace pawl::log {
namespace {

struct Scratch {
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pawl-log-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Scratch() { std::filesystem::remove_all(path); }
  std::string path;
};

BOOST_AUTO_TEST_CASE(reads_what_it_wrote) {
  const Scratch scratch;
  PosixFileSystem files;
  const std::string a = join(scratch.path, "a");
  BOOST_REQUIRE(files.write(a, 5, "hello").ok());
  BOOST_REQUIRE(files.allocate(a, 10, 90, Preallocate::kFallocate).ok());
  BOOST_REQUIRE(files.sync(a).ok());
  BOOST_REQUIRE(files.rename(a, join(scratch.path, "b")).ok());
  BOOST_REQUIRE(files.write(join(scratch.path, "b"), 0, "12345").ok());
  BOOST_REQUIRE(files.sync_directory(scratch.path).ok());
  PosixFileSystem other;
  char bytes[200];
  const auto got = other.read(join(scratch.path, "b"), 0, bytes, sizeof bytes);
  BOOST_REQUIRE(got.ok());
  BOOST_TEST(*got == 100u);
  BOOST_TEST(std::string(bytes, 10) == "12345hello");
  BOOST_TEST(bytes[99] == '\0');
  const auto listed = files.list(scratch.path);
  BOOST_REQUIRE(listed.ok());
  BOOST_REQUIRE(listed->size() == 1u);
  BOOST_TEST(listed->front().name == "b");
  BOOST_TEST(listed->front().bytes == 100u);
  BOOST_REQUIRE(files.remove(join(scratch.path, "b")).ok());
  BOOST_TEST(files.list(scratch.path)->empty());
}

BOOST_AUTO_TEST_CASE(zeros_go_where_they_should_and_no_further) {
  const Scratch scratch;
  PosixFileSystem files;
  const std::string a = join(scratch.path, "a");
  BOOST_REQUIRE(files.write(a, 0, std::string(20'000, 'x')).ok());
  BOOST_REQUIRE(files.allocate(a, 4'090, 10'000, Preallocate::kZero).ok());
  std::string bytes(20'001, '?');
  BOOST_TEST(*files.read(a, 0, bytes.data(), bytes.size()) == 20'000u);
  BOOST_TEST(bytes ==
             std::string(4'090, 'x') + std::string(10'000, '\0') + std::string(5'910, 'x') + "?");
  BOOST_REQUIRE(files.allocate(a, 19'999, 9'000, Preallocate::kZero).ok());
  BOOST_TEST(files.list(scratch.path)->front().bytes == 28'999u);
}

// A process has nothing at address 0, and the kernel says EIO for it, as for a bad sector.
BOOST_AUTO_TEST_CASE(bytes_that_can_not_be_given_back_are_lost_and_all_else_may_pass) {
  PosixFileSystem files;
  char bytes[8];
  const absl::Status lost = files.read("/proc/self/mem", 0, bytes, sizeof bytes).status();
  BOOST_TEST(absl::IsDataLoss(lost));
  const std::string said(lost.message());
  BOOST_TEST(said.starts_with("read /proc/self/mem: the disk can't give bytes back"));
  BOOST_TEST(said.find("at offset 0") != std::string::npos);
  BOOST_TEST(absl::IsUnavailable(files.read("/", 0, bytes, sizeof bytes).status()));
  BOOST_TEST(absl::IsNotFound(files.read("/nothing", 0, bytes, sizeof bytes).status()));
}

BOOST_AUTO_TEST_CASE(many_files_share_few_descriptors) {
  const Scratch scratch;
  PosixFileSystem files;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 20; ++i) {
      const std::string path = join(scratch.path, std::to_string(i));
      BOOST_REQUIRE(files.write(path, static_cast<std::uint64_t>(round), "x").ok());
      BOOST_REQUIRE(files.sync(path).ok());
    }
  }
  char bytes[8];
  for (int i = 0; i < 20; ++i) {
    BOOST_TEST(files.read(join(scratch.path, std::to_string(i)), 0, bytes, 8).value() == 3u);
  }
}

BOOST_AUTO_TEST_CASE(errors_name_operation_and_path) {
  PosixFileSystem files;
  char byte;
  const auto check = [](const absl::Status& status, const char* operation, const char* path) {
    const std::string text(status.message());
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST(!status.ok());
      BOOST_TEST(text.find(operation) != std::string::npos);
      BOOST_TEST(text.find(path) != std::string::npos);
    }
  };
  check(files.list("/nowhere/at/all").status(), "list", "/nowhere/at/all");
  BOOST_TEST(absl::IsNotFound(files.list("/nowhere/at/all").status()));
  check(files.read("/nowhere/a", 0, &byte, 1).status(), "open", "/nowhere/a");
  check(files.write("/nowhere/a", 0, "x"), "open", "/nowhere/a");
  check(files.rename("/nowhere/a", "/nowhere/b"), "rename", "/nowhere/a to /nowhere/b");
  check(files.remove("/nowhere/a"), "remove", "/nowhere/a");
  check(files.sync_directory("/nowhere"), "fsync", "/nowhere");
  // A device that is always full.
  check(files.write("/dev/full", 0, "x"), "write", "/dev/full");
  BOOST_TEST(absl::IsResourceExhausted(files.write("/dev/full", 0, "x")));
}

BOOST_AUTO_TEST_CASE(a_journal_on_the_real_disk) {
  const Scratch scratch;
  for (const Preallocate how : {Preallocate::kZero, Preallocate::kFallocate}) {
    JournalOptions options = small_options();
    options.directory = join(scratch.path, how == Preallocate::kZero ? "zero" : "fallocate");
    options.preallocate = how;
    BOOST_REQUIRE(std::filesystem::create_directory(options.directory));
    JournalModel model;
    Random random(1);
    for (int life = 0; life < 3; ++life) {
      PosixFileSystem files;
      JournalModel heard;
      auto journal = Journal::open(files, options, heard, nullptr);
      BOOST_REQUIRE_MESSAGE(journal.ok(), journal.status().ToString());
      BOOST_TEST((heard.groups == model.groups));
      for (int i = 0; i < 15; ++i) {
        queue_random(&random, journal->get(), &model, 3000);
        while (*flush(files, journal->get())) {
        }
      }
      PosixFileSystem cold;
      const std::uint64_t last = model.last(1);
      const auto place = (*journal)->place(GroupId(1), Index(last));
      BOOST_REQUIRE(place.has_value());
      const auto entry = read_entry(cold, (*journal)->source(), *place, GroupId(1), Index(last));
      BOOST_REQUIRE(entry.ok());
      BOOST_TEST((entry->payload == model.groups[1].entries[last].second));
    }
  }
}

}  // namespace
}  // namespace pawl::log
