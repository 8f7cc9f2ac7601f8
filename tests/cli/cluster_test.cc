// `pawl cluster init`: a keyring that the daemon reads, never over another one.
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>

#include "codecs/keyring.h"
#include "tests/cli/stage.h"

namespace pawl::cli {
namespace {

using testing::Process;
using testing::Stage;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

BOOST_AUTO_TEST_SUITE(cluster)

BOOST_AUTO_TEST_CASE(init_writes_a_keyring_once) {
  Stage stage;
  const std::string path = stage.directory() + "/keyring";
  const Process& first = stage.pawl({"cluster", "init", "--keyring", path});
  BOOST_REQUIRE_MESSAGE(first.exit == 0, first.err);
  struct stat info;
  BOOST_REQUIRE(::stat(path.c_str(), &info) == 0);
  BOOST_TEST((info.st_mode & 07777) == 0600);
  const std::string text = stage.read("keyring");
  codecs::Keyring ring;
  std::string error;
  BOOST_REQUIRE_MESSAGE(codecs::parse_keyring(text, &ring, &error), error);
  BOOST_TEST(has(first.out, "wrote " + path + ": key 1, fingerprint " + ring.active().fingerprint));
  BOOST_TEST(has(first.out, "copy it to the other boxes"));
  // What is printed gives nothing away: the secret's 64 digits stand in the file alone.
  const std::size_t secret = text.find_last_not_of("\n ") + 1 - 64;
  BOOST_TEST(!has(first.out, text.substr(secret, 16)));

  const Process& again = stage.pawl({"cluster", "init", "--keyring", path});
  BOOST_TEST(again.exit == 1);
  BOOST_TEST(has(again.err, "never overwritten"));
  BOOST_TEST(stage.read("keyring") == text);

  const Process& other = stage.pawl({"cluster", "init", "--json", "--keyring", path + "2"});
  BOOST_TEST(other.exit == 0);
  BOOST_TEST(has(other.out, "\"fingerprint\":\""));
  BOOST_TEST(stage.read("keyring2") != text);
  BOOST_TEST(stage.got.empty());
}

BOOST_AUTO_TEST_CASE(init_fails_with_a_reason) {
  Stage stage;
  const Process& nowhere =
      stage.pawl({"cluster", "init", "--keyring", stage.directory() + "/no/keyring"});
  BOOST_TEST(nowhere.exit == 1);
  BOOST_TEST(has(nowhere.err, "create " + stage.directory() + "/no/keyring"));
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"cluster"},
                                             {"cluster", "frob"},
                                             {"cluster", "init", "more"},
                                             {"cluster", "remove", "--box", "007"},
                                             {"cluster", "transfer", "--to", "-1"}}) {
    const Process& wrong = stage.pawl(arguments);
    BOOST_TEST(wrong.exit == 2, wrong.err);
    BOOST_TEST(has(wrong.err, "hint: "), wrong.err);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::cli
