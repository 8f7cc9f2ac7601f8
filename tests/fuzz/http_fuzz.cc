// The HTTP layer on arbitrary bytes. How the bytes are cut into reads must not change what the
// handler sees nor what is answered, every request is answered in order, and nothing is held
// afterwards.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "daemon/http_connection.h"

namespace {

using namespace pawl::daemon;

struct Recorder final : HttpHandler {
  void request(const Request& r) override {
    if (r.path.empty() || r.path.front() != '/') std::abort();
    if (r.body.size() > pawl::limits::kHttpBodyBytesMax) std::abort();
    seen.append(to_string(r.method)).append(" ").append(r.path).append("?").append(r.query);
    seen.append(" ").append(r.host).append(" ").append(r.idempotency_key);
    seen.append("\n").append(r.body).append("\n");
    open.push_back(r.id);
  }
  void cancelled(RequestId) override {
    if (!may_cancel) std::abort();
  }
  void stream_writable(RequestId) override {}

  std::string seen;
  std::vector<RequestId> open;
  bool may_cancel = false;
};

struct Outcome {
  std::string seen;
  std::string said;
};

Outcome run(std::string_view bytes, std::size_t step, bool backwards) {
  Recorder recorder;
  HttpMetrics metrics;
  HttpShared shared;
  shared.handler = &recorder;
  shared.metrics = &metrics;
  Outcome outcome;
  {
    HttpConnection connection(&shared, 1, Peer{});
    const auto answer_all = [&] {
      for (int rounds = 0; rounds < 1000; ++rounds) {
        std::vector<RequestId> ids;
        ids.swap(recorder.open);
        const std::size_t n = ids.size();
        for (std::size_t i = 0; i < n; ++i) {
          Response response;
          response.body = "x";
          if (!connection.respond(ids[backwards ? n - 1 - i : i], response)) std::abort();
        }
        outcome.said.append(connection.output());
        connection.wrote(connection.output().size());
        if (!connection.can_resume()) break;
        connection.resume();
      }
    };
    for (std::size_t at = 0; at < bytes.size() && connection.wants_input(); at += step) {
      connection.receive(bytes.substr(at, step));
      answer_all();
    }
    connection.end_of_input();
    if (!connection.finished() || shared.output_bytes != 0) std::abort();
  }
  if (shared.input_bytes != 0 || shared.output_bytes != 0) std::abort();
  outcome.seen = std::move(recorder.seen);
  return outcome;
}

// A client that takes a few bytes at a time and goes away in the middle of it all: what was held
// for it is held no longer, and every call with its ids is refused.
void run_vanishing(std::string_view bytes, std::size_t step) {
  Recorder recorder;
  recorder.may_cancel = true;
  std::size_t begun = 0;  // of the requests, every other one
  HttpMetrics metrics;
  HttpShared shared;
  shared.handler = &recorder;
  shared.metrics = &metrics;
  {
    HttpConnection connection(&shared, 1, Peer{});
    for (std::size_t at = 0; at < bytes.size() && connection.wants_input(); at += step) {
      connection.receive(bytes.substr(at, step));
      for (; begun < recorder.open.size(); begun += 2) {
        connection.begin_stream(recorder.open[begun], {});
        connection.stream(recorder.open[begun], "piece");
      }
      connection.wrote(std::min(connection.output().size(), step));
      if (shared.output_bytes != connection.output().size()) std::abort();
    }
    connection.vanish();
    for (const RequestId id : recorder.open) {
      if (connection.stream(id, "late") != StreamState::kGone) std::abort();
    }
  }
  if (shared.input_bytes != 0 || shared.output_bytes != 0) std::abort();
}

// Interim answers depend on how the bytes arrive, by design.
std::string without_continue(std::string text) {
  const std::string_view line = "HTTP/1.1 100 Continue\r\n\r\n";
  for (std::size_t at = text.find(line); at != std::string::npos; at = text.find(line)) {
    text.erase(at, line.size());
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = 1 + data[0] % 61;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = run(bytes, size, false);
  const Outcome pieces = run(bytes, step, true);
  run_vanishing(bytes, step);
  if (whole.seen != pieces.seen) std::abort();
  if (without_continue(whole.said) != without_continue(pieces.said)) std::abort();
  return 0;
}
