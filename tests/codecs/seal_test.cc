// The wrappers against published vectors, and that nothing altered opens.
#include "codecs/seal.h"

#include <boost/test/unit_test.hpp>

#include "tests/codecs/seeded_bytes.h"

namespace pawl::codecs {
namespace {

Nonce nonce_of(std::string_view bytes) {
  Nonce nonce;
  BOOST_REQUIRE(bytes.size() == nonce.size());
  std::copy(bytes.begin(), bytes.end(), nonce.begin());
  return nonce;
}

PublicKey public_key(std::string_view text) {
  const std::string bytes = unhex(text);
  PublicKey key;
  BOOST_REQUIRE(bytes.size() == key.size());
  std::copy(bytes.begin(), bytes.end(), key.begin());
  return key;
}

BOOST_AUTO_TEST_SUITE(sealing)

// draft-irtf-cfrg-xchacha-03, A.3.1.
BOOST_AUTO_TEST_CASE(xchacha20_poly1305_vector) {
  const SecretKey key(unhex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"));
  const Nonce nonce = nonce_of(unhex("404142434445464748494a4b4c4d4e4f5051525354555657"));
  const std::string associated = unhex("50515253c0c1c2c3c4c5c6c7");
  const std::string plain =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
      "sunscreen would be it.";
  std::string sealed;
  seal(key, nonce, associated, plain, &sealed);
  BOOST_TEST(hex(sealed) ==
             "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
             "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
             "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
             "21f9664c97637da9768812f615c68b13b52e"
             "c0875924c1c7987947deafd8780acf49");
  std::string opened = "before ";
  BOOST_TEST(open_sealed(key, nonce, associated, sealed, &opened));
  BOOST_TEST(opened == "before " + plain);
}

BOOST_AUTO_TEST_CASE(nothing_altered_opens) {
  SeededBytes random(1);
  const SecretKey key = SecretKey::random(&random);
  const Nonce nonce = nonce_of(std::string(24, 'n'));
  std::string sealed;
  seal(key, nonce, "header", "content", &sealed);
  BOOST_TEST(sealed.size() == 7 + kSealTagBytes);
  std::string out = "untouched";
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string flipped = sealed;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    BOOST_TEST(!open_sealed(key, nonce, "header", flipped, &out));
    BOOST_TEST(!open_sealed(key, nonce, "header", sealed.substr(0, i), &out));
  }
  BOOST_TEST(!open_sealed(key, nonce, "Header", sealed, &out));
  BOOST_TEST(!open_sealed(key, nonce_of(std::string(24, 'm')), "header", sealed, &out));
  BOOST_TEST(!open_sealed(SecretKey::random(&random), nonce, "header", sealed, &out));
  BOOST_TEST(out == "untouched");
}

// RFC 7748, 5.2: one and a thousand iterations from the base point.
BOOST_AUTO_TEST_CASE(x25519_vectors) {
  SecretKey k(unhex("0900000000000000000000000000000000000000000000000000000000000000"));
  SecretKey u = k;
  BOOST_TEST(hex(as_view(public_half(k))) ==
             "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
  for (int i = 0; i < 1000; ++i) {
    SecretKey next;
    BOOST_REQUIRE(agree(k, public_key(hex(u.view())), &next));
    u = k;
    k = next;
  }
  BOOST_TEST(hex(k.view()) == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

BOOST_AUTO_TEST_CASE(keys_of_low_order_are_refused) {
  SeededBytes random(2);
  const SecretKey own = SecretKey::random(&random);
  SecretKey shared;
  for (const char* low : {"0000000000000000000000000000000000000000000000000000000000000000",
                          "0100000000000000000000000000000000000000000000000000000000000000",
                          "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    BOOST_TEST(!agree(own, public_key(low), &shared), low);
  }
  BOOST_TEST(agree(own, public_half(SecretKey::random(&random)), &shared));
}

// Python's hashlib gives the same:
//   part = lambda b: len(b).to_bytes(4, "little") + b
//   blake2b(part(b"label") + part(b"one") + part(b""), key=bytes(range(32)), digest_size=32)
BOOST_AUTO_TEST_CASE(derivation_vector) {
  CountingBytes counting(0);
  const SecretKey key = SecretKey::random(&counting);
  BOOST_TEST(hex(derive(key, "label", {"one", ""}).view()) ==
             "e076d94df2afe549edbfd6c1c26036f9eb400d6f41377d212c31b71942953c9c");
}

BOOST_AUTO_TEST_CASE(derivations_do_not_run_into_one_another) {
  SeededBytes random(3);
  const SecretKey key = SecretKey::random(&random);
  const SecretKey derived = derive(key, "label", {"ab", "c"});
  BOOST_TEST((derived == derive(key, "label", {"ab", "c"})));
  BOOST_TEST(!(derived == derive(key, "label", {"a", "bc"})));
  BOOST_TEST(!(derived == derive(key, "label", {"abc"})));
  BOOST_TEST(!(derived == derive(key, "label", {"ab", "c", ""})));
  BOOST_TEST(!(derived == derive(key, "labela", {"b", "c"})));
  BOOST_TEST(!(derived == derive(SecretKey::random(&random), "label", {"ab", "c"})));
}

BOOST_AUTO_TEST_CASE(streams_open_whole_and_in_order) {
  SeededBytes random(4);
  const SecretKey key = SecretKey::random(&random);
  const Nonce header = nonce_of(std::string(24, 'h'));
  StreamCipher push(key, header);
  StreamCipher pull(key, header);
  std::string records[4];
  const StreamTag tags[4] = {StreamTag::kMessage, StreamTag::kRekey, StreamTag::kMessage,
                             StreamTag::kFinal};
  for (int i = 0; i < 4; ++i) push.push(tags[i], "ad", std::string(i, 'x'), &records[i]);
  StreamTag tag{};
  std::string out;
  for (int i = 0; i < 4; ++i) {
    BOOST_TEST(records[i].size() == i + kStreamOverheadBytes);
    for (int other = 0; other < 4; ++other) {
      if (other != i) BOOST_TEST(!pull.pull("ad", records[other], &tag, &out));
    }
    BOOST_TEST(!pull.pull("da", records[i], &tag, &out));
    BOOST_TEST(out.empty());
    BOOST_TEST(pull.pull("ad", records[i], &tag, &out));
    BOOST_TEST((tag == tags[i]));
    BOOST_TEST(out == std::string(i, 'x'));
    out.clear();
  }
}

// Bits that no tag of ours has are a record of something else, authentic or not.
BOOST_AUTO_TEST_CASE(unknown_stream_tags_are_refused) {
  SeededBytes random(5);
  const SecretKey key = SecretKey::random(&random);
  StreamCipher push(key, Nonce{});
  StreamCipher pull(key, Nonce{});
  std::string record;
  push.push(static_cast<StreamTag>(1), "", "x", &record);
  StreamTag tag{};
  std::string out;
  BOOST_TEST(!pull.pull("", record, &tag, &out));
  BOOST_TEST(out.empty());
}

BOOST_AUTO_TEST_CASE(secrets_are_wiped) {
  alignas(SecretKey) unsigned char memory[sizeof(SecretKey)];
  SecretKey* key = new (memory) SecretKey(std::string(32, 's'));
  key->~SecretKey();
  int left = 0;
  for (const volatile unsigned char& byte : memory) left += byte;
  BOOST_TEST(left == 0);
  std::string text(100, 's');
  const char* at = text.data();
  wipe(&text);
  BOOST_TEST(text.empty());
  BOOST_TEST(at == text.data());
  for (int i = 0; i < 100; ++i) left += static_cast<const volatile char*>(at)[i];
  BOOST_TEST(left == 0);
}

BOOST_AUTO_TEST_CASE(the_system_gives_different_bytes) {
  SystemRandomBytes random;
  BOOST_TEST(!(SecretKey::random(&random) == SecretKey::random(&random)));
  BOOST_TEST(!draw_id<BootId>(&random).is_none());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
