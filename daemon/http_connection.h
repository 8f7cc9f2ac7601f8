// One connection as a state machine on bytes: no socket, no clock. http_server feeds it what it
// read and writes what it has to say; tests do the same with strings.
//
//   reading a request:  head --(complete)--> fixed body | chunked body --(complete)--> HttpHandler
//   --> head
//                       any --(malformed)--> refused: one answer, then the end
//   answering:          requests under way form a queue in order of arrival; only the first writes
//   to
//                       the output, the others' answers wait in their slots.
//
// A request that lies complete in what was read is parsed where it is; only an incomplete one is
// copied. So an idle connection holds no buffer, and a busy one allocates nothing per request.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/http.h"
#include "daemon/http_chunks.h"
#include "daemon/http_head.h"
#include "daemon/metrics.h"

namespace pawl::daemon {

// Strings that keep their memory between uses, so that connections borrow instead of allocate.
class BufferPool {
 public:
  std::string take();
  void give(std::string* buffer);  // leaves *buffer empty and without memory

 private:
  std::vector<std::string> free_;
};

// What all connections of a server share. Owned by the server; loop thread only.
struct HttpShared {
  HttpHandler* handler = nullptr;
  HttpMetrics* metrics = nullptr;
  BufferPool buffers;
  std::uint64_t requests = 0;        // so far: the next id's upper part
  std::uint32_t boot = 0;            // first part of X-Request-Id
  std::int64_t now_ns = 0;           // of this turn
  std::string date;                  // "Date: ...\r\n", renewed by the server each second
  bool draining = false;             // the server stops: every answer is its connection's last
  std::size_t input_bytes = 0;       // held by all connections
  std::size_t output_bytes = 0;      // likewise
  std::vector<std::uint32_t> dirty;  // connections with something to write or to look at
};

// RequestIds carry the connection's number in their low bits, so that an answer finds its way.
inline constexpr int kConnectionBits = 13;
inline constexpr std::uint32_t kConnectionMask = (1u << kConnectionBits) - 1;

class HttpConnection {
 public:
  HttpConnection(HttpShared* shared, std::uint32_t number, Peer peer);
  // Gives buffers back; tells the handler nothing (see vanish).
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // Bytes from the client. Hands complete requests to the handler, within the call.
  void receive(std::string_view bytes);
  // Goes on with what was left when reading was paused.
  void resume();
  // The client sends nothing more but may still read: what was asked is still answered.
  void end_of_input();
  // The client is gone: cancels what is under way. Nothing else may be called afterwards but the
  // destructor.
  void vanish();
  // The request took too long to arrive: 408.
  void time_out();

  // What is to be sent next, and how much of it was.
  std::string_view output() const { return std::string_view(out_).substr(sent_); }
  void wrote(std::size_t bytes);

  // Reading makes sense: not refused, not at its limits.
  bool wants_input() const { return !no_more_ && !paused(); }
  // There is input that waited for room.
  bool can_resume() const { return !no_more_ && !in_.empty() && stalled_ && !paused(); }
  // All is said: close once output() is empty.
  bool finished() const;
  // After finished: the client may still be sending, so read and drop for a while before closing,
  // or it might lose the answer.
  bool lingers() const { return refused_; }
  bool has_requests() const { return !slots_.empty(); }
  // In the middle of receiving a request, and since when.
  bool mid_request() const { return !in_.empty() && !stalled_; }
  std::int64_t request_began_ns() const { return request_began_ns_; }

  bool respond(RequestId id, const Response& response);
  StreamState begin_stream(RequestId id, const Response& response);
  StreamState stream(RequestId id, std::string_view piece);
  void end_stream(RequestId id);

  // The server took it off the dirty list.
  void clean() { dirty_ = false; }
  // Puts it on the dirty list, once.
  void mark_dirty();

  const Peer& peer() const { return peer_; }
  std::uint32_t number() const { return number_; }

 private:
  // A request under way.
  struct Slot {
    RequestId id;
    bool head = false;
    bool http10 = false;
    bool keep_alive = true;
    bool streaming = false;
    bool done = false;
    bool full = false;  // its stream was told to wait
    std::string text;   // the answer so far, while another is before it
  };
  enum class Phase : std::uint8_t { head, fixed_body, chunked_body };

  bool paused() const;
  void process(std::string_view fresh);
  // One step on `rest`: takes what it finished with off its front. False: no further without more
  // input.
  bool step(std::string_view* rest);
  bool step_head(std::string_view* rest);
  bool step_chunks(std::string_view* rest);
  bool start_body(std::string_view* rest, const RequestHead& head);
  void dispatch(const RequestHead& head, std::string_view body);
  [[gnu::cold]] void refuse(const Refusal& refusal);
  void owe_continue();

  Slot* find(RequestId id);
  std::string* target(Slot* slot);
  void append_head(const Slot& slot, const Response& response, bool chunked, std::string* out);
  void append_piece(Slot* slot, std::string_view piece);
  StreamState stream_state(Slot* slot);
  void settle();
  void account();
  void drop_input();

  HttpShared* shared_;
  Peer peer_;
  std::vector<Slot> slots_;
  std::string in_;    // the beginning of a request that is not complete
  std::string out_;   // what is to be sent; the first sent_ bytes are
  std::string body_;  // a chunked body so far
  std::size_t sent_ = 0;
  std::size_t accounted_in_ = 0;
  std::size_t accounted_out_ = 0;
  std::int64_t request_began_ns_ = 0;
  std::uint32_t number_;
  std::uint32_t scanned_ = 0;   // of the head
  std::uint32_t head_end_ = 0;  // where the body begins
  std::uint32_t need_ = 0;      // head and fixed body
  std::uint32_t chunk_at_ = 0;  // how far the chunks are decoded
  ChunkDecoder chunks_;
  Phase phase_ = Phase::head;
  bool no_more_ = false;  // no further request is read
  bool refused_ = false;
  bool input_ended_ = false;
  bool continue_owed_ = false;
  bool stalled_ = false;  // input waits because paused()
  bool dirty_ = false;
};

}  // namespace pawl::daemon
