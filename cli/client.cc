#include "cli/client.h"

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <cerrno>

namespace pawl::cli {
namespace {

constexpr int kSilenceMs = 60'000;

// Gives the complete lines of *text to `line` and keeps the rest; false once `line` has enough.
bool take_lines(std::string* text, const std::function<bool(std::string_view)>& line) {
  std::size_t start = 0;
  bool more = true;
  while (more) {
    const std::size_t end = text->find('\n', start);
    if (end == std::string::npos) break;
    if (end > start) more = line(std::string_view(*text).substr(start, end - start));
    start = end + 1;
  }
  text->erase(0, start);
  return more;
}

// A control character in a header would begin another one, and a space at an end would get lost.
bool is_header_value(std::string_view text) {
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  return !control && !text.empty() && text.front() != ' ' && text.back() != ' ';
}

absl::Status check(const Request& request) {
  if (!is_header_value(request.content_type)) {
    return absl::InvalidArgumentError(
        "this is no content type\nhint: for example application/json");
  }
  for (const auto& [name, value] : request.headers) {
    if (is_header_value(value)) continue;
    return absl::InvalidArgumentError(
        "the value of " + name + " is empty, holds a control character, or begins or ends with a " +
        "space\nhint: use letters, digits and the like");
  }
  return absl::OkStatus();
}

}  // namespace

std::int64_t monotonic_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

std::int64_t wall_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

bool is_away(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kAborted;
}

std::string target_within(std::string_view name_space, std::string_view target) {
  constexpr std::string_view kRoot = "/v1/";
  if (name_space.empty() || !target.starts_with(kRoot)) return std::string(target);
  const std::string_view below = target.substr(kRoot.size());
  for (const std::string_view other : {"ns/", "namespaces", "cluster", "version", "openapi.json"}) {
    if (below.starts_with(other)) return std::string(target);
  }
  return std::string(kRoot) + "ns/" + std::string(name_space) + "/" + std::string(below);
}

void Client::send(const Request& request) {
  if (name_space_.empty()) return connection_.send(request);
  Request within = request;
  within.target = target_within(name_space_, request.target);
  connection_.send(within);
}

absl::Status Client::wait(std::int64_t deadline_ms) {
  pollfd fd{connection_.fd(), connection_.events(), 0};
  const std::int64_t left = std::max<std::int64_t>(deadline_ms - monotonic_ms(), 0);
  const int n = ::poll(&fd, 1, static_cast<int>(left));
  if (n < 0 && errno != EINTR) return absl::InternalError("poll failed");
  if (n == 0) {
    const std::string path = connection_.path();
    connection_.close();
    return absl::DeadlineExceededError(
        "no answer from the daemon at " + path +
        " in time\nhint: it may be stuck on its disk: see /readyz (`pawl api GET /readyz`) and its "
        "log; what was asked may still happen");
  }
  return absl::OkStatus();
}

absl::Status Client::exchange(const Request& request, int timeout_ms) {
  const std::int64_t deadline = monotonic_ms() + timeout_ms;
  if (absl::Status opened = connection_.open(); !opened.ok()) return opened;
  send(request);
  while (true) {
    if (absl::Status status = connection_.advance(); !status.ok()) return status;
    if (connection_.answered()) return absl::OkStatus();
    if (absl::Status status = wait(deadline); !status.ok()) return status;
  }
}

absl::StatusOr<Response> Client::call(const Request& request, int timeout_ms) {
  if (absl::Status checked = check(request); !checked.ok()) return checked;
  // A kept connection may have been closed meanwhile; a fresh one that is refused is the answer.
  if (connection_.is_open()) (void)connection_.advance();
  absl::Status status = exchange(request, timeout_ms);
  if (status.code() == absl::StatusCode::kAborted) {
    const absl::Status again = exchange(request, timeout_ms);
    if (again.ok() || !is_away(again)) status = again;
  }
  if (!status.ok()) return status;
  return connection_.take();
}

absl::StatusOr<Response> Client::follow(const Request& request,
                                        const std::function<bool(std::string_view)>& line) {
  if (absl::Status checked = check(request); !checked.ok()) return checked;
  if (absl::Status opened = connection_.open(); !opened.ok()) return opened;
  send(request);
  std::int64_t deadline = monotonic_ms() + kSilenceMs;
  while (true) {
    if (absl::Status status = connection_.advance(); !status.ok()) return status;
    Response* partial = connection_.partial();
    if (partial != nullptr && partial->status == 200 && !partial->body.empty()) {
      deadline = monotonic_ms() + kSilenceMs;
      if (!take_lines(&partial->body, line)) {
        connection_.close();
        return Response{200, {}, {}};
      }
    }
    if (connection_.answered()) break;
    if (absl::Status status = wait(deadline); !status.ok()) return status;
  }
  Response response = connection_.take();
  if (response.status == 200 && !response.body.empty()) line(response.body);
  return response;
}

}  // namespace pawl::cli
