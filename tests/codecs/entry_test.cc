// A log entry as bytes: everything comes back, and what is no entry is refused with a reason.
#include <boost/test/unit_test.hpp>

#include "base/random.h"
#include "codecs/entry.h"
#include "engine/event_bytes.h"
#include "tests/codecs/entry_samples.h"

namespace pawl::codecs {
namespace {

BOOST_AUTO_TEST_SUITE(entry)

BOOST_AUTO_TEST_CASE(every_field_comes_back) {
  EntryEncoder encoder;
  for (const Entry& written : {full_entry(), Entry{}}) {
    Entry read;
    std::string error;
    BOOST_TEST(decode_entry(encoder.encode(written), &read, &error), error);
    BOOST_TEST((read == written));
  }
}

// Everything but values and answers stays, and the chain over it is as it was.
BOOST_AUTO_TEST_CASE(a_scrubbed_entry_has_the_same_hash_and_no_values) {
  Entry written = full_entry();
  engine::RunStarted started;
  started.id = "r";
  started.salt.bytes.fill(7);
  started.input = engine::Payload::of(dsl::Value::string("a secret"));
  engine::RunClosed closed;
  closed.output = engine::Payload::of(dsl::Value::string("a secret too"));
  std::vector<engine::Event> events;
  events.emplace_back(started);
  events.emplace_back(closed);
  written.events.clear();
  engine::encode_events(events, &written.events);
  written.answers[0].body = R"({"id":"r","uid":"1-7","input":"a secret"})";
  written.answers[1].body = R"({"secret":"a secret"})";
  const auto hash = [&](const Entry& entry) {
    std::vector<engine::Event> all;
    BOOST_REQUIRE(engine::decode_events(entry.events, &started.salt, entry.first_seq, &all).ok());
    Digest digest{};
    Seq seq = entry.first_seq;
    engine::HashScratch scratch;
    for (const engine::Event& event : all) {
      digest = engine::chain_event(digest, event, {started.salt, seq, entry.time}, &scratch);
      seq = seq.next();
    }
    return digest;
  };
  EntryEncoder encoder;
  const auto scrubbed = scrub_entry(encoder.encode(written), started.salt.bytes);
  BOOST_REQUIRE(scrubbed.ok());
  BOOST_TEST(scrubbed->find("secret") == std::string::npos);
  Entry read;
  std::string error;
  BOOST_REQUIRE(decode_entry(*scrubbed, &read, &error));
  BOOST_TEST((hash(read) == hash(written)));
  BOOST_TEST(read.answers[0].body == R"({"id":"r","uid":"1-7","status":"data_deleted"})");
  BOOST_TEST(read.answers[1].body == "{}");
  const auto again = scrub_entry(*scrubbed, started.salt.bytes);
  BOOST_TEST((again.ok() && *again == *scrubbed));
  read.events = written.events;
  for (std::size_t i = 0; i < read.answers.size(); ++i) {
    read.answers[i].body = written.answers[i].body;
  }
  BOOST_TEST((read == written));
  BOOST_TEST(!scrub_entry("rubbish", started.salt.bytes).ok());
}

BOOST_AUTO_TEST_CASE(equal_entries_have_equal_bytes) {
  EntryEncoder encoder, other;
  const std::string first(encoder.encode(full_entry()));
  (void)encoder.encode(Entry{});
  BOOST_TEST((first == encoder.encode(full_entry())));
  BOOST_TEST((first == other.encode(full_entry())));
}

// The journal's payloads stand at any address.
BOOST_AUTO_TEST_CASE(an_entry_is_read_at_any_alignment) {
  EntryEncoder encoder;
  const std::string bytes(encoder.encode(full_entry()));
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const std::string shifted = std::string(shift, 'x') + bytes;
    Entry read;
    std::string error;
    BOOST_TEST(decode_entry(std::string_view(shifted).substr(shift), &read, &error));
    BOOST_TEST((read == full_entry()));
  }
}

void check_refused(std::string_view bytes, std::string_view why) {
  Entry read;
  std::string error;
  BOOST_TEST(!decode_entry(bytes, &read, &error));
  BOOST_TEST(error.find(why) != std::string::npos, error);
}

BOOST_AUTO_TEST_CASE(rubbish_is_refused) {
  check_refused("", "not a valid buffer");
  check_refused("rubbish", "not a valid buffer");
  check_refused(std::string(1000, '\xff'), "not a valid buffer");
  check_refused(std::string(1000, '\0'), "not a valid buffer");
}

BOOST_AUTO_TEST_CASE(an_answer_is_known_by_its_key_or_by_its_number) {
  const auto check_answer_refused = [](const engine::KeyedAnswer& answer) {
    Entry entry;
    entry.answers = {answer};
    EntryEncoder encoder;
    check_refused(encoder.encode(entry), "answer");
  };
  engine::KeyedAnswer both;
  both.key = "key";
  both.forwarded = {1, 2, 2};
  check_answer_refused(both);
  check_answer_refused(engine::KeyedAnswer{});
  engine::KeyedAnswer over;
  over.forwarded = {1, 2, 3};
  check_answer_refused(over);
}

BOOST_AUTO_TEST_CASE(a_cut_entry_is_refused) {
  EntryEncoder encoder;
  const std::string bytes(encoder.encode(full_entry()));
  for (std::size_t n = 0; n < 64; ++n) check_refused(std::string_view(bytes).substr(0, n), "");
}

// Any bytes are read or refused, never trusted.
BOOST_AUTO_TEST_CASE(a_flipped_bit_is_harmless) {
  EntryEncoder encoder;
  const std::string bytes(encoder.encode(full_entry()));
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = bytes;
    for (std::uint64_t n = 1 + random.below(3); n > 0; --n) {
      damaged[random.below(damaged.size())] ^= static_cast<char>(1 << random.below(8));
    }
    Entry read;
    std::string error;
    if (!decode_entry(damaged, &read, &error)) BOOST_REQUIRE(!error.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_newer_level_is_refused) {
  EntryEncoder encoder;
  Entry newer;
  newer.level = kFeatureLevel + 1;
  check_refused(encoder.encode(newer), "start a newer version of pawl");
  newer.level = kFeatureLevel;
  newer.raise_level = kFeatureLevel + 1;
  check_refused(encoder.encode(newer), "start a newer version of pawl");
}

// It would be taken for one of another kind, and skipped nowhere.
BOOST_AUTO_TEST_CASE(a_message_of_an_unknown_kind_is_refused) {
  EntryEncoder encoder;
  Entry sent = full_entry(), received = full_entry();
  sent.sends[1].message.kind = static_cast<engine::MessageKind>(9);
  received.receive.kind = static_cast<engine::MessageKind>(0);
  check_refused(encoder.encode(sent), "kind 9");
  check_refused(encoder.encode(received), "kind 0");
}

// The number 0 says that nothing was received: the encoder never writes such a message.
BOOST_AUTO_TEST_CASE(a_received_message_without_a_number_is_refused) {
  EntryEncoder encoder;
  Entry received = full_entry();
  received.receive.number = 0x0102030405060708;
  std::string bytes(encoder.encode(received));
  const std::string number("\x08\x07\x06\x05\x04\x03\x02\x01", 8);
  const std::size_t at = bytes.find(number);
  BOOST_REQUIRE(at != std::string::npos);
  bytes.replace(at, number.size(), std::string(number.size(), '\0'));
  check_refused(bytes, "without a number");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
