#include "edge/detail/address.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace ringwall::edge::detail {

namespace {
constexpr int kBacklog = 511;  // nginx's own; with another number it would call listen() again
}

std::uint16_t Address::port() const {
  return ntohs(family() == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port
                                    : reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
}

std::string Address::text() const {
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (family() == AF_INET6) {
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr, host.data(),
                host.size());
    return fmt::format("[{}]:{}", host.data(), port());
  }
  ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr, host.data(), host.size());
  return fmt::format("{}:{}", host.data(), port());
}

Result<Address> parse_address(std::string_view text) {
  const auto wrong =
      fail(Errc::kInvalid,
           fmt::format("'{}' is not an address with a port, as in 127.0.0.1:3000 or [::1]:3000", text));
  const auto colon = text.rfind(':');
  if (colon == text.npos) return wrong;
  const auto digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size()) return wrong;
  auto host = std::string(text.substr(0, colon));
  Address address;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof *v6;
    if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) != 1) return wrong;
    return address;
  }
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  v4->sin_family = AF_INET;
  v4->sin_port = htons(port);
  address.size = sizeof *v4;
  if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) != 1) return wrong;
  return address;
}

Result<int> listen_on(const Address& address) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int one = 1;
  const bool done =
      fd >= 0 && ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
      (address.family() != AF_INET6 || ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) == 0) &&
      ::bind(fd, address.get(), address.size) == 0 && ::listen(fd, kBacklog) == 0;
  if (done) return fd;
  const int number = errno;
  if (fd >= 0) ::close(fd);
  return fail(Errc::kUnavailable, fmt::format("cannot listen on {}: {}", address.text(), std::strerror(number)),
              number == EACCES       ? "ports below 1024 need root or CAP_NET_BIND_SERVICE"
              : number == EADDRINUSE ? "another program listens there: ss -ltnp shows which"
                                     : "");
}

bool listens_on(int fd, const Address& address) {
  int listening = 0;
  socklen_t size = sizeof listening;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0) return false;
  Address own;
  own.size = sizeof own.storage;
  if (::getsockname(fd, own.get(), &own.size) != 0) return false;
  return own.family() == address.family() && own.text() == address.text();
}

int copy_listening_socket(pid_t pid, const Address& address) {
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (process < 0) return -1;
  int found = -1;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(fmt::format("/proc/{}/fd", pid).c_str()),
                                                   ::closedir);
  while (folder && found < 0) {
    const dirent* entry = ::readdir(folder.get());
    if (entry == nullptr) break;
    if (entry->d_name[0] == '.') continue;
    const int copy = static_cast<int>(::syscall(SYS_pidfd_getfd, process, std::atoi(entry->d_name), 0));
    if (copy < 0) continue;
    if (listens_on(copy, address)) {
      found = copy;
    } else {
      ::close(copy);
    }
  }
  ::close(process);
  return found;
}

}  // namespace ringwall::edge::detail
