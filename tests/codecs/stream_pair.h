// Two boxes with one keyring each, and handshakes between them: what the tests of streams start
// from.
#pragma once

#include <cstdint>
#include <string>

#include "codecs/keyring.h"
#include "codecs/stream_session.h"
#include "tests/codecs/seeded_bytes.h"

namespace pawl::codecs {

struct StreamPair {
  explicit StreamPair(std::uint64_t seed, Protection protection = Protection::kSealed)
      : random(seed) {
    ring = protection == Protection::kSealed ? new_keyring(&random, 0) : plain_keyring();
    other_ring = ring;
    initiator.self = NodeId(1);
    initiator.peer = NodeId(2);
    initiator.boot = draw_id<BootId>(&random);
    initiator.protection = protection;
    responder.self = NodeId(2);
    responder.boot = draw_id<BootId>(&random);
    responder.protection = protection;
  }

  StreamHandshake initiate() {
    return StreamHandshake(StreamRole::kInitiator, initiator, &ring, &random, nullptr);
  }
  StreamHandshake respond() {
    return StreamHandshake(StreamRole::kResponder, responder, &other_ring, &random, &filter);
  }

  SeededBytes random;
  Keyring ring;        // the initiator's
  Keyring other_ring;  // the responder's
  StreamOptions initiator;
  StreamOptions responder;
  FirstMessageFilter filter;
};

// What `handshake` says to `bytes`.
inline std::string answer_of(StreamHandshake* handshake, std::string_view bytes) {
  std::string said;
  handshake->feed(&bytes, &said);
  return said;
}

inline std::string first_of(StreamHandshake* handshake) {
  std::string said;
  handshake->start(&said);
  return said;
}

}  // namespace pawl::codecs
