// For tests: an edge with real nginx processes and instances, and load on it.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <iostream>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "edge/detail/address.h"
#include "edge/detail/run.h"
#include "edge/detail/spawn.h"
#include "edge/detail/test_support.h"
#include "edge/edge.h"
#include "http/client.h"

namespace ringwall::edge::test {

using namespace std::chrono_literals;

inline std::uint16_t free_port() {
  const int fd = detail::listen_on(detail::parse_address("127.0.0.1:0").value()).value();
  detail::Address own;
  own.size = sizeof own.storage;
  ::getsockname(fd, own.get(), &own.size);
  ::close(fd);
  return own.port();
}

inline bool nginx_missing() {
  if (detail::find_program("nginx", "").ok()) return false;
  std::cout << "skipped: there is no nginx on this machine\n";
  return true;
}

inline std::string module_path() {
  const std::string path = std::string(RINGWALL_BINARY_DIR) + "/ngx_http_ringwall_module.so";
  return std::filesystem::exists(path) ? path : "";
}

// Counts the records it is given; keeps the texts of logs, and all attributes as "key=value".
class CountingCollector final : public collect::Collector {
 public:
  void submit(collect::Submission s, Done done) override {
    {
      const std::lock_guard lock(mutex_);
      if (s.position > positions_[s.source]) {
        positions_[s.source] = s.position;
        for (const auto slice : s.batch.text) texts_[s.batch.signal].emplace_back(s.batch.view(slice));
        for (std::size_t i = 0; i < s.batch.attribute_keys.size(); ++i) {
          attributes_.insert(fmt::format("{}={}", s.batch.view(s.batch.attribute_keys[i]), s.batch.view(s.batch.attribute_values[i])));
        }
      }
    }
    done(std::uint64_t{1});
  }
  Result<std::uint64_t> submit_and_wait(collect::Submission) override {
    return fail(Errc::kInternal, "not used here");
  }
  std::uint64_t position(const std::string& source) const override {
    const std::lock_guard lock(mutex_);
    const auto found = positions_.find(source);
    return found == positions_.end() ? 0 : found->second;
  }
  void release(std::uint64_t) override {}
  void count_received(const std::string&, base::Signal, std::uint64_t) override {}
  void count_dropped(const std::string&, const std::string&, std::uint64_t) override {}
  collect::Counts counts() const override { return {}; }
  SpoolState spool() const override { return {}; }
  bool has_log(const std::string& part) const {
    const std::lock_guard lock(mutex_);
    const auto found = texts_.find(base::Signal::kLog);
    return found != texts_.end() && std::any_of(found->second.begin(), found->second.end(), [&](const auto& text) { return text.find(part) != text.npos; });
  }
  bool has_attribute(const std::string& key, const std::string& value) const {
    const std::lock_guard lock(mutex_);
    return attributes_.contains(key + "=" + value);
  }
  std::size_t count(base::Signal signal) const {
    const std::lock_guard lock(mutex_);
    const auto found = texts_.find(signal);
    return found == texts_.end() ? 0 : found->second.size();
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> positions_;
  std::map<base::Signal, std::vector<std::string>> texts_;
  std::set<std::string> attributes_;
};

// One declaration with an HTTP and a TLS listener and a service of two instances, and its edge.
struct Ring {
  Folder folder;
  std::uint16_t http = free_port(), https = free_port();
  CountingCollector collector;
  declare::Declaration declaration;
  std::unique_ptr<pki::LocalCa> ca;
  std::unique_ptr<Edge> edge;

  Ring() {
    auto& listeners = declaration.edge.listeners;
    listeners.resize(2);
    listeners[0] = {.address = fmt::format("127.0.0.1:{}", http), .tls = false};
    listeners[1] = {.address = fmt::format("127.0.0.1:{}", https)};
    declaration.edge.workers = 2;
    declaration.edge.shutdown_grace = 5s;
    declaration.edge.limits.connections_per_client = 0;
    declaration.edge.hosts = {
        {.names = {"localhost", "127.0.0.1"}, .routes = {{.path = "/", .service = "web"}}}};
    declare::Service web;
    web.name = "web";
    web.command = {std::string(RINGWALL_BINARY_DIR) + "/src/edge/edge_test_app", "one"};
    web.count = 2;
    web.health = {.path = "/health", .interval = 50ms, .timeout = 1s};
    web.stop_timeout = 3s;
    declaration.services = {web};
    ca = std::make_unique<pki::LocalCa>(
        pki::LocalCa::open(base::real_files(), base::real_clock(), folder.path + "/pki", "test").value());
  }
  ~Ring() {
    if (edge) edge->stop();
  }

