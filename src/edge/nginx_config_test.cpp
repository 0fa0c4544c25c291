#include "edge/nginx_config.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "edge/detail/run.h"
#include "edge/detail/spawn.h"
#include "edge/detail/test_support.h"
#include "pki/local_ca.h"
#include "ring/health_table.h"
#include "ring/ring.h"

namespace ringwall::edge {

namespace {

using declare::Declaration;

Declaration shop() {
  Declaration d;
  d.edge.listeners = {{.address = "127.0.0.1:18080", .tls = false, .redirect_to_https = true},
                      {.address = "127.0.0.1:18443"}};
  d.edge.hosts = {{.names = {"shop.test", "*.shop.test"}, .routes = {{.path = "/", .service = "web"}}}};
  declare::Service web;
  web.name = "web";
  d.services = {web};
  return d;
}

ConfigPlan plan_for(const Declaration& d, const std::string& directory, bool module) {
  ConfigPlan plan;
  plan.run_directory = directory;
  plan.temp_directory = directory + "/temp-";
  if (module) plan.module_path = std::string(RINGWALL_BINARY_DIR) + "/ngx_http_ringwall_module.so";
  for (std::size_t i = 0; i < d.edge.hosts.size(); ++i)
    plan.certificates.push_back({directory + "/edge.crt", directory + "/edge.key"});
  std::uint32_t slot = 0;
  for (const auto& service : d.services) {
    for (const auto* address : {"127.0.0.1:3000", "[::1]:3001"})
      plan.instances[service.name].push_back({service.name, address, slot++});
  }
  return plan;
}

// A line of the generated text without its indentation.
bool has_line(const std::string& text, const std::string& line) {
  for (std::size_t at = text.find(line); at != std::string::npos; at = text.find(line, at + 1)) {
    const auto begin = text.find_last_not_of(' ', at == 0 ? 0 : at - 1);
    const bool starts = at == 0 || begin == std::string::npos || text[begin] == '\n';
    if (starts && text[at + line.size()] == '\n') return true;
  }
  return false;
}

struct Case {
  const char* what;
  void (*change)(Declaration&);
  std::vector<std::string> has, lacks;
};

const std::vector<Case> kCases = {
    {"as it is",
     [](auto&) {},
     {"listen 127.0.0.1:18443 ssl http2;",
      "listen 127.0.0.1:18443 ssl http2 default_server;",
      "listen 127.0.0.1:18080;",
      "server_name shop.test *.shop.test;",
      "return 308 https://$host:18443$request_uri;",
      "server 127.0.0.1:3000 max_fails=0;",
      "server [::1]:3001 max_fails=0;",
      "ringwall_health 0 1;",
      "keepalive 32;",
      "proxy_pass http://rw_web;",
      "ssl_protocols TLSv1.2 TLSv1.3;",
      "ssl_session_tickets off;",
      "limit_conn rw_clients 256;",
      "return 421;",
      "add_header X-Request-Id $ringwall_trace_id always;",
      "\"~^on \" \"max-age=31536000\";",
      "proxy_next_upstream error timeout invalid_header http_502 http_503 http_504;",
      "proxy_next_upstream_tries 2;",
      "worker_processes auto;",
      "ringwall_route \"/\";"},
     {"least_conn;", "non_idempotent"}},
    {"TLS 1.3 only", [](auto& d) { d.edge.tls_version_min = "1.3"; }, {"ssl_protocols TLSv1.3;"}, {}},
    {"no HTTP/2",
     [](auto& d) { d.edge.listeners[1].http2 = false; },
     {"listen 127.0.0.1:18443 ssl;"},
     {"http2"}},
    {"port 443 is not written into the redirect",
     [](auto& d) { d.edge.listeners[1].address = "0.0.0.0:443"; },
     {"return 308 https://$host$request_uri;", "listen 0.0.0.0:443 ssl http2;"},
     {}},
    {"IPv6",
     [](auto& d) { d.edge.listeners[1].address = "[::1]:18443"; },
     {"listen [::1]:18443 ssl http2;"},
     {}},
    {"plain HTTP only",
     [](auto& d) { d.edge.listeners = {{.address = "127.0.0.1:18080", .tls = false}}; },
     {"listen 127.0.0.1:18080;"},
     {"ssl_certificate", "308 https://$host$request_uri"}},
    {"a host for all names",
     [](auto& d) { d.edge.hosts[0].names = {"*"}; },
     {"server_name _;", "listen 127.0.0.1:18443 ssl http2 default_server;"},
     {"return 421;"}},
    {"no HSTS", [](auto& d) { d.edge.hosts[0].hsts_max_age = {}; }, {}, {"Strict-Transport-Security"}},
    {"no limit of connections", [](auto& d) { d.edge.limits.connections_per_client = 0; }, {}, {"limit_conn"}},
    {"no retries",
     [](auto& d) { d.services[0].retries.attempts = 1; },
     {"proxy_next_upstream off;"},
     {"proxy_next_upstream_tries"}},
    {"retries of everything",
     [](auto& d) {
       d.services[0].retries = {3, true, {500, 418}};
     },
     {"proxy_next_upstream error timeout invalid_header http_500 non_idempotent;",
      "proxy_next_upstream_tries 3;"},
     {}},
    {"least connections",
     [](auto& d) { d.services[0].balance = declare::Balance::kLeastConn; },
     {"least_conn;"},
     {}},
    {"by address", [](auto& d) { d.services[0].balance = declare::Balance::kIpHash; }, {"ip_hash;"}, {}},
    {"by key",
     [](auto& d) { d.services[0].balance = declare::Balance::kHash; },
     {"hash $request_uri consistent;"},
     {}},
    {"gRPC",
     [](auto& d) { d.services[0].protocol = declare::Protocol::kGrpc; },
     {"grpc_pass grpc://rw_web;", "grpc_set_header traceparent $ringwall_traceparent;",
      "grpc_read_timeout 60000ms;"},
     {"proxy_pass"}},
    {"HTTPS to the instances",
     [](auto& d) { d.services[0].protocol = declare::Protocol::kHttps; },
     {"proxy_pass https://rw_web;"},
     {}},
    {"a redirect, an exact path and a regular expression",
     [](auto& d) {
       d.edge.hosts[0].routes = {
           {.path = "= /a", .redirect_to = "https://$host/b?c=\"d\"", .redirect_status = 301},
           {.path = "~ ^/x\\d+$", .service = "web"}};
     },
     {"location = \"/a\" {", "return 301 \"https://$host/b?c=\\\"d\\\"\";", "location ~ \"^/x\\\\d+$\" {",
      "return 404;"},
     {}},
    {"a path that tries to end its directive",
     [](auto& d) { d.edge.hosts[0].routes[0].path = "/a\" { return 200; } #\\"; },
     {"location \"/a\\\" { return 200; } #\\\\\" {"},
     {}},
    {"a route of its own limits",
     [](auto& d) {
       d.edge.hosts[0].routes[0].body_bytes_max = 5,
       d.edge.hosts[0].routes[0].request_timeout = std::chrono::seconds(7);
     },
     {"client_max_body_size 5;", "proxy_read_timeout 7000ms;"},
     {}},
    {"an untrusted client's trace",
     [](auto& d) { d.edge.trust_traceparent = false; },
     {"ringwall_trust_traceparent off;"},
     {}},
    {"workers", [](auto& d) { d.edge.workers = 3; }, {"worker_processes 3;"}, {}},
};

}  // namespace

TEST_CASE("nginx_config: what becomes of a declaration") {
  for (const auto& c : kCases) {
    CAPTURE(c.what);
    auto d = shop();
    c.change(d);
    const auto config = nginx_config(d, plan_for(d, "/run", true));
    REQUIRE(config.ok());
    for (const auto& line : c.has) {
      CAPTURE(line);
      CHECK(has_line(config->text, line));
    }
    for (const auto& text : c.lacks) {
      CAPTURE(text);
      CHECK(config->text.find(text) == std::string::npos);
    }
    CHECK(config->origins.size() ==
          static_cast<std::size_t>(std::count(config->text.begin(), config->text.end(), '\n')));
  }
}

// Goal: nginx itself accepts everything we generate, with the module and without.
TEST_CASE("nginx_config: nginx accepts every one of them") {
  if (!detail::find_program("nginx", "").ok()) {
    std::cout << "skipped: there is no nginx on this machine\n";
    return;
  }
  test::Folder folder;
  auto ca = pki::LocalCa::open(base::real_files(), base::real_clock(), folder.path, "test").value();
  REQUIRE(ca.ensure("edge", {"shop.test"}).ok());
  REQUIRE(ring::Reader::open_or_create(folder.path + "/edge.ring",
                                       {.ring_count = 2, .ring_bytes = ring::kRingBytesMin})
              .ok());
  REQUIRE(ring::HealthTable::open_or_create(folder.path + "/health.table", 16).ok());
  const bool module =
      std::filesystem::exists(std::string(RINGWALL_BINARY_DIR) + "/ngx_http_ringwall_module.so");
  if (!module) std::cout << "skipped: configurations with the module, it is not built\n";
  for (const auto& c : kCases) {
    for (const bool with_module : {false, true}) {
      if (with_module && !module) continue;
      CAPTURE(c.what);
      CAPTURE(with_module);
      auto d = shop();
      c.change(d);
      // Ports below 1024 may not be ours to bind, and a test of nginx binds.
      for (auto& listener : d.edge.listeners) {
        if (listener.address == "0.0.0.0:443") listener.address = "127.0.0.1:18444";
      }
      const auto config = nginx_config(d, plan_for(d, folder.path, with_module)).value();
      REQUIRE(base::real_files().write_atomic(folder.path + "/nginx.conf", config.text).ok());
      const auto ran = detail::run({"nginx", "-p", folder.path, "-c", folder.path + "/nginx.conf", "-t", "-q"},
                                   std::chrono::seconds(20))
                           .value();
      CHECK(translate_complaint(ran.output, config) == "");
      CHECK(ran.status == 0);
    }
  }
}

TEST_CASE("nginx_config: what cannot be in a configuration is refused with its place") {
  struct Wrong {
    void (*change)(Declaration&);
    const char* want;
  };
  const Wrong cases[] = {
      {[](auto& d) { d.edge.listeners.clear(); }, "edge.listeners: there is none"},
      {[](auto& d) { d.edge.listeners[0].address = "80; evil"; },
       "edge.listeners[0].address: '80; evil' is not an address with a port, as in 127.0.0.1:3000 or "
       "[::1]:3000"},
      {[](auto& d) { d.edge.hosts[0].names[1] = "a;b"; }, "edge.hosts[0].names[1]: 'a;b' is not a host name"},
      {[](auto& d) { d.edge.hosts[0].routes[0].path = "/a\nb"; },
       "edge.hosts[0].routes[0]: '/a\nb' has a control character"},
      {[](auto& d) { d.edge.hosts[0].routes[0].path = "a"; },
       "edge.hosts[0].routes[0].path: 'a' is not a path, as in /api/, = /exact or ~ ^/regex$"},
      {[](auto& d) { d.edge.hosts[0].routes[0].service = "wbe"; },
       "edge.hosts[0].routes[0].service: 'wbe' is not a service that speaks HTTP or gRPC"},
      {[](auto& d) { d.services[0].protocol = declare::Protocol::kTcp; },
       "edge.hosts[0].routes[0].service: 'web' is not a service that speaks HTTP or gRPC"},
      {[](auto& d) { d.services[0].name = "we b"; },
       "services[0].name: 'we b' has more than letters, digits, '-' and '_'"},
      {[](auto& d) { d.services[0].balance = declare::Balance::kHash, d.services[0].hash_key = "$a;"; },
       "services[0].hash_key: '$a;' is not an nginx variable, as in $request_uri"},
  };
  for (const auto& c : cases) {
    auto d = shop();
    c.change(d);
    const auto config = nginx_config(d, plan_for(d, "/run", true));
    REQUIRE(!config.ok());
    CHECK(config.error().message == c.want);
  }
}

TEST_CASE("nginx_config: nginx's complaints in words of the declaration") {
  NginxConfig config;
  config.text = "events {}\nssl_certificate \"/etc/a.pem\"\nlisten 192.0.2.1:80;\n";
  config.origins = {"edge", "edge.hosts[0].certificate", "edge.listeners[1]"};
  const std::pair<const char*, const char*> kComplaints[] = {
      {"nginx: [emerg] unknown directive \"x\" in /run/nginx.conf:3\nnginx: configuration file /run/nginx.conf "
       "test failed\n",
       "edge.listeners[1]: unknown directive \"x\""},
      {"2026/11/23 07:00:00 [emerg] 12#12: bind() to 192.0.2.1:80 failed (99: Cannot assign requested "
       "address)\n",
       "edge.listeners[1]: bind() to 192.0.2.1:80 failed (99: Cannot assign requested address)"},
      {"nginx: [emerg] cannot load certificate \"/etc/a.pem\": no\n",
       "edge.hosts[0].certificate: cannot load certificate \"/etc/a.pem\": no"},
      {"nginx: [emerg] something in /run/nginx.conf:99\n", "something in /run/nginx.conf:99"},
      {"nginx: [warn] careful\nnginx: [emerg] one in /n:1\nnginx: [emerg] two\n", "edge: one; two"},
      {"Segmentation fault\n", "Segmentation fault"},
      {"", ""},
  };
  for (const auto& [output, want] : kComplaints) {
    CAPTURE(output);
    CHECK(translate_complaint(output, config) == want);
  }
}

}  // namespace ringwall::edge
