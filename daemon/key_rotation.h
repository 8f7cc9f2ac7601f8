// Replaces the key of the keyring on every box, one confirmed step after the other
// (codecs/key_rotation.h has the plan). One object, on the loop thread; each box has one, and any
// may lead.
//
//   leader:  ask all what they hold -> plan -> step to those that lack it -> all have confirmed
//            -> plan ... -> nothing is left to do -> answer
//   others:  step -> change a copy of the ring -> file (cold thread) -> ring in use -> report
//
// There may be several leaders, and frames that come late: a box obeys the highest rotation that
// asked it what it holds (KeyStep::rotation), which its file remembers, and says nothing while that
// file is being written. Frames die with the process they were sent to, as streams do.
//
// A box confirms what is on its disk. Whoever does not answer stops the rotation after
// limits::kKeyStepMs where it is: every box still understands every other one, and the next
// rotation goes on from there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "codecs/frame_kind.h"
#include "codecs/key_rotation.h"
#include "codecs/random_bytes.h"
#include "daemon/event_loop.h"
#include "daemon/logging.h"

namespace pawl::daemon {

class KeyRotation final : public TurnHook {
 public:
  struct Parts {
    NodeId self;
    codecs::RandomBytes* random = nullptr;
    const Logger* log = nullptr;
    std::function<std::int64_t()> wall_seconds;
    std::function<std::vector<NodeId>()> peers;  // the other boxes
    std::function<void(NodeId, codecs::FrameKind, std::string_view)> send;
    // Makes the ring durable, elsewhere; then tells.
    std::function<void(const codecs::Keyring&, std::function<void(absl::Status)>)> store;
    // It is durable: sessions go on with it.
    std::function<void(const codecs::Keyring&)> use;
  };
  struct Result {
    std::map<NodeId, codecs::KeyReport> reports;  // of those that answered
    std::vector<NodeId> missing;                  // who did not
    std::string failure;   // not empty: why the rotation stopped, with what to do
    bool resumed = false;  // it went on with one that had been broken off, and made no new key
  };
  using Done = std::function<void(const Result&)>;

  KeyRotation(Parts parts, codecs::Keyring ring);

  // What every box holds. Several may wait at once; so may a rotation.
  void survey(Done done);
  // Finishes what was broken off, or else replaces the key. False if this box leads one already.
  bool rotate(Done done);
  // Frames of the kinds kKeyStep and kKeyReport; others are not for it.
  void on_frame(NodeId from, codecs::FrameKind kind, std::string_view payload);

  void end_turn(std::int64_t now_ns) override;
  std::int64_t deadline_ns() const override;

 private:
  // One question or step, to some boxes.
  struct Round {
    codecs::KeyStep step;
    std::set<NodeId> waiting;
    int raised = 0;                          // its rotation, above others
    codecs::KeyId key;                       // that it has made
    std::int64_t begun_ns = 0, sent_ns = 0;  // 0: not yet
    bool rotates = false;
    bool stepped = false;  // at least one step was done
    Result result;
    Done done;
  };

  using Reply = std::function<void(codecs::KeyReport)>;
  void begin(Round round);
  void obey(const codecs::KeyStep& step, Reply reply);
  void store(codecs::Keyring changed, const codecs::KeyStep& step,
             std::function<void(const codecs::Keyring& ring, std::string refusal)> reply);
  void send(Round& round);
  void on_report(NodeId from, codecs::KeyReport report);
  void next(Round round);
  void conclude(Round round);
  void make_key(Round* round);
  void finish(Round round);
  std::uint64_t draw();
  std::uint64_t above_all();

  Parts parts_;
  codecs::Keyring ring_;
  bool storing_ = false;
  std::uint64_t highest_ = 0;              // rotation that it has heard of
  std::map<std::uint64_t, Round> rounds_;  // by the number of the step
};

}  // namespace pawl::daemon
