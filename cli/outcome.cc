#include "cli/outcome.h"

#include <cstring>
#include <optional>

#include "base/limits.h"
#include "cli/output.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

constexpr int kRetryExit = 75;  // EX_TEMPFAIL of sysexits.h
constexpr std::size_t kQuotedBytesMax = 200;

std::string_view trim(std::string_view text) {
  const std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// The end of stderr, short enough for an error's message.
std::string message_of(const ProgramEnd& end, std::string_view otherwise) {
  std::string_view text = trim(end.error_tail);
  if (text.size() > limits::kErrorMessageBytesMax) {
    text.remove_prefix(text.size() - limits::kErrorMessageBytesMax);
    // Not in the middle of a character.
    while (!text.empty() && (static_cast<unsigned char>(text[0]) & 0xC0) == 0x80) {
      text.remove_prefix(1);
    }
  }
  return std::string(text.empty() ? otherwise : text);
}

Outcome make_failure(std::string_view type, std::string_view message, const dsl::Value* data,
                     std::optional<bool> retryable) {
  Outcome outcome;
  codecs::JsonWriter body(&outcome.body);
  body.begin_object().field("type", type).field("message", message);
  if (data != nullptr) body.field("data", *data);
  if (retryable) body.field("retryable", *retryable);
  body.end_object();
  outcome.summary = "failed: " + std::string(type) + ": " + shorten(message, 200);
  return outcome;
}

// {type, message, data, retryable} on stdout, or nothing if it is something else.
std::optional<Outcome> error_on_stdout(const ProgramEnd& end) {
  if (end.output_bytes > end.output.size()) return std::nullopt;
  dsl::Value value;
  codecs::JsonError error;
  if (!codecs::parse_json(trim(end.output), &value, &error)) return std::nullopt;
  const dsl::Value* type = value.field("type");
  if (type == nullptr || type->kind() != dsl::Kind::string || type->as_string().empty()) {
    return std::nullopt;
  }
  std::optional<bool> retryable;
  const dsl::Value* flag = value.field("retryable");
  if (flag != nullptr && flag->kind() == dsl::Kind::boolean) retryable = flag->as_bool();
  std::string message = text_of(value, "message");
  if (message.empty()) message = message_of(end, "no message");
  return make_failure(type->as_string(), message, value.field("data"), retryable);
}

Outcome judge_success(const ProgramEnd& end) {
  if (end.output_bytes > end.output.size()) {
    return failure("sys.output", "the program wrote " + std::to_string(end.output_bytes) +
                                     " bytes to stdout; a result has at most " +
                                     std::to_string(limits::kWorkerStdoutBytesMax));
  }
  const std::string_view text = trim(end.output);
  Outcome outcome{true, R"({"result":null})", "done"};
  if (text.empty()) return outcome;
  dsl::Value value;
  codecs::JsonError error;
  if (!codecs::parse_json(text, &value, &error)) {
    return failure("sys.output",
                   "stdout is not one JSON value: " + error.message +
                       "; it begins with: " + std::string(text.substr(0, kQuotedBytesMax)));
  }
  // As it was written: no number is rounded on its way through the worker.
  outcome.body = R"({"result":)" + std::string(text) + "}";
  if (outcome.body.size() + limits::KiB > limits::kHttpBodyBytesMax) {
    return failure("sys.output", "the result has " + std::to_string(text.size()) +
                                     " bytes; a request has at most " +
                                     std::to_string(limits::kHttpBodyBytesMax));
  }
  return outcome;
}

}  // namespace

Outcome failure(std::string_view type, std::string_view message, bool retryable) {
  return make_failure(type, message, nullptr, retryable);
}

Outcome failure(std::string_view type, std::string_view message) {
  return make_failure(type, message, nullptr, std::nullopt);
}

Outcome judge(const ProgramEnd& end) {
  if (!end.signalled && end.code == 0) return judge_success(end);
  if (end.stopped_by_worker) {
    return failure("worker.stopped", message_of(end, "the worker was stopped"), true);
  }
  if (end.signalled) {
    const char* name = ::sigabbrev_np(end.code);
    const std::string what = "the program was killed by signal " + std::to_string(end.code) +
                             (name == nullptr ? "" : " (SIG" + std::string(name) + ")");
    const std::string last = message_of(end, "");
    return failure("sys.lease", last.empty() ? what : what + "; stderr ended with: " + last);
  }
  if (std::optional<Outcome> own = error_on_stdout(end)) return *std::move(own);
  const std::string type = "exit." + std::to_string(end.code);
  const std::string message =
      message_of(end, "the program exited with " + std::to_string(end.code));
  return end.code == kRetryExit ? failure(type, message, true) : failure(type, message);
}

}  // namespace pawl::cli
