#include "test_support.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "keep/table.h"
#include "policy/bundle.h"

namespace ringwall::edge_module {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int listen_on_loopback(int& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t length = sizeof address;
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd, 64) != 0 || ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    std::abort();
  }
  port = ntohs(address.sin_port);
  return fd;
}

int connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  auto address = loopback(port);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void replace_all(std::string& text, std::string_view from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

std::string lower(std::string text) {
  for (auto& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

// Runs nginx in the folder with its messages in `log`; `extra` is one more argument or nothing.
pid_t spawn_nginx(const ring::TestFolder& folder, const std::string& log, const char* extra) {
  const auto prefix = folder.path();
  const auto conf = folder.path("nginx.conf");
  const auto output = folder.path(log);
  const auto child = ::fork();
  if (child == 0) {
    const int fd = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(fd, 1);
    ::dup2(fd, 2);
    ::execl(RINGWALL_NGINX, "nginx", "-p", prefix.c_str(), "-c", conf.c_str(), "-e", "stderr", extra, nullptr);
    ::_exit(127);
  }
  return child;
}

}  // namespace

bool eventually(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 2);
  }
  return true;
}

int free_port() {
  int port = 0;
  ::close(listen_on_loopback(port));
  return port;
}

std::string converse(int port, std::string_view bytes, std::string_view until) {
  const int fd = connect_to(port);
  if (fd < 0) return "no connection";
  send_all(fd, bytes);
  std::string answer;
  char buffer[8192];
  while (until.empty() || answer.find(until) == std::string::npos) {
    const auto n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  return answer;
}

std::string get(int port, const std::string& path, const std::string& extra) {
  return converse(port,
                  "GET " + path + " HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n" + extra + "\r\n");
}

int status_of(std::string_view response) {
  return response.size() > 12 ? std::atoi(std::string(response.substr(9, 3)).c_str()) : 0;
}

int get_over_tls(int port, const std::string& server_name, const std::vector<std::string>& paths) {
  const int fd = connect_to(port);
  REQUIRE(fd >= 0);
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* tls = SSL_new(context);
  SSL_set_fd(tls, fd);
  SSL_set_tlsext_host_name(tls, server_name.c_str());
  REQUIRE(SSL_connect(tls) == 1);
  std::string answer;
  for (const auto& path : paths) {
    const auto request = "GET " + path + " HTTP/1.1\r\nHost: " + server_name + "\r\n\r\n";
    REQUIRE(SSL_write(tls, request.data(), static_cast<int>(request.size())) > 0);
    answer.clear();
    // The answers are small and carry their own end mark.
    char buffer[8192];
    while (answer.find("end of answer") == std::string::npos) {
      const auto n = SSL_read(tls, buffer, sizeof buffer);
      if (n <= 0) break;
      answer.append(buffer, static_cast<std::size_t>(n));
    }
  }
  SSL_free(tls);
  SSL_CTX_free(context);
  ::close(fd);
  return status_of(answer);
}

void write_certificate(const std::string& key_path, const std::string& certificate_path) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_pubkey(certificate, key);
  auto* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("shop.example"),
                             -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_sign(certificate, key, EVP_sha256());
  FILE* file = std::fopen(key_path.c_str(), "w");
  REQUIRE(file != nullptr);
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  file = std::fopen(certificate_path.c_str(), "w");
  REQUIRE(file != nullptr);
  PEM_write_X509(file, certificate);
  std::fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

Backend::Backend(std::string name, int status) : name_(std::move(name)), status_(status) {
  listener_ = listen_on_loopback(port_);
  acceptor_ = std::thread([this] { accept_loop(); });
}

Backend::~Backend() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (auto& connection : connections_) connection.join();
  ::close(listener_);
}

std::string Backend::header(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = headers_.find(name);
  return found != headers_.end() ? found->second : "";
}

void Backend::accept_loop() {
  for (;;) {
    const int socket = ::accept(listener_, nullptr, nullptr);
    if (socket < 0) return;
    const std::lock_guard lock(mutex_);
    connections_.emplace_back([this, socket] { serve(socket); });
  }
}

