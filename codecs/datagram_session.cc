#include "codecs/datagram_session.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"

namespace pawl::codecs {
namespace {

constexpr std::size_t kSenderOffset = 1 + 1 + 4;

std::string u64_bytes(std::uint64_t x) {
  std::string bytes;
  ByteWriter(&bytes).fixed64(x);
  return bytes;
}

// The counter is the nonce: each key belongs to one direction of one pair of boots.
Nonce counter_nonce(std::uint64_t counter) {
  Nonce nonce{};
  for (int i = 0; i < 8; ++i)
    nonce[static_cast<std::size_t>(i)] = static_cast<unsigned char>(counter >> (8 * i));
  return nonce;
}

Nonce nonce_of(std::string_view bytes) {
  PAWL_CHECK(bytes.size() == kNonceBytes);
  Nonce nonce;
  std::copy(bytes.begin(), bytes.end(), nonce.begin());
  return nonce;
}

}  // namespace

const char* to_string(DropReason reason) {
  static constexpr const char* kNames[kDropReasons] = {
      "malformed",     "protection",  "version",        "no_common_version",
      "sender",        "unknown_key", "not_live",       "other_session",
      "not_authentic", "replayed",    "answer_withheld"};
  return kNames[static_cast<std::size_t>(reason)];
}

NodeId datagram_sender(std::string_view datagram) {
  if (datagram.size() < kSenderOffset + 8) return NodeId(0);
  return NodeId(ByteReader(datagram.substr(kSenderOffset)).fixed64());
}

DatagramSession::DatagramSession(const DatagramOptions& options, const Keyring& ring,
                                 RandomBytes* random)
    : options_(options), random_(random) {
  PAWL_CHECK(options_.self != options_.peer);
  PAWL_CHECK(options_.versions.min >= 1);
  PAWL_CHECK(options_.versions.max >= options_.versions.min);
  boot_ = draw_id<BootId>(random_);
  challenge_ = draw_id<Challenge>(random_);
  use_keyring(ring);
}

void DatagramSession::use_keyring(const Keyring& ring) {
  const std::string self = u64_bytes(options_.self.v);
  const std::string peer = u64_bytes(options_.peer.v);
  const KeyId active = ring.active().id;
  cluster_ = ring.cluster;
  slots_.clear();
  for (const ClusterKey& key : ring.keys) {
    if (key.state == KeyState::kRetired) continue;
    if (key.id == active) active_ = slots_.size();
    Slot& slot = slots_.emplace_back();
    slot.id = key.id;
    slot.secret = key.secret;
    slot.hello_out = derive(key.secret, wire::kLabelHello, {cluster_.view(), self, peer});
    slot.hello_in = derive(key.secret, wire::kLabelHello, {cluster_.view(), peer, self});
    if (live()) derive_data_keys(&slot);
  }
}

const DatagramSession::Slot* DatagramSession::slot(std::uint32_t key_id) const {
  for (const Slot& slot : slots_) {
    if (slot.id.v == key_id) return &slot;
  }
  return nullptr;
}

void DatagramSession::derive_data_keys(Slot* slot) const {
  const std::string self = u64_bytes(options_.self.v);
  const std::string peer = u64_bytes(options_.peer.v);
  const char version = static_cast<char>(version_);
  const std::string_view agreed(&version, 1);
  slot->data_out = derive(slot->secret, wire::kLabelData,
                          {cluster_.view(), self, peer, boot_.view(), peer_boot_.view(), agreed});
  slot->data_in = derive(slot->secret, wire::kLabelData,
                         {cluster_.view(), peer, self, peer_boot_.view(), boot_.view(), agreed});
  const auto tag = [](const SecretKey& key) {
    return ByteReader(derive(key, wire::kLabelDataTag, {}).view()).fixed32();
  };
  slot->tag_out = tag(slot->data_out);
  slot->tag_in = tag(slot->data_in);
}

// --- data ---------------------------------------------------------------------------------------

bool DatagramSession::send(std::string_view payload, std::string* out) {
  PAWL_CHECK(payload.size() <= wire::kDatagramPayloadBytesMax);
  if (!live()) return false;
  PAWL_CHECK(counter_ < UINT64_MAX);
  ++counter_;
  const Slot& key = slots_[active_];
  const std::size_t at = out->size();
  out->reserve(at + wire::kDataHeaderBytes + payload.size() + kSealTagBytes);
  ByteWriter w(out);
  w.u8(version_);
  w.u8(kind_byte(options_.protection, wire::Kind::kData));
  w.fixed32(key.id.v);
  w.fixed64(options_.self.v);
  w.fixed32(key.tag_out);
  w.fixed64(counter_);
  PAWL_CHECK(out->size() - at == wire::kDataHeaderBytes);
  // The header stays where it is while the rest is appended: the room was reserved above.
  const std::string_view header(out->data() + at, wire::kDataHeaderBytes);
  guard(options_.protection, key.data_out, counter_nonce(counter_), header, payload, out);
  return true;
}

DatagramOutcome DatagramSession::receive_data(std::string_view datagram) {
  const std::size_t overhead = wire::kDataHeaderBytes + guard_bytes(options_.protection);
  if (datagram.size() < overhead) return Dropped{DropReason::kMalformed};
  if (!live()) return Dropped{DropReason::kNotLive};
  ByteReader r(datagram);
  const std::uint8_t version = r.u8();
  r.u8();  // the kind, which brought us here
  const std::uint32_t key_id = r.fixed32();
  r.fixed64();  // the sender, likewise
  const std::uint32_t tag = r.fixed32();
  const std::uint64_t counter = r.fixed64();
  PAWL_CHECK(r.ok());
  if (version != version_) return Dropped{DropReason::kVersion};
  const Slot* key = slot(key_id);
  if (key == nullptr) return Dropped{DropReason::kUnknownKey};
  if (tag != key->tag_in) return Dropped{DropReason::kOtherSession};
  opened_.clear();
  if (!unguard(options_.protection, key->data_in, counter_nonce(counter),
               datagram.substr(0, wire::kDataHeaderBytes), datagram.substr(wire::kDataHeaderBytes),
               &opened_)) {
    return Dropped{DropReason::kNotAuthentic};
  }
  if (!window_.take(counter)) return Dropped{DropReason::kReplayed};
  return DatagramData{options_.peer, opened_};
}

DatagramOutcome DatagramSession::receive(std::string_view datagram, std::int64_t now_ms) {
  if (datagram.size() < kSenderOffset + 8 || datagram.size() > limits::kDatagramBytesMax) {
    return Dropped{DropReason::kMalformed};
  }
  const auto kind = static_cast<std::uint8_t>(datagram[1]);
  if ((kind & wire::kPlainBit) !=
      (kind_byte(options_.protection, wire::Kind{}) & wire::kPlainBit)) {
    return Dropped{DropReason::kProtection};
  }
  if (datagram_sender(datagram) != options_.peer) return Dropped{DropReason::kSender};
  if (kind == kind_byte(options_.protection, wire::Kind::kData)) return receive_data(datagram);
  if (kind == kind_byte(options_.protection, wire::Kind::kHello)) {
    return receive_hello(datagram, now_ms);
  }
  return Dropped{DropReason::kMalformed};
}

// --- hellos -------------------------------------------------------------------------------------

std::string DatagramSession::make_hello(const BootId& echoed_boot,
                                        const Challenge& echoed_challenge) {
  Nonce nonce;
  random_->fill(nonce.data(), nonce.size());
  const Slot& key = slots_[active_];
  std::string header;
  ByteWriter w(&header);
  w.u8(wire::kGreetingFormat);
  w.u8(kind_byte(options_.protection, wire::Kind::kHello));
  w.fixed32(key.id.v);
  w.fixed64(options_.self.v);
  w.raw({reinterpret_cast<const char*>(nonce.data()), nonce.size()});
  PAWL_CHECK(header.size() == wire::kHelloHeaderBytes);
  std::string body;
  ByteWriter b(&body);
  b.raw(boot_.view());
  b.raw(echoed_boot.view());
  b.raw(challenge_.view());
  b.raw(echoed_challenge.view());
  b.u8(options_.versions.min);
  b.u8(options_.versions.max);
  PAWL_CHECK(body.size() == wire::kHelloBodyBytes);
  std::string hello = header;
  guard(options_.protection, key.hello_out, nonce, header, body, &hello);
  return hello;
}

DatagramOutcome DatagramSession::receive_hello(std::string_view datagram, std::int64_t now_ms) {
  const std::size_t bytes =
      wire::kHelloHeaderBytes + wire::kHelloBodyBytes + guard_bytes(options_.protection);
  if (datagram.size() != bytes) return Dropped{DropReason::kMalformed};
  if (static_cast<std::uint8_t>(datagram[0]) != wire::kGreetingFormat) {
    return Dropped{DropReason::kVersion};
  }
  const Slot* key = slot(ByteReader(datagram.substr(2)).fixed32());
  if (key == nullptr) return Dropped{DropReason::kUnknownKey};
  const std::string_view header = datagram.substr(0, wire::kHelloHeaderBytes);
  const Nonce nonce = nonce_of(header.substr(header.size() - kNonceBytes));
  opened_.clear();
  if (!unguard(options_.protection, key->hello_in, nonce, header, datagram.substr(header.size()),
               &opened_)) {
    return Dropped{DropReason::kNotAuthentic};
  }
  ByteReader r(opened_);
  Hello hello;
  hello.boot = BootId(r.raw(BootId::kBytes));
  hello.echoed_boot = BootId(r.raw(BootId::kBytes));
  hello.challenge = Challenge(r.raw(Challenge::kBytes));
  hello.echoed_challenge = Challenge(r.raw(Challenge::kBytes));
  hello.versions.min = r.u8();
  hello.versions.max = r.u8();
  PAWL_CHECK(r.done());
  if (hello.boot.is_none() || hello.versions.min == 0) return Dropped{DropReason::kMalformed};
  return answer(hello, now_ms);
}

DatagramOutcome DatagramSession::answer(const Hello& hello, std::int64_t now_ms) {
  const std::uint8_t version = wire::highest_common(options_.versions, hello.versions);
  if (version == 0) return Dropped{DropReason::kNoCommonVersion};
  const bool fresh =
      !challenge_.is_none() && hello.echoed_boot == boot_ && hello.echoed_challenge == challenge_;
  if (fresh) {
    accept(hello.boot, version, now_ms);
  } else if (hello.boot != peer_boot_) {
    heard_several_ = heard_several_ || (!heard_.is_none() && heard_ != hello.boot);
    heard_ = hello.boot;
    begin_check(now_ms);
  }
  if (hello.challenge.is_none()) return HelloTaken{};
  if (!may_answer(now_ms)) {
    if (fresh) return HelloTaken{};  // it asks again, since its own challenge stays open
    return Dropped{DropReason::kAnswerWithheld};
  }
  return HelloAnswer{make_hello(hello.boot, hello.challenge)};
}

// The challenge is used up: what else was recorded as an answer to it is worth nothing now.
void DatagramSession::accept(const BootId& boot, std::uint8_t version, std::int64_t now_ms) {
  const bool doubtful = heard_several_ || (!heard_.is_none() && heard_ != boot);
  challenge_ = Challenge();
  heard_ = BootId();
  heard_several_ = false;
  retry_ms_ = limits::kHelloRetryMsMin;
  if (doubtful) begin_check(now_ms);
  if (boot == peer_boot_) return;
  peer_boot_ = boot;
  version_ = version;
  window_ = ReplayWindow();
  for (Slot& slot : slots_) derive_data_keys(&slot);
}

void DatagramSession::begin_check(std::int64_t now_ms) {
  if (!challenge_.is_none()) return;
  challenge_ = draw_id<Challenge>(random_);
  poll_ms_ = now_ms + retry_ms_;
}

std::optional<std::string> DatagramSession::poll(std::int64_t now_ms) {
  if (now_ms < next_poll_ms()) return std::nullopt;
  poll_ms_ = now_ms + retry_ms_;
  retry_ms_ = std::min<std::int64_t>(2 * retry_ms_, limits::kHelloRetryMsMax);
  return make_hello(peer_boot_, Challenge());
}

std::int64_t DatagramSession::next_poll_ms() const {
  return challenge_.is_none() ? INT64_MAX : poll_ms_;
}

bool DatagramSession::may_answer(std::int64_t now_ms) {
  constexpr std::int64_t kFull = std::int64_t{limits::kHelloAnswersBurst} * limits::kHelloAnswerMs;
  if (now_ms > allowance_at_ms_) {
    // The first time is long after "never": without overflow, full.
    const bool first = allowance_at_ms_ == INT64_MIN;
    allowance_ms_ = first ? kFull : std::min(kFull, allowance_ms_ + (now_ms - allowance_at_ms_));
    allowance_at_ms_ = now_ms;
  }
  if (allowance_ms_ < limits::kHelloAnswerMs) return false;
  allowance_ms_ -= limits::kHelloAnswerMs;
  return true;
}

}  // namespace pawl::codecs
