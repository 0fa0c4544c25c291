// A small application for the tests of the edge: HTTP/1.1 with keep-alive on 127.0.0.1:$PORT.
//
//   /health    200
//   /slow      200 after 300 ms
//   /echo      200, the request's head as it arrived
//   /fail      503
//   others     200, "NAME path"
//
// SIGTERM: no new connections, those under way are finished.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

namespace {

std::atomic<bool> stopping{false};
std::atomic<int> connections{0};

void send_all(int fd, const std::string& text) {
  for (std::size_t sent = 0; sent < text.size();) {
    const auto done = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (done <= 0) return;
    sent += static_cast<std::size_t>(done);
  }
}

void serve(int fd, const std::string& name) {
  std::string buffer;
  for (;;) {
    auto end = buffer.find("\r\n\r\n");
    while (end == std::string::npos) {
      pollfd one{fd, POLLIN, 0};
      // An idle connection is closed when stopping, one with a request on its way is not.
      if (::poll(&one, 1, 20) == 0) {
        if (stopping && buffer.empty()) break;
        continue;
      }
      char bytes[4096];
      const auto got = ::recv(fd, bytes, sizeof bytes, 0);
      if (got <= 0) break;
      buffer.append(bytes, static_cast<std::size_t>(got));
      end = buffer.find("\r\n\r\n");
    }
    if (end == std::string::npos) break;
    const auto head = buffer.substr(0, end);
    buffer.erase(0, end + 4);
    const auto begin = head.find(' ') + 1;
    const auto path = head.substr(begin, head.find(' ', begin) - begin);
    if (path == "/slow") std::this_thread::sleep_for(std::chrono::milliseconds(300));
    const auto body = path == "/echo" ? head : name + " " + path;
    send_all(fd, std::string("HTTP/1.1 ") + (path == "/fail" ? "503 Unavailable" : "200 OK") +
                     "\r\nContent-Length: " + std::to_string(body.size()) +
                     (stopping ? "\r\nConnection: close" : "") + "\r\n\r\n" + body);
    if (stopping) break;
  }
  ::close(fd);
  --connections;
}

}  // namespace

int main(int argc, char** argv) {
  const char* port = std::getenv("PORT");
  if (port == nullptr) return 2;
  std::signal(SIGTERM, [](int) { stopping = true; });
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int one = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 511) != 0)
    return 3;
  while (!stopping) {
    pollfd ready{fd, POLLIN, 0};
    if (::poll(&ready, 1, 20) != 1) continue;
    const int client = ::accept(fd, nullptr, nullptr);
    if (client < 0) continue;
    ++connections;
    std::thread(serve, client, std::string(argc > 1 ? argv[1] : "app")).detach();
  }
  ::close(fd);
  while (connections > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return 0;
}
