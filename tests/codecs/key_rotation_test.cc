// Key rotation: the frames' bytes, and rotations that are broken off at any moment by any box.
#include "codecs/key_rotation.h"

#include <boost/test/unit_test.hpp>

#include "base/random.h"
#include "tests/codecs/seeded_bytes.h"

namespace pawl::codecs {
namespace {

constexpr std::int64_t kMade = 1'790'000'000;
constexpr int kBoxes = 3;

NodeId box(int b) { return NodeId(static_cast<std::uint64_t>(b)); }

// Boxes that hold a ring each; a leader's messages are function calls that may not happen.
struct Boxes {
  explicit Boxes(std::uint64_t seed) : chance(seed), random(seed) {
    const Keyring ring = new_keyring(&random, kMade);
    for (int b = 1; b <= kBoxes; ++b) rings[box(b)] = ring;
  }

  std::map<NodeId, KeyReport> reports() const {
    std::map<NodeId, KeyReport> all;
    for (const auto& [id, ring] : rings) all[id] = report_of(ring);
    return all;
  }

  // What must hold after every step anywhere: each box accepts what each one sends.
  void check() const {
    for (const auto& [from, sender] : rings) {
      for (const auto& [to, receiver] : rings) {
        const ClusterKey* key = receiver.accepted(sender.active().id);
        BOOST_REQUIRE_MESSAGE(key != nullptr, from.v << " is not understood by " << to.v);
        BOOST_REQUIRE(key->secret == sender.active().secret);
      }
    }
  }

  // Makes a new key on the leader, as the daemon does when nothing is half done.
  void begin(NodeId leader) {
    Keyring& ring = rings[leader];
    ClusterKey key = new_key(ring, &random, kMade);
    for (const auto& [id, report] : reports()) {
      if (!report.keys.empty() && report.keys.back().id >= key.id)
        key.id = report.keys.back().id.next();
    }
    BOOST_REQUIRE(install_key(&ring, key) == RotationRefusal::kNone);
  }

  // Steps until nothing is left to do, or `steps_max` messages were sent, each with all it says as
  // bytes. False if it was broken off.
  bool drive(NodeId leader, int steps_max) {
    int steps = 0;
    while (true) {
      const RotationPlan plan = plan_rotation(rings[leader], reports());
      if (plan.boxes.empty()) return true;
      for (const NodeId to : plan.boxes) {
        if (steps++ == steps_max) return false;
        KeyStep step;
        BOOST_REQUIRE(decode(encode(plan.step), &step));
        const RotationRefusal refusal = carry_out(step, &rings[to]);
        BOOST_REQUIRE_MESSAGE(refusal == RotationRefusal::kNone,
                              to_string(step.what) << " " << step.id.v << ": " << explain(refusal));
        check();
      }
    }
  }

  Random chance;
  SeededBytes random;
  std::map<NodeId, Keyring> rings;
};

BOOST_AUTO_TEST_SUITE(key_rotation)

BOOST_AUTO_TEST_CASE(nothing_to_do_in_a_new_cluster) {
  Boxes boxes(1);
  BOOST_TEST(plan_rotation(boxes.rings[box(1)], boxes.reports()).boxes.empty());
}

BOOST_AUTO_TEST_CASE(one_key_after_the_other) {
  Boxes boxes(2);
  for (std::uint32_t id = 2; id <= 20; ++id) {
    const NodeId leader = box(static_cast<int>(id % kBoxes) + 1);
    boxes.begin(leader);
    BOOST_REQUIRE(boxes.drive(leader, 1000));
    for (const auto& [b, ring] : boxes.rings) {
      BOOST_TEST(ring.active().id.v == id);
      BOOST_TEST((ring.accepted(KeyId(id - 1)) == nullptr));
    }
  }
}

// Whoever goes on, wherever the one before stopped: it ends, and at no moment are two boxes apart.
BOOST_AUTO_TEST_CASE(broken_off_anywhere_and_taken_up_by_anyone) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      Boxes boxes(seed);
      for (int round = 0; round < 6; ++round) {
        const NodeId leader = box(static_cast<int>(boxes.chance.below(kBoxes)) + 1);
        if (plan_rotation(boxes.rings[leader], boxes.reports()).boxes.empty()) boxes.begin(leader);
        boxes.drive(leader, static_cast<int>(boxes.chance.below(10)));
      }
      BOOST_REQUIRE(boxes.drive(box(1), 100));
      const Keyring& first = boxes.rings[box(1)];
      for (const auto& [b, ring] : boxes.rings) {
        BOOST_TEST(ring.active().id.v == first.active().id.v);
        for (const ClusterKey& key : ring.keys) {
          BOOST_TEST((key.state != KeyState::kInstalled));
        }
      }
    }
  }
}

