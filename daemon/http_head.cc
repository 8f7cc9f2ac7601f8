#include "daemon/http_head.h"

#include <array>
#include <bit>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstdint>
#include <cstring>

#include "base/limits.h"

namespace pawl::daemon {
namespace {

namespace http = boost::beast::http;
using BeastError = boost::beast::error_code;
using BeastView = boost::beast::string_view;

std::string_view view(BeastView s) { return {s.data(), s.size()}; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// `b` is lower case.
bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != b[i]) return false;
  }
  return true;
}

bool method_of(std::string_view text, RequestHead* out) {
  if (text == "GET") return out->method = Method::get, true;
  if (text == "POST") return out->method = Method::post, true;
  if (text == "PUT") return out->method = Method::put, true;
  if (text == "DELETE") return out->method = Method::del, true;
  if (text == "PATCH") return out->method = Method::patch, true;
  if (text == "OPTIONS") return out->method = Method::options, true;
  if (text == "HEAD") return out->head = true, out->method = Method::get, true;
  return false;
}

// `pawl` or `localhost`, with or without a port: anything else is a page elsewhere that resolved
// its own name to us.
bool host_is_ours(std::string_view host) {
  const std::size_t colon = host.find(':');
  const std::string_view name = host.substr(0, colon);
  if (!equals_ignoring_case(name, "pawl") && !equals_ignoring_case(name, "localhost")) return false;
  if (colon == std::string_view::npos) return true;
  const std::string_view port = host.substr(colon + 1);
  if (port.size() > 5) return false;
  for (const char c : port) {
    if (c < '0' || c > '9') return false;
  }
  return true;
}

bool parse_length(std::string_view text, std::uint64_t* out) {
  if (text.empty() || text.size() > 18) return false;
  std::uint64_t x = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    x = x * 10 + static_cast<std::uint64_t>(c - '0');
  }
  *out = x;
  return true;
}

constexpr Refusal kDuplicate = {400, "duplicate-header",
                                "a header field that may be given once is given twice"};

// Beast's grammar, with views into the text instead of a container of fields. Its body machinery is
// switched off (skip): bodies are framed by http_connection.
class HeadParser final : public http::basic_parser<true> {
 public:
  explicit HeadParser(RequestHead* out) : out_(out) {
    header_limit(static_cast<std::uint32_t>(limits::kHttpHeaderBytesMax) + 1);
    skip(true);
  }

  const Refusal& refusal() const { return refusal_; }
  bool saw_length() const { return seen_ & kLength; }
  bool saw_host() const { return seen_ & kHost; }

 private:
  enum : std::uint32_t {
    kHost = 1,
    kLength = 2,
    kCoding = 4,
    kType = 8,
    kExpect = 16,
    kKey = 32,
    kMatch = 64,
    kNoneMatch = 128,
    kEventId = 256,
    kEncoding = 512,
  };

  void refuse(const Refusal& refusal, BeastError& ec) {
    refusal_ = refusal;
    ec = http::error::bad_field;  // any error stops the parser; ours is reported instead
  }

  // A field that may stand once: its value goes to *value.
  void once(std::uint32_t bit, std::string_view text, std::string_view* value, BeastError& ec) {
    if (seen_ & bit) return refuse(kDuplicate, ec);
    seen_ |= bit;
    *value = text;
  }

  void on_request_impl(http::verb, BeastView method, BeastView target, int version,
                       BeastError& ec) override {
    out_->http10 = version == 10;
    if (!method_of(view(method), out_)) {
      return refuse({501, "unknown-method",
                     "the method is none of GET, HEAD, POST, PUT, PATCH, "
                     "DELETE, OPTIONS"},
                    ec);
    }
    const std::string_view text = view(target);
    if (text.empty() || text.front() != '/') {
      return refuse({400, "bad-target", "the target must be a path that begins with '/'"}, ec);
    }
    for (const char c : text) {
      if (static_cast<unsigned char>(c) >= 0x80 || c == '#') {
        return refuse({400, "bad-target",
                       "the target holds a character that must be "
                       "percent-encoded"},
                      ec);
      }
    }
    const std::size_t mark = text.find('?');
    out_->path = text.substr(0, mark);
    out_->query = mark == std::string_view::npos ? std::string_view() : text.substr(mark + 1);
  }

