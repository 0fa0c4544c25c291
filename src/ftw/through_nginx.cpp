#include "ftw/through_nginx.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <memory>
#include <thread>

#include "base/text.h"
#include "base/world.h"
#include "ftw/detail/albedo.h"
#include "policy/bundle.h"
#include "policy/data_files.h"
#include "policy/policy.h"

namespace ringwall::ftw {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kAnswerBytesMax = 16 << 20;
constexpr int kPatienceMs = 10'000;
// Logs the header's value and takes no part in the test itself.
constexpr std::string_view kMarkerRule =
    "SecRule REQUEST_HEADERS:X-CRS-Test \"@rx ^.*$\" \"id:999999,phase:1,pass,t:none,log,msg:'X-CRS-Test %{MATCHED_VAR}',ctl:ruleRemoveById=1-999999\"\n";

constexpr std::string_view kNginxConf = R"(daemon off;
load_module "{module}";
worker_processes 1;
pid "{folder}/nginx.pid";
error_log "{folder}/error.log" warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path "{folder}/temp-body"; proxy_temp_path "{folder}/temp-proxy";
  fastcgi_temp_path "{folder}/temp-f"; uwsgi_temp_path "{folder}/temp-u"; scgi_temp_path "{folder}/temp-s";
  keepalive_timeout 0;
  client_header_timeout 2s; client_body_timeout 2s;
  client_max_body_size 0; large_client_header_buffers 4 64k;
  underscores_in_headers on; ignore_invalid_headers off; merge_slashes off;
  ringwall_waf_policies "{folder}/policies.json";
  ringwall_waf test; ringwall_waf_log on;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://unix:{folder}/backend; }}
  }}
}}
)";

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

bool readable(int fd, int ms) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, ms) > 0;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

// The backend: one request per connection, as nginx speaks to it by default.
class Backend {
 public:
  explicit Backend(const std::string& path) : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    ok_ = ::bind(listener_.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && ::listen(listener_.fd(), 16) == 0 && ::chmod(path.c_str(), 0666) == 0;
    if (ok_) thread_ = std::thread([this] { run(); });
  }
  ~Backend() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  bool ok() const { return ok_; }

