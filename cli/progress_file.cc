#include "cli/progress_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/limits.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

// The program owns the file and may have put anything in its place; a FIFO must not hold us up.
bool read_regular(const std::string& path, std::string* out) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return false;
  struct stat about {};
  bool ok = ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode) &&
            about.st_size <= static_cast<off_t>(limits::kWorkerProgressBytesMax);
  if (ok) {
    out->resize(limits::kWorkerProgressBytesMax + 1);
    const ssize_t n = ::read(fd, out->data(), out->size());
    ok = n >= 0 && static_cast<std::size_t>(n) <= limits::kWorkerProgressBytesMax;
    out->resize(ok ? static_cast<std::size_t>(n) : 0);
  }
  ::close(fd);
  return ok;
}

}  // namespace

absl::Status ProgressFile::create(const std::string& path, const dsl::Value& progress,
                                  ProgressFile* out) {
  std::string text;
  if (progress.kind() == dsl::Kind::string) {
    text = progress.as_string();
  } else if (!progress.is_null()) {
    text = codecs::to_json(progress);
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  const bool ok =
      fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!ok) {
    return absl::InternalError("cannot write the progress file " + path + ": " +
                               std::strerror(error));
  }
  out->path_ = path;
  out->delivered_ = out->offered_ = text;
  return absl::OkStatus();
}

void ProgressFile::remove() const {
  if (!path_.empty()) ::unlink(path_.c_str());
}

bool ProgressFile::changed(std::string* json) {
  std::string text;
  if (!read_regular(path_, &text) || text == delivered_ || text.empty()) return false;
  json->clear();
  dsl::Value value;
  codecs::JsonError error;
  if (codecs::parse_json(text, &value, &error)) {
    *json = text;
  } else {
    codecs::append_json_string(text, json);
  }
  offered_ = std::move(text);
  return true;
}

}  // namespace pawl::cli
