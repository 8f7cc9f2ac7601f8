// A payload: data that came from outside or was computed (inputs, results, variables, signals), as
// an event carries it. Events and the chained state hash cover a payload only by its length and its
// salted digest, so a scrubbed payload leaves a valid history behind, and the hash costs no more
// for a large state.
//
// The digest is BLAKE2b-256 of the encoded value, keyed with (run salt, seq of the event, ordinal
// of the payload in it). It is not stored beside bytes that are there: whoever decodes an event can
// compute it. Only a scrubbed payload stores its digest.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/digest.h"
#include "dsl/value.h"

namespace pawl::engine {

struct Payload {
  std::uint64_t length =
      0;             // of the encoded value; 0: there is no payload (its value reads as null)
  dsl::Value value;  // null when scrubbed
  bool scrubbed = false;
  // The value is in the journal alone (residency.h); length and digest are known. Never in an
  // event.
  bool cold = false;
  // Known once the event has been folded or decided; always known when scrubbed.
  std::optional<Digest> digest;

  static Payload of(dsl::Value v) {
    Payload p;
    p.length = v.encoded_size();
    p.value = std::move(v);
    return p;
  }
};

}  // namespace pawl::engine