  void on_field_impl(http::field field, BeastView name, BeastView beast_value,
                     BeastError& ec) override {
    if (++fields_ > limits::kHttpHeadersMax) {
      return refuse({431, "too-many-headers", "a request may have at most 64 header fields"}, ec);
    }
    const std::string_view value = view(beast_value);
    std::string_view ignored;
    switch (field) {
      case http::field::host:
        return once(kHost, value, &out_->host, ec);
      case http::field::content_length:
        return on_length(value, ec);
      case http::field::transfer_encoding:
        return on_coding(value, ec);
      case http::field::content_type:
        return once(kType, value, &out_->content_type, ec);
      case http::field::expect:
        return on_expect(value, ec);
      case http::field::if_match:
        return once(kMatch, value, &out_->if_match, ec);
      case http::field::if_none_match:
        return once(kNoneMatch, value, &out_->if_none_match, ec);
      case http::field::accept:
        if (out_->accept.empty()) out_->accept = value;
        return;
      case http::field::content_encoding:
        once(kEncoding, value, &ignored, ec);
        if (!ec && !equals_ignoring_case(value, "identity")) {
          refuse({415, "content-encoding", "bodies must not be compressed"}, ec);
        }
        return;
      case http::field::origin:
      case http::field::referer:
        return refuse({403, "browser",
                       "requests of web pages (with Origin or Referer) are "
                       "refused; a proxy in front must take them off"},
                      ec);
      case http::field::unknown:
        if (equals_ignoring_case(view(name), "idempotency-key")) {
          return once(kKey, value, &out_->idempotency_key, ec);
        }
        if (equals_ignoring_case(view(name), "last-event-id")) {
          return once(kEventId, value, &out_->last_event_id, ec);
        }
        return;
      default:
        return;
    }
  }

  void on_length(std::string_view value, BeastError& ec) {
    std::string_view text;
    once(kLength, value, &text, ec);
    if (ec) return;
    if (!parse_length(text, &out_->content_length)) {
      refuse({400, "bad-length", "Content-Length must be one decimal number"}, ec);
    }
  }

  void on_coding(std::string_view value, BeastError& ec) {
    std::string_view text;
    once(kCoding, value, &text, ec);
    if (ec) return;
    if (!equals_ignoring_case(text, "chunked")) {
      return refuse({501, "transfer-coding", "Transfer-Encoding must be exactly chunked"}, ec);
    }
    out_->chunked = true;
  }

  void on_expect(std::string_view value, BeastError& ec) {
    std::string_view text;
    once(kExpect, value, &text, ec);
    if (ec) return;
    if (!equals_ignoring_case(text, "100-continue")) {
      return refuse({417, "expectation", "Expect must be 100-continue"}, ec);
    }
    out_->expect_continue = true;
  }

  void on_response_impl(int, BeastView, int, BeastError&) override {}
  void on_header_impl(BeastError&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, BeastError&) override {}
  std::size_t on_body_impl(BeastView body, BeastError&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, BeastView, BeastError&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView body, BeastError&) override {
    return body.size();
  }
  void on_finish_impl(BeastError&) override {}

  RequestHead* out_;
  Refusal refusal_;
  std::uint32_t seen_ = 0;
  int fields_ = 0;
};

Refusal translate(const BeastError& ec) {
  if (ec == http::error::bad_version) {
    return {505, "version", "speak HTTP/1.1 (or 1.0): HTTP/2 without negotiation is not served"};
  }
  if (ec == http::error::bad_method) return {400, "bad-request", "the method is malformed"};
  if (ec == http::error::bad_target) return {400, "bad-target", "the target is malformed"};
  if (ec == http::error::bad_content_length || ec == http::error::bad_transfer_encoding) {
    return {400, "bad-length",
            "the body's length must be given once: one Content-Length or chunked, never both"};
  }
  if (ec == http::error::header_limit) {
    return {431, "header-too-large", "the header is larger than 16 KiB"};
  }
  return {400, "bad-request", "a header field is malformed"};
}

