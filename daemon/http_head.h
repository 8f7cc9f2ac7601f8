// The head of a request: request line and fields, strictly RFC 9112, with what can be read two ways
// refused rather than guessed (request smuggling lives on guesses). Pure functions on bytes.
//
// Beast parses the grammar; it sees a complete head whose characters were already checked. The
// rules about which fields may stand together are here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/http.h"

namespace pawl::daemon {

// Why a request is not served: an answer by us, then the connection ends. Texts are literals.
struct Refusal {
  int status = 0;
  const char* type = "";    // of the problem
  const char* detail = "";  // says what to do instead, where that is not plain
};

struct HeadScan {
  enum class Kind : std::uint8_t { more, end, bad };
  Kind kind = Kind::more;
  // more: scan on from here when more has come; end: one past the empty line.
  std::size_t position = 0;
  const char* why = "";  // bad
};

// Looks for the end of the head in `in`, from `from` on (0, or a previous `position`), and refuses
// on the way: control characters, CR or LF alone, a field continued on the next line (obs-fold).
// Works on each byte once however the head is cut into pieces.
HeadScan scan_head(std::string_view in, std::size_t from);

// Views point into the text that was parsed.
struct RequestHead {
  Method method = Method::get;
  bool head = false;  // HEAD
  bool http10 = false;
  bool keep_alive = true;
  bool expect_continue = false;
  bool chunked = false;
  std::uint64_t content_length = 0;
  std::string_view path;
  std::string_view query;
  std::string_view host;
  std::string_view content_type;
  std::string_view accept;  // the first of several
  std::string_view idempotency_key;
  std::string_view if_match;
  std::string_view if_none_match;
  std::string_view last_event_id;
};

// Parses a head that scan_head found complete. False: *refusal says why, *out is meaningless.
bool parse_head(std::string_view text, RequestHead* out, Refusal* refusal);

}  // namespace pawl::daemon
