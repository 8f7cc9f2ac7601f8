// What goes over the wire, byte for byte, from random bytes that count: a change of the format or
// of a derivation shows here, and needs a new version. The bytes were computed from
// docs/wire-format.md by another program, in another language, before they were compared.
#include <boost/test/unit_test.hpp>

#include "codecs/datagram_session.h"
#include "codecs/stream_session.h"
#include "tests/codecs/datagram_pair.h"
#include "tests/codecs/stream_pair.h"

namespace pawl::codecs {
namespace {

// Cluster 00..0f, key 1 with the secret 10..2f.
Keyring counted_ring() {
  CountingBytes random(0);
  return new_keyring(&random, 0);
}

// Box 1 draws from 0x40 on, box 2 from 0x80 on; what each says is taken down.
std::string datagram_talk(Protection protection) {
  const Keyring ring = protection == Protection::kSealed ? counted_ring() : plain_keyring();
  CountingBytes random_1(0x40), random_2(0x80);
  DatagramOptions options_1{NodeId(1), NodeId(2), protection, {1, 1}};
  DatagramOptions options_2{NodeId(2), NodeId(1), protection, {1, 1}};
  DatagramSession one(options_1, ring, &random_1);
  DatagramSession two(options_2, ring, &random_2);
  const std::string first = *one.poll(0);
  const std::string second = std::get<HelloAnswer>(two.receive(first, 0)).bytes;
  const std::string third = std::get<HelloAnswer>(one.receive(second, 0)).bytes;
  BOOST_REQUIRE(std::holds_alternative<HelloTaken>(two.receive(third, 0)));
  std::string forward, backward;
  BOOST_REQUIRE(one.send("ping", &forward));
  BOOST_REQUIRE(two.send("pong", &backward));
  BOOST_REQUIRE(told(two.receive(forward, 0)) == "data:ping");
  return hex(first) + "\n" + hex(second) + "\n" + hex(third) + "\n" + hex(forward) + "\n" +
         hex(backward) + "\n";
}

// The boots are 16 times 0xb1 and 0xb2; each side sends a record, rekeys, and closes.
std::string stream_talk(Protection protection) {
  const Keyring ring = protection == Protection::kSealed ? counted_ring() : plain_keyring();
  CountingBytes random_1(0x40), random_2(0x80);
  StreamOptions options_1;
  options_1.self = NodeId(1);
  options_1.peer = NodeId(2);
  options_1.boot = BootId(std::string(16, '\xb1'));
  options_1.protection = protection;
  options_1.rekey_bytes = 8;
  StreamOptions options_2 = options_1;
  std::swap(options_2.self, options_2.peer);
  options_2.boot = BootId(std::string(16, '\xb2'));
  FirstMessageFilter filter;
  StreamSession one(StreamRole::kInitiator, options_1, &ring, &random_1, nullptr);
  StreamSession two(StreamRole::kResponder, options_2, &ring, &random_2, &filter);
  std::string first;
  one.start(&first);
  StreamOutput second, third, none;
  two.feed(first, &second);
  one.feed(second.to_send, &third);
  two.feed(third.to_send, &none);
  BOOST_REQUIRE(two.established());
  std::string forward, backward;
  for (const char* record : {"ping", "pong", "more"}) BOOST_REQUIRE(one.send(record, &forward));
  BOOST_REQUIRE(one.close(&forward));
  BOOST_REQUIRE(two.send("back", &backward));
  return hex(first) + "\n" + hex(second.to_send) + "\n" + hex(third.to_send) + "\n" + hex(forward) +
         "\n" + hex(backward) + "\n";
}

BOOST_AUTO_TEST_SUITE(wire_vectors)

BOOST_AUTO_TEST_CASE(sealed_datagrams) {
  BOOST_TEST(datagram_talk(Protection::kSealed) ==
             "0101010000000100000000000000606162636465666768696a6b6c6d6e6f70717273747576774ecf"
             "35eb448b3660852dd41d83141f0cc1857c227e95cdb24b883bd792a42202f2b14cf4c8dcca82fb96"
             "0b1e915db78f2f8ce8127a450835b39c5a040f3feda151af98b9e46bf608f37da62b650ecc64e126\n"
             "0101010000000200000000000000a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7926f"
             "8eb5cd42e33777e42b50a8ccc108f939798aa71feeb6f775ea25c09c59b0a6865580985404e37b18"
             "177606e8cae6d9aafda3d9cc9f22afe9dede2e9de84298451a252a9880da5b3b5e5100d6e7d65d21\n"
             "010101000000010000000000000078797a7b7c7d7e7f808182838485868788898a8b8c8d8e8fd582"
             "90a5fff1f1cc3a53153b1df05215f88dba4a0b2edf56ef3bd9ad934d22263e0156914a893495d368"
             "e17020ef53854889c5266bad77dbe869f1ac11bfe76682e7d6a4d93e83278e8665adf104f23425a6\n"
             "010201000000010000000000000054a9acce01000000000000004f776c8688f663d679bd85a50ea1"
             "e12ad1c1bd66\n"
             "01020100000002000000000000002d2394ef01000000000000000a9092caffba85c7ced4978c0ab7"
             "2dca63cbae6e\n");
}

BOOST_AUTO_TEST_CASE(plain_datagrams) {
  BOOST_TEST(datagram_talk(Protection::kPlain) ==
             "0181000000000100000000000000606162636465666768696a6b6c6d6e6f70717273747576774041"
             "42434445464748494a4b4c4d4e4f0000000000000000000000000000000050515253545556575859"
             "5a5b5c5d5e5f00000000000000000000000000000000010100a37ba6\n"
             "0181000000000200000000000000a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b78081"
             "82838485868788898a8b8c8d8e8f404142434445464748494a4b4c4d4e4f90919293949596979899"
             "9a9b9c9d9e9f505152535455565758595a5b5c5d5e5f0101dbb2eca4\n"
             "018100000000010000000000000078797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f4041"
             "42434445464748494a4b4c4d4e4f808182838485868788898a8b8c8d8e8f00000000000000000000"
             "000000000000909192939495969798999a9b9c9d9e9f0101b47d26c4\n"
             "0182000000000100000000000000e3987f9f010000000000000070696e675ca25e3b\n"
             "018200000000020000000000000014d85e110100000000000000706f6e67afb06479\n");
}

BOOST_AUTO_TEST_CASE(sealed_streams) {
  BOOST_TEST(stream_talk(Protection::kSealed) ==
             "0103010000000100000000000000020000000000000079a631eede1bf9c98f12032cdeadd0e7a079"
             "398fc786b88cc846ec89af85a51aebd5165ad6c235e52284e6cc45d0b4a07b4657c08e3820d5f70c"
             "cb2312135b4c6f0f\n"
             "0104493e82fc74464a59268817623d2053c5eb8e2cc4a988b4fee179ec6b010d531d6b4e2d2e5933"
             "a73c434ea763359d02d7a0ba004ed7d05c03d73502fc6b1c02ed77b05f\n"
             "01058f37e7a5ca431cda2adddc948f14ba89\n"
             "040000003226d625106aff0cfe7acb1b0503db5a5569b891fa04000000c6f464bfc64f2b6af39bca"
             "70e9092d365b1d9fb1e90400000084c6ff2cc562dd0d76a22533d53c5f1e857f9df5d3000000009a"
             "58b3e33c3cdf8c55c8955fa4f1e1a848\n"
             "040000003402ada3f4e2eae1d450960ad0c943d0fee872ad5c\n");
}

BOOST_AUTO_TEST_CASE(plain_streams) {
  BOOST_TEST(stream_talk(Protection::kPlain) ==
             "01830000000001000000000000000200000000000000404142434445464748494a4b4c4d4e4f5051"
             "52535455565758595a5b5c5d5e5fb1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b10101d40c30e0\n"
             "0184808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fb2b2b2b2b2b2"
             "b2b2b2b2b2b2b2b2b2b2010101105688f0\n"
             "0185c53037c0\n"
             "040000000070696e67f80cbfeb0400000002706f6e67e8f9c81504000000006d6f7265d328e03100"
             "00000003bf1e7dfe\n"
             "04000000006261636b42559208\n");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
