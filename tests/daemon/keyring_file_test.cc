// The keyring's file: written once, for its owner alone, and refused where others may read it.
#include "daemon/keyring_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "base/limits.h"
#include "link_stage.h"

namespace pawl::daemon {
namespace {

std::string refusal(const std::string& configured, const char* credentials = nullptr) {
  const auto ring = read_keyring(configured, credentials);
  return ring.ok() ? "" : std::string(ring.status().message());
}

void check_refused(const std::string& configured, std::string_view why,
                   const char* credentials = nullptr) {
  const std::string text = refusal(configured, credentials);
  BOOST_TEST(text.find(why) != std::string::npos, text);
}

BOOST_AUTO_TEST_SUITE(keyring_file)

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
  ScratchDirectory scratch;
  const std::string path = scratch.path("keyring");
  const codecs::Keyring ring = ring_of(1);
  BOOST_REQUIRE(write_new_keyring(path, ring).ok());
  struct stat info;
  BOOST_REQUIRE(::stat(path.c_str(), &info) == 0);
  BOOST_TEST((info.st_mode & 07777) == 0600);
  const auto read = read_keyring(path, nullptr);
  BOOST_REQUIRE_MESSAGE(read.ok(), read.status().ToString());
  BOOST_TEST((*read == ring));
  // Never again.
  const absl::Status again = write_new_keyring(path, ring_of(2));
  BOOST_TEST(absl::IsAlreadyExists(again));
  BOOST_TEST((*read_keyring(path, nullptr) == ring));
  // Nor through a link to a file that is not there yet.
  BOOST_REQUIRE(::symlink(scratch.path("elsewhere").c_str(), scratch.path("link").c_str()) == 0);
  BOOST_TEST(!write_new_keyring(scratch.path("link"), ring).ok());
  BOOST_TEST(!write_new_keyring(scratch.path("no/such/directory"), ring).ok());
}

// The configured file is where a box begins; what a rotation left in the data directory is newer.
BOOST_AUTO_TEST_CASE(the_newer_of_two_is_taken) {
  ScratchDirectory scratch;
  const std::string configured = scratch.path("configured");
  const std::string data = scratch.path("data");
  BOOST_REQUIRE(::mkdir(data.c_str(), 0700) == 0);
  codecs::SeededBytes random(7);
  codecs::Keyring ring = ring_of(1);
  BOOST_REQUIRE(write_new_keyring(configured, ring).ok());
  BOOST_TEST((*read_newest_keyring(configured, nullptr, data) == ring));
  BOOST_REQUIRE(install_key(&ring, new_key(ring, &random, 1)) == codecs::RotationRefusal::kNone);
  BOOST_REQUIRE(replace_rotated_keyring(data, ring).ok());
  BOOST_TEST((*read_newest_keyring(configured, nullptr, data) == ring));
  // A step that makes no key changes the one in the data directory alone.
  BOOST_REQUIRE(use_key(&ring, codecs::KeyId(2)) == codecs::RotationRefusal::kNone);
  // What a crash left halfway is in nobody's way.
  std::ofstream(rotated_keyring_path(data) + ".new") << "half";
  BOOST_REQUIRE(replace_rotated_keyring(data, ring).ok());
  BOOST_TEST((*read_newest_keyring(configured, nullptr, data) == ring));
  struct stat info;
  BOOST_REQUIRE(::stat(rotated_keyring_path(data).c_str(), &info) == 0);
  BOOST_TEST((info.st_mode & 07777) == 0600);
  // The operator brings a newer one from another box.
  BOOST_REQUIRE(install_key(&ring, new_key(ring, &random, 2)) == codecs::RotationRefusal::kNone);
  BOOST_REQUIRE(::unlink(configured.c_str()) == 0);
  BOOST_REQUIRE(write_new_keyring(configured, ring).ok());
  BOOST_TEST((*read_newest_keyring(configured, nullptr, data) == ring));
  // Another cluster's.
  BOOST_REQUIRE(::unlink(configured.c_str()) == 0);
  BOOST_REQUIRE(write_new_keyring(configured, ring_of(9)).ok());
  const auto other = read_newest_keyring(configured, nullptr, data);
  BOOST_REQUIRE(!other.ok());
  BOOST_TEST(other.status().message().find("another cluster's") != std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(a_file_that_others_may_read_is_refused) {
  ScratchDirectory scratch;
  const std::string path = scratch.path("keyring");
  BOOST_REQUIRE(write_new_keyring(path, ring_of(1)).ok());
  for (const mode_t mode : {0640, 0604, 0660, 0602, 0610}) {
    BOOST_REQUIRE(::chmod(path.c_str(), mode) == 0);
    check_refused(path, "chmod 600");
  }
  for (const mode_t mode : {0400, 0600, 0700}) {
    BOOST_REQUIRE(::chmod(path.c_str(), mode) == 0);
    BOOST_TEST(refusal(path) == "");
  }
  if (::geteuid() != 0) return;
  BOOST_REQUIRE(::chown(path.c_str(), 12345, static_cast<gid_t>(-1)) == 0);
  check_refused(path, "it belongs to user 12345, pawl runs as 0");
}

BOOST_AUTO_TEST_CASE(what_is_no_keyring_is_refused_without_its_words) {
  ScratchDirectory scratch;
  check_refused(scratch.path("none"), "pawl cluster init");
  check_refused(scratch.path("."), "no regular file");
  const auto file = [&](const std::string& text) {
    std::string path = scratch.path("file");
    ::unlink(path.c_str());
    std::ofstream(path) << text;
    BOOST_REQUIRE(::chmod(path.c_str(), 0600) == 0);
    return path;
  };
  check_refused(file(""), "line 1");
  check_refused(file("pawl-keyring 1\nhunter2\n"), "line 2");
  BOOST_TEST(refusal(scratch.path("file")).find("hunter2") == std::string::npos);
  check_refused(file(std::string(limits::kKeyringBytesMax + 1, '#')), "larger than 16384 bytes");
}

// Of a directory of systemd's, where mode and owner are its own.
BOOST_AUTO_TEST_CASE(a_credential) {
  ScratchDirectory scratch;
  BOOST_REQUIRE(write_new_keyring(scratch.path("ring"), ring_of(1)).ok());
  BOOST_REQUIRE(::chmod(scratch.path("ring").c_str(), 0440) == 0);
  const std::string directory = scratch.path("");
  BOOST_TEST(refusal("credential:ring", directory.c_str()) == "");
  check_refused("credential:ring", "LoadCredential=ring:PATH");
  check_refused("credential:ring", "LoadCredential=ring:PATH", "");
  check_refused("credential:other", "open", directory.c_str());
  check_refused("credential:", "names no credential", directory.c_str());
  check_refused("credential:../ring", "names no credential", directory.c_str());
  check_refused("credential:a/b", "names no credential", directory.c_str());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
