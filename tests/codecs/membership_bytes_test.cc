// Memberships as bytes: they come back, equal ones are equal bytes, and nothing else is read.
#include "codecs/membership_bytes.h"

#include <boost/test/unit_test.hpp>

#include "base/random.h"
#include "tests/codecs/seeded_bytes.h"

namespace pawl::codecs {
namespace {

using raft::Membership;

std::vector<NodeId> ids(std::initializer_list<std::uint64_t> numbers) {
  std::vector<NodeId> list;
  for (const std::uint64_t n : numbers) list.push_back(NodeId(n));
  return list;
}

std::string encoded(const Membership& membership) {
  std::string bytes;
  encode_membership(membership, &bytes);
  return bytes;
}

const Membership kJoint{ids({1, 2, 300}), ids({1, 2, 4}), ids({5}), ids({4})};

std::string refusal(std::string_view bytes) {
  const std::vector<char> copy(bytes.begin(), bytes.end());
  Membership membership;
  std::string error;
  if (decode_membership({copy.data(), copy.size()}, &membership, &error)) return "";
  BOOST_REQUIRE(!error.empty());
  return error;
}

BOOST_AUTO_TEST_SUITE(membership_bytes)

BOOST_AUTO_TEST_CASE(bytes_of_a_membership) {
  BOOST_TEST(hex(encoded({ids({1}), {}, {}, {}})) == "010101000000");
  BOOST_TEST(hex(encoded(kJoint)) ==
             "01030102ac02"
             "03010204"
             "0105"
             "0104");
}

BOOST_AUTO_TEST_CASE(it_comes_back) {
  for (const Membership& written :
       {kJoint, Membership{ids({1}), {}, {}, {}},
        Membership{ids({1, 2, 3, 4, 5, 6, 7, 8, ~0ull}), {}, ids({9, 10, 11}), {}}}) {
    Membership read{ids({7}), ids({7}), ids({7}), ids({7})};
    std::string error;
    BOOST_TEST(decode_membership(encoded(written), &read, &error), error);
    BOOST_TEST((read == written));
  }
}

BOOST_AUTO_TEST_CASE(cut_or_longer_is_refused) {
  const std::string bytes = encoded(kJoint);
  for (std::size_t n = 0; n < bytes.size(); ++n) BOOST_TEST(refusal(bytes.substr(0, n)) != "", n);
  BOOST_TEST(refusal(bytes + '\0') != "");
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense_is_refused) {
  const auto check = [](std::string_view bytes, std::string_view why) {
    BOOST_TEST(refusal(unhex(bytes)).find(why) != std::string::npos, refusal(unhex(bytes)));
  };
  check("020101000000", "unknown format 2");
  check("0100000000", "makes no sense: unknown");          // no voters
  check("01020201000000", "makes no sense: 2,1");          // not ascending
  check("01020101000000", "makes no sense");               // twice
  check("010100000000", "makes no sense");                 // nobody
  check("01010100010100", "makes no sense");               // a voter and a learner
  check("01018100000000", "not canonical");                // 1 in two bytes
  check("010a0102030405060708090a000000", "too many");     // ten voters
  check("01ffffffffffffffffff01000000", "cut, too many");  // far more than there are bytes
}

// What is read is canonical: it makes the same bytes again.
BOOST_AUTO_TEST_CASE(random_bytes_are_read_or_refused) {
  Random random(5);
  int read = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string bytes = encoded(kJoint);
    for (std::uint64_t n = random.below(4); n > 0; --n) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(8));
    }
    bytes.resize(random.chance(0.8) ? bytes.size() : random.below(20));
    Membership membership;
    std::string error;
    if (!decode_membership(bytes, &membership, &error)) continue;
    ++read;
    BOOST_TEST((encoded(membership) == bytes));
  }
  BOOST_TEST(read > 1000);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
