#include "log/new_file.h"

namespace pawl::log {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

NewFile::~NewFile() {
  if (begun_) (void)files_.remove(temporary());
}

absl::Status NewFile::begin() {
  char byte;
  const auto there = files_.read(path_, 0, &byte, 1);
  if (there.ok()) {
    return absl::AlreadyExistsError(path_ + " is there already and is never overwritten");
  }
  if (!absl::IsNotFound(there.status())) return there.status();
  const absl::Status gone = files_.remove(temporary());
  if (!gone.ok() && !absl::IsNotFound(gone)) return gone;
  begun_ = true;
  return absl::OkStatus();
}

absl::Status NewFile::write(std::string_view bytes) {
  const absl::Status status = files_.write(temporary(), offset_, bytes);
  offset_ += bytes.size();
  return status;
}

absl::Status NewFile::keep() {
  absl::Status status = files_.sync(temporary());
  if (status.ok()) status = files_.rename(temporary(), path_);
  if (!status.ok()) return status;
  begun_ = false;
  return files_.sync_directory(directory_of(path_));
}

}  // namespace pawl::log
