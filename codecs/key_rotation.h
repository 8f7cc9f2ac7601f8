// Replacing the key of the keyring on every box: what boxes say to one another about it, and which
// step is next. The three steps, and why they come in this order, are in keyring.h.
//
// Any box may lead a rotation. It keeps nothing between steps that the boxes' keyrings do not say:
// whoever asks all of them what they hold knows how far it has come, so a rotation that was broken
// off at any moment is taken up, or undone, by the next one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "codecs/keyring.h"

namespace pawl::codecs {

// What one box asks of another. It holds a secret: such a frame takes the stream alone.
struct KeyStep {
  enum class What : std::uint8_t { report, install, use, retire };
  std::uint64_t number = 0;  // the answer has it too
  // Which rotation it belongs to; 0: none, somebody only wants to know. Rotations are ordered, as
  // ballots are: a box that has reported to one neither reports to nor obeys a lower one, and obeys
  // none to which it has not reported. So who has heard all boxes knows what they hold until it
  // changes that itself: whoever led before is obeyed nowhere any more.
  std::uint64_t rotation = 0;
  What what = What::report;
  KeyId id;                          // not of report
  std::int64_t created_seconds = 0;  // of install, as the secret is
  SecretKey secret;
  friend bool operator==(const KeyStep&, const KeyStep&) = default;
};
// "report", "install", "use", "retire".
const char* to_string(KeyStep::What what);

// What a box holds, once the step is done and on its disk.
struct KeyReport {
  struct Row {
    KeyId id;
    KeyState state = KeyState::kInstalled;
    std::string fingerprint;
    friend bool operator==(const Row&, const Row&) = default;
  };
  std::uint64_t number = 0;
  std::uint64_t rotation = 0;  // the highest to which it has reported
  std::vector<Row> keys;       // by ascending id
  std::string refusal;         // not empty: why the step was not done
  friend bool operator==(const KeyReport&, const KeyReport&) = default;

  // Null if there is no key of that number.
  const Row* find(KeyId id) const;
};

// Bytes as docs/wire-format.md has them. False for what is not such a frame.
std::string encode(const KeyStep& step);
bool decode(std::string_view bytes, KeyStep* step);
std::string encode(const KeyReport& report);
bool decode(std::string_view bytes, KeyReport* report);

KeyReport report_of(const Keyring& ring);
// Does the step to the ring, which a refusal leaves as it was.
RotationRefusal carry_out(const KeyStep& step, Keyring* ring);

// The next step and the boxes that have not done it; no boxes: nothing is half done, the same one
// key is in use everywhere and no other is accepted.
struct RotationPlan {
  KeyStep step;
  std::vector<NodeId> boxes;
};
// `reports`: of all boxes, this one's too, of which `own` is the ring. A step is never planned
// before the one before it is done everywhere.
RotationPlan plan_rotation(const Keyring& own, const std::map<NodeId, KeyReport>& reports);

}  // namespace pawl::codecs
