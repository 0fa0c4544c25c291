// Socket addresses from text: "127.0.0.1:80", "[::1]:80".  Literal addresses only; names are for resolvers.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ringwall::edge::detail {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  std::uint16_t port() const;
  // The canonical text; equal for equal addresses.
  std::string text() const;
};

// kInvalid with the text.
Result<Address> parse_address(std::string_view text);

// A bound, listening, non-blocking socket as nginx would make it (backlog 511, IPv6 only for IPv6), for nginx
// to inherit. kUnavailable with what the system says.
Result<int> listen_on(const Address& address);

// Whether this descriptor is a socket that listens on that address.
bool listens_on(int fd, const Address& address);

// A copy of a listening socket another process holds, or -1.  Needs what ptrace needs (pidfd_getfd(2)).
int copy_listening_socket(pid_t pid, const Address& address);

}  // namespace ringwall::edge::detail
