// Log lines on stderr, one event a line: "<6>http: listening socket=/run/pawl/pawl.sock mode=0660".
// The number is the syslog priority as systemd reads it (sd-daemon(3)); journald adds time, unit
// and pid. A line is one write call, so lines of several threads don't mix; a value with spaces,
// quotes or control characters is quoted and escaped, so a line cannot be forged by a name in a
// request.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace pawl::daemon {

enum class LogLevel : std::uint8_t { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

// "error", "warning", "notice", "info", "debug"; false on anything else.
bool parse_log_level(std::string_view text, LogLevel* out);

struct LogField {
  LogField(std::string_view k, std::string_view v) : key(k), text(v) {}
  LogField(std::string_view k, const char* v) : key(k), text(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), text(v) {}
  LogField(std::string_view k, std::int64_t v) : key(k), number(std::to_string(v)) {}
  LogField(std::string_view k, std::uint64_t v) : key(k), number(std::to_string(v)) {}
  LogField(std::string_view k, int v) : key(k), number(std::to_string(v)) {}
  std::string_view key;
  std::string_view text;
  std::string number;  // used if not empty
};

class Logger {
 public:
  // Writes to `fd` (not owned) what is at least as urgent as `level`.
  explicit Logger(int fd, LogLevel level = LogLevel::info) : fd_(fd), level_(level) {}

  void set_level(LogLevel level) { level_ = level; }
  LogLevel level() const { return level_; }
  bool enabled(LogLevel level) const { return level <= level_; }

  // `message` is a fixed text of the code: "area: what happened".
  void write(LogLevel level, std::string_view message,
             std::initializer_list<LogField> fields = {}) const;

  // The line write() would print, without the newline; for tests.
  static std::string line(LogLevel level, std::string_view message,
                          std::initializer_list<LogField> fields);

 private:
  int fd_;
  LogLevel level_;
};

// Lets a burst through and then one event an interval, and counts what it held back:
//   if (limit.allow(now_ns)) log.write(..., {{"suppressed", limit.take_suppressed()}});
class LogRateLimit {
 public:
  LogRateLimit(int burst, std::int64_t interval_ns)
      : burst_(burst), interval_ns_(interval_ns), tokens_(burst) {}
  bool allow(std::int64_t now_ns);
  // Events held back since the last call.
  std::uint64_t take_suppressed();

 private:
  int burst_;
  std::int64_t interval_ns_;
  int tokens_;
  std::int64_t last_ns_ = 0;
  std::uint64_t suppressed_ = 0;
};

}  // namespace pawl::daemon
