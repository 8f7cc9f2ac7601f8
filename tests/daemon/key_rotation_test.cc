// Rotations over streams that are slow and break, led by several boxes at once, with boxes that
// start again: no two boxes are ever apart.
#include "daemon/key_rotation.h"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <memory>

#include "base/random.h"
#include "tests/codecs/seeded_bytes.h"

namespace pawl::daemon {
namespace {

constexpr int kBoxes = 3;
constexpr std::int64_t kMs = 1'000'000;

NodeId id_of(int b) { return NodeId(static_cast<std::uint64_t>(b)); }

class Boxes {
 public:
  explicit Boxes(std::uint64_t seed) : chance_(seed), random_(seed) {
    const codecs::Keyring ring = codecs::new_keyring(&random_, 1);
    for (int b = 1; b <= kBoxes; ++b) {
      disks_[b] = ring;
      start(b);
    }
  }

  // The process ends, with what it was writing, and another one begins.
  void start(int b) {
    ++lives_[b];
    KeyRotation::Parts parts;
    parts.self = id_of(b);
    parts.random = &random_;
    parts.log = &log_;
    parts.wall_seconds = [] { return std::int64_t{1}; };
    parts.peers = [b] {
      std::vector<NodeId> others;
      for (int other = 1; other <= kBoxes; ++other) {
        if (other != b) others.push_back(id_of(other));
      }
      return others;
    };
    parts.send = [this, b](NodeId to, codecs::FrameKind kind, std::string_view payload) {
      if (!calm && chance_.chance(0.1)) return;
      const int other = static_cast<int>(to.v);
      const auto deliver = [this, b, other, kind, bytes = std::string(payload), from = lives_[b],
                            life = lives_[other]] {
        if (from == lives_[b] && life == lives_[other]) {
          rotations_[other]->on_frame(id_of(b), kind, bytes);
        }
      };
      // In order, as a stream is.
      std::int64_t& last = arrives_ms_[{b, other}];
      last = std::max(last, due_ms());
      due_.emplace(last, deliver);
    };
    parts.store = [this, b](const codecs::Keyring& ring, auto done) {
      due_.emplace(due_ms(), [this, b, ring, done, life = lives_[b]] {
        if (life != lives_[b]) return;
        if (!calm && chance_.chance(0.05)) return done(absl::ResourceExhaustedError("full"));
        disks_[b] = ring;
        done(absl::OkStatus());
      });
    };
    parts.use = [this](const codecs::Keyring&) { check(); };
    rotations_[b] = std::make_unique<KeyRotation>(std::move(parts), disks_[b]);
  }

  // What is on the disks is what is in use, or will be in a moment: both ways round it must do.
  void check() const {
    for (const auto& [from, sender] : disks_) {
      for (const auto& [to, receiver] : disks_) {
        const codecs::ClusterKey* key = receiver.accepted(sender.active().id);
        BOOST_REQUIRE_MESSAGE(key != nullptr && key->secret == sender.active().secret,
                              "box " << to << " does not understand box " << from);
      }
    }
  }