constexpr std::array<bool, 256> make_allowed() {
  std::array<bool, 256> table{};
  for (int c = 0x20; c < 256; ++c) table[static_cast<std::size_t>(c)] = c != 0x7f;
  table['\t'] = true;
  return table;
}
constexpr std::array<bool, 256> kAllowed = make_allowed();

// How many of the eight bytes from p on come before the first control character; 8: all.
std::size_t plain_bytes(const char* p) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  std::uint64_t x;
  std::memcpy(&x, p, sizeof x);
  if constexpr (std::endian::native == std::endian::big) x = __builtin_bswap64(x);
  const std::uint64_t del = x ^ (kOnes * 0x7f);
  // Below 0x20, or 0x7f, shows in the byte's high bit. Only bytes after one that is so may be taken
  // for one too: the borrow goes that way.
  const std::uint64_t found = (((x - kOnes * 0x20) & ~x) | ((del - kOnes) & ~del)) & kHighs;
  return found == 0 ? 8 : static_cast<std::size_t>(std::countr_zero(found)) / 8;
}

}  // namespace

HeadScan scan_head(std::string_view in, std::size_t from) {
  using Kind = HeadScan::Kind;
  std::size_t i = from;
  const std::size_t n = in.size();
  while (i < n) {
    for (std::size_t run = 8; run == 8 && n - i >= 8;) {
      run = plain_bytes(in.data() + i);
      i += run;
    }
    if (i == n) break;
    if (kAllowed[static_cast<unsigned char>(in[i])]) [[likely]] {
      ++i;
      continue;
    }
    if (in[i] == '\n') return {Kind::bad, i, "a line must end in CR LF, not in LF alone"};
    if (in[i] != '\r') return {Kind::bad, i, "the header holds a control character"};
    // Stay at the CR until three more bytes tell what it ends.
    if (i + 1 == n) break;
    if (in[i + 1] != '\n') return {Kind::bad, i, "a CR stands alone in the header"};
    if (i + 2 == n) break;
    if (in[i + 2] == ' ' || in[i + 2] == '\t') {
      return {Kind::bad, i, "a header field must not be continued on the next line"};
    }
    if (in[i + 2] == '\r') {
      if (i + 3 == n) break;
      if (in[i + 3] == '\n') return {Kind::end, i + 4, ""};
    }
    i += 2;
  }
  return {Kind::more, i, ""};
}

bool parse_head(std::string_view text, RequestHead* out, Refusal* refusal) {
  *out = RequestHead();
  HeadParser parser(out);
  BeastError ec;
  const std::size_t used = parser.put(boost::asio::const_buffer(text.data(), text.size()), ec);
  if (ec) {
    *refusal = parser.refusal().status != 0 ? parser.refusal() : translate(ec);
    return false;
  }
  if (used != text.size() || !parser.is_done()) {
    *refusal = {400, "bad-request", "the header is malformed"};
    return false;
  }
  out->keep_alive = parser.keep_alive();
  if (out->chunked && parser.saw_length()) {
    *refusal = {400, "bad-length", "Content-Length and Transfer-Encoding exclude each other"};
    return false;
  }
  if (out->chunked && out->http10) {
    *refusal = {400, "bad-length", "HTTP/1.0 has no chunked bodies"};
    return false;
  }
  // HTTP/1.0 knows no Host; a browser always sends it.
  if (!parser.saw_host() && !out->http10) {
    *refusal = {400, "missing-host", "the Host header is missing: send `Host: pawl`"};
    return false;
  }
  if (parser.saw_host() && !host_is_ours(out->host)) {
    *refusal = {421, "wrong-host", "Host must be `pawl` or `localhost`"};
    return false;
  }
  if (out->http10) out->expect_continue = false;
  return true;
}

}  // namespace pawl::daemon
