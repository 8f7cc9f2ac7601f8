// What two boxes say to one another over UDP, as a state machine without sockets and clock: one
// object a peer. docs/wire-format.md has the bytes, docs/security.md what they are good for.
//
//   unknown   --(hello: echoes our boot and open challenge)--> live
//   live      --(hello from another boot)--> live, checking: the old boot still counts
//   checking  --(hello: echoes our boot and open challenge)--> live with the boot that echoed it
//   unknown, checking --(poll)--> the same, a hello goes out
//
// A peer's boot is believed only if it repeated a challenge of ours, which is used once: so nothing
// recorded makes a session or replaces one. An answer may have been held back until the boot that
// gave it was gone: if another boot was heard of meanwhile, its side may believe the session is
// live, so that a new challenge goes out at once; only a boot that is still there can answer it.
// Data is opened only in a live session, under a key that both boots are part of, and each counter
// is taken once.
//
// Nothing that does not authenticate is answered or changes anything. Recorded hellos can still
// draw answers; there are at most kHelloAnswersBurst and then one every kHelloAnswerMs, no longer
// than what draws them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "codecs/keyring.h"
#include "codecs/protection.h"
#include "codecs/random_bytes.h"
#include "codecs/replay_window.h"
#include "codecs/wire_format.h"

namespace pawl::codecs {

// Why a datagram was dropped; each is a counter of the daemon's.
enum class DropReason : std::uint8_t {
  kMalformed,        // too short, too long, or of no known kind
  kProtection,       // sealed to a plain session, or plain to a sealed one
  kVersion,          // not the version that was agreed upon
  kNoCommonVersion,  // an authentic hello, but there is no version both speak
  kSender,           // not from this session's peer
  kUnknownKey,       // under a key that is not installed here
  kNotLive,          // data before the peer's boot is known to be current
  kOtherSession,     // data of another pair of boots
  kNotAuthentic,     // altered, or sealed under another key
  kReplayed,         // a counter seen before or too old to tell
  kAnswerWithheld,   // an authentic hello, but too many were answered lately
};
inline constexpr int kDropReasons = 11;

// A word for metrics: "not_authentic".
const char* to_string(DropReason reason);

// What the peer sent, once. The view is valid until the session's next call.
struct DatagramData {
  NodeId from;
  std::string_view bytes;
};
// A hello that asks for an answer: send it to the peer.
struct HelloAnswer {
  std::string bytes;
};
// A hello that asks for none.
struct HelloTaken {};
struct Dropped {
  DropReason reason;
};
using DatagramOutcome = std::variant<DatagramData, HelloAnswer, HelloTaken, Dropped>;

struct DatagramOptions {
  NodeId self;
  NodeId peer;  // not self
  Protection protection = Protection::kSealed;
  wire::VersionRange versions = wire::kVersions;
};

// Whom a datagram claims to be from: which session to ask. Nobody (0) if it is too short to say.
NodeId datagram_sender(std::string_view datagram);

class DatagramSession {
 public:
  // Draws this side's boot id: one made anew, in the same process or not, is a restart to the peer,
  // so that no counter is ever used twice under one key. `random` must outlive the session.
  DatagramSession(const DatagramOptions& options, const Keyring& ring, RandomBytes* random);
  DatagramSession(const DatagramSession&) = delete;
  DatagramSession& operator=(const DatagramSession&) = delete;

  // After a step of rotation. The session goes on, under the keys that are accepted now.
  void use_keyring(const Keyring& ring);

  // Appends `payload`, of at most wire::kDatagramPayloadBytesMax bytes, as one datagram. False
  // while the session is not live: what is sent over UDP may get lost anyway.
  bool send(std::string_view payload, std::string* out);
  // `now_ms` is monotonic, of any origin.
  DatagramOutcome receive(std::string_view datagram, std::int64_t now_ms);
  // The hello that is due, if one is: call it at next_poll_ms().
  std::optional<std::string> poll(std::int64_t now_ms);
  // INT64_MAX if none will be due before something is received.
  std::int64_t next_poll_ms() const;

  bool live() const { return !peer_boot_.is_none(); }
  const BootId& boot() const { return boot_; }
  // Of the live session; none and 0 before.
  const BootId& peer_boot() const { return peer_boot_; }
  std::uint8_t version() const { return version_; }

 private:
  // A key of the keyring, and what is derived from it for this peer.
  struct Slot {
    KeyId id;
    SecretKey secret;
    SecretKey hello_out, hello_in;
    SecretKey data_out, data_in;  // zeros until live, as the tags
    std::uint32_t tag_out = 0, tag_in = 0;
  };
  struct Hello {
    BootId boot, echoed_boot;
    Challenge challenge, echoed_challenge;
    wire::VersionRange versions;
  };

  const Slot* slot(std::uint32_t key_id) const;
  void derive_data_keys(Slot* slot) const;
  DatagramOutcome receive_data(std::string_view datagram);
  DatagramOutcome receive_hello(std::string_view datagram, std::int64_t now_ms);
  DatagramOutcome answer(const Hello& hello, std::int64_t now_ms);
  std::string make_hello(const BootId& echoed_boot, const Challenge& echoed_challenge);
  void accept(const BootId& boot, std::uint8_t version, std::int64_t now_ms);
  void begin_check(std::int64_t now_ms);
  bool may_answer(std::int64_t now_ms);

  DatagramOptions options_;
  RandomBytes* random_;
  ClusterId cluster_;
  BootId boot_;
  std::vector<Slot> slots_;   // keys that are accepted
  std::size_t active_ = 0;    // of slots_
  BootId peer_boot_;          // none until it echoed a challenge
  std::uint8_t version_ = 0;  // agreed with that boot
  Challenge challenge_;       // open: not yet echoed; none if nothing is to be checked
  BootId heard_;              // that said hello without an echo since the challenge was drawn
  bool heard_several_ = false;
  std::uint64_t counter_ = 0;  // of the last data sent; never goes back
  ReplayWindow window_;        // of peer_boot_'s data
  std::string opened_;         // what DatagramData points at

  std::int64_t poll_ms_ = INT64_MIN;
  std::int64_t retry_ms_ = limits::kHelloRetryMsMin;
  // Answers that may be given now, in ms: kHelloAnswerMs each.
  std::int64_t allowance_ms_ = std::int64_t{limits::kHelloAnswersBurst} * limits::kHelloAnswerMs;
  std::int64_t allowance_at_ms_ = INT64_MIN;
};

}  // namespace pawl::codecs
