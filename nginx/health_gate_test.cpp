// The health gate under each balancer of a real nginx.
#include <doctest/doctest.h>

#include "ring/health_table.h"
#include "test_support.h"

namespace {

using namespace ringwall;
using namespace ringwall::edge_module;
using ring::Health;

// Which of the backends answered anything, as "x-x"; failed requests at the end.
std::string shares(Nginx& nginx, std::initializer_list<Backend*> backends, int requests = 24) {
  std::vector<int> before;
  for (auto* backend : backends) before.push_back(backend->requests());
  int failed = 0;
  for (int i = 0; i < requests; ++i) failed += status_of(get(nginx.port(), "/" + std::to_string(i))) != 200;
  std::string text;
  std::size_t index = 0;
  for (auto* backend : backends) text += backend->requests() > before[index++] ? 'x' : '-';
  return failed == 0 ? text : text + " failed " + std::to_string(failed);
}

std::string upstream(std::initializer_list<Backend*> backends, const std::string& options) {
  std::string text = "upstream b { ";
  for (auto* backend : backends) text += "server 127.0.0.1:" + std::to_string(backend->port()) + "; ";
  return text + options + " }\n";
}

constexpr const char* kServer =
    "server { listen @PORT@; location / { proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_pass "
    "http://b; } }";

std::string head() { return "ringwall_health_table run/health.table;\n"; }

}  // namespace

// Goal: with every balancer, with and without keepalive and shared zone, wherever the directive stands.
TEST_CASE("health gate: a slot that is down gets nothing, without a reload") {
  struct Case {
    const char* options;
    bool spreads;  // over all instances; ip_hash sends one client to one of them
  };
  const Case kCases[] = {
      {"ringwall_health 0 1 2;", true},
      {"ringwall_health 0 1 2; keepalive 8;", true},
      {"keepalive 8; ringwall_health 0 1 2;", true},
      {"ringwall_health 0 1 2; least_conn;", true},
      {"zone b 64k; least_conn; keepalive 8; ringwall_health 0 1 2;", true},
      {"zone b 64k; ringwall_health 0 1 2;", true},
      {"ip_hash; ringwall_health 0 1 2; keepalive 8;", false},
      {"hash $request_uri; keepalive 8; ringwall_health 0 1 2;", true},
      {"hash $request_uri consistent; ringwall_health 0 1 2; keepalive 8;", true},
      {"random; ringwall_health 0 1 2; keepalive 8;", true},
      {"zone b 64k; random two least_conn; ringwall_health 0 1 2; keepalive 8;", true},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.options);
    Backend a("a"), b("b"), d("d");
    Nginx nginx;
    auto table = ring::HealthTable::open_or_create(nginx.folder().path("run/health.table"), 4).value();
    nginx.configure(head() + upstream({&a, &b, &d}, c.options) + kServer, 2);
    nginx.start();
    if (c.spreads) CHECK(shares(nginx, {&a, &b, &d}, 60) == "xxx");
    // Each alone, so that none is spared by chance.
    Backend* const all[] = {&a, &b, &d};
    const char* const kAlone[] = {"x--", "-x-", "--x"};
    for (std::uint32_t up = 0; up < 3; ++up) {
      for (std::uint32_t slot = 0; slot < 3; ++slot) table.set(slot, slot == up ? Health::kUp : Health::kDown);
      CHECK(shares(nginx, {all[0], all[1], all[2]}) == kAlone[up]);
    }
    for (std::uint32_t slot = 0; slot < 3; ++slot) table.set(slot, Health::kUp);
    if (c.spreads) CHECK(shares(nginx, {&a, &b, &d}, 60) == "xxx");
  }
}

