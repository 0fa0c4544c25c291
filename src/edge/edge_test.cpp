// The edge with real nginx processes and real instances, under load.
#include "edge/edge.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>

#include "edge/detail/address.h"
#include "edge/detail/proc.h"
#include "edge/detail/run.h"
#include "edge/detail/spawn.h"
#include "edge/detail/test_support.h"
#include "http/client.h"
#include "places/test_support.h"

namespace ringwall::edge {

using namespace std::chrono_literals;
using test::eventually;

namespace {

std::uint16_t free_port() {
  const int fd = detail::listen_on(detail::parse_address("127.0.0.1:0").value()).value();
  detail::Address own;
  own.size = sizeof own.storage;
  ::getsockname(fd, own.get(), &own.size);
  ::close(fd);
  return own.port();
}

bool nginx_missing() {
  if (detail::find_program("nginx", "").ok()) return false;
  std::cout << "skipped: there is no nginx on this machine\n";
  return true;
}

std::string module_path() {
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
  test::Folder folder;
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
std::string answer_to(std::uint16_t port, std::string_view request) {
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

}  // namespace

TEST_CASE("edge: serves over TLS and plain, says who it is for and what went wrong") {
  if (nginx_missing()) return;
  Ring ring;
  auto& host = ring.declaration.edge.hosts[0];
  host.routes.push_back({.path = "/old", .redirect_to = "/new", .redirect_status = 301});
  host.routes.push_back({.path = "/small", .service = "web", .body_bytes_max = 10});
  ring.start();

  const auto echo = ring.get(
      ring.tls("/echo"),
      {"X-Forwarded-For: 1.2.3.4", "Traceparent: 00-11111111111111111111111111111111-2222222222222222-01"});
  CHECK(echo.status == 200);
  CHECK(echo.headers.find("strict-transport-security") == std::string::npos);  // not for localhost
  const auto named = ring.get(fmt::format("https://127.0.0.1:{}/echo", ring.https));
  CHECK(named.headers.find("strict-transport-security: max-age=31536000") != std::string::npos);
  const auto h2c = ring.get(ring.plain("/echo"), {"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"});
  CHECK(h2c.body.find("pgrade: h2c") == std::string::npos);
  CHECK(h2c.body.find("HTTP2-Settings") == std::string::npos);
  CHECK(echo.headers.find("x-request-id: ") != std::string::npos);
  CHECK(echo.body.find(fmt::format("Host: localhost:{}", ring.https)) != std::string::npos);
  CHECK(echo.body.find("X-Forwarded-For: 127.0.0.1\r\n") != std::string::npos);
  CHECK(echo.body.find("X-Forwarded-Proto: https\r\n") != std::string::npos);
  if (!module_path().empty()) {
    CHECK(echo.headers.find("x-request-id: 11111111111111111111111111111111") != std::string::npos);
    CHECK(echo.body.find("traceparent: 00-11111111111111111111111111111111-") != std::string::npos);
    CHECK(echo.body.find("2222222222222222") == std::string::npos);
  }

  CHECK(ring.get(ring.plain("/x")).body == "one /x");
  CHECK(ring.get(ring.plain("/x")).headers.find("trict-") == std::string::npos);
  CHECK(ring.get(ring.plain("/old")).status == 301);
  CHECK(ring.get(ring.plain("/small"), {}, "POST", "01234567890").status == 413);
  const auto unknown = ring.get(ring.plain("/x"), {"Host: other.test"});
  CHECK(unknown.status == 421);
  CHECK(unknown.body.find("<title>421 Misdirected Request</title>") != std::string::npos);
  CHECK(unknown.body.find("Request <code>") != std::string::npos);
  if (!module_path().empty()) {
    CHECK(eventually([&] {
      return ring.collector.count(base::Signal::kSpan) == 8 && ring.collector.count(base::Signal::kLog) == 8;
    }));
    CHECK(ring.edge->status().requests_total == 8);
  }
}

TEST_CASE("edge: an instance killed under load costs no request") {
  if (nginx_missing()) return;
  Ring ring;
  ring.start();
  Load load(ring.http);
  load.more(200);
  for (int round = 0; round < 3; ++round) {
    const auto victim = ring.edge->status().services[0].instances[static_cast<std::size_t>(round % 2)].pid;
    ::kill(victim, SIGKILL);
    load.more(300);
    REQUIRE(eventually([&] { return ring.healthy() == 2; }));
    // A request that began while one instance was down has the other one only.  Those are to be over before
    // that one is killed.
    load.more(100);
  }
  load.check_none_failed(ring);
  if (!module_path().empty()) {
    const auto sent = static_cast<std::size_t>(load.sent());
    CHECK(eventually([&] { return ring.collector.count(base::Signal::kLog) == sent; }));
    CHECK(eventually([&] { return ring.collector.count(base::Signal::kSpan) == sent; }));
  }
}

TEST_CASE("edge: nginx killed under load is back without a refused connection") {
  if (nginx_missing()) return;
  Ring ring;
  ring.start();
  Load load(ring.http);
  load.more(200);
  for (int round = 0; round < 3; ++round) {
    const auto master = ring.edge->status().pid;
    ::kill(master, SIGKILL);
    REQUIRE(eventually([&] { return ring.edge->status().pid != 0 && ring.edge->status().pid != master; }));
    load.more(300);
    // The workers it left have finished and gone.
    CHECK(eventually([&] { return detail::group_members(master).empty(); }));
  }
  load.check_none_failed(ring);
  CHECK(ring.edge->status().restarts == 3);
}

TEST_CASE("edge: a changed declaration under load costs no request") {
  if (nginx_missing()) return;
  Ring ring;
  ring.start();
  Load load(ring.http);
  load.more(200);

  SUBCASE("another route") {
    ring.declaration.edge.hosts[0].routes.push_back({.path = "/other/", .redirect_to = "/elsewhere"});
    REQUIRE(ring.edge->apply(ring.declaration).ok());
    CHECK(ring.get(ring.plain("/other/")).status == 302);
  }
  SUBCASE("another listener, and away again") {
    const auto more = free_port();
    ring.declaration.edge.listeners.push_back({.address = fmt::format("127.0.0.1:{}", more), .tls = false});
    REQUIRE(ring.edge->apply(ring.declaration).ok());
    CHECK(ring.get(fmt::format("http://127.0.0.1:{}/x", more)).status == 200);
    load.more(300);
    ring.declaration.edge.listeners.pop_back();
    REQUIRE(ring.edge->apply(ring.declaration).ok());
    http::Fetch gone;
    gone.url = fmt::format("http://127.0.0.1:{}/x", more);
    CHECK(eventually([&] { return !http::fetch(gone).ok(); }));
  }
  SUBCASE("another command, on ports of its own") {
    const auto before = ring.edge->status().services[0].instances[0].pid;
    ring.declaration.services[0].command.back() = "two";
    const auto applied = ring.edge->apply(ring.declaration);
    CAPTURE((applied.ok() ? "" : applied.error().message));
    REQUIRE(applied.ok());
    CHECK(ring.get(ring.plain("/x")).body == "two /x");
    CHECK(eventually([&] { return !detail::read_stat(before); }));
  }
  SUBCASE("another count") {
    ring.declaration.services[0].count = 3;
    REQUIRE(ring.edge->apply(ring.declaration).ok());
    CHECK(ring.healthy() == 3);
    load.more(300);
    ring.declaration.services[0].count = 1;
    REQUIRE(ring.edge->apply(ring.declaration).ok());
    CHECK(ring.healthy() == 1);
  }
  load.more(300);
  load.check_none_failed(ring);
}

TEST_CASE("edge: a core that comes back adopts nginx and instances, and can still restart them") {
  if (nginx_missing()) return;
  Ring ring;
  ring.start();
  Load load(ring.http);
  load.more(200);
  const auto before = ring.edge->status();
  ring.open();
  REQUIRE(ring.edge->start(ring.declaration).ok());
  REQUIRE(eventually([&] { return ring.healthy() == 2; }));
  const auto after = ring.edge->status();
  CHECK(after.pid == before.pid);
  CHECK(after.services[0].instances[0].pid == before.services[0].instances[0].pid);
  load.more(300);

  ::kill(after.pid, SIGKILL);
  REQUIRE(eventually([&] { return ring.edge->status().pid != 0 && ring.edge->status().pid != after.pid; }));
  load.more(300);

  // Both at once: nobody is there when the master dies.
  const auto master = ring.edge->status().pid;
  ring.edge.reset();
  ::kill(master, SIGKILL);
  load.more(300);
  ring.open();
  REQUIRE(ring.edge->start(ring.declaration).ok());
  load.more(300);
  CHECK(eventually([&] { return detail::group_members(master).empty(); }));
  load.check_none_failed(ring);
  if (!module_path().empty()) {
    const auto sent = static_cast<std::size_t>(load.sent());
    CHECK(eventually([&] { return ring.collector.count(base::Signal::kLog) == sent; }));
    CHECK(eventually([&] { return ring.collector.count(base::Signal::kSpan) == sent; }));
  }
}

TEST_CASE("edge: a declaration that cannot be put into force changes nothing") {
  if (nginx_missing()) return;
  Ring ring;
  ring.start();
  const auto before = ring.edge->status();

  auto wrong = ring.declaration;
  wrong.edge.hosts[0].certificate = {"missing.pem", "missing.key"};
  const auto certificate = ring.edge->apply(wrong);
  REQUIRE(!certificate.ok());
  CHECK(certificate.error().message.starts_with("edge.hosts[0].certificate: cannot load certificate"));

  wrong = ring.declaration;
  wrong.edge.hosts[0].routes[0].path = "~ /(x";
  CHECK(ring.edge->apply(wrong).error().message.starts_with("edge.hosts[0].routes[0]: pcre2_compile() failed"));

  wrong = ring.declaration;
  wrong.services[0].command = {"/bin/sh", "-c", "echo cannot; exit 1"};
  const auto unhealthy = ring.edge->apply(wrong);
  REQUIRE(!unhealthy.ok());
  CHECK(unhealthy.error().message.find("did not become healthy") != std::string::npos);

  wrong = ring.declaration;
  wrong.edge.listeners.push_back({.address = "192.0.2.1:1", .tls = false});  // an address of nobody (RFC 5737)
  CHECK(ring.edge->apply(wrong).error().message.starts_with("edge.listeners[2]: bind() to 192.0.2.1:1 failed"));

  CHECK(ring.edge->status().pid == before.pid);
  CHECK(ring.get(ring.tls("/x")).body == "one /x");
  CHECK(ring.healthy() == 2);
}

TEST_CASE("edge: rules, modes and exclusions change under load without a reload, and a mistake in them changes nothing") {
  if (nginx_missing()) return;
  Ring ring;
  const auto rules = [&](const std::string& text) { REQUIRE(base::real_files().write_atomic(ring.folder.path + "/rules.conf", text).ok()); };
  const std::string evil = "SecRule ARGS \"@contains evil\" \"id:1,phase:2,deny,msg:'Evil'\"\n";
  rules(evil);
  ring.declaration.waf.mode = "block";
  ring.declaration.waf.core_rule_set = "";
  ring.declaration.waf.rules = {"rules.conf"};
  ring.start();
  const auto status = [&](const std::string& path) { return ring.get(ring.plain(path)).status; };
  const auto nginx = ring.edge->status().pid;
  const auto workers = [&] {
    std::vector<pid_t> pids;
    const auto children = base::real_files().read(fmt::format("/proc/{0}/task/{0}/children", nginx));
    for (std::size_t at = 0; children.ok() && at < children->size();) {
      pids.push_back(static_cast<pid_t>(std::strtol(children->c_str() + at, nullptr, 10)));
      at = children->find(' ', at) + 1;
    }
    return pids;
  };
  const auto before = workers();
  REQUIRE(before.size() == 2);
  CHECK(status("/echo?a=evil") == 403);
  CHECK(status("/echo?a=fine") == 200);
  CHECK(eventually([&] { return ring.collector.has_log("firewall deny: Evil (1) GET /echo?a=evil"); }));

  Load load(ring.http);
  const auto apply = [&](const declare::Declaration& next) {
    const auto applied = ring.edge->apply(next);
    if (applied.ok()) ring.declaration = next;
    return applied.ok() ? std::string() : applied.error().message;
  };
  auto next = ring.declaration;
  next.edge.hosts[0].routes[0].waf.mode = "log";
  CHECK(apply(next) == "");
  CHECK(status("/echo?a=evil") == 200);
  load.more(50);
  next.edge.hosts[0].routes[0].waf = {};
  next.edge.hosts[0].waf.exclusions = {{.rules = "1", .targets = {"ARGS:text"}, .path = "/echo", .reason = "they write about it"}};
  CHECK(apply(next) == "");
  CHECK(status("/echo?text=evil") == 200);
  CHECK(status("/echo?a=evil") == 403);
  rules(evil + "SecRule ARGS \"@contains worse\" \"id:2,phase:2,deny,status:406\"\n");
  next.waf.inbound_threshold = 6;  // the files are read again with any change
  CHECK(apply(next) == "");
  CHECK(status("/echo?a=worse") == 406);
  load.more(50);

  rules(evil + "SecRule ARGS \"@rx (\" \"id:2,phase:2,deny\"\n");
  next.waf.inbound_threshold = 7;
  CHECK(apply(next).find("rules.conf:2: not a regular expression") != std::string::npos);
  rules(evil + "SecRule ARGS \"@pmFromFile nowhere.data\" \"id:2,phase:2,deny\"\n");
  CHECK(apply(next).find("nowhere.data") != std::string::npos);
  rules(evil);
  next.edge.hosts[0].waf.exclusions[0].rules = "77";
  CHECK(apply(next).find("exclusion of '77'") != std::string::npos);
  CHECK(status("/echo?a=worse") == 406);
  CHECK(status("/echo?text=evil") == 200);
  load.check_none_failed(ring);
  CHECK(workers() == before);
}

TEST_CASE("edge: the description of an API outlives nginx, and is taken up when it changes") {
  if (nginx_missing()) return;
  Ring ring;
  const auto put = [&](const std::string& path) {
    const auto text = fmt::format(R"({{"openapi": "3.1.0", "paths": {{"{}": {{"get": {{}}}}}}}})", path);
    REQUIRE(base::real_files().write_atomic(ring.folder.path + "/api.json", text).ok());
  };
  put("/echo");
  ring.declaration.waf.mode = "block";
  ring.declaration.waf.core_rule_set = "";
  ring.declaration.edge.hosts[0].waf.openapi.file = "api.json";
  ring.start();
  const auto status = [&](const std::string& path) { return ring.get(ring.plain(path)).status; };
  const auto models = [&] {
    const auto names = base::real_files().list(ring.folder.path + "/run/waf").value();
    return std::count_if(names.begin(), names.end(), [](const auto& name) { return name.starts_with("model-"); });
  };
  CHECK(models() == 1);
  CHECK(status("/echo") == 200);
  CHECK(status("/other") == 404);

  // A change of something else publishes anew, and leaves the file where it is.
  auto next = ring.declaration;
  next.waf.inbound_threshold = 6;
  REQUIRE(ring.edge->apply(next).ok());
  CHECK(models() == 1);

  // Another nginx reads the configuration from the disk.
  const auto master = ring.edge->status().pid;
  REQUIRE(::kill(master, SIGKILL) == 0);
  REQUIRE(eventually([&] { return ring.edge->status().pid > 0 && ring.edge->status().pid != master; }));
  const auto answers = [&](const std::string& path, int wanted) {
    return eventually([&] {
      http::Fetch request;
      request.url = ring.plain(path);
      const auto fetched = http::fetch(request);
      return fetched.ok() && fetched->status == wanted;
    });
  };
  CHECK(answers("/echo", 200));
  CHECK(answers("/other", 404));

  put("/other");
  CHECK(ring.edge->review_rules(next).value()->change.has_value());
  REQUIRE(ring.edge->apply(next).ok());
  CHECK(answers("/echo", 404));
  CHECK(!ring.edge->review_rules(next).value()->change.has_value());
}

TEST_CASE("edge: rules that are broken on disk leave in force what they were, also for another core and another nginx") {
  if (nginx_missing()) return;
  Ring ring;
  const auto rules = [&](const std::string& text) { REQUIRE(base::real_files().write_atomic(ring.folder.path + "/rules.conf", text).ok()); };
  rules("SecRule ARGS \"@streq evil\" \"id:1,phase:1,deny,status:406\"\n");
  ring.declaration.waf.mode = "block";
  ring.declaration.waf.core_rule_set = "";
  ring.declaration.waf.rules = {"rules.conf"};
  ring.start();
  const auto status = [&](const std::string& path) { return ring.get(ring.plain(path)).status; };
  CHECK(status("/echo?a=evil") == 406);

  rules("SecRule ARGS \"@rx (evil\" \"id:1,phase:1,deny,status:406\"\n");
  ring.start();
  CHECK(status("/echo?a=evil") == 406);
  CHECK(status("/echo?a=good") == 200);
  const auto master = ring.edge->status().pid;
  REQUIRE(::kill(master, SIGKILL) == 0);
  REQUIRE(eventually([&] { return ring.edge->status().pid > 0 && ring.edge->status().pid != master; }));
  CHECK(eventually([&] {
    http::Fetch request;
    request.url = ring.plain("/echo?a=evil");
    const auto fetched = http::fetch(request);
    return fetched.ok() && fetched->status == 406;
  }));
  // A person who applies a declaration hears of it.
  CHECK(ring.edge->apply(ring.declaration).error().message.find("rules.conf:1: not a regular expression") != std::string::npos);
  rules("SecRule ARGS \"@streq good\" \"id:1,phase:1,deny,status:409\"\n");
  REQUIRE(ring.edge->apply(ring.declaration).ok());
  CHECK(status("/echo?a=evil") == 200);
  CHECK(status("/echo?a=good") == 409);
}

TEST_CASE("edge: a request that cannot be read is answered 400 with a page") {
  if (nginx_missing()) return;
  Ring ring;
  ring.start();
  for (const char* target : {"/%zz", "/%00", "/../x"}) {
    CAPTURE(std::string(target));
    const auto answer = answer_to(ring.http, "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    CHECK(answer.starts_with("HTTP/1.1 400 "));
    CHECK(answer.find("<h1>400 ") != std::string::npos);
  }
  CHECK(ring.get(ring.plain("/.ringwall/400")).status == 404);
}

TEST_CASE("edge: a list or a database that changed on disk is in force by itself, and a broken one changes nothing") {
  if (nginx_missing()) return;
  Ring ring;
  // Another file under the same name, as those do who fetch lists.
  const auto put = [&](const std::string& name, const std::string& text) { REQUIRE(base::real_files().write_atomic(ring.folder.path + "/" + name, text).ok()); };
  const auto database = [](const char* country) { return places::testing::DatabaseWriter().add("127.0.0.0/8", places::testing::country(country, "Land")).finish(); };
  put("rules.conf", "SecRule REMOTE_ADDR \"@geoLookup\" \"id:1,phase:1,deny,status:451,chain\"\nSecRule GEO:COUNTRY_CODE \"@streq FR\"\n");
  put("bad.txt", "192.0.2.1 ; nobody here\n");
  put("paths.txt", "# none yet\n");
  put("country.mmdb", database("DE"));
  ring.declaration.waf.mode = "block";
  ring.declaration.waf.core_rule_set = "";
  ring.declaration.waf.rules = {"rules.conf"};
  ring.declaration.waf.places = {"country.mmdb"};
  ring.declaration.waf.lists = {{.name = "bad", .file = "bad.txt"}, {.name = "away", .countries = {"RU"}}};
  ring.declaration.edge.hosts[0].waf.lists = {{.name = "paths", .file = "paths.txt", .path = "/probe"}};
  ring.start();
  const auto becomes = [&](const std::string& path, int status) { return eventually([&] { return ring.get(ring.plain(path)).status == status; }); };
  const auto status = [&](const std::string& path) { return ring.get(ring.plain(path)).status; };
  const auto nginx = ring.edge->status().pid;
  CHECK(status("/echo") == 200);
  CHECK(eventually([&] { return ring.collector.has_attribute("geo.country.iso_code", "DE"); }));

  put("bad.txt", "192.0.2.1\n127.0.0.0/8\n");
  CHECK(becomes("/echo", 403));
  CHECK(eventually([&] { return ring.collector.has_attribute("ringwall.waf.list", "bad"); }));
  put("bad.txt", "192.0.2.2\n");
  CHECK(becomes("/echo", 200));
  put("country.mmdb", database("RU"));
  CHECK(becomes("/echo", 403));
  put("country.mmdb", database("FR"));
  CHECK(becomes("/echo", 451));
  put("country.mmdb", database("DE"));
  CHECK(becomes("/echo", 200));

  // The other list comes after the broken one, so that the broken one was looked at when it is in force.
  put("bad.txt", "127.0.0.0/8\noops\n");
  put("paths.txt", "127.0.0.1\n");
  CHECK(becomes("/probe", 403));
  CHECK(status("/echo") == 200);
  // A person who applies a declaration hears of it.
  auto next = ring.declaration;
  next.waf.inbound_threshold = 6;
  const auto applied = ring.edge->apply(next);
  REQUIRE(!applied.ok());
  CHECK(applied.error().message == "waf: list 'bad': " + ring.folder.path + "/bad.txt:2: 'oops' is no address");
  CHECK(ring.edge->status().pid == nginx);

  // Another core finds it broken, and what was in force stays.
  ring.start();
  CHECK(status("/echo") == 200);
  CHECK(status("/probe") == 403);
  put("bad.txt", "127.0.0.0/8\n");
  CHECK(becomes("/echo", 403));
}

}  // namespace ringwall::edge
