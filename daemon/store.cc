#include "daemon/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/limits.h"
#include "daemon/damaged_store.h"

namespace pawl::daemon {
namespace {

constexpr std::string_view kMagicAlone = "pawl store 1\n";
constexpr std::string_view kMagicCluster = "pawl store 2\n";  // adds `box` and `founders`

absl::Status system_failure(const char* operation, const std::string& path) {
  const int error = errno;
  const std::string text = std::string(operation) + " " + path + ": " + std::strerror(error);
  return error == EACCES || error == EROFS || error == EPERM
             ? absl::PermissionDeniedError(text + "; the daemon must be able to write there")
             : absl::UnavailableError(text);
}

bool parse_hex(std::string_view text, log::StoreId* id) {
  if (text.size() != 2 * id->size()) return false;
  for (std::size_t i = 0; i < id->size(); ++i) {
    const char* const at = text.data() + 2 * i;
    const auto [end, error] = std::from_chars(at, at + 2, (*id)[i], 16);
    if (error != std::errc{} || end != at + 2) return false;
  }
  return true;
}

std::string to_text(const std::vector<NodeId>& boxes) {
  std::string text;
  for (const NodeId box : boxes) text += (text.empty() ? "" : ",") + std::to_string(box.v);
  return text;
}

std::string text_of(const StoreIdentity& store) {
  const bool alone = store.founders.size() == 1 && store.box == NodeId(1);
  std::string text(alone ? kMagicAlone : kMagicCluster);
  text += "id " + to_hex(store.id) + "\ngroups " + std::to_string(store.run_groups) + "\n";
  if (!alone) {
    text += "box " + std::to_string(store.box.v) + "\nfounders " + to_text(store.founders) + "\n";
  }
  return text;
}

// Takes `prefix` and a number off the front.
template <class Number>
bool take_number(std::string_view* text, std::string_view prefix, Number* number) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *number);
  if (error != std::errc{}) return false;
  text->remove_prefix(static_cast<std::size_t>(end - text->data()));
  return true;
}

bool take_boxes(std::string_view* text, StoreIdentity* store) {
  store->founders.clear();
  if (!take_number(text, "\nbox ", &store->box.v)) return false;
  std::string_view prefix = "\nfounders ";
  for (NodeId box; take_number(text, prefix, &box.v); prefix = ",") store->founders.push_back(box);
  return !store->founders.empty() && store->founders.size() <= limits::kVotersMax;
}

bool parse(std::string_view text, StoreIdentity* store) {
  constexpr std::string_view kId = "id ";
  const bool cluster = text.starts_with(kMagicCluster);
  text.remove_prefix(kMagicAlone.size());
  if (!text.starts_with(kId) || text.size() < kId.size() + 32) return false;
  if (!parse_hex(text.substr(kId.size(), 32), &store->id)) return false;
  text.remove_prefix(kId.size() + 32);
  return take_number(&text, "\ngroups ", &store->run_groups) &&
         (!cluster || take_boxes(&text, store)) && text == "\n" && store->run_groups >= 1 &&
         store->run_groups < limits::kGroupsMax;
}

// The store is the one the configuration speaks of.
absl::Status check(const std::string& path, const StoreIdentity& store,
                   const StoreIdentity& wanted) {
  if (store.box != wanted.box) {
    return absl::FailedPreconditionError(path + " belongs to box " + std::to_string(store.box.v) +
                                         ", but cluster.node is " + std::to_string(wanted.box.v) +
                                         ": a box keeps its number, and a number its data");
  }
  // A founder that has gone need not be named any more.
  if (!std::includes(store.founders.begin(), store.founders.end(), wanted.founders.begin(),
                     wanted.founders.end())) {
    return absl::FailedPreconditionError(
        path + " was founded by the boxes " + to_text(store.founders) +
        ", the configuration names " + to_text(wanted.founders) +
        ": set founder = false in [[cluster.peer]] for a box that was added later, or begin with "
        "an empty directory");
  }
  return absl::OkStatus();
}

