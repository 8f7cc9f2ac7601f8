#include "daemon/system_error.h"

#include <errno.h>
#include <string.h>

#include <string>

namespace pawl::daemon {
namespace {

absl::StatusCode code_of(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EADDRINUSE:
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOSPC:
      return absl::StatusCode::kResourceExhausted;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

}  // namespace

absl::Status system_error(int error, std::string_view operation, std::string_view subject,
                          std::string_view hint) {
  std::string text(operation);
  text.append(" ").append(subject).append(": ");
  char buffer[128];
  text.append(strerror_r(error, buffer, sizeof buffer));
  if (!hint.empty()) text.append(": ").append(hint);
  return absl::Status(code_of(error), text);
}

}  // namespace pawl::daemon
