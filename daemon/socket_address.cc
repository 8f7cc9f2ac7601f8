#include "daemon/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/limits.h"

namespace pawl::daemon {
namespace {

sockaddr_in as_v4(const char* bytes) {
  sockaddr_in address;
  std::memcpy(&address, bytes, sizeof address);
  return address;
}
sockaddr_in6 as_v6(const char* bytes) {
  sockaddr_in6 address;
  std::memcpy(&address, bytes, sizeof address);
  return address;
}

sockaddr_in v4(const void* host, std::uint16_t port_in_order) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = port_in_order;
  std::memcpy(&address.sin_addr, host, sizeof address.sin_addr);
  return address;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_';
}

// All of digits and dots: meant as an address, never a name.
bool looks_numeric(std::string_view host) {
  return host.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::string check_host(std::string_view host, bool bracketed) {
  if (host.empty()) return "has no host";
  if (host.size() > limits::kHostNameBytesMax) return "has a host of more than 253 characters";
  const bool is_literal = !SocketAddress::literal(host, 1).is_none();
  if (bracketed) {
    const bool v6 = is_literal && host.find(':') != std::string_view::npos;
    return v6 ? "" : "has no IPv6 address between its brackets";
  }
  if (is_literal) return "";
  if (looks_numeric(host)) return "has a host that is no IPv4 address";
  if (!std::all_of(host.begin(), host.end(), is_name_character)) {
    return "has a host that is neither an address nor a name";
  }
  return "";
}

}  // namespace

SocketAddress::SocketAddress(const sockaddr* from) {
  static_assert(sizeof(sockaddr_in6) == sizeof(storage_));
  const char* bytes = reinterpret_cast<const char*>(from);
  if (from->sa_family == AF_INET) {
    bytes_ = sizeof(sockaddr_in);
    const sockaddr_in in = as_v4(bytes);
    const sockaddr_in address = v4(&in.sin_addr, in.sin_port);
    std::memcpy(storage_, &address, sizeof address);
  } else if (from->sa_family == AF_INET6) {
    sockaddr_in6 address = as_v6(bytes);
    address.sin6_flowinfo = 0;
    if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) {
      const sockaddr_in mapped = v4(address.sin6_addr.s6_addr + 12, address.sin6_port);
      bytes_ = sizeof mapped;
      std::memcpy(storage_, &mapped, sizeof mapped);
      return;
    }
    bytes_ = sizeof address;
    std::memcpy(storage_, &address, sizeof address);
  }
}

SocketAddress SocketAddress::literal(std::string_view host, std::uint16_t port) {
  const std::string text(host);
  in_addr four;
  if (::inet_pton(AF_INET, text.c_str(), &four) == 1) {
    const sockaddr_in address = v4(&four, htons(port));
    return SocketAddress(reinterpret_cast<const sockaddr*>(&address));
  }
  sockaddr_in6 six{};
  if (::inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) == 1) {
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    return SocketAddress(reinterpret_cast<const sockaddr*>(&six));
  }
  return {};
}

int SocketAddress::family() const { return is_none() ? AF_UNSPEC : get()->sa_family; }

bool SocketAddress::is_loopback() const {
  if (family() == AF_INET) {
    return (ntohl(as_v4(storage_).sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
  }
  if (family() != AF_INET6) return false;
  const sockaddr_in6 six = as_v6(storage_);
  return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr);
}

bool SocketAddress::is_wildcard() const {
  if (family() == AF_INET) return as_v4(storage_).sin_addr.s_addr == htonl(INADDR_ANY);
  if (family() != AF_INET6) return false;
  const sockaddr_in6 six = as_v6(storage_);
  return IN6_IS_ADDR_UNSPECIFIED(&six.sin6_addr);
}

std::uint16_t SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(as_v4(storage_).sin_port);
  return family() == AF_INET6 ? ntohs(as_v6(storage_).sin6_port) : std::uint16_t{0};
}

SocketAddress SocketAddress::with_port(std::uint16_t port) const {
  SocketAddress other = *this;
  // Family and port stand at the same place in both.
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  const std::uint16_t in_order = htons(port);
  std::memcpy(other.storage_ + offsetof(sockaddr_in, sin_port), &in_order, sizeof in_order);
  return other;
}

socklen_t SocketAddress::write_as(int wanted, sockaddr* to) const {
  if (wanted == AF_INET6 && family() == AF_INET) {
    const sockaddr_in four = as_v4(storage_);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = four.sin_port;
    six.sin6_addr.s6_addr[10] = six.sin6_addr.s6_addr[11] = 0xff;
    std::memcpy(six.sin6_addr.s6_addr + 12, &four.sin_addr, sizeof four.sin_addr);
    std::memcpy(to, &six, sizeof six);
    return sizeof six;
  }
  if (wanted != family()) return 0;
  std::memcpy(to, storage_, bytes_);
  return bytes_;
}

std::string SocketAddress::text() const {
  char host[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    const sockaddr_in four = as_v4(storage_);
    ::inet_ntop(AF_INET, &four.sin_addr, host, sizeof host);
  } else if (family() == AF_INET6) {
    const sockaddr_in6 six = as_v6(storage_);
    ::inet_ntop(AF_INET6, &six.sin6_addr, host, sizeof host);
  } else {
    return "nowhere";
  }
  return Endpoint{host, port()}.text();
}

bool operator==(const SocketAddress& a, const SocketAddress& b) {
  return a.bytes_ == b.bytes_ && std::memcmp(a.storage_, b.storage_, a.bytes_) == 0;
}

std::string Endpoint::text() const {
  const bool six = host.find(':') != std::string::npos;
  return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string parse_endpoint(std::string_view text, Endpoint* endpoint) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return "must be \"HOST:PORT\"";
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos) {
    return "must have an IPv6 address in brackets, \"[HOST]:PORT\"";
  }
  if (std::string wrong = check_host(host, bracketed); !wrong.empty()) return wrong;
  std::uint16_t number = 0;
  const auto result = std::from_chars(port.data(), port.data() + port.size(), number);
  if (result.ec != std::errc() || result.ptr != port.data() + port.size() || number == 0) {
    return "must have a port of 1 to 65535";
  }
  *endpoint = {std::string(host), number};
  return "";
}

}  // namespace pawl::daemon