TEST_CASE("health gate: nobody up means the draining ones, and nobody at all means everybody") {
  Backend a("a"), b("b"), d("d");
  Nginx nginx;
  auto table = ring::HealthTable::open_or_create(nginx.folder().path("run/health.table"), 4).value();
  nginx.configure(head() + upstream({&a, &b, &d}, "ringwall_health 1 2 3;") + kServer);
  nginx.start();
  const auto with = [&](Health first, Health second, Health third) {
    table.set(1, first);
    table.set(2, second);
    table.set(3, third);
    return shares(nginx, {&a, &b, &d});
  };
  CHECK(with(Health::kUp, Health::kDraining, Health::kUp) == "x-x");
  CHECK(with(Health::kDown, Health::kDraining, Health::kUp) == "--x");
  CHECK(with(Health::kDown, Health::kDraining, Health::kDraining) == "-xx");
  CHECK(with(Health::kDown, Health::kDraining, Health::kDown) == "-x-");
  CHECK(with(Health::kDown, Health::kDown, Health::kDown) == "xxx");
  CHECK(with(Health::kUp, Health::kUp, Health::kUp) == "xxx");
}

TEST_CASE("health gate: one instance alone, a configured down and a backup") {
  Backend a("a"), b("b"), d("d");
  Nginx nginx;
  auto table = ring::HealthTable::open_or_create(nginx.folder().path("run/health.table"), 4).value();
  const auto one = "127.0.0.1:" + std::to_string(a.port());
  const auto two = "127.0.0.1:" + std::to_string(b.port());
  const auto three = "127.0.0.1:" + std::to_string(d.port());

  SUBCASE("the only instance gets requests even when it is judged down") {
    nginx.configure(head() + "upstream b { server " + one + "; ringwall_health 0; }" + kServer);
    nginx.start();
    table.set(0, Health::kDown);
    CHECK(shares(nginx, {&a}) == "x");
  }
  SUBCASE("what the configuration calls down stays down") {
    nginx.configure(head() + "upstream b { server " + one + "; server " + two + " down; server " + three +
                    "; ringwall_health 0 1 2; }" + kServer);
    nginx.start();
    table.set(0, Health::kDown);
    CHECK(shares(nginx, {&a, &b, &d}) == "--x");
    table.set(2, Health::kDown);
    CHECK(shares(nginx, {&a, &b, &d}) == "x-x");
  }
  SUBCASE("slots go by server line also when a backup stands between") {
    nginx.configure(head() + "upstream b { server " + one + "; server " + two + " backup; server " + three +
                    "; ringwall_health 0 1 2; }" + kServer);
    nginx.start();
    CHECK(shares(nginx, {&a, &b, &d}) == "x-x");
    table.set(2, Health::kDown);
    CHECK(shares(nginx, {&a, &b, &d}) == "x--");
    table.set(0, Health::kDown);
    CHECK(shares(nginx, {&a, &b, &d}) == "-x-");
    table.set(1, Health::kDown);
    CHECK(shares(nginx, {&a, &b, &d}) == "x-x");
  }
}

// Goal: a closed instance is no try.  Otherwise nginx would look for a second instance, find none and answer
// 502 in place of what the first one said.
TEST_CASE("health gate: the last answer is passed on when the others are closed") {
  Backend a("a", 503), b("b");
  Nginx nginx;
  auto table = ring::HealthTable::open_or_create(nginx.folder().path("run/health.table"), 4).value();
  nginx.configure(
      head() + upstream({&a, &b}, "ringwall_health 0 1;") +
      "server { listen @PORT@; location / { proxy_next_upstream error http_503; proxy_pass http://b; } }");
  nginx.start();
  table.set(1, Health::kDown);
  const auto answer = get(nginx.port(), "/");
  CHECK(status_of(answer) == 503);
  CHECK(answer.ends_with("a end of answer"));
}

TEST_CASE("health gate: nginx -t refuses slots that fit nothing") {
  Backend a("a"), b("b");
  Nginx nginx;
  auto table = ring::HealthTable::open_or_create(nginx.folder().path("run/health.table"), 4).value();
  nginx.configure(head() + upstream({&a, &b}, "ringwall_health 0;") + kServer);
  CHECK(nginx.check().find("one slot per server line is expected, servers (2)") != std::string::npos);
  nginx.configure(head() + upstream({&a, &b}, "ringwall_health 0 4;") + kServer);
  CHECK(nginx.check().find("the health table has no slot (4)") != std::string::npos);
  nginx.configure(head() + upstream({&a, &b}, "ringwall_health 0 3;") + kServer);
  CHECK(nginx.check().empty());
}