// Two leaders at once: both have made a key of one number. Neither comes into use.
BOOST_AUTO_TEST_CASE(two_keys_of_one_number_both_go) {
  Boxes boxes(3);
  for (int b = 1; b <= 2; ++b) {
    BOOST_REQUIRE(install_key(&boxes.rings[box(b)], new_key(boxes.rings[box(b)], &boxes.random,
                                                            kMade)) == RotationRefusal::kNone);
  }
  BOOST_REQUIRE(boxes.drive(box(1), 100));
  for (const auto& [b, ring] : boxes.rings) BOOST_TEST(ring.active().id.v == 1u);
  boxes.begin(box(3));
  BOOST_REQUIRE(boxes.drive(box(3), 100));
  for (const auto& [b, ring] : boxes.rings) BOOST_TEST(ring.active().id.v == 3u);
}

// A leader whose own ring lacks the key in use elsewhere can't lead: it is told so.
BOOST_AUTO_TEST_CASE(who_lacks_the_key_in_use_is_refused) {
  Boxes boxes(4);
  const ClusterKey key = new_key(boxes.rings[box(1)], &boxes.random, kMade);
  for (int b = 1; b <= 2; ++b) {
    BOOST_REQUIRE(install_key(&boxes.rings[box(b)], key) == RotationRefusal::kNone);
    BOOST_REQUIRE(use_key(&boxes.rings[box(b)], key.id) == RotationRefusal::kNone);
  }
  const RotationPlan plan = plan_rotation(boxes.rings[box(3)], boxes.reports());
  BOOST_REQUIRE(plan.boxes == std::vector<NodeId>{box(3)});
  BOOST_CHECK(carry_out(plan.step, &boxes.rings[box(3)]) == RotationRefusal::kUnknownKey);
}

BOOST_AUTO_TEST_CASE(bytes_and_back) {
  SeededBytes random(5);
  KeyStep install;
  install.number = 77;
  install.rotation = 78;
  install.what = KeyStep::What::install;
  install.id = KeyId(3);
  install.created_seconds = kMade;
  install.secret = SecretKey::random(&random);
  KeyStep again;
  BOOST_REQUIRE(decode(encode(install), &again));
  BOOST_CHECK(again == install);
  KeyReport report = report_of(new_keyring(&random, kMade));
  report.number = 77;
  report.rotation = 79;
  report.refusal = "no";
  KeyReport read;
  BOOST_REQUIRE(decode(encode(report), &read));
  BOOST_CHECK(read == report);
  for (const std::string& bytes : {encode(install), encode(report)}) {
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      BOOST_TEST(!decode(bytes.substr(0, n), &again));
      BOOST_TEST(!decode(bytes.substr(0, n), &read));
    }
    BOOST_TEST(!decode(bytes + "x", &again));
    BOOST_TEST(!decode(bytes + "x", &read));
  }
  // A report asks for no key, the others for one; there are four steps and three states.
  BOOST_TEST(!decode(std::string("\x01\x01\x00\x01", 4), &again));
  BOOST_TEST(!decode(std::string("\x01\x01\x02\x00", 4), &again));
  BOOST_TEST(!decode(std::string("\x01\x01\x04\x01", 4), &again));
  BOOST_TEST(!decode(std::string("\x01\x01\x01\x01\x03\x00\x00", 7), &read));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
