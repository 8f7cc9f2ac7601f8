#include "codecs/stream_session.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/limits.h"

namespace pawl::codecs {
namespace {

// A larger buffer is given back once its record is opened.
constexpr std::size_t kKeptBytesMax = 64 * limits::KiB;

// In plain mode: the tag, and the checksum.
constexpr std::size_t kPlainOverheadBytes = 1 + 4;

// Both sides derive the header that the library would otherwise draw and send.
Nonce stream_header(const SecretKey& key) {
  const SecretKey derived = derive(key, wire::kLabelStreamHeader, {});
  Nonce header;
  const std::string_view bytes = derived.view().substr(0, header.size());
  std::copy(bytes.begin(), bytes.end(), header.begin());
  return header;
}

}  // namespace

// --- one direction ------------------------------------------------------------------------------

StreamSession::Channel::Channel(Protection protection, const SecretKey& key)
    : protection_(protection), cipher_(key, stream_header(key)) {}

// Covers the record's number too, so that one left out or repeated is noticed.
std::uint32_t StreamSession::Channel::checksum(std::string_view framed) const {
  std::string number;
  ByteWriter(&number).fixed64(number_);
  return crc32c(framed, crc32c(number));
}

void StreamSession::Channel::push(StreamTag tag, std::string_view record, std::string* out) {
  const std::size_t at = out->size();
  ByteWriter w(out);
  w.fixed32(static_cast<std::uint32_t>(record.size()));
  if (protection_ == Protection::kSealed) {
    const std::string length = out->substr(at);
    cipher_.push(tag, length, record, out);
    return;
  }
  w.u8(static_cast<std::uint8_t>(tag));
  w.raw(record);
  w.fixed32(checksum(std::string_view(*out).substr(at)));
  ++number_;
}

bool StreamSession::Channel::pull(std::string_view framed, StreamTag* tag, std::string* record) {
  const std::string_view length = framed.substr(0, wire::kRecordLengthBytes);
  const std::string_view rest = framed.substr(wire::kRecordLengthBytes);
  if (protection_ == Protection::kSealed) return cipher_.pull(length, rest, tag, record);
  PAWL_CHECK(rest.size() >= kPlainOverheadBytes);
  const std::string_view covered = framed.substr(0, framed.size() - 4);
  if (ByteReader(framed.substr(covered.size())).fixed32() != checksum(covered)) return false;
  *tag = static_cast<StreamTag>(rest.front());
  if (*tag != StreamTag::kMessage && *tag != StreamTag::kRekey && *tag != StreamTag::kFinal) {
    return false;
  }
  record->assign(rest.substr(1, rest.size() - kPlainOverheadBytes));
  ++number_;
  return true;
}

// --- the session --------------------------------------------------------------------------------

StreamSession::StreamSession(StreamRole role, const StreamOptions& options, const Keyring* ring,
                             RandomBytes* random, FirstMessageFilter* filter)
    : options_(options) {
  PAWL_CHECK(options_.rekey_bytes > 0);
  handshake_.emplace(role, options, ring, random, filter);
}

void StreamSession::start(std::string* to_send) {
  PAWL_CHECK(handshake_.has_value());
  handshake_->start(to_send);
}

void StreamSession::feed(std::string_view bytes, StreamOutput* out) {
  if (error_ != StreamError::kNone) return;
  if (handshake_) {
    handshake_->feed(&bytes, &out->to_send);
    if (handshake_->failed()) return fail(handshake_->error());
    if (!handshake_->done()) return;
    establish(out);
  }
  feed_records(bytes, out);
}

void StreamSession::establish(StreamOutput* out) {
  agreement_ = handshake_->agreement();
  sender_.emplace(options_.protection, agreement_.send_key);
  receiver_.emplace(options_.protection, agreement_.receive_key);
  agreement_.send_key = agreement_.receive_key = SecretKey();
  handshake_.reset();
  out->established = true;
}

std::size_t StreamSession::record_overhead() const {
  return wire::kRecordLengthBytes +
         (options_.protection == Protection::kSealed ? kStreamOverheadBytes : kPlainOverheadBytes);
}

// How many bytes the record that begins with `begun` has in all; as far as its length is there.
bool StreamSession::wants(std::string_view begun, std::size_t* bytes) {
  *bytes = wire::kRecordLengthBytes;
  if (begun.size() < wire::kRecordLengthBytes) return true;
  const std::uint32_t length = ByteReader(begun).fixed32();
  if (length > limits::kStreamRecordBytesMax) {
    fail(StreamError::kRecordTooLarge);
    return false;
  }
  *bytes = record_overhead() + length;
  return true;
}

// A record that lies whole in what was read is opened where it is.
void StreamSession::feed_records(std::string_view bytes, StreamOutput* out) {
  while (error_ == StreamError::kNone && !bytes.empty()) {
    if (ended_) return fail(StreamError::kAfterFinal);
    std::size_t wanted = 0;
    if (!wants(pending_.empty() ? bytes : pending_, &wanted)) return;
    if (pending_.empty() && wanted > wire::kRecordLengthBytes && bytes.size() >= wanted) {
      take(bytes.substr(0, wanted), out);
      bytes.remove_prefix(wanted);
      continue;
    }
    const std::size_t taken = std::min(wanted - pending_.size(), bytes.size());
    pending_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (pending_.size() < wanted) return;
    // The length is looked at as soon as it is there, however it was cut.
    if (wanted == wire::kRecordLengthBytes && !wants(pending_, &wanted)) return;
    if (pending_.size() < wanted) continue;
    take(pending_, out);
    if (pending_.capacity() > kKeptBytesMax) {
      std::string().swap(pending_);
    } else {
      pending_.clear();
    }
  }
}

void StreamSession::take(std::string_view framed, StreamOutput* out) {
  StreamTag tag{};
  std::string record;
  if (!receiver_->pull(framed, &tag, &record)) return fail(StreamError::kNotAuthentic);
  PAWL_CHECK(record.size() == framed.size() - record_overhead());
  ended_ = tag == StreamTag::kFinal;
  // The last record only says so.
  if (!ended_ || !record.empty()) out->records.push_back(std::move(record));
}

void StreamSession::end_of_input() {
  if (error_ == StreamError::kNone && !ended_) fail(StreamError::kTruncated);
}

bool StreamSession::send(std::string_view record, std::string* out) {
  PAWL_CHECK(record.size() <= limits::kStreamRecordBytesMax);
  keyed_bytes_ += record.size();
  const bool rekey = keyed_bytes_ >= options_.rekey_bytes;
  if (rekey) keyed_bytes_ = 0;
  return push(rekey ? StreamTag::kRekey : StreamTag::kMessage, record, out);
}

bool StreamSession::close(std::string* out) {
  if (!push(StreamTag::kFinal, {}, out)) return false;
  closed_ = true;
  return true;
}

bool StreamSession::push(StreamTag tag, std::string_view record, std::string* out) {
  if (!established() || closed_ || error_ != StreamError::kNone) return false;
  sender_->push(tag, record, out);
  return true;
}

void StreamSession::fail(StreamError error) {
  std::string().swap(pending_);
  error_ = error;
}

}  // namespace pawl::codecs
