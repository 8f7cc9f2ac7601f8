// The answering half of HttpConnection: slots in request order, heads of answers, streams.
#include <charconv>

#include "base/check.h"
#include "base/limits.h"
#include "daemon/http_connection.h"

namespace pawl::daemon {
namespace {

void append_number(std::size_t x, std::string* out) {
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, x).ptr;
  out->append(text, static_cast<std::size_t>(end - text));
}

void append_hex(std::uint64_t x, std::string* out) {
  char text[20];
  const auto end = std::to_chars(text, text + sizeof text, x, 16).ptr;
  out->append(text, static_cast<std::size_t>(end - text));
}

bool safe(std::string_view s) {
  for (const char c : s) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x20 || u == 0x7f) return false;
  }
  return true;
}

bool has_body(int status) { return status != 204 && status != 304; }

}  // namespace

HttpConnection::Slot* HttpConnection::find(RequestId id) {
  for (Slot& slot : slots_) {
    if (slot.id == id) return slot.done ? nullptr : &slot;
  }
  return nullptr;
}

// Where the slot's answer goes: straight to the output if it is the first.
std::string* HttpConnection::target(Slot* slot) {
  if (slot != &slots_.front()) return &slot->text;
  if (out_.empty()) out_ = shared_->buffers.take();
  return &out_;
}

void HttpConnection::append_head(const Slot& slot, const Response& response, bool chunked,
                                 std::string* out) {
  PAWL_CHECK(response.status >= 200 && response.status <= 599);
  ++shared_->metrics->answers[static_cast<std::size_t>(response.status / 100)];
  out->append("HTTP/1.1 ");
  append_number(static_cast<std::size_t>(response.status), out);
  out->push_back(' ');
  out->append(status_phrase(response.status));
  if (has_body(response.status)) {
    out->append("\r\nContent-Type: ").append(response.content_type);
    if (!chunked) {
      out->append("\r\nContent-Length: ");
      append_number(response.body.size(), out);
    } else if (!slot.http10) {
      out->append("\r\nTransfer-Encoding: chunked");
    }
  }
  out->append("\r\nX-Request-Id: ");
  append_hex(shared_->boot, out);
  out->push_back('-');
  append_hex(slot.id.v, out);
  out->append("\r\n").append(shared_->date);
  for (const HeaderField& field : response.headers) {
    PAWL_CHECK(safe(field.name) && safe(field.value));
    out->append(field.name).append(": ").append(field.value).append("\r\n");
  }
  if (!slot.keep_alive) {
    out->append("Connection: close\r\n");
  } else if (slot.http10) {
    out->append("Connection: keep-alive\r\n");
  }
  out->append("\r\n");
}

bool HttpConnection::respond(RequestId id, const Response& response) {
  Slot* slot = find(id);
  if (slot == nullptr) return false;
  PAWL_CHECK(!slot->streaming);
  if (shared_->draining && slots_.size() == 1 && in_.empty()) slot->keep_alive = false;
  std::string* out = target(slot);
  append_head(*slot, response, false, out);
  if (!slot->head && has_body(response.status)) out->append(response.body);
  slot->done = true;
  settle();
  return true;
}

StreamState HttpConnection::begin_stream(RequestId id, const Response& response) {
  Slot* slot = find(id);
  if (slot == nullptr) return StreamState::kGone;
  PAWL_CHECK(!slot->streaming && has_body(response.status));
  // Without chunks only the connection's end says where the answer ends.
  if (slot->http10) slot->keep_alive = false;
  slot->streaming = true;
  append_head(*slot, response, true, target(slot));
  if (slot->head) {  // has its whole answer: what would follow may never end
    slot->done = true;
    settle();
    return StreamState::kGone;
  }
  append_piece(slot, response.body);
  settle();
  return stream_state(slot);
}

StreamState HttpConnection::stream(RequestId id, std::string_view piece) {
  Slot* slot = find(id);
  if (slot == nullptr || !slot->streaming) return StreamState::kGone;
  append_piece(slot, piece);
  settle();
  return stream_state(slot);
}

void HttpConnection::end_stream(RequestId id) {
  Slot* slot = find(id);
  if (slot == nullptr || !slot->streaming) return;
  if (!slot->head && !slot->http10) target(slot)->append("0\r\n\r\n");
  slot->done = true;
  settle();
}

void HttpConnection::append_piece(Slot* slot, std::string_view piece) {
  if (piece.empty() || slot->head) return;
  std::string* out = target(slot);
  if (slot->http10) {
    out->append(piece);
    return;
  }
  append_hex(piece.size(), out);
  out->append("\r\n").append(piece).append("\r\n");
}

StreamState HttpConnection::stream_state(Slot* slot) {
  const std::size_t held = slot == &slots_.front() ? out_.size() - sent_ : slot->text.size();
  slot->full =
      held >= limits::kHttpOutputBytesMax || shared_->output_bytes > limits::kHttpOutputBytesTotal;
  return slot->full ? StreamState::kFull : StreamState::kOpen;
}

// Takes answered requests off the front and lets the next one write.
void HttpConnection::settle() {
  std::size_t finished = 0;
  while (finished < slots_.size() && slots_[finished].done) {
    if (!slots_[finished].keep_alive) no_more_ = true;
    ++finished;
    if (finished == slots_.size()) break;
    Slot& next = slots_[finished];
    if (!next.text.empty()) {
      if (out_.empty()) out_ = shared_->buffers.take();
      out_.append(next.text);
      std::string().swap(next.text);
    }
  }
  if (finished != 0) {
    slots_.erase(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(finished));
  }
  if (slots_.empty() && continue_owed_) owe_continue();
  account();
  mark_dirty();
}

}  // namespace pawl::daemon
