#include "daemon/logging.h"

#include <unistd.h>

namespace pawl::daemon {
namespace {

bool needs_quotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    const auto u = static_cast<unsigned char>(c);
    if (u <= 0x20 || u == 0x7f || c == '"' || c == '\\' || c == '=') return true;
  }
  return false;
}

void append_quoted(std::string_view value, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (const char c : value) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (c == '\n') {
      out->append("\\n");
    } else if (u < 0x20 || u == 0x7f) {
      out->append("\\x");
      out->push_back(kHex[u >> 4]);
      out->push_back(kHex[u & 15]);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

}  // namespace

bool parse_log_level(std::string_view text, LogLevel* out) {
  constexpr std::string_view kNames[] = {"error", "warning", "notice", "info", "debug"};
  for (int i = 0; i < 5; ++i) {
    if (text != kNames[i]) continue;
    *out = static_cast<LogLevel>(i + 3);
    return true;
  }
  return false;
}

std::string Logger::line(LogLevel level, std::string_view message,
                         std::initializer_list<LogField> fields) {
  std::string text = "<";
  text.append(std::to_string(static_cast<int>(level))).append(">").append(message);
  for (const LogField& field : fields) {
    text.append(" ").append(field.key).append("=");
    if (!field.number.empty()) {
      text.append(field.number);
    } else if (needs_quotes(field.text)) {
      append_quoted(field.text, &text);
    } else {
      text.append(field.text);
    }
  }
  return text;
}

void Logger::write(LogLevel level, std::string_view message,
                   std::initializer_list<LogField> fields) const {
  if (!enabled(level)) return;
  std::string text = line(level, message, fields);
  text.push_back('\n');
  // Nothing can be done about a log that does not take its lines.
  [[maybe_unused]] const ssize_t n = ::write(fd_, text.data(), text.size());
}

bool LogRateLimit::allow(std::int64_t now_ns) {
  const std::int64_t earned = last_ns_ == 0 ? 0 : (now_ns - last_ns_) / interval_ns_;
  if (last_ns_ == 0) last_ns_ = now_ns;
  if (earned > 0) {
    tokens_ = earned >= burst_ - tokens_ ? burst_ : tokens_ + static_cast<int>(earned);
    last_ns_ += earned * interval_ns_;
  }
  if (tokens_ > 0) {
    --tokens_;
    return true;
  }
  ++suppressed_;
  return false;
}

std::uint64_t LogRateLimit::take_suppressed() {
  const std::uint64_t n = suppressed_;
  suppressed_ = 0;
  return n;
}

}  // namespace pawl::daemon
