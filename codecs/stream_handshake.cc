#include "codecs/stream_handshake.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"

namespace pawl::codecs {
namespace {

// Every key of the handshake guards one message.
constexpr Nonce kOnlyNonce{};

}  // namespace

const char* to_string(StreamError error) {
  static constexpr const char* kNames[kStreamErrors] = {
      "none",       "malformed", "protection",       "version",     "no_common_version",
      "downgraded", "receiver",  "sender",           "unknown_key", "not_authentic",
      "replayed",   "weak_key",  "record_too_large", "truncated",   "after_final"};
  return kNames[static_cast<std::size_t>(error)];
}

StreamHandshake::StreamHandshake(StreamRole role, const StreamOptions& options, const Keyring* ring,
                                 RandomBytes* random, FirstMessageFilter* filter)
    : role_(role),
      options_(options),
      ring_(ring),
      random_(random),
      filter_(filter),
      state_(role == StreamRole::kInitiator ? State::kIdle : State::kAwaitingFirst) {
  PAWL_CHECK(options_.self.v != 0);
  PAWL_CHECK(options_.versions.min >= 1);
  PAWL_CHECK(options_.versions.max >= options_.versions.min);
  PAWL_CHECK((role == StreamRole::kResponder) == (filter != nullptr));
  if (role == StreamRole::kInitiator) {
    PAWL_CHECK(options_.peer.v != 0);
    PAWL_CHECK(options_.peer != options_.self);
    agreement_.peer = options_.peer;
  }
}

// --- bytes in -----------------------------------------------------------------------------------

wire::Kind StreamHandshake::expected_kind() const {
  return state_ == State::kAwaitingFirst    ? wire::Kind::kFirst
         : state_ == State::kAwaitingSecond ? wire::Kind::kSecond
                                            : wire::Kind::kThird;
}

std::size_t StreamHandshake::expected_bytes() const {
  const std::size_t guard = guard_bytes(options_.protection);
  switch (state_) {
    case State::kAwaitingFirst:
      return wire::kFirstHeaderBytes + wire::kFirstBodyBytes + guard;
    case State::kAwaitingSecond:
      return wire::kSecondHeaderBytes + wire::kSecondBodyBytes + guard;
    case State::kAwaitingThird:
      return wire::kThirdHeaderBytes + guard;
    case State::kIdle:
    case State::kDone:
    case State::kFailed:
      return 0;
  }
  PAWL_UNREACHABLE();
}

// Looked at as soon as two bytes are there: a peer of another kind is not waited for.
bool StreamHandshake::prefix_is_wrong() {
  if (pending_.size() < 2) return false;
  const auto format = static_cast<std::uint8_t>(pending_[0]);
  const auto kind = static_cast<std::uint8_t>(pending_[1]);
  const std::uint8_t expected = kind_byte(options_.protection, expected_kind());
  if (format != wire::kGreetingFormat) {
    fail(StreamError::kVersion);
  } else if (kind == (expected ^ wire::kPlainBit)) {
    fail(StreamError::kProtection);
  } else if (kind != expected) {
    fail(StreamError::kMalformed);
  }
  return failed();
}

void StreamHandshake::feed(std::string_view* bytes, std::string* to_send) {
  PAWL_CHECK(state_ != State::kIdle);
  while (!done() && !failed() && !bytes->empty()) {
    const std::size_t taken = std::min(expected_bytes() - pending_.size(), bytes->size());
    pending_.append(bytes->substr(0, taken));
    bytes->remove_prefix(taken);
    PAWL_CHECK(pending_.size() <= limits::kUnauthenticatedBytesMax);
    if (prefix_is_wrong() || pending_.size() < expected_bytes()) return;
    std::string message;
    message.swap(pending_);
    const std::string_view all = message;
    if (state_ == State::kAwaitingFirst) {
      receive_first(all.substr(0, wire::kFirstHeaderBytes), all.substr(wire::kFirstHeaderBytes),
                    to_send);
    } else if (state_ == State::kAwaitingSecond) {
      receive_second(all.substr(0, wire::kSecondHeaderBytes), all.substr(wire::kSecondHeaderBytes),
                     to_send);
    } else {
      receive_third(all.substr(0, wire::kThirdHeaderBytes), all.substr(wire::kThirdHeaderBytes));
    }
  }
}

// --- first: initiator to responder --------------------------------------------------------------

void StreamHandshake::start(std::string* to_send) {
  PAWL_CHECK(state_ == State::kIdle);
  const ClusterKey& key = ring_->active();
  cluster_key_ = key.secret;
  agreement_.key = key.id;
  draw_ephemeral();
  std::string header;
  ByteWriter w(&header);
  w.u8(wire::kGreetingFormat);
  w.u8(kind_byte(options_.protection, wire::Kind::kFirst));
  w.fixed32(key.id.v);
  w.fixed64(options_.self.v);
  w.fixed64(options_.peer.v);
  w.raw(as_view(ephemeral_public_));
  PAWL_CHECK(header.size() == wire::kFirstHeaderBytes);
  transcript_ = digest(wire::kLabelTranscript);
  mix(ring_->cluster.view());
  mix(header);
  std::string body;
  ByteWriter b(&body);
  b.raw(options_.boot.view());
  b.u8(options_.versions.min);
  b.u8(options_.versions.max);
  PAWL_CHECK(body.size() == wire::kFirstBodyBytes);
  append_guarded(derive(cluster_key_, wire::kLabelFirst, {pawl::as_view(transcript_)}), header,
                 body, to_send);
  state_ = State::kAwaitingSecond;
}

void StreamHandshake::receive_first(std::string_view header, std::string_view guarded,
                                    std::string* to_send) {
  ByteReader r(header.substr(2));
  const KeyId key_id(r.fixed32());
  const NodeId from(r.fixed64());
  const NodeId to(r.fixed64());
  const std::string_view ephemeral = r.raw(sizeof(PublicKey));
  PAWL_CHECK(r.done());
  if (to != options_.self) return fail(StreamError::kReceiver);
  if (from == options_.self || from.v == 0) return fail(StreamError::kSender);
  const ClusterKey* key = ring_->accepted(key_id);
  if (key == nullptr) return fail(StreamError::kUnknownKey);
  cluster_key_ = key->secret;
  transcript_ = digest(wire::kLabelTranscript);
  mix(ring_->cluster.view());
  mix(header);
  std::string body;
  if (!open_guarded(derive(cluster_key_, wire::kLabelFirst, {pawl::as_view(transcript_)}), guarded,
                    &body)) {
    return fail(StreamError::kNotAuthentic);
  }
  if (!filter_->take(transcript_)) return fail(StreamError::kReplayed);
  agreement_.peer = from;
  agreement_.key = key_id;
  ByteReader b(body);
  agreement_.peer_boot = BootId(b.raw(BootId::kBytes));
  wire::VersionRange versions;
  versions.min = b.u8();
  versions.max = b.u8();
  PAWL_CHECK(b.done());
  if (versions.min == 0) return fail(StreamError::kMalformed);
  draw_ephemeral();
  SecretKey shared;
  if (!agree_with(ephemeral, &shared)) return fail(StreamError::kWeakKey);
  root_ = shared;  // until the second message's header is mixed in
  send_second(versions, to_send);
}

// --- second: responder to initiator -------------------------------------------------------------

void StreamHandshake::send_second(wire::VersionRange peer_versions, std::string* to_send) {
  agreement_.version = wire::highest_common(options_.versions, peer_versions);
  std::string header;
  ByteWriter w(&header);
  w.u8(wire::kGreetingFormat);
  w.u8(kind_byte(options_.protection, wire::Kind::kSecond));
  w.raw(as_view(ephemeral_public_));
  PAWL_CHECK(header.size() == wire::kSecondHeaderBytes);
  mix(header);
  root_ = derive(cluster_key_, wire::kLabelRoot, {root_.view(), pawl::as_view(transcript_)});
  std::string body;
  ByteWriter b(&body);
  b.raw(options_.boot.view());
  b.u8(agreement_.version);
  b.u8(options_.versions.min);
  b.u8(options_.versions.max);
  PAWL_CHECK(body.size() == wire::kSecondBodyBytes);
  append_guarded(derive(root_, wire::kLabelSecond, {pawl::as_view(transcript_)}), header, body,
                 to_send);
  // The initiator holds the keyring, or recorded one who does: it may know which versions there
  // are.
  if (agreement_.version == 0) return fail(StreamError::kNoCommonVersion);
  state_ = State::kAwaitingThird;
}

void StreamHandshake::receive_second(std::string_view header, std::string_view guarded,
                                     std::string* to_send) {
  SecretKey shared;
  if (!agree_with(header.substr(2), &shared)) return fail(StreamError::kWeakKey);
  mix(header);
  root_ = derive(cluster_key_, wire::kLabelRoot, {shared.view(), pawl::as_view(transcript_)});
  std::string body;
  if (!open_guarded(derive(root_, wire::kLabelSecond, {pawl::as_view(transcript_)}), guarded,
                    &body)) {
    return fail(StreamError::kNotAuthentic);
  }
  ByteReader b(body);
  agreement_.peer_boot = BootId(b.raw(BootId::kBytes));
  agreement_.version = b.u8();
  wire::VersionRange versions;
  versions.min = b.u8();
  versions.max = b.u8();
  PAWL_CHECK(b.done());
  const std::uint8_t highest = wire::highest_common(options_.versions, versions);
  if (agreement_.version != highest) return fail(StreamError::kDowngraded);
  if (highest == 0) return fail(StreamError::kNoCommonVersion);
  send_third(to_send);
}

// --- third: initiator to responder --------------------------------------------------------------

void StreamHandshake::send_third(std::string* to_send) {
  std::string header;
  ByteWriter w(&header);
  w.u8(wire::kGreetingFormat);
  w.u8(kind_byte(options_.protection, wire::Kind::kThird));
  PAWL_CHECK(header.size() == wire::kThirdHeaderBytes);
  mix(header);
  append_guarded(derive(root_, wire::kLabelThird, {pawl::as_view(transcript_)}), header, {},
                 to_send);
  finish();
}

void StreamHandshake::receive_third(std::string_view header, std::string_view guarded) {
  mix(header);
  std::string body;
  if (!open_guarded(derive(root_, wire::kLabelThird, {pawl::as_view(transcript_)}), guarded,
                    &body)) {
    return fail(StreamError::kNotAuthentic);
  }
  PAWL_CHECK(body.empty());
  finish();
}

// --- parts --------------------------------------------------------------------------------------

// In plain mode the public key is 32 random bytes, which tell one connection from another.
void StreamHandshake::draw_ephemeral() {
  ephemeral_ = SecretKey::random(random_);
  if (options_.protection == Protection::kSealed) {
    ephemeral_public_ = public_half(ephemeral_);
  } else {
    const std::string_view bytes = ephemeral_.view();
    std::copy(bytes.begin(), bytes.end(), ephemeral_public_.begin());
  }
}

bool StreamHandshake::agree_with(std::string_view ephemeral, SecretKey* shared) const {
  PublicKey other;
  PAWL_CHECK(ephemeral.size() == other.size());
  std::copy(ephemeral.begin(), ephemeral.end(), other.begin());
  return options_.protection == Protection::kPlain || agree(ephemeral_, other, shared);
}

void StreamHandshake::mix(std::string_view part) { transcript_ = digest_chain(transcript_, part); }

void StreamHandshake::append_guarded(const SecretKey& key, std::string_view header,
                                     std::string_view body, std::string* to_send) {
  to_send->append(header);
  const std::size_t at = to_send->size();
  guard(options_.protection, key, kOnlyNonce, pawl::as_view(transcript_), body, to_send);
  mix(std::string_view(*to_send).substr(at));
}

bool StreamHandshake::open_guarded(const SecretKey& key, std::string_view guarded,
                                   std::string* body) {
  if (!unguard(options_.protection, key, kOnlyNonce, pawl::as_view(transcript_), guarded, body)) {
    return false;
  }
  mix(guarded);
  return true;
}

// The keys of both directions; what led to them is forgotten.
void StreamHandshake::finish() {
  const SecretKey forward = derive(root_, wire::kLabelForward, {pawl::as_view(transcript_)});
  const SecretKey backward = derive(root_, wire::kLabelBackward, {pawl::as_view(transcript_)});
  const bool initiator = role_ == StreamRole::kInitiator;
  agreement_.send_key = initiator ? forward : backward;
  agreement_.receive_key = initiator ? backward : forward;
  cluster_key_ = ephemeral_ = root_ = SecretKey();
  state_ = State::kDone;
}

void StreamHandshake::fail(StreamError error) {
  cluster_key_ = ephemeral_ = root_ = SecretKey();
  error_ = error;
  state_ = State::kFailed;
}

}  // namespace pawl::codecs
