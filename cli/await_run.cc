#include "cli/await_run.h"

#include <poll.h>

#include <algorithm>
#include <limits>

#include "cli/problem.h"
#include "cli/run_view.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

constexpr std::int64_t kPollMs = 30'000;     // one long poll
constexpr std::int64_t kAwayMsMax = 60'000;  // the daemon may be away
constexpr std::int64_t kPauseMs = 200;       // between attempts to reach it

// True if the same question may find an answer in a moment.
bool worth_repeating(const absl::StatusOr<Response>& response) {
  if (!response.ok()) return is_away(response.status());
  return response->status == 503 || response->status == 429;
}

}  // namespace

AwaitResult await_run(Session& session, const std::string& id, const std::string& condition,
                      std::optional<std::int64_t> timeout_ms) {
  const std::int64_t deadline =
      timeout_ms ? monotonic_ms() + *timeout_ms : std::numeric_limits<std::int64_t>::max();
  AwaitResult result;
  std::string since;
  std::int64_t away_since = -1;
  while (true) {
    const std::int64_t left = std::max<std::int64_t>(deadline - monotonic_ms(), 0);
    const std::int64_t wait = std::min(left, kPollMs);
    const Request request{.target = run_path(id, "/await?" + condition + since +
                                                     "&wait=" + std::to_string(wait) + "ms")};
    const absl::StatusOr<Response> response =
        session.client().call(request, static_cast<int>(wait) + kAnswerMs);
    if (worth_repeating(response)) {
      const std::int64_t now = monotonic_ms();
      if (away_since < 0) away_since = now;
      if (now - away_since < kAwayMsMax && now < deadline) {
        ::poll(nullptr, 0, static_cast<int>(std::min(kPauseMs, deadline - now)));
        continue;
      }
    }
    away_since = -1;
    if (!response.ok()) {
      result.exit = session.refuse(response.status());
      return result;
    }
    if (response->status != 200) {
      result.exit = session.refuse(*response);
      return result;
    }
    dsl::Value answer;
    codecs::JsonError error;
    codecs::parse_json(response->body, &answer, &error);
    result.body = response->body;
    result.reached = text_of(answer, "reached") == "true";
    if (const dsl::Value* run = answer.field("run")) result.run = *run;
    if (result.reached) return result;
    if (is_closed_status(text_of(result.run, "status"))) {
      result.exit = kFailed;  // it will never be
      return result;
    }
    if (monotonic_ms() >= deadline) {
      result.exit = kTimedOut;
      return result;
    }
    since = "&since=" + percent_encode(text_of(result.run, "seq"));
  }
}

}  // namespace pawl::cli
