#include "cli/lane.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/limits.h"

namespace pawl::cli {
namespace {

std::string_view view(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

}  // namespace

void Lane::start(Request request, std::int64_t answer_ms, std::int64_t now_ms) {
  PAWL_CHECK(!busy());
  request_ = std::move(request);
  sent_ = false;
  answer_ms_ = answer_ms;
  retry_ms_ = std::max(retry_ms_, now_ms);
}

void Lane::abandon() {
  connection_.close();
  request_.reset();
  sent_ = false;
}

void Lane::failed(std::string_view why, std::int64_t now_ms) {
  trouble_ = why;
  refused_ = false;
  connection_.close();
  sent_ = false;
  backoff_ms_ = std::clamp<std::int64_t>(backoff_ms_ * 2, limits::kWorkerBackoffMsMin,
                                         limits::kWorkerBackoffMsMax);
  retry_ms_ = now_ms + backoff_ms_;
}

bool Lane::connect_and_send(std::int64_t now_ms) {
  if (now_ms < retry_ms_) return false;
  // A kept connection that the daemon has closed meanwhile is noticed here.
  if (connection_.is_open()) (void)connection_.advance();
  if (const absl::Status opened = connection_.open(); !opened.ok()) {
    failed(view(opened), now_ms);
    return false;
  }
  if (!refused_) trouble_.clear();  // it is there again
  connection_.send(*request_);
  sent_ = true;
  deadline_ms_ = now_ms + answer_ms_;
  return true;
}

std::optional<Response> Lane::step(std::int64_t now_ms) {
  if (!busy()) return std::nullopt;
  if (!sent_ && !connect_and_send(now_ms)) return std::nullopt;
  if (const absl::Status status = connection_.advance(); !status.ok()) {
    failed(view(status), now_ms);
    return std::nullopt;
  }
  if (!connection_.answered()) {
    if (now_ms >= deadline_ms_) failed("the daemon does not answer", now_ms);
    return std::nullopt;
  }
  Response response = connection_.take();
  if (response.status >= 500 || response.status == 429) {
    failed("the daemon answers with HTTP status " + std::to_string(response.status), now_ms);
    refused_ = true;
    return std::nullopt;
  }
  request_.reset();
  sent_ = false;
  backoff_ms_ = 0;
  retry_ms_ = 0;
  trouble_.clear();
  return response;
}

pollfd Lane::wait_for() const {
  if (!busy() || !sent_) return {-1, 0, 0};
  return {connection_.fd(), connection_.events(), 0};
}

std::int64_t Lane::wake_ms() const {
  if (!busy()) return std::numeric_limits<std::int64_t>::max();
  return sent_ ? deadline_ms_ : retry_ms_;
}

}  // namespace pawl::cli
