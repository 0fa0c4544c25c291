#include "http/listen.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace ringwall::http::detail {

namespace {

constexpr int kBacklog = 1024;

Error refuse(int fd, const std::string& address) {
  const std::string why = std::strerror(errno);
  const bool taken = errno == EADDRINUSE;
  if (fd >= 0) ::close(fd);
  return fail(Errc::kUnavailable, fmt::format("listen on {}: {}", address, why),
              taken ? "another program has this address; stop it or change `listen`" : "");
}

}  // namespace

Result<int> listen_tcp(const std::string& address, std::uint16_t& port) {
  const auto colon = address.rfind(':');
  const auto invalid = [&] {
    return fail(Errc::kInvalid, fmt::format("'{}' is not an address to listen on", address),
                "write it as 127.0.0.1:8443 or [::]:8443");
  };
  if (colon == std::string::npos) return invalid();
  std::string host = address.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const char* digits = address.data() + colon + 1;
  const char* end = address.data() + address.size();
  std::uint16_t wanted = 0;
  if (const auto parsed = std::from_chars(digits, end, wanted); parsed.ec != std::errc{} || parsed.ptr != end) {
    return invalid();
  }

  sockaddr_storage storage{};
  socklen_t length;
  if (auto* v4 = reinterpret_cast<sockaddr_in*>(&storage); ::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(wanted);
    length = sizeof *v4;
  } else if (auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
             ::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(wanted);
    length = sizeof *v6;
  } else {
    return invalid();
  }

  const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (fd < 0 || ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(fd, reinterpret_cast<const sockaddr*>(&storage), length) != 0 || ::listen(fd, kBacklog) != 0) {
    return refuse(fd, address);
  }
  length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return refuse(fd, address);
  port = ntohs(storage.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in*>(&storage)->sin_port
                                            : reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
  return fd;
}

Result<int> listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(Errc::kInvalid, fmt::format("{}: longer than the {} bytes of a local socket's path", path,
                                            sizeof address.sun_path - 1),
                "choose a shorter state directory");
  }
  path.copy(address.sun_path, path.size());
  ::unlink(path.c_str());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  // The mode is set before listen(), so nobody else can connect in between.
  if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(fd, kBacklog) != 0) {
    return refuse(fd, path);
  }
  return fd;
}

}  // namespace ringwall::http::detail
