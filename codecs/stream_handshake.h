// How a TCP connection between two boxes begins: three messages of fixed size, after which both
// sides know that the other holds the keyring now, speak one version, and share keys that nobody
// can compute later from the keyring alone. The pattern is Noise's NNpsk0 with a confirmation by
// the initiator; docs/wire-format.md has bytes and derivations.
//
//   initiator: idle --(start)--> awaiting_second --(second message)--> done
//   responder: awaiting_first --(first message)--> awaiting_third --(third message)--> done
//   either:    any --(a message that is not right)--> failed
//
// A responder sends nothing before the first message authenticated, and after it one message only;
// it is done, and reads more than limits::kUnauthenticatedBytesMax bytes, only once the third
// proves that the first was no recording. How long it waits is the daemon's (limits::kHandshakeMs).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/ids.h"
#include "base/limits.h"
#include "codecs/first_message_filter.h"
#include "codecs/keyring.h"
#include "codecs/protection.h"
#include "codecs/random_bytes.h"
#include "codecs/seal.h"
#include "codecs/wire_format.h"

namespace pawl::codecs {

enum class StreamRole : std::uint8_t { kInitiator, kResponder };

// Why a stream failed; each is a counter of the daemon's. After any of them: send what is still to
// be sent, close the connection.
enum class StreamError : std::uint8_t {
  kNone,
  kMalformed,        // not a message of a handshake, or not the one expected now
  kProtection,       // sealed to a plain session, or plain to a sealed one
  kVersion,          // a handshake of another format
  kNoCommonVersion,  // both are authentic, and there is no version both speak
  kDowngraded,       // the responder did not choose the highest common version
  kReceiver,         // meant for another box
  kSender,           // says that it is from this box, or from nobody
  kUnknownKey,       // under a key that is not installed here
  kNotAuthentic,     // altered, of another key or cluster, or not the next record
  kReplayed,         // a first message that was answered before
  kWeakKey,          // an ephemeral key that makes the secret guessable
  kRecordTooLarge,   // past limits::kStreamRecordBytesMax
  kTruncated,        // the connection ended before its last record
  kAfterFinal,       // something follows the last record
};
inline constexpr int kStreamErrors = 15;

// A word for metrics: "not_authentic".
const char* to_string(StreamError error);

struct StreamOptions {
  NodeId self;
  NodeId peer;  // whom an initiator means to reach; a responder learns it
  BootId boot;  // of this process: tells the peer which connections a restart has left behind
  Protection protection = Protection::kSealed;
  wire::VersionRange versions = wire::kVersions;
  std::uint64_t rekey_bytes = limits::kStreamRekeyBytes;
};

// What a handshake establishes.
struct StreamAgreement {
  NodeId peer;
  BootId peer_boot;
  KeyId key;  // of the keyring: a connection under a retired key is to be replaced
  std::uint8_t version = 0;
  SecretKey send_key, receive_key;
};

class StreamHandshake {
 public:
  // `ring`, `random` and `filter` must outlive the handshake. The ring is read when a key is
  // needed; the filter is a responder's, and null for an initiator.
  StreamHandshake(StreamRole role, const StreamOptions& options, const Keyring* ring,
                  RandomBytes* random, FirstMessageFilter* filter);

  // Appends the initiator's first message; once.
  void start(std::string* to_send);
  // Takes what belongs to the handshake off the front of *bytes, however it is cut, and appends the
  // answer to it. What is left once done() are records.
  void feed(std::string_view* bytes, std::string* to_send);

  bool done() const { return state_ == State::kDone; }
  bool failed() const { return state_ == State::kFailed; }
  StreamError error() const { return error_; }
  // Of a handshake that is done. The peer is known before, once a first message authenticated.
  const StreamAgreement& agreement() const { return agreement_; }

 private:
  enum class State : std::uint8_t {
    kIdle,
    kAwaitingFirst,
    kAwaitingSecond,
    kAwaitingThird,
    kDone,
    kFailed
  };

  wire::Kind expected_kind() const;
  std::size_t expected_bytes() const;
  bool prefix_is_wrong();
  void receive_first(std::string_view header, std::string_view guarded, std::string* to_send);
  void send_second(wire::VersionRange peer_versions, std::string* to_send);
  void receive_second(std::string_view header, std::string_view guarded, std::string* to_send);
  void send_third(std::string* to_send);
  void receive_third(std::string_view header, std::string_view guarded);

  void draw_ephemeral();
  bool agree_with(std::string_view ephemeral, SecretKey* shared) const;
  void mix(std::string_view part);
  void append_guarded(const SecretKey& key, std::string_view header, std::string_view body,
                      std::string* to_send);
  bool open_guarded(const SecretKey& key, std::string_view guarded, std::string* body);
  void finish();
  void fail(StreamError error);

  StreamRole role_;
  StreamOptions options_;
  const Keyring* ring_;
  RandomBytes* random_;
  FirstMessageFilter* filter_;
  State state_;
  StreamError error_ = StreamError::kNone;
  std::string pending_;  // the beginning of the message awaited
  SecretKey cluster_key_;
  SecretKey ephemeral_;
  PublicKey ephemeral_public_{};
  SecretKey root_;
  Digest transcript_{};  // of all that was sent and received so far
  StreamAgreement agreement_;
};

}  // namespace pawl::codecs
