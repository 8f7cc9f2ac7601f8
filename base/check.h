// Assertions for programmers' errors. They stay on in release builds: a daemon that has lost an
// invariant stops before it writes, acknowledges or answers anything more (systemd restarts it and
// recovery folds the journal again). The world's errors are absl::Status, never a CHECK.
#pragma once

namespace pawl {

// Prints "file:line: check failed: text" with systemd's level prefix to stderr and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* text);

}  // namespace pawl

#define PAWL_CHECK(condition)                               \
  do {                                                      \
    if (!(condition)) [[unlikely]]                          \
      ::pawl::check_failed(__FILE__, __LINE__, #condition); \
  } while (false)

#define PAWL_UNREACHABLE() ::pawl::check_failed(__FILE__, __LINE__, "unreachable")
