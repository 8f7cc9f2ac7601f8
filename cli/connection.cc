#include "cli/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace pawl::cli {
namespace {

absl::Status unreachable(const std::string& path, int error) {
  std::string text = "cannot reach the daemon at " + path + ": " + std::strerror(error);
  if (error == EACCES) {
    text +=
        "\nhint: you may not use this socket; join its group (ls -l shows which), or ask an "
        "administrator";
  } else {
    text +=
        "\nhint: is pawld running? Start it with `systemctl start pawld`, or for a try-out with"
        "\n      `pawl serve --dev --data DIR --socket PATH`; if it listens elsewhere, name the "
        "socket\n      with --socket PATH or PAWL_SOCKET";
  }
  return absl::UnavailableError(text);
}

void hex(unsigned char byte, std::string* out) {
  constexpr char digits[] = "0123456789ABCDEF";
  out->push_back(digits[byte >> 4]);
  out->push_back(digits[byte & 15]);
}

}  // namespace

absl::Status Connection::open() {
  if (is_open()) return absl::OkStatus();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError("the socket's path is longer than the " +
                                      std::to_string(sizeof address.sun_path - 1) +
                                      " bytes the system allows: " + path_ +
                                      "\nhint: name a shorter one with --socket or PAWL_SOCKET");
  }
  std::memcpy(address.sun_path, path_.data(), path_.size());
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0) return unreachable(path_, errno);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;  // EAGAIN: the daemon's backlog is full
    close();
    return unreachable(path_, error);
  }
  return absl::OkStatus();
}

void Connection::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  parser_.reset();
  out_.clear();
  written_ = 0;
}

void Connection::send(const Request& request) {
  PAWL_CHECK(is_open() && !busy());
  out_ = request.method + " " + request.target + " HTTP/1.1\r\nHost: pawl\r\n";
  for (const auto& [name, value] : request.headers) out_ += name + ": " + value + "\r\n";
  if (!request.body.empty()) out_ += "Content-Type: " + request.content_type + "\r\n";
  if (!request.body.empty() || request.method != "GET") {
    out_ += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  out_ += "\r\n";
  out_ += request.body;
  written_ = 0;
  parser_ = std::make_unique<ResponseParser>();
}

absl::Status Connection::lost(std::string_view what) {
  const bool started = busy() && parser_->started();
  close();
  return absl::AbortedError("the connection to the daemon at " + path_ + " was lost" +
                            (started ? " in the middle of its answer: " : ": ") +
                            std::string(what));
}

absl::Status Connection::write_some() {
  while (written_ < out_.size()) {
    const ssize_t n =
        ::send(fd_, out_.data() + written_, out_.size() - written_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      written_ += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      return absl::OkStatus();
    } else if (errno == EPIPE || errno == ECONNRESET) {
      written_ = out_.size();  // a refusal (413, say) may still be there to read
    } else if (errno != EINTR) {
      return lost(std::strerror(errno));
    }
  }
  return absl::OkStatus();
}

absl::Status Connection::read_some() {
  std::array<char, 16384> buffer;
  // A bounded number of turns: the caller takes what came of an endless stream before more is read.
  for (int turn = 0; turn < 64 && !parser_->done(); ++turn) {
    const ssize_t n = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return absl::OkStatus();
    // What came before the loss is looked at first; the next call reports it.
    if (n <= 0 && turn > 0) return absl::OkStatus();
    if (n < 0) return lost(std::strerror(errno));
    if (n == 0) return lost("it closed the connection");
    const std::string_view in(buffer.data(), static_cast<std::size_t>(n));
    const std::size_t used = parser_->feed(in);
    if (!parser_->failed() && used == in.size()) continue;
    const std::string why = parser_->failed() ? parser_->error() : "bytes behind the answer";
    close();
    return absl::InternalError("the answer from " + path_ + " is not what a pawld sends: " + why +
                               "\nhint: does something else listen on this socket?");
  }
  return absl::OkStatus();
}

absl::Status Connection::advance() {
  PAWL_CHECK(is_open());
  if (!busy()) {
    // Nobody speaks on an idle connection but to close it.
    char byte;
    const ssize_t n = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n >= 0 || (errno != EAGAIN && errno != EINTR)) close();
    return absl::OkStatus();
  }
  absl::Status written = write_some();
  if (!written.ok()) return written;
  return read_some();
}

Response* Connection::partial() {
  return busy() && parser_->headers_done() ? &parser_->response() : nullptr;
}

Response Connection::take() {
  PAWL_CHECK(answered());
  Response response = std::move(parser_->response());
  const bool keep = parser_->keep_alive();
  parser_.reset();
  if (!keep) close();
  return response;
}

short Connection::events() const {
  return static_cast<short>(written_ < out_.size() ? POLLIN | POLLOUT : POLLIN);
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::strchr("-._~", c) != nullptr;
    if (plain && c != '\0') {
      out.push_back(c);
    } else {
      out.push_back('%');
      hex(static_cast<unsigned char>(c), &out);
    }
  }
  return out;
}

std::string random_key() {
  std::array<unsigned char, 16> bytes;
  PAWL_CHECK(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  std::string out;
  for (const unsigned char byte : bytes) hex(byte, &out);
  return out;
}

}  // namespace pawl::cli
