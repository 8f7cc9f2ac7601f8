// The keyring's text, what is refused in it and where, and the steps of rotation in every order.
#include "codecs/keyring.h"

#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "tests/codecs/seeded_bytes.h"

namespace pawl::codecs {
namespace {

constexpr std::int64_t kMade = 1'790'000'000;  // 2026-09-21T14:13:20Z

constexpr char kCluster[] = "cluster 000102030405060708090a0b0c0d0e0f\n";
constexpr char kFirstKey[] =
    "key 1  active    2026-09-21T14:13:20Z c82f7d92    "
    "101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f\n";

Keyring counted() {
  CountingBytes random(0);
  return new_keyring(&random, kMade);
}

Keyring parsed(std::string_view text) {
  Keyring ring;
  std::string error;
  BOOST_REQUIRE_MESSAGE(parse_keyring(text, &ring, &error), error);
  return ring;
}

void check_refused(std::string_view text, std::string_view expected) {
  Keyring ring = counted();
  std::string error;
  BOOST_TEST(!parse_keyring(text, &ring, &error), "accepted: " << text);
  BOOST_TEST(error == expected);
  BOOST_TEST((ring == counted()), "the result was touched");
}

std::string states(const Keyring& ring) {
  std::string text;
  for (const ClusterKey& key : ring.keys) {
    text += std::to_string(key.id.v) + to_string(key.state)[0];
  }
  return text;
}

BOOST_AUTO_TEST_SUITE(keyring)

BOOST_AUTO_TEST_CASE(a_new_one_reads_as_expected) {
  const std::string text = format_keyring(counted());
  BOOST_TEST(text.find(std::string("pawl-keyring 1\n") + kCluster) != std::string::npos, text);
  BOOST_TEST(text.substr(text.find("key 1")) == kFirstKey);
  BOOST_TEST((parsed(text) == counted()));
}

// blake2b(part(b"pawl 1 key fingerprint") + part(bytes(range(16))), key=bytes(range(16, 48)),
// digest_size=32).hexdigest()[:8], with part() as in seal_test.cc.
BOOST_AUTO_TEST_CASE(fingerprint_vector) {
  BOOST_TEST(counted().keys[0].fingerprint == "c82f7d92");
}

BOOST_AUTO_TEST_CASE(every_state_comes_back) {
  SeededBytes random(1);
  Keyring ring = new_keyring(&random, kMade);
  for (int i = 0; i < 4; ++i) {
    BOOST_TEST((install_key(&ring, new_key(ring, &random, kMade + i)) == RotationRefusal::kNone));
  }
  BOOST_TEST((use_key(&ring, KeyId(3)) == RotationRefusal::kNone));
  BOOST_TEST((retire_key(&ring, KeyId(1)) == RotationRefusal::kNone));
  BOOST_TEST(states(ring) == "1r2i3a4i5i");
  for (const std::uint64_t rotation : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
    ring.rotation = rotation;
    const std::string text = format_keyring(ring);
    BOOST_TEST((parsed(text) == ring));
    BOOST_TEST(format_keyring(parsed(text)) == text);
  }
}

BOOST_AUTO_TEST_CASE(comments_and_blanks_stand_anywhere) {
  const std::string text = std::string("# top\n\n  pawl-keyring\t1 # version\n") + kCluster +
                           "\n# the keys\n" + kFirstKey + "   \n# end";
  BOOST_TEST((parsed(text) == counted()));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said_with_its_line) {
  const std::string v = "pawl-keyring 1\n";
  const std::string c = v + kCluster;
  check_refused("", "line 1: the file is empty; it begins with `pawl-keyring 1`");
  check_refused("# only\n", "line 2: the file is empty; it begins with `pawl-keyring 1`");
  check_refused(kCluster, "line 1: expected `pawl-keyring 1` before all else");
  check_refused("pawl-keyring 2\n",
                "line 1: a keyring of another format; this build reads format 1");
  check_refused("pawl-keyring 1 1\n", "line 1: expected `pawl-keyring 1` before all else");
  check_refused(v, "line 2: the line `cluster ID` is missing");
  check_refused(v + kFirstKey, "line 2: `cluster` comes before the keys");
  check_refused(v + "cluster 00\n",
                "line 2: `cluster` takes an id of 32 lower-case hexadecimal digits");
  check_refused(v + "cluster 000102030405060708090A0B0C0D0E0F\n",
                "line 2: `cluster` takes an id of 32 lower-case hexadecimal digits");
  check_refused(v + "cluster 00000000000000000000000000000000\n",
                "line 2: the cluster's id is all zeros");
  check_refused(c + kCluster, "line 3: a second `cluster`");
  check_refused(c, "line 3: no key is active; exactly one has to be");
  check_refused(c + "kex 1\n",
                "line 3: expected `cluster`, `rotation` or `key` at the beginning of the line");
  check_refused(c + "key 1 active\n",
                "line 3: a key takes five words: ID STATE CREATED FINGERPRINT SECRET");
  for (const char* bad : {"0", "01", "-1", "1x", "18446744073709551616", "", "1 2"}) {
    check_refused(c + "rotation " + bad + "\n",
                  "line 3: `rotation` takes one number, and stands once");
  }
  check_refused(c + "rotation 1\nrotation 1\n",
                "line 4: `rotation` takes one number, and stands once");
  check_refused(c + "key 1 2 3 4 5 6\n", "line 3: too many words");
  check_refused(c + "\r\n",
                "line 3: a control character (the file has Unix line ends and nothing binary)");
  check_refused(c + std::string("key\0", 4),
                "line 3: a control character (the file has Unix line ends and nothing binary)");
  check_refused(std::string(limits::kKeyringBytesMax + 1, '\n'),
                "line 1: the file is larger than 16384 bytes");
}

// Replaces one word of the first key's line, numbered from 0.
std::string with_word(int number, std::string_view word) {
  std::string line;
  int at = 0;
  std::string_view rest = kFirstKey;
  while (!rest.empty()) {
    const std::size_t bytes = rest.find_first_of(" \n");
    line += std::string(at == number ? word : rest.substr(0, bytes)) + " ";
    rest.remove_prefix(std::min(rest.find_first_not_of(" \n", bytes), rest.size()));
    ++at;
  }
  return std::string("pawl-keyring 1\n") + kCluster + line + "\n";
}

BOOST_AUTO_TEST_CASE(each_word_of_a_key_is_checked) {
  BOOST_TEST((parsed(with_word(0, "key")) == counted()));
  for (const char* id : {"0", "01", "-1", "+1", "x", "4294967296", "1x"}) {
    check_refused(with_word(1, id),
                  "line 3: the first word of a key is its number, 1 to 4294967295");
  }
  BOOST_TEST((parsed(with_word(1, "4294967295")).keys[0].id == KeyId(4294967295)));
  check_refused(with_word(2, "used"),
                "line 3: the second word of a key is its state: installed, active or retired");
  check_refused(with_word(2, "retired"), "line 3: a retired key has `-` in place of its secret");
  check_refused(with_word(2, "installed"), "line 4: no key is active; exactly one has to be");
  for (const char* time : {"2026-09-21", "2026-09-21T14:13:20", "2026-09-21T14:13:20.5Z",
                           "2026-09-31T14:13:20Z", "2026-09-21T14:13:20+00:00"}) {
    check_refused(with_word(3, time),
                  "line 3: the third word of a key is when it was made, like 2026-01-31T09:30:00Z");
  }
  check_refused(with_word(4, "0123456"),
                "line 3: the fourth word of a key is its fingerprint, 8 lower-case hexadecimal "
                "digits");
  check_refused(with_word(4, "01234567"),
                "line 3: the fingerprint is not that of this cluster id and secret: one of the "
                "three is mistyped");
  check_refused(with_word(5, "-"),
                "line 3: the fifth word of a key is its secret, 64 lower-case hexadecimal digits");
  check_refused(with_word(5, std::string(64, '0')), "line 3: the secret is all zeros");
}

BOOST_AUTO_TEST_CASE(keys_are_looked_at_together) {
  CountingBytes random(100);
  Keyring ring = counted();
  const ClusterKey second = new_key(ring, &random, kMade);
  BOOST_TEST((install_key(&ring, second) == RotationRefusal::kNone));
  std::string text = format_keyring(ring);
  const std::size_t at = text.find("key 2");
  const auto lines = std::count(text.begin(), text.end(), '\n');
  const std::string last = "line " + std::to_string(lines) + ": ";
  std::string twice = text;
  twice.replace(at, 5, "key 1");
  check_refused(twice, last + "keys stand in ascending order of their numbers, each number once");
  std::string active = text;
  active.replace(at + 7, 9, "active   ");
  check_refused(active, last + "a second active key; exactly one has to be");
  std::string same = text.substr(0, at) + kFirstKey;
  same.replace(at, 16, "key 2  installed");
  check_refused(same, last + "an earlier key has the same secret");
}

BOOST_AUTO_TEST_CASE(nine_keys_are_too_many) {
  SeededBytes random(2);
  Keyring ring = new_keyring(&random, kMade);
  while (ring.keys.size() < limits::kKeyringKeysMax) {
    BOOST_REQUIRE((install_key(&ring, new_key(ring, &random, kMade)) == RotationRefusal::kNone));
  }
  std::string text = format_keyring(ring);
  BOOST_TEST((parsed(text) == ring));
  const ClusterKey ninth = new_key(ring, &random, kMade);
  BOOST_TEST((install_key(&ring, ninth) == RotationRefusal::kFull));
  text += "key 9 installed 2026-09-21T14:13:20Z " + ninth.fingerprint + " " +
          hex(ninth.secret.view()) + "\n";
  Keyring out;
  std::string error;
  BOOST_TEST(!parse_keyring(text, &out, &error));
  BOOST_TEST(error.find("more than 8 keys") != std::string::npos, error);
}

// An error must be fit for a log: whatever words are mixed up, none of them is repeated.
BOOST_AUTO_TEST_CASE(no_error_repeats_a_secret) {
  const std::string text = format_keyring(counted());
  const std::string secret = hex(counted().keys[0].secret.view());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string cut = text;
    cut.erase(i, 1);
    Keyring out;
    std::string error;
    if (parse_keyring(cut, &out, &error)) continue;
    BOOST_TEST(error.find(secret.substr(8, 16)) == std::string::npos, error);
  }
}

BOOST_AUTO_TEST_CASE(a_flipped_digit_of_a_secret_is_noticed) {
  const std::string text = format_keyring(counted());
  const std::size_t from = text.size() - 65;
  for (std::size_t i = from; i + 1 < text.size(); ++i) {
    std::string flipped = text;
    flipped[i] = flipped[i] == '0' ? '1' : '0';
    Keyring out;
    std::string error;
    BOOST_TEST(!parse_keyring(flipped, &out, &error));
  }
}

BOOST_AUTO_TEST_CASE(rotation_in_three_steps) {
  SeededBytes random(3);
  Keyring ring = new_keyring(&random, kMade);
  const ClusterKey next = new_key(ring, &random, kMade);
  BOOST_TEST((install_key(&ring, next) == RotationRefusal::kNone));
  BOOST_TEST(states(ring) == "1a2i");
  BOOST_TEST((use_key(&ring, next.id) == RotationRefusal::kNone));
  BOOST_TEST(states(ring) == "1i2a");
  BOOST_TEST((ring.active() == ring.keys[1]));
  BOOST_TEST((retire_key(&ring, KeyId(1)) == RotationRefusal::kNone));
  BOOST_TEST(states(ring) == "1r2a");
  BOOST_TEST(ring.keys[0].secret.is_zero());
  BOOST_TEST(ring.accepted(KeyId(1)) == nullptr);
  BOOST_TEST(ring.accepted(KeyId(2)) == &ring.keys[1]);
  BOOST_TEST(ring.accepted(KeyId(3)) == nullptr);
}

BOOST_AUTO_TEST_CASE(repeated_steps_change_nothing) {
  SeededBytes random(4);
  Keyring ring = new_keyring(&random, kMade);
  const ClusterKey next = new_key(ring, &random, kMade);
  install_key(&ring, next);
  use_key(&ring, next.id);
  retire_key(&ring, KeyId(1));
  const Keyring before = ring;
  BOOST_TEST((install_key(&ring, next) == RotationRefusal::kNone));
  BOOST_TEST((use_key(&ring, next.id) == RotationRefusal::kNone));
  BOOST_TEST((retire_key(&ring, KeyId(1)) == RotationRefusal::kNone));
  BOOST_TEST((ring == before));
}

BOOST_AUTO_TEST_CASE(steps_out_of_order_are_refused) {
  SeededBytes random(5);
  Keyring ring = new_keyring(&random, kMade);
  const ClusterKey first = ring.keys[0];
  const ClusterKey second = new_key(ring, &random, kMade);
  install_key(&ring, second);
  retire_key(&ring, second.id);
  const Keyring before = ring;
  const auto check = [&](RotationRefusal refusal, RotationRefusal expected) {
    BOOST_TEST((refusal == expected), explain(refusal) << ", expected: " << explain(expected));
    BOOST_TEST((ring == before), "a refused step changed the ring");
    BOOST_TEST(explain(expected) != std::string());
  };
  check(use_key(&ring, KeyId(9)), RotationRefusal::kUnknownKey);
  check(retire_key(&ring, KeyId(9)), RotationRefusal::kUnknownKey);
  check(retire_key(&ring, KeyId(1)), RotationRefusal::kActiveKey);
  check(use_key(&ring, second.id), RotationRefusal::kRetiredKey);
  check(install_key(&ring, second), RotationRefusal::kRetiredKey);
  ClusterKey other = new_key(ring, &random, kMade);
  other.id = KeyId(1);
  check(install_key(&ring, other), RotationRefusal::kNumberTaken);
  other = first;
  other.id = KeyId(7);
  check(install_key(&ring, other), RotationRefusal::kSecretTaken);
  other = new_key(ring, &random, kMade);
  other.id = KeyId(0);
  check(install_key(&ring, other), RotationRefusal::kBadKey);
  check(install_key(&ring, new_key(new_keyring(&random, kMade), &random, kMade)),
        RotationRefusal::kBadKey);
}

// A hundred rotations: numbers only go up, and the file does not grow.
BOOST_AUTO_TEST_CASE(old_lines_are_forgotten) {
  SeededBytes random(6);
  Keyring ring = new_keyring(&random, kMade);
  for (std::uint32_t i = 2; i <= 100; ++i) {
    const ClusterKey next = new_key(ring, &random, kMade);
    BOOST_TEST(next.id.v == i);
    BOOST_TEST((install_key(&ring, next) == RotationRefusal::kNone));
    BOOST_TEST((use_key(&ring, next.id) == RotationRefusal::kNone));
    BOOST_TEST((retire_key(&ring, next.id.prev()) == RotationRefusal::kNone));
    BOOST_TEST(ring.keys.size() <= limits::kKeyringKeysMax);
    BOOST_TEST((parsed(format_keyring(ring)) == ring));
  }
  BOOST_TEST(states(ring) == "93r94r95r96r97r98r99r100a");
}

BOOST_AUTO_TEST_CASE(the_highest_number_is_never_forgotten) {
  SeededBytes random(7);
  Keyring ring = new_keyring(&random, kMade);
  while (ring.keys.size() < limits::kKeyringKeysMax) {
    install_key(&ring, new_key(ring, &random, kMade));
  }
  retire_key(&ring, KeyId(8));
  BOOST_TEST((install_key(&ring, new_key(ring, &random, kMade)) == RotationRefusal::kFull));
  retire_key(&ring, KeyId(2));
  BOOST_TEST((install_key(&ring, new_key(ring, &random, kMade)) == RotationRefusal::kNone));
  BOOST_TEST(states(ring) == "1a3i4i5i6i7i8r9i");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
