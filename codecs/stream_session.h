// A TCP connection between two boxes, as a state machine without sockets and clock: the handshake,
// then records both ways, each opened whole, once and in order.
//
//   greeting --(handshake done)--> open --(peer's last record)--> open for sending only
//   open --(close)--> open for receiving only
//   any --(what is not the next record, or an end before the last one)--> failed
//
// A record is what was passed to one send(): usually many frames (frame.h). The last one says that
// it is, so that a cut connection is told from a closed one. A sender changes its key every
// rekey_bytes: who gets a box's memory later can't read what was sent under earlier keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codecs/keyring.h"
#include "codecs/random_bytes.h"
#include "codecs/seal.h"
#include "codecs/stream_handshake.h"

namespace pawl::codecs {

// What one feed() led to. Reuse one: feed() appends.
struct StreamOutput {
  std::string to_send;               // also where an error is reported
  std::vector<std::string> records;  // in order; those before an error are good
  bool established = false;          // just now: send() works, agreement() is known
};

class StreamSession {
 public:
  // As StreamHandshake's; its pointers are not used any more once the session is established.
  StreamSession(StreamRole role, const StreamOptions& options, const Keyring* ring,
                RandomBytes* random, FirstMessageFilter* filter);
  StreamSession(const StreamSession&) = delete;
  StreamSession& operator=(const StreamSession&) = delete;

  // The initiator's first message, appended; once, before anything else.
  void start(std::string* to_send);
  // Bytes from the connection, cut as they come. Nothing happens after an error.
  void feed(std::string_view bytes, StreamOutput* out);
  // The connection has ended: kTruncated, unless the last record was there.
  void end_of_input();

  // Appends one record of at most limits::kStreamRecordBytesMax bytes. False if it is not
  // established, has failed or was closed.
  bool send(std::string_view record, std::string* out);
  // Appends the last record: nothing is sent after it. False as above.
  bool close(std::string* out);

  bool established() const { return sender_.has_value(); }
  // The peer's last record was read; it may still read what we send.
  bool ended() const { return ended_; }
  StreamError error() const { return error_; }
  // Of an established session.
  const StreamAgreement& agreement() const { return agreement_; }
  // Who wrote the first message, once it authenticated; nobody (0) before.
  NodeId peer() const { return handshake_ ? handshake_->agreement().peer : agreement_.peer; }

 private:
  // One direction's records, sealed or checksummed.
  class Channel {
   public:
    Channel(Protection protection, const SecretKey& key);
    void push(StreamTag tag, std::string_view record, std::string* out);
    // `framed` is a whole record with its length.
    bool pull(std::string_view framed, StreamTag* tag, std::string* record);

   private:
    std::uint32_t checksum(std::string_view framed) const;

    Protection protection_;
    std::uint64_t number_ = 0;  // of the next record; only plain ones need it
    StreamCipher cipher_;
  };

  bool push(StreamTag tag, std::string_view record, std::string* out);
  std::size_t record_overhead() const;
  void establish(StreamOutput* out);
  void feed_records(std::string_view bytes, StreamOutput* out);
  bool wants(std::string_view begun, std::size_t* bytes);
  void take(std::string_view framed, StreamOutput* out);
  void fail(StreamError error);

  StreamOptions options_;
  std::optional<StreamHandshake> handshake_;  // until it is done
  StreamAgreement agreement_;                 // without its keys
  std::optional<Channel> sender_;
  std::optional<Channel> receiver_;
  std::string pending_;            // the beginning of a record
  std::uint64_t keyed_bytes_ = 0;  // sent since the key was changed
  bool closed_ = false;            // by us
  bool ended_ = false;             // by the peer
  StreamError error_ = StreamError::kNone;
};

}  // namespace pawl::codecs
