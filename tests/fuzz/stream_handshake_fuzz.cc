// Streams on arbitrary bytes: how they are cut changes nothing, a sealed responder never answers
// what was not said by a box with the key, and the plain mode is driven past its checksums.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "codecs/stream_session.h"
#include "tests/codecs/stream_pair.h"

namespace {

using namespace pawl;
using namespace pawl::codecs;

struct Outcome {
  std::string said;
  std::vector<std::string> records;
  StreamError error = StreamError::kNone;
  bool ended = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// A responder that gets `bytes`, `step` at a time; with `greeted` behind a true handshake.
Outcome respond(std::string_view bytes, std::size_t step, Protection protection, bool greeted) {
  StreamPair pair(1, protection);
  StreamSession b(StreamRole::kResponder, pair.responder, &pair.other_ring, &pair.random,
                  &pair.filter);
  StreamOutput out;
  if (greeted) {
    StreamSession a(StreamRole::kInitiator, pair.initiator, &pair.ring, &pair.random, nullptr);
    StreamOutput at_a;
    std::string first;
    a.start(&first);
    b.feed(first, &out);
    a.feed(out.to_send, &at_a);
    b.feed(at_a.to_send, &out);
    if (!b.established()) std::abort();
  }
  for (std::size_t at = 0; at < bytes.size(); at += step) b.feed(bytes.substr(at, step), &out);
  b.end_of_input();
  std::string reply;
  if (b.send("x", &reply) && b.error() != StreamError::kNone) std::abort();
  return {out.to_send, out.records, b.error(), b.ended()};
}

// An initiator whose responder says `bytes`.
void initiate(std::string_view bytes, Protection protection) {
  StreamPair pair(1, protection);
  StreamSession a(StreamRole::kInitiator, pair.initiator, &pair.ring, &pair.random, nullptr);
  StreamOutput out;
  std::string first;
  a.start(&first);
  a.feed(bytes, &out);
  if (protection == Protection::kSealed && (a.established() || !out.to_send.empty())) std::abort();
}

// What an honest initiator says first, with the input xored over it.
void edit_first(std::string_view bytes) {
  StreamPair pair(1);
  StreamHandshake a = pair.initiate();
  const std::string first = first_of(&a);
  std::string edited = first;
  for (std::size_t i = 0; i < std::min(bytes.size(), edited.size()); ++i) edited[i] ^= bytes[i];
  StreamHandshake b = pair.respond();
  const std::string said = answer_of(&b, edited);
  if (said.empty() != (edited != first)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 4096) return 0;
  const std::size_t step = 1 + data[0] % 61;
  const bool greeted = data[0] % 2 == 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (const Protection protection : {Protection::kSealed, Protection::kPlain}) {
    const Outcome whole = respond(bytes, size, protection, greeted);
    if (!(respond(bytes, step, protection, greeted) == whole)) std::abort();
    const bool sealed = protection == Protection::kSealed;
    if (sealed && !greeted && !whole.said.empty()) std::abort();
    if (sealed && !whole.records.empty()) std::abort();
    initiate(bytes, protection);
  }
  edit_first(bytes);
  return 0;
}