  void open() {
    edge.reset();
    EdgeOptions options{.run_directory = folder.path + "/run",
                        .log_directory = folder.path + "/logs",
                        .base_directory = folder.path,
                        .module_path = module_path(),
                        .identity = {"test", "1", "here", "local"},
                        .apply_health_limit = 5s,
                        .data_look = 50ms};
    edge = Edge::open(options, base::real_files(), base::real_clock(), *ca, &collector).value();
  }
  void start() {
    open();
    const auto started = edge->start(declaration);
    CAPTURE((started.ok() ? "" : started.error().message));
    REQUIRE(started.ok());
    REQUIRE(eventually([&] { return healthy() == 2; }));
  }
  std::size_t healthy() const {
    std::size_t count = 0;
    for (const auto& service : edge->status().services) {
      for (const auto& instance : service.instances) count += instance.state == InstanceState::kHealthy;
    }
    return count;
  }
  http::Fetched get(const std::string& url, std::vector<std::string> headers = {},
                    const std::string& method = "GET", std::string body = "") const {
    http::Fetch request;
    request.method = method;
    request.url = url;
    request.ca_file = ca->certificate_path();
    request.headers = std::move(headers);
    request.body = std::move(body);
    request.timeout = 10s;
    auto fetched = http::fetch(request);
    CAPTURE((fetched.ok() ? "" : fetched.error().message));
    REQUIRE(fetched.ok());
    return fetched.value();
  }
  std::string plain(const std::string& path) const { return fmt::format("http://127.0.0.1:{}{}", http, path); }
  std::string tls(const std::string& path) const { return fmt::format("https://localhost:{}{}", https, path); }
};

// What nginx answers to these bytes, over a connection of its own.
inline std::string answer_to(std::uint16_t port, std::string_view request) {
  const auto address = detail::parse_address(fmt::format("127.0.0.1:{}", port)).value();
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval limit{5, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::string answer;
  if (::connect(fd, address.get(), address.size) == 0) {
    ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    char bytes[4096];
    for (ssize_t got; (got = ::recv(fd, bytes, sizeof bytes, 0)) > 0;)
      answer.append(bytes, static_cast<std::size_t>(got));
  }
  ::close(fd);
  return answer;
}

// Sends requests from some threads, each over a connection of its own, until it is stopped.
class Load {
 public:
  explicit Load(std::uint16_t port, int threads = 4) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this, port] {
        while (!stop_) {
          const auto answer = answer_to(port, "GET /load HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
          ++sent_;
          if (answer.starts_with("HTTP/1.1 200") && answer.ends_with("/load")) continue;
          ++failed_;
          const std::lock_guard lock(mutex_);
          first_failure_ =
              first_failure_.empty() ? (answer.empty() ? "no answer" : answer.substr(0, 200)) : first_failure_;
        }
      });
    }
  }
  ~Load() { stop(); }
  void stop() {
    stop_ = true;
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  int failed() const { return failed_; }
  // Waits until that many more were sent, so that what was just done had its effect on them.
  void more(int count) const {
    const auto goal = sent_ + count;
    REQUIRE(eventually([&] { return sent_ >= goal; }));
  }
  void check_none_failed(const Ring& ring) {
    stop();
    const auto log = base::real_files().read(ring.folder.path + "/run/nginx-error.log");
    const std::string error_log = failed_ > 0 && log.ok() ? log.value() : "";
    CAPTURE(error_log);
    CAPTURE(first_failure_);
    CAPTURE(sent_.load());
    CHECK(failed_ == 0);
  }
  int sent() const { return sent_; }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<int> sent_{0}, failed_{0};
  std::mutex mutex_;
  std::string first_failure_;
  std::vector<std::thread> threads_;
};

}  // namespace ringwall::edge::test