  // Most within 50 ms, some seconds later.
  std::int64_t due_ms() {
    return now_ms_ +
           (!calm && chance_.chance(0.1) ? chance_.between(0, 15'000) : chance_.between(0, 50));
  }

  void run(std::int64_t ms) {
    for (const std::int64_t until = now_ms_ + ms; now_ms_ < until; now_ms_ += 5) {
      while (!due_.empty() && due_.begin()->first <= now_ms_) {
        const auto what = std::move(due_.begin()->second);
        due_.erase(due_.begin());
        what();
        check();
      }
      for (const auto& [b, rotation] : rotations_) rotation->end_turn(now_ms_ * kMs);
    }
  }

  bool rotate(int b, KeyRotation::Result* result) {
    bool done = false;
    const bool begun = rotations_[b]->rotate([&](const KeyRotation::Result& r) {
      *result = r;
      done = true;
    });
    for (int n = 0; n < 600 && begun && !done; ++n) run(100);
    return done;
  }
  void rotate(int b) {
    rotations_[b]->rotate([](const KeyRotation::Result&) {});
  }

  void hear(int b, codecs::FrameKind kind, std::string_view payload) {
    rotations_[b]->on_frame(id_of(b % kBoxes + 1), kind, payload);
  }

  Random& chance() { return chance_; }
  const codecs::Keyring& disk(int b) { return disks_[b]; }
  bool calm = false;

 private:
  Random chance_;
  codecs::SeededBytes random_;
  Logger log_{STDERR_FILENO, LogLevel::error};
  std::int64_t now_ms_ = 1'000;
  std::multimap<std::int64_t, std::function<void()>> due_;
  std::map<int, codecs::Keyring> disks_;
  std::map<int, int> lives_;
  std::map<std::pair<int, int>, std::int64_t> arrives_ms_;  // the last frame, by from and to
  std::map<int, std::unique_ptr<KeyRotation>> rotations_;
};

BOOST_AUTO_TEST_SUITE(key_rotation)

BOOST_AUTO_TEST_CASE(one_rotation) {
  Boxes boxes(1);
  boxes.calm = true;
  KeyRotation::Result result;
  BOOST_REQUIRE(boxes.rotate(2, &result));
  BOOST_TEST(result.failure == "");
  BOOST_TEST(!result.resumed);
  for (int b = 1; b <= kBoxes; ++b) BOOST_TEST(boxes.disk(b).active().id.v == 2u);
}

// A box that has just started has reported to nobody, and obeys nobody.
BOOST_AUTO_TEST_CASE(a_step_of_no_rotation_is_refused) {
  Boxes boxes(2);
  boxes.calm = true;
  codecs::SeededBytes random(3);
  codecs::KeyStep step;
  step.what = codecs::KeyStep::What::install;
  step.id = codecs::KeyId(2);
  step.secret = codecs::SecretKey::random(&random);
  boxes.hear(1, codecs::FrameKind::kKeyStep, encode(step));
  boxes.run(1'000);
  BOOST_TEST(boxes.disk(1).keys.size() == 1u);
}

BOOST_AUTO_TEST_CASE(several_leaders_late_frames_and_restarts) {
  int finished = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      Boxes boxes(seed);
      for (int n = 0; n < 12; ++n) {
        boxes.rotate(static_cast<int>(boxes.chance().below(kBoxes)) + 1);
        boxes.run(boxes.chance().between(5, boxes.chance().chance(0.3) ? 12'000 : 400));
        if (boxes.chance().chance(0.15)) {
          boxes.start(static_cast<int>(boxes.chance().below(kBoxes)) + 1);
        }
      }
      finished += boxes.disk(1).active().id.v > 1 ? 1 : 0;
      boxes.calm = true;
      boxes.run(40'000);
      KeyRotation::Result result;
      BOOST_REQUIRE(boxes.rotate(1, &result));
      BOOST_REQUIRE(result.failure.empty());
      for (int b = 1; b <= kBoxes; ++b) {
        BOOST_TEST(boxes.disk(b).active().id.v == boxes.disk(1).active().id.v);
        for (const codecs::ClusterKey& key : boxes.disk(b).keys) {
          BOOST_TEST((key.state != codecs::KeyState::kInstalled));
        }
      }
    }
  }
  BOOST_TEST(finished > 30);
}

// What a box has promised to a rotation it knows in its next life too: nobody who began before is
// obeyed, and who began it may go on.
BOOST_AUTO_TEST_CASE(a_promise_outlives_the_process) {
  Boxes boxes(1);
  boxes.calm = true;
  codecs::SeededBytes random(9);
  const codecs::ClusterKey key = codecs::new_key(boxes.disk(3), &random, 1);
  codecs::KeyStep step;
  step.rotation = 20;
  boxes.hear(3, codecs::FrameKind::kKeyStep, encode(step));
  boxes.run(100);
  BOOST_TEST(boxes.disk(3).rotation == 20u);
  boxes.start(3);
  step.rotation = 19;
  boxes.hear(3, codecs::FrameKind::kKeyStep, encode(step));
  step.what = codecs::KeyStep::What::install;
  step.id = key.id;
  step.created_seconds = key.created_seconds;
  step.secret = key.secret;
  for (const std::uint64_t other : {19, 21}) {
    step.rotation = other;
    boxes.hear(3, codecs::FrameKind::kKeyStep, encode(step));
    boxes.run(100);
    BOOST_TEST(boxes.disk(3).keys.size() == 1u);
    BOOST_TEST(boxes.disk(3).rotation == 20u);
  }
  step.rotation = 20;
  boxes.hear(3, codecs::FrameKind::kKeyStep, encode(step));
  boxes.run(100);
  BOOST_TEST(boxes.disk(3).keys.size() == 2u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
