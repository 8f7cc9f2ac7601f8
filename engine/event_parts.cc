#include "engine/event_parts.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "engine/event_checkpoint.h"

namespace pawl::engine {
namespace {

// At most kErrorMessageBytesMax, cut between characters.
std::string bounded_message(const std::string& text) {
  static constexpr std::string_view kEllipsis = "\xe2\x80\xa6";
  if (text.size() <= limits::kErrorMessageBytesMax) return text;
  std::size_t end = limits::kErrorMessageBytesMax - kEllipsis.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  std::string cut = text.substr(0, end);
  return cut.append(kEllipsis);
}

dsl::Value bounded_data(const dsl::Value& data) {
  const std::size_t bytes = data.encoded_size();
  if (bytes <= limits::kErrorDataBytesMax) return data;
  return dsl::Value::string(absl::StrCat("left out: ", bytes, " bytes, at most ",
                                         limits::kErrorDataBytesMax, " are kept of an error"));
}

}  // namespace

ErrorRecord ErrorRecord::of(const Error& error) {
  dsl::Map detail;
  detail.emplace_back(dsl::Value::string("data"), bounded_data(error.data));
  detail.emplace_back(dsl::Value::string("message"),
                      dsl::Value::string(bounded_message(error.message)));
  return {error.type, Payload::of(dsl::Value::map(std::move(detail)))};
}

std::string ErrorRecord::message() const {
  const dsl::Value* message = detail.value.field("message");
  return message != nullptr && message->kind() == dsl::Kind::string ? message->as_string() : "";
}

dsl::Value ErrorRecord::data() const {
  const dsl::Value* data = detail.value.field("data");
  return data != nullptr ? *data : dsl::Value();
}

const char* enum_name(RunStatus x) {
  static constexpr const char* kNames[] = {"scheduled", "running",   "paused",     "completed",
                                           "failed",    "cancelled", "terminated", "data_deleted"};
  return kNames[static_cast<std::size_t>(x)];
}

const char* enum_name(Cause x) {
  static constexpr const char* kNames[] = {"start",    "next",       "signal",    "timer", "caught",
                                           "on_error", "on_timeout", "on_cancel", "move"};
  return kNames[static_cast<std::size_t>(x)];
}

const char* enum_name(TimerKind x) {
  static constexpr const char* kNames[] = {
      "start",      "run_timeout",    "root_after",    "root_every",   "after",
      "every",      "sleep",          "task_queue",    "task_attempt", "task_total",
      "task_retry", "incident_again", "signal_expiry", "gather"};
  return kNames[static_cast<std::size_t>(x)];
}

const char* enum_name(StepRole x) {
  static constexpr const char* kNames[] = {"state", "handler", "undo"};
  return kNames[static_cast<std::size_t>(x)];
}

const char* enum_name(IncidentStage x) {
  static constexpr const char* kNames[] = {"step",  "entry",   "verb",   "result", "signal",
                                           "timer", "history", "gather", "leave"};
  return kNames[static_cast<std::size_t>(x)];
}

const char* enum_name(IncidentEnd x) {
  static constexpr const char* kNames[] = {"retried", "left"};
  return kNames[static_cast<std::size_t>(x)];
}

const char* enum_name(SignalFate x) {
  static constexpr const char* kNames[] = {"taken", "buffered", "held"};
  return kNames[static_cast<std::size_t>(x)];
}

const char* enum_name(Outcome x) {
  static constexpr const char* kNames[] = {"completed", "failed", "lease_lost"};
  return kNames[static_cast<std::size_t>(x)];
}

const char* enum_name(FrameRole x) {
  static constexpr const char* kNames[] = {"flow", "branch", "item"};
  return kNames[static_cast<std::size_t>(x)];
}

const char* enum_name(FlowEnd x) {
  static constexpr const char* kNames[] = {"completed", "failed", "cancelled"};
  return kNames[static_cast<std::size_t>(x)];
}

const char* enum_name(CallStatus x) {
  static constexpr const char* kNames[] = {"asked", "accepted", "cancelling"};
  return kNames[static_cast<std::size_t>(x)];
}

const char* enum_name(Renewal x) {
  static constexpr const char* kNames[] = {"history", "continued", "migrated", "reset"};
  return kNames[static_cast<std::size_t>(x)];
}

}  // namespace pawl::engine
