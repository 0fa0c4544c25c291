// The edge with real nginx processes and real instances, under load.
#include "edge/edge.h"

#include <csignal>

#include "edge/detail/proc.h"
#include "edge/detail/test_ring.h"

namespace ringwall::edge {

using namespace test;

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
  CHECK(unknown.headers.find("Content-Type: text/html") != std::string::npos);
  const auto json = ring.get(ring.plain("/x"), {"Host: other.test", "Accept: application/vnd.api+json, text/html"});
  CHECK(json.status == 421);
  CHECK(json.headers.find("Content-Type: application/problem+json") != std::string::npos);
  CHECK(json.body.starts_with("{\"type\":\"about:blank\",\"title\":\"Misdirected Request\",\"status\":421,\"request\":\""));
  if (!module_path().empty()) {
    CHECK(eventually([&] {
      return ring.collector.count(base::Signal::kSpan) == 9 && ring.collector.count(base::Signal::kLog) == 9;
    }));
    CHECK(ring.edge->status().requests_total == 9);
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

}  // namespace ringwall::edge