 private:
  void run() {
    while (!stopping_) {
      if (!readable(listener_.fd(), 50)) continue;
      const Socket peer(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
      if (peer.fd() >= 0) serve(peer.fd());
    }
  }
  static void serve(int fd) {
    std::string text;
    char piece[16 << 10];
    std::size_t wanted = std::string::npos;
    while (text.size() < wanted && text.size() < kAnswerBytesMax && readable(fd, kPatienceMs)) {
      const auto n = ::recv(fd, piece, sizeof piece, 0);
      if (n <= 0) break;
      text.append(piece, static_cast<std::size_t>(n));
      const auto head = text.find("\r\n\r\n");
      if (head == std::string::npos || wanted != std::string::npos) continue;
      wanted = head + 4;
      for (const auto& [name, value] : detail::read_request(text).headers) {
        if (base::lower_ascii(name) == "content-length") wanted += std::strtoul(value.c_str(), nullptr, 10);
      }
    }
    const auto answer = detail::backend(detail::read_request(text));
    auto out = fmt::format("HTTP/1.1 {} Whatever\r\n", answer.status);
    for (const auto& [name, value] : answer.headers) out += fmt::format("{}: {}\r\n", name, value);
    out += fmt::format("Content-Length: {}\r\nConnection: close\r\n\r\n", answer.body.size());
    send_all(fd, out + answer.body);
  }

  const Socket listener_;
  bool ok_ = false;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

int free_port() {
  const Socket probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ::bind(probe.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::getsockname(probe.fd(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

class Server {
 public:
  ~Server() {
    if (master_ > 0) {
      ::kill(master_, SIGTERM);
      ::waitpid(master_, nullptr, 0);
    }
    backend_.reset();
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  Result<void> start(const NginxOptions& options) {
    auto name = (fs::temp_directory_path() / "ringwall-ftw-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) return fail(Errc::kUnavailable, fmt::format("{}: {}", name, std::strerror(errno)));
    folder_ = name;
    // Workers, who need not run as we do, go through it.
    fs::permissions(folder_, static_cast<fs::perms>(0755));
    auto& files = base::real_files();
    policy::DataFiles data(files, folder_);
    const auto bundle = RW_TRY(policy::make_bundle_of(fmt::format("{}Include {}\n", kMarkerRule, options.rules), folder_ + "/test.conf", data.rule_files()));
    RW_TRY(files.write_atomic(folder_ + "/rules", bundle, 0644));
    RW_TRY(files.write_atomic(folder_ + "/policies.json", policy::write_policy_file({"rules", {{"test", waf::Mode::kAsRules, {}, {}}}, data.names()}), 0644));
    port_ = free_port();
    RW_TRY(files.write_atomic(folder_ + "/nginx.conf", fmt::format(fmt::runtime(kNginxConf), fmt::arg("module", options.module), fmt::arg("folder", folder_), fmt::arg("port", port_)), 0644));
    backend_ = std::make_unique<Backend>(folder_ + "/backend");
    if (!backend_->ok()) return fail(Errc::kUnavailable, fmt::format("{}/backend: the tests' backend cannot listen: {}", folder_, std::strerror(errno)));
    RW_TRY(spawn(options));
    log_fd_ = std::make_unique<Socket>(::open((folder_ + "/error.log").c_str(), O_RDONLY | O_CLOEXEC));
    return {};
  }

  Outcome run(const Stage& stage) {
    Outcome out;
    const auto answer = converse(stage.request);
    if (answer.starts_with("HTTP/") && answer.size() > 12) {
      out.status = std::atoi(answer.c_str() + 9);
      if (const auto head = answer.find("\r\n\r\n"); head != std::string::npos) out.body = answer.substr(head + 4);
    }
    const auto mark = fmt::format("ringwall-{}", ++marks_);
    converse(fmt::format("GET /status/200 HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ringwall\r\nX-CRS-Test: {}\r\n\r\n", mark));
    out.log = lines_until(mark);
    return out;
  }

 private:
  Result<void> spawn(const NginxOptions& options) {
    const auto output = folder_ + "/output";
    const auto prefix = folder_ + "/", conf = folder_ + "/nginx.conf";
    master_ = ::fork();
    if (master_ == 0) {
      const int fd = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      ::dup2(fd, 1);
      ::dup2(fd, 2);
      ::execlp(options.nginx.c_str(), options.nginx.c_str(), "-p", prefix.c_str(), "-c", conf.c_str(), "-e", "stderr", nullptr);
      ::_exit(127);
    }
    for (int waited = 0; waited < kPatienceMs; waited += 10) {
      if (!converse("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").empty()) return {};
      int status = 0;
      if (::waitpid(master_, &status, WNOHANG) == master_) {
        master_ = -1;
        const auto words = base::real_files().read(output);
        return fail(Errc::kUnavailable, fmt::format("nginx does not start: {}", words.ok() && !words->empty() ? std::string(base::trim(*words)) : options.nginx + " cannot be run"),
                    "is nginx installed, of the version the module was built for?");
      }
      ::usleep(10'000);
    }
    return fail(Errc::kUnavailable, "nginx does not answer");
  }

  // nginx closes after each answer.
  std::string converse(std::string_view request) const {
    const Socket peer(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(peer.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return {};
    send_all(peer.fd(), request);
    std::string out;
    char piece[16 << 10];
    while (out.size() < kAnswerBytesMax && readable(peer.fd(), kPatienceMs)) {
      const auto n = ::recv(peer.fd(), piece, sizeof piece, 0);
      if (n <= 0) break;
      out.append(piece, static_cast<std::size_t>(n));
    }
    return out;
  }

  std::vector<std::string> lines_until(const std::string& mark) {
    std::vector<std::string> out;
    const auto wanted = "X-CRS-Test " + mark + "\"";
    for (int waited = 0; waited < kPatienceMs; ++waited) {
      char piece[64 << 10];
      for (ssize_t n = 0; (n = ::pread(log_fd_->fd(), piece, sizeof piece, log_at_)) > 0; log_at_ += n) unread_.append(piece, static_cast<std::size_t>(n));
      for (std::size_t end = 0; (end = unread_.find('\n')) != std::string::npos;) {
        auto line = unread_.substr(0, end);
        unread_.erase(0, end + 1);
        if (line.find(wanted) != std::string::npos) return out;
        if (line.find("ringwall: ") != std::string::npos && line.find("X-CRS-Test ringwall-") == std::string::npos) out.push_back(std::move(line));
      }
      ::usleep(1000);
    }
    return out;
  }

  std::string folder_;
  int port_ = 0;
  pid_t master_ = -1;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Socket> log_fd_;
  off_t log_at_ = 0;
  std::string unread_;
  int marks_ = 0;
};

}  // namespace

Result<Runner> nginx_runner(const NginxOptions& options) {
  auto server = std::make_shared<Server>();
  RW_TRY(server->start(options));
  return Runner([server](const Stage& stage) { return server->run(stage); });
}

}  // namespace ringwall::ftw
