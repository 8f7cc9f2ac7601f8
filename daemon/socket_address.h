// An IPv4 or IPv6 address with its port, and how people write one. A host that is no literal
// address is a name, which name_lookup.h turns into addresses.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace pawl::daemon {

// A value, comparable. An IPv4 address inside IPv6 (::ffff:10.0.0.1) is kept as IPv4, so that one
// peer has one address.
class SocketAddress {
 public:
  SocketAddress() = default;  // of no family: nowhere
  // From the system; nowhere if it is of another family.
  explicit SocketAddress(const sockaddr* from);
  // A literal address ("10.0.0.1", "fd00::1"); nowhere if it is none. Scoped ones (%eth0) are none.
  static SocketAddress literal(std::string_view host, std::uint16_t port);

  bool is_none() const { return bytes_ == 0; }
  bool is_loopback() const;
  bool is_wildcard() const;
  int family() const;
  std::uint16_t port() const;
  SocketAddress with_port(std::uint16_t port) const;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(storage_); }
  socklen_t bytes() const { return bytes_; }
  // Writes it as a socket of that family wants it (an IPv4 address mapped for AF_INET6) to a buffer
  // of sizeof(sockaddr_in6); returns the bytes used, 0 if it can't be.
  socklen_t write_as(int family, sockaddr* to) const;
  // "10.0.0.1:7460", "[fd00::1]:7460", "nowhere".
  std::string text() const;

  friend bool operator==(const SocketAddress& a, const SocketAddress& b);

 private:
  // A sockaddr_in or sockaddr_in6; zeros where nothing is set.
  alignas(8) char storage_[28] = {};
  socklen_t bytes_ = 0;
};

// Where a peer is: a literal address or a name, and a port.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
  // The address, if the host is a literal one; nowhere if it is a name.
  SocketAddress literal() const { return SocketAddress::literal(host, port); }
  std::string text() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Reads "HOST:PORT": an IPv4 address, an IPv6 address in brackets or a name of letters, digits,
// hyphens and dots; ports 1 to 65535. Else "" becomes what is wrong, continuing "address ...".
std::string parse_endpoint(std::string_view text, Endpoint* endpoint);

}  // namespace pawl::daemon