void Backend::serve(int socket) {
  std::string pending;
  char buffer[8192];
  while (!stopping_) {
    pollfd waiting{socket, POLLIN, 0};
    if (::poll(&waiting, 1, 20) == 0) continue;
    const auto n = ::recv(socket, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    pending.append(buffer, static_cast<std::size_t>(n));
    for (std::size_t end = 0; (end = pending.find("\r\n\r\n")) != std::string::npos;
         pending.erase(0, end + 4)) {
      std::istringstream lines(pending.substr(0, end + 2));
      std::map<std::string, std::string> headers;
      for (std::string line; std::getline(lines, line);) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (const auto colon = line.find(": "); colon != std::string::npos) {
          headers[lower(line.substr(0, colon))] = line.substr(colon + 2);
        }
      }
      {
        const std::lock_guard lock(mutex_);
        headers_ = headers;
      }
      ++requests_;
      const auto body = name_ + " end of answer";
      send_all(socket, "HTTP/1.1 " + std::to_string(status_) +
                           " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    }
  }
  ::close(socket);
}

Nginx::Nginx(ring::Options options) : port_(free_port()), tls_port_(free_port()) {
  std::filesystem::create_directories(folder_.path("run"));
  auto reader = ring::Reader::open_or_create(folder_.path("run/edge.ring"), options);
  REQUIRE(reader.ok());
  reader_ = std::make_unique<ring::Reader>(std::move(reader).value());
}

Nginx::~Nginx() { stop(); }

void Nginx::configure(const std::string& http, int workers) {
  std::string text =
      "load_module " RINGWALL_MODULE
      ";\n" +
      main_lines_ + "daemon off; worker_processes " +
      std::to_string(workers) +
      "; pid run/nginx.pid; error_log stderr warn;\n"
      "worker_shutdown_timeout 5s;\n"
      "events { worker_connections 256; }\n"
      "http {\n"
      "  access_log off; lingering_close off;\n"
      "  client_body_temp_path run/body; proxy_temp_path run/proxy; fastcgi_temp_path run/fastcgi;\n"
      "  uwsgi_temp_path run/uwsgi; scgi_temp_path run/scgi;\n" +
      http + "\n}\n";
  replace_all(text, "@PORT@", "127.0.0.1:" + std::to_string(port_));
  replace_all(text, "@TLS@", "127.0.0.1:" + std::to_string(tls_port_));
  std::ofstream(folder_.path("nginx.conf")) << text;
}

std::string Nginx::check() {
  const auto child = spawn_nginx(folder_, "check.log", "-t");
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "" : read_file(folder_.path("check.log"));
}

void Nginx::start() {
  master_ = spawn_nginx(folder_, "nginx.log", nullptr);
  const bool up = eventually([this] {
    const int fd = connect_to(port_);
    if (fd >= 0) ::close(fd);
    return fd >= 0 && !workers().empty();
  });
  INFO(read_file(folder_.path("nginx.log")));
  REQUIRE(up);
}

std::vector<pid_t> Nginx::workers() const {
  std::vector<pid_t> pids;
  const auto id = std::to_string(master_);
  std::ifstream file("/proc/" + id + "/task/" + id + "/children");
  for (pid_t pid = 0; file >> pid;) pids.push_back(pid);
  return pids;
}

void Nginx::reload() {
  const auto before = workers();
  ::kill(master_, SIGHUP);
  REQUIRE(eventually([&] {
    const auto now = workers();
    if (now.empty()) return false;
    return std::none_of(now.begin(), now.end(), [&](pid_t pid) {
      return std::find(before.begin(), before.end(), pid) != before.end();
    });
  }));
}

void Nginx::kill_all() {
  const auto pids = workers();
  ::kill(master_, SIGSTOP);  // so that it starts no other worker
  for (const auto pid : pids) ::kill(pid, SIGKILL);
  ::kill(master_, SIGKILL);
  ::waitpid(master_, nullptr, 0);
  master_ = -1;
  REQUIRE(eventually([this] {
    const int fd = connect_to(port_);
    if (fd >= 0) ::close(fd);
    return fd < 0;
  }));
}

void Nginx::stop() {
  if (master_ < 0) return;
  ::kill(master_, SIGTERM);
  ::waitpid(master_, nullptr, 0);
  master_ = -1;
}

std::vector<ring::EdgeRecord> Nginx::records(std::size_t count) {
  std::vector<ring::EdgeRecord> found;
  const bool all = eventually([&] {
    for (std::uint32_t i = 0; i < reader_->ring_count(); ++i) {
      while (const auto entry = reader_->next(i)) {
        payloads_.push_back(std::make_unique<std::string>(entry->payload));
        reader_->commit(i, entry->position);
        if (ring::is_waf_event(*payloads_.back())) {
          events_.emplace_back(ring::decode_waf_event(*payloads_.back()).value().json);
          continue;
        }
        found.push_back(ring::decode_edge_record(*payloads_.back()).value());
      }
    }
    return found.size() >= count;
  });
  INFO(read_file(folder_.path("nginx.log")));
  CAPTURE(found.size());
  REQUIRE(all);
  return found;
}

std::string post(int port, const std::string& path, const std::string& body, const std::string& headers) {
  return converse(port, "POST " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

void put_policies(const Nginx& nginx, const std::string& rules, const std::vector<policy::PolicyText>& policies) {
  const auto folder = nginx.folder().path("run/waf");
  std::filesystem::create_directories(folder);
  const auto name = "rules-" + std::to_string(std::hash<std::string>{}(rules));
  const auto bundle = policy::make_bundle_of(rules, "/test.conf", waf::real_files());
  REQUIRE_MESSAGE(bundle.ok(), (bundle.ok() ? "" : bundle.error().message));
  std::ofstream(folder + "/" + name, std::ios::binary) << *bundle;
  std::ofstream(folder + "/policies.json") << policy::write_policy_file({name, policies});
}

void put_table(const Nginx& nginx) { REQUIRE(keep::TableFile::open_or_create(nginx.folder().path("run/waf.table"), {.bytes = 1 << 20}).ok()); }

}  // namespace ringwall::edge_module
