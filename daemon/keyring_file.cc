#include "daemon/keyring_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/limits.h"
#include "daemon/system_error.h"

namespace pawl::daemon {
namespace {

bool is_credential(std::string_view configured) {
  return configured.starts_with(kCredentialPrefix);
}

absl::Status check_owner(const struct stat& info, const std::string& path) {
  if (info.st_uid != ::geteuid()) {
    return absl::PermissionDeniedError(
        absl::StrCat("read ", path, ": it belongs to user ", info.st_uid, ", pawl runs as ",
                     ::geteuid(), ": chown it, and make sure who else has read it"));
  }
  if ((info.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(
        absl::StrFormat("read %s: its mode is %04o, others could read the cluster's secret: "
                        "chmod 600 it, and rotate the key if somebody may have",
                        path, info.st_mode & 07777u));
  }
  return absl::OkStatus();
}

absl::Status read_checked(int fd, const std::string& path, bool credential, std::string* text) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return system_error(errno, "stat", path);
  if (!S_ISREG(info.st_mode)) return system_error(EINVAL, "read", path, "it is no regular file");
  if (!credential) {
    if (absl::Status s = check_owner(info, path); !s.ok()) return s;
  }
  // One buffer from the beginning: growing would leave copies of secrets behind.
  text->resize(limits::kKeyringBytesMax + 1);
  std::size_t bytes = 0;
  while (bytes < text->size()) {
    const ssize_t n = ::read(fd, text->data() + bytes, text->size() - bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "read", path);
    if (n == 0) break;
    bytes += static_cast<std::size_t>(n);
  }
  if (bytes > limits::kKeyringBytesMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("read ", path, ": larger than ", limits::kKeyringBytesMax, " bytes"));
  }
  text->resize(bytes);
  return absl::OkStatus();
}

absl::Status write_all(int fd, const std::string& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "write", path);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return ::fsync(fd) == 0 ? absl::OkStatus() : system_error(errno, "sync", path);
}

absl::Status sync_directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "."
                                : slash == 0               ? "/"
                                                           : path.substr(0, slash);
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return system_error(errno, "open", directory);
  const int failed = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  return failed == 0 ? absl::OkStatus() : system_error(failed, "sync", directory);
}

}  // namespace

absl::StatusOr<std::string> keyring_path(const std::string& configured,
                                         const char* credentials_directory) {
  if (!is_credential(configured)) return configured;
  const std::string name = configured.substr(kCredentialPrefix.size());
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("'", configured, "' names no credential"));
  }
  if (credentials_directory == nullptr || *credentials_directory == '\0') {
    return absl::NotFoundError(
        absl::StrCat("read ", configured,
                     ": there is no $CREDENTIALS_DIRECTORY: start pawl as a unit of systemd with "
                     "LoadCredential=",
                     name, ":PATH, or name a file"));
  }
  return absl::StrCat(credentials_directory, "/", name);
}

absl::StatusOr<codecs::Keyring> read_keyring(const std::string& configured,
                                             const char* credentials_directory) {
  const absl::StatusOr<std::string> path = keyring_path(configured, credentials_directory);
  if (!path.ok()) return path.status();
  // Non-blocking: a FIFO in place of a file must not hang the start.
  const int fd = ::open(path->c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    return system_error(errno, "open", *path,
                        errno == ENOENT ? "copy the cluster's keyring here, or make a new "
                                          "cluster's with `pawl cluster init`"
                                        : "");
  }
  std::string text;
  absl::Status status = read_checked(fd, *path, is_credential(configured), &text);
  ::close(fd);
  codecs::Keyring ring;
  std::string error;
  if (status.ok() && !codecs::parse_keyring(text, &ring, &error)) {
    status = absl::InvalidArgumentError(absl::StrCat("read ", *path, ": ", error));
  }
  codecs::wipe(&text);
  if (!status.ok()) return status;
  return ring;
}

std::string rotated_keyring_path(const std::string& data_directory) {
  return absl::StrCat(data_directory, "/keyring");
}

absl::StatusOr<codecs::Keyring> read_newest_keyring(const std::string& configured,
                                                    const char* credentials_directory,
                                                    const std::string& data_directory) {
  absl::StatusOr<codecs::Keyring> first = read_keyring(configured, credentials_directory);
  const std::string path = rotated_keyring_path(data_directory);
  if (!first.ok() || ::access(path.c_str(), F_OK) != 0) return first;
  absl::StatusOr<codecs::Keyring> rotated = read_keyring(path, nullptr);
  if (!rotated.ok()) return rotated;
  if (rotated->cluster != first->cluster) {
    return absl::FailedPreconditionError(absl::StrCat(
        "read ", path, ": it is another cluster's than ", configured,
        ": a data directory stays with its cluster; name the right keyring, or another directory"));
  }
  const bool configured_is_newer = first->keys.back().id > rotated->keys.back().id;
  absl::StatusOr<codecs::Keyring> newest = configured_is_newer ? first : rotated;
  newest->rotation = std::max(first->rotation, rotated->rotation);  // a promise is kept
  return newest;
}

absl::Status replace_rotated_keyring(const std::string& data_directory,
                                     const codecs::Keyring& ring) {
  const std::string path = rotated_keyring_path(data_directory);
  const std::string fresh = path + ".new";
  if (::unlink(fresh.c_str()) != 0 && errno != ENOENT) return system_error(errno, "remove", fresh);
  if (absl::Status s = write_new_keyring(fresh, ring); !s.ok()) return s;
  if (::rename(fresh.c_str(), path.c_str()) != 0) {
    const int failed = errno;
    ::unlink(fresh.c_str());
    return system_error(failed, "rename", fresh);
  }
  return sync_directory_of(path);
}

absl::Status write_new_keyring(const std::string& path, const codecs::Keyring& ring) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0 && errno == EEXIST) {
    return absl::AlreadyExistsError(
        absl::StrCat("create ", path,
                     ": it exists, and a keyring is never overwritten: a box without the "
                     "cluster's key can't come back"));
  }
  if (fd < 0) return system_error(errno, "create", path);
  std::string text = codecs::format_keyring(ring);
  // A mask may have taken the owner's bits too.
  absl::Status status = ::fchmod(fd, 0600) == 0 ? write_all(fd, path, text)
                                                : system_error(errno, "set the mode of", path);
  codecs::wipe(&text);
  ::close(fd);
  if (status.ok()) status = sync_directory_of(path);
  if (!status.ok()) ::unlink(path.c_str());
  return status;
}

}  // namespace pawl::daemon