absl::Status write_store(log::FileSystem& files, const std::string& directory,
                         const StoreIdentity& store) {
  const std::string temporary = directory + "/store.tmp";
  absl::Status status = files.write(temporary, 0, text_of(store));
  if (status.ok()) status = files.sync(temporary);
  if (status.ok()) status = files.rename(temporary, directory + "/store");
  if (status.ok()) status = files.sync_directory(directory);
  return status;
}

}  // namespace

std::string to_hex(const log::StoreId& id) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char b : id) {
    text.push_back(kDigits[b >> 4]);
    text.push_back(kDigits[b & 15]);
  }
  return text;
}

StoreLock::~StoreLock() {
  if (fd_ >= 0) ::close(fd_);
}

absl::Status StoreLock::acquire(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return system_failure("mkdir", directory);
  }
  const std::string path = directory + "/lock";
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) return system_failure("open", path);
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  if (errno != EWOULDBLOCK) return system_failure("flock", path);
  return absl::AlreadyExistsError("another pawl runs on " + directory +
                                  "; stop it, or give --data another directory");
}

// A shared lock is had for a moment if nobody holds the other kind; other lookers hold shared ones.
bool StoreLock::is_held(const std::string& directory) {
  const int fd = ::open((directory + "/lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool held = ::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(fd);
  return held;
}

absl::StatusOr<StoreIdentity> read_store(log::FileSystem& files, const std::string& directory) {
  StoreIdentity store;
  const std::string path = directory + "/store";
  std::string text(256, '\0');
  const auto read = files.read(path, 0, text.data(), text.size());
  if (!read.ok()) return read.status();
  text.resize(*read);
  if (!text.starts_with("pawl store ")) {
    return absl::DataLossError(path + " is not a store file; restore it from a backup");
  }
  if (!text.starts_with(kMagicAlone) && !text.starts_with(kMagicCluster)) {
    return absl::FailedPreconditionError(path + " is of a newer format; start a newer pawl");
  }
  if (!parse(text, &store)) {
    return absl::DataLossError(path + " is damaged; restore it from a backup");
  }
  return store;
}

namespace {

// Of a box of several, as its configuration says; its number is the store file's.
absl::Status unreadable_store(const absl::Status& why, const StoreIdentity& wanted) {
  if (!absl::IsDataLoss(why) || wanted.founders == std::vector<NodeId>{wanted.box}) return why;
  return absl::DataLossError(std::string(why.message()) +
                             "\nWithout it this box can't come back under its number. " +
                             way_back_for(wanted.box));
}

}  // namespace

absl::StatusOr<StoreIdentity> open_store(log::FileSystem& files, const std::string& directory,
                                         const StoreIdentity& wanted, std::string_view random_16) {
  const std::string path = directory + "/store";
  absl::StatusOr<StoreIdentity> found = read_store(files, directory);
  if (found.ok()) {
    if (absl::Status fits = check(path, *found, wanted); !fits.ok()) return fits;
    return found;
  }
  if (!absl::IsNotFound(found.status())) return unreadable_store(found.status(), wanted);
  const auto listed = files.list(directory);
  if (!listed.ok()) return listed.status();
  const bool journal = std::any_of(listed->begin(), listed->end(), [](const auto& file) {
    return file.name.ends_with(".seg") && !file.name.starts_with("spare");
  });
  if (journal) {
    return unreadable_store(absl::DataLossError(path + " is missing, but " + directory +
                                                " holds a journal; restore the file from a backup"),
                            wanted);
  }
  StoreIdentity store = wanted;
  store.created = true;
  std::memcpy(store.id.data(), random_16.data(), store.id.size());
  absl::Status written = write_store(files, directory, store);
  if (!written.ok()) return written;
  return store;
}

}  // namespace pawl::daemon
