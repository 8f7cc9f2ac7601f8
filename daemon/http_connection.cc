#include "daemon/http_connection.h"

#include <algorithm>

#include "base/check.h"
#include "base/limits.h"

namespace pawl::daemon {

std::string BufferPool::take() {
  if (free_.empty()) return std::string();
  std::string buffer = std::move(free_.back());
  free_.pop_back();
  return buffer;
}

void BufferPool::give(std::string* buffer) {
  std::string taken;
  taken.swap(*buffer);
  if (taken.capacity() <= 64 || taken.capacity() > 2 * limits::kHttpReadBytes) return;
  if (free_.size() >= static_cast<std::size_t>(limits::kHttpBuffersPooledMax)) return;
  taken.clear();
  free_.push_back(std::move(taken));
}

HttpConnection::HttpConnection(HttpShared* shared, std::uint32_t number, Peer peer)
    : shared_(shared), peer_(std::move(peer)), number_(number) {
  PAWL_CHECK(number <= kConnectionMask);
}

HttpConnection::~HttpConnection() {
  shared_->buffers.give(&in_);
  shared_->buffers.give(&out_);
  shared_->buffers.give(&body_);
  sent_ = 0;  // with the output it was a part of
  account();
  PAWL_CHECK(accounted_in_ == 0 && accounted_out_ == 0);
}

// Keeps the server-wide sums of held bytes up to date.
void HttpConnection::account() {
  PAWL_CHECK(sent_ <= out_.size());
  const std::size_t in = in_.size() + body_.size();
  const std::size_t out = out_.size() - sent_;
  shared_->input_bytes += in - accounted_in_;
  shared_->output_bytes += out - accounted_out_;
  accounted_in_ = in;
  accounted_out_ = out;
}

// HTTP/1.0 has no pipelining that could be answered in order behind an answer ended by closing.
bool HttpConnection::paused() const {
  return (!slots_.empty() && slots_.back().http10) ||
         slots_.size() >= static_cast<std::size_t>(limits::kHttpPipelineMax) ||
         out_.size() - sent_ > limits::kHttpOutputBytesMax ||
         shared_->output_bytes > limits::kHttpOutputBytesTotal;
}

bool HttpConnection::finished() const {
  return slots_.empty() && (no_more_ || (shared_->draining && in_.empty()));
}

void HttpConnection::mark_dirty() {
  if (dirty_) return;
  dirty_ = true;
  shared_->dirty.push_back(number_);
}

void HttpConnection::receive(std::string_view bytes) {
  if (no_more_) return;
  shared_->metrics->bytes_in += bytes.size();
  process(bytes);
}

void HttpConnection::resume() { process({}); }

void HttpConnection::end_of_input() {
  input_ended_ = true;
  no_more_ = true;
  drop_input();
  mark_dirty();
}

void HttpConnection::drop_input() {
  shared_->buffers.give(&in_);
  shared_->buffers.give(&body_);
  account();
}

void HttpConnection::vanish() {
  no_more_ = true;
  std::vector<Slot> gone;
  gone.swap(slots_);
  for (const Slot& slot : gone) {
    if (slot.done) continue;
    ++shared_->metrics->cancelled;
    shared_->handler->cancelled(slot.id);
  }
}

void HttpConnection::time_out() {
  refuse({408, "slow-request", "the request did not arrive in time"});
  drop_input();
}

void HttpConnection::process(std::string_view fresh) {
  const bool held = !in_.empty();
  if (held) {
    in_.append(fresh);
  } else {
    request_began_ns_ = shared_->now_ns;
  }
  const std::string_view all = held ? std::string_view(in_) : fresh;
  std::string_view rest = all;
  stalled_ = false;
  while (!no_more_ && !rest.empty()) {
    if (phase_ == Phase::head && paused()) {
      stalled_ = true;
      break;
    }
    if (!step(&rest)) break;
    request_began_ns_ = shared_->now_ns;
  }
  if (no_more_) {
    drop_input();
  } else if (!held) {
    if (!rest.empty()) {
      in_ = shared_->buffers.take();
      in_.assign(rest);
    }
  } else if (rest.empty()) {
    shared_->buffers.give(&in_);
  } else {
    in_.erase(0, all.size() - rest.size());
  }
  if (phase_ == Phase::chunked_body && !in_.empty()) {
    // Decoded chunks are not kept beside the body they made.
    in_.erase(head_end_, chunk_at_ - head_end_);
    chunk_at_ = head_end_;
  }
  account();
  if (shared_->input_bytes > limits::kHttpInputBytesTotal && !in_.empty() && !no_more_) {
    refuse({503, "busy", "too many large requests at once: try again in a moment"});
    drop_input();
  }
}

bool HttpConnection::step(std::string_view* rest) {
  switch (phase_) {
    case Phase::head:
      return step_head(rest);
    case Phase::chunked_body:
      return step_chunks(rest);
    case Phase::fixed_body:
      break;
  }
  if (rest->size() < need_) return false;
  RequestHead head;
  Refusal refusal;
  PAWL_CHECK(parse_head(rest->substr(0, head_end_), &head, &refusal));
  phase_ = Phase::head;
  dispatch(head, rest->substr(head_end_, need_ - head_end_));
  rest->remove_prefix(need_);
  return true;
}

bool HttpConnection::step_head(std::string_view* rest) {
  // Some clients send an empty line behind a body (RFC 9112, 2.2).
  if (scanned_ == 0 && rest->substr(0, 2) == "\r\n") {
    rest->remove_prefix(2);
    return true;
  }
  const std::string_view window = rest->substr(0, limits::kHttpHeaderBytesMax + 1);
  const HeadScan scan = scan_head(window, scanned_);
  if (scan.kind == HeadScan::Kind::bad) {
    refuse({400, "bad-request", scan.why});
    return false;
  }
  if (scan.kind == HeadScan::Kind::more || scan.position > limits::kHttpHeaderBytesMax) {
    scanned_ = static_cast<std::uint32_t>(scan.position);
    if (rest->size() > limits::kHttpHeaderBytesMax) {
      refuse({431, "header-too-large", "the header is larger than 16 KiB"});
    }
    return false;
  }
  scanned_ = 0;
  head_end_ = static_cast<std::uint32_t>(scan.position);
  RequestHead head;
  Refusal refusal;
  if (!parse_head(rest->substr(0, head_end_), &head, &refusal)) {
    refuse(refusal);
    return false;
  }
  return start_body(rest, head);
}

bool HttpConnection::start_body(std::string_view* rest, const RequestHead& head) {
  if (head.content_length > limits::kHttpBodyBytesMax) {
    refuse({413, "body-too-large", "a body may be at most 1 MiB"});
    return false;
  }
  if (head.chunked) {
    phase_ = Phase::chunked_body;
    chunks_ = ChunkDecoder();
    chunk_at_ = head_end_;
    body_ = shared_->buffers.take();
    if (step_chunks(rest)) return true;
  } else {
    need_ = head_end_ + static_cast<std::uint32_t>(head.content_length);
    if (rest->size() >= need_) {
      dispatch(head, rest->substr(head_end_, need_ - head_end_));
      rest->remove_prefix(need_);
      return true;
    }
    phase_ = Phase::fixed_body;
  }
  if (head.expect_continue && !no_more_) owe_continue();
  return false;
}

bool HttpConnection::step_chunks(std::string_view* rest) {
  std::size_t used = 0;
  const ChunkDecoder::Result result =
      chunks_.feed(rest->substr(chunk_at_), limits::kHttpBodyBytesMax, &body_, &used);
  chunk_at_ += static_cast<std::uint32_t>(used);
  switch (result) {
    case ChunkDecoder::Result::more:
      return false;
    case ChunkDecoder::Result::bad:
      refuse({400, "bad-chunk", "the chunked body is malformed"});
      return false;
    case ChunkDecoder::Result::too_large:
      refuse({413, "body-too-large", "a body may be at most 1 MiB"});
      return false;
    case ChunkDecoder::Result::done:
      break;
  }
  RequestHead head;
  Refusal refusal;
  PAWL_CHECK(parse_head(rest->substr(0, head_end_), &head, &refusal));
  phase_ = Phase::head;
  dispatch(head, body_);
  shared_->buffers.give(&body_);
  rest->remove_prefix(chunk_at_);
  return true;
}

void HttpConnection::dispatch(const RequestHead& head, std::string_view body) {
  Slot slot;
  slot.id = RequestId(++shared_->requests << kConnectionBits | number_);
  slot.head = head.head;
  slot.http10 = head.http10;
  slot.keep_alive = head.keep_alive;
  slots_.push_back(std::move(slot));
  ++shared_->metrics->requests;
  continue_owed_ = false;
  if (!head.keep_alive) no_more_ = true;
  Request request;
  request.id = slots_.back().id;
  request.method = head.method;
  request.head = head.head;
  request.peer = &peer_;
  request.path = head.path;
  request.query = head.query;
  request.host = head.host;
  request.content_type = head.content_type;
  request.accept = head.accept;
  request.idempotency_key = head.idempotency_key;
  request.if_match = head.if_match;
  request.if_none_match = head.if_none_match;
  request.last_event_id = head.last_event_id;
  request.body = body;
  shared_->handler->request(request);
}

// Answers once, in its turn, and reads nothing more: after a framing error nobody knows where the
// next request begins.
void HttpConnection::refuse(const Refusal& refusal) {
  no_more_ = true;
  refused_ = true;
  ++shared_->metrics->refused;
  Slot slot;
  slot.id = RequestId(++shared_->requests << kConnectionBits | number_);
  slot.keep_alive = false;
  slots_.push_back(std::move(slot));
  std::string body;
  append_problem(refusal.status, refusal.type, refusal.detail, &body);
  Response response;
  response.status = refusal.status;
  response.content_type = kProblemType;
  response.body = body;
  respond(slots_.back().id, response);
}

// "100 Continue" must not overtake the answers before it.
void HttpConnection::owe_continue() {
  if (!slots_.empty()) {
    continue_owed_ = true;
    return;
  }
  continue_owed_ = false;
  if (out_.empty()) out_ = shared_->buffers.take();
  out_.append("HTTP/1.1 100 Continue\r\n\r\n");
  mark_dirty();
}

void HttpConnection::wrote(std::size_t bytes) {
  sent_ += bytes;
  PAWL_CHECK(sent_ <= out_.size());
  shared_->metrics->bytes_out += bytes;
  if (sent_ == out_.size()) {
    sent_ = 0;
    shared_->buffers.give(&out_);
  } else if (sent_ > limits::kHttpReadBytes && sent_ * 2 > out_.size()) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
  account();
  if (!slots_.empty() && slots_.front().full &&
      out_.size() - sent_ < limits::kHttpOutputBytesMax / 4) {
    slots_.front().full = false;
    shared_->handler->stream_writable(slots_.front().id);
  }
}

}  // namespace pawl::daemon
