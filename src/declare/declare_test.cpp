#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/world.h"
#include "declare/test_support.h"

using namespace ringwall;
using namespace ringwall::declare;

namespace {

// Everything that a key can hold, away from its default.
constexpr const char* kFull = R"(application: shop
environment: prod
region: eu-west-1
state: var/ring
edge:
  listeners:
    - { address: "0.0.0.0:80", tls: false, redirect_to_https: true }
    - { address: "[::]:443", http2: false }
  hosts:
    - names: [shop.example.com, "*.shop.example.com"]
      certificate: { file: shop.pem, key: shop.key }
      hsts_max_age: 30d
      routes:
        - { path: /, service: web, request_timeout: 5s, body_bytes_max: 1MiB }
        - { path: = /old, redirect_to: /new, redirect_status: 308 }
  limits:
    { header_bytes_max: 8KiB, body_bytes_max: 2MiB, header_timeout: 5s, body_timeout: 6s, send_timeout: 7s,
      keepalive_timeout: 8s, connections_per_client: 9 }
  tls_version_min: "1.3"
  workers: 3
  trust_traceparent: false
  shutdown_grace: 10s
services:
  - name: web
    protocol: https
    command: [node, server.js, "{port}"]
    count: 2
    port: 9000
    working_directory: app
    env: { COLOUR: blue, EMPTY: "" }
    user: www-data
    version: "1.10"
    depends_on: [database]
    stop_timeout: 20s
    health: { path: /healthz, interval: 3s, timeout: 2s, healthy_after: 2, unhealthy_after: 3, status_min: 204, status_max: 299 }
    balance: hash
    hash_key: $cookie_user
    connect_timeout: 1s
    request_timeout: 30s
    retries: { attempts: 3, non_idempotent: true, statuses: [500] }
    keepalive: 8
    logs: { format: json, multiline_start: "^\\S" }
  - { name: database, protocol: tcp, addresses: ["10.0.0.7:5432"] }
telemetry:
  retention: { hot: 7d, archive: 90d }
  otlp: { listen: "127.0.0.1:14318", body_bytes_max: 8MiB }
  files: [{ path: "/var/log/*.log", service: system, logs: { format: text }, tags: { team: base } }]
  host_metrics: { enabled: false, interval: 30s }
  spool: { bytes_max: 1GiB, segment_bytes: 16MiB }
  store: { flush_rows: 1000, flush_bytes: 8MiB, flush_age: 10s, memory_bytes_max: 128MiB, query_memory_bytes_max: 256MiB }
blob: { directory: files }
api: { listen: "127.0.0.1:18443" }
)";

}  // namespace

TEST_CASE("every value of a full declaration arrives") {
  const auto d = declared(kFull);
  CHECK(d.environment == "prod");
  CHECK(d.region == "eu-west-1");
  CHECK(d.state == "var/ring");
  REQUIRE(d.edge.listeners.size() == 2);
  CHECK((!d.edge.listeners[0].tls && d.edge.listeners[0].redirect_to_https && d.edge.listeners[1].tls && !d.edge.listeners[1].http2));
  CHECK(d.edge.hosts[0].names == std::vector<std::string>{"shop.example.com", "*.shop.example.com"});
  CHECK(d.edge.hosts[0].certificate.key == "shop.key");
  CHECK(d.edge.hosts[0].hsts_max_age == std::chrono::hours(24 * 30));
  CHECK((d.edge.hosts[0].routes[0].request_timeout == 5s && d.edge.hosts[0].routes[0].body_bytes_max == 1u << 20));
  CHECK(d.edge.hosts[0].routes[1].redirect_status == 308);
  CHECK((d.edge.limits.header_bytes_max == 8192 && d.edge.limits.send_timeout == 7s && d.edge.limits.connections_per_client == 9));
  CHECK((d.edge.tls_version_min == "1.3" && d.edge.workers == 3 && !d.edge.trust_traceparent && d.edge.shutdown_grace == 10s));
  const auto& web = d.services[0];
  CHECK((web.protocol == Protocol::kHttps && web.balance == Balance::kHash && web.hash_key == "$cookie_user"));
  CHECK(web.command == std::vector<std::string>{"node", "server.js", "{port}"});
  CHECK((web.count == 2 && web.port == 9000 && web.user == "www-data" && web.keepalive == 8 && web.stop_timeout == 20s));
  CHECK(web.version == "1.10");  // a text, whatever it looks like
  CHECK(web.env == std::map<std::string, std::string>{{"COLOUR", "blue"}, {"EMPTY", ""}});
  CHECK((web.health.path == "/healthz" && web.health.healthy_after == 2 && web.health.status_min == 204));
  CHECK((web.retries.attempts == 3 && web.retries.non_idempotent && web.retries.statuses == std::vector<int>{500}));
  CHECK((web.logs.format == "json" && web.logs.multiline_start == "^\\S"));
  CHECK((d.services[1].protocol == Protocol::kTcp && d.services[1].addresses[0] == "10.0.0.7:5432"));
  const auto& t = d.telemetry;
  CHECK((t.retention.hot == std::chrono::hours(24 * 7) && t.otlp.body_bytes_max == 8u << 20 && !t.host_metrics.enabled));
  CHECK((t.files[0].service == "system" && t.files[0].tags.at("team") == "base" && t.spool.bytes_max == 1u << 30));
  CHECK((t.store.flush_rows == 1000 && t.store.query_memory_bytes_max == 256u << 20));
  CHECK((d.blob.directory == "files" && d.api.listen == "127.0.0.1:18443"));
}

TEST_CASE("a finding says what was found and what was expected") {
  const auto parsed = parse("application: shop\nregion: [a]\ntelemetry: { otlp: { body_bytes_max: 1KiB } }\n", "r.yaml");
  REQUIRE(parsed.diagnostics.size() == 2);
  CHECK(parsed.diagnostics[0].found == "a list");
  CHECK(parsed.diagnostics[0].expected == "a text");
  CHECK(parsed.diagnostics[1].found == "'1KiB'");
  CHECK(parsed.diagnostics[1].expected == "between 64KiB and 1GiB");
}

TEST_CASE("bytes that are no text are told with their place") {
  CHECK(findings("application: shop\nregion: \xff\n") == "r.yaml:2:9: not UTF-8\n  hint: save the file as UTF-8\n");
  CHECK(findings(std::string_view("application: a\0b\n", 17)) == "r.yaml:1:15: not a text: it holds a zero byte\n");
}

TEST_CASE("aliases are expanded, within a limit") {
  const auto d = declared(changed("  - name: web\n    addresses: [\"10.0.0.5:8080\"]\n",
                                  "  - { name: web, command: [run, '{port}'], env: &env { A: b } }\n"
                                  "  - { name: jobs, command: [run, '{port}'], env: *env }\n"));
  CHECK(d.services[1].env.at("A") == "b");
  // 11, 111, 1111 and 11,111 values: the fourth alias of the fifth list is one too many.
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 8; ++i) {
    const auto last = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
    for (int k = 0; k < 9; ++k) laughs += ", " + last;
    laughs += "]\n";
  }
  CHECK(findings(laughs) == "r.yaml:5:25: more than 50000 values, aliases expanded\n  hint: split the declaration, or use fewer aliases\n");
}

TEST_CASE("aliases nest no deeper than what they stand for") {
  const auto chain = [](int levels) {
    std::string text = "a1: &a1 [x]\n";
    for (int i = 2; i <= levels; ++i) text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
    return findings(text);
  };
  // The map around them is a level, too.
  CHECK(chain(kDepthMax - 1).find("nested deeper") == std::string::npos);
  CHECK(chain(kDepthMax).find("r.yaml:32:12: nested deeper than 32 levels") == 0);
}

TEST_CASE("size, depth, values and findings end at their limits") {
  CHECK(findings(std::string(kTextBytesMax, '#')) == "r.yaml:1:1: application: is missing\n");
  CHECK(findings(std::string(kTextBytesMax + 1, '#')) == "r.yaml:1:1: larger than 262144 bytes\n");

  const auto nested = [](std::size_t levels) { return findings("a: " + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "\n"); };
  CHECK(nested(kDepthMax).find("nested deeper") == std::string::npos);
  CHECK(nested(kDepthMax + 1) == "r.yaml:1:35: nested deeper than 32 levels\n");
  // Never closed, so what is nested is for nobody to say; it ends all the same.
  CHECK(findings("a: " + std::string(100'000, '[')).find("nested deeper than 32 levels") != std::string::npos);
  std::string dashes;
  for (int i = 0; i < 50'000; ++i) dashes += "- ";
  CHECK(findings(dashes) == "r.yaml:1:65: nested deeper than 32 levels\n");

  // The map, its key and the list are three.
  const auto values = [](std::size_t count) {
    std::string text = "a: [x";
    for (std::size_t i = 4; i < count; ++i) text += ",x";
    return findings(text + "]\n");
  };
  CHECK(values(kNodesMax).find("more than") == std::string::npos);
  CHECK(values(kNodesMax + 1).find("more than 50000 values, aliases expanded") != std::string::npos);

  const auto unknown = [](std::size_t count) {
    std::string text = "application: a\n";
    for (std::size_t i = 0; i < count; ++i) text += "key" + std::to_string(i) + ": 1\n";
    return parse(text, "r.yaml").diagnostics;
  };
  CHECK(unknown(kDiagnosticsMax).size() == kDiagnosticsMax);
  CHECK(show(unknown(kDiagnosticsMax).back()) == "r.yaml:51:1: key49: unknown key");
  CHECK(unknown(20'000).size() == kDiagnosticsMax + 1);
  CHECK(show(unknown(20'000).back()) == "r.yaml:51:1: more mistakes follow; 50 are shown");
}

// Goal: thousands of services that wait for each other cost neither a recursion nor a comparison of each with each.
TEST_CASE("a long chain of services is checked") {
  std::string text = "application: a\nedge: { listeners: [{ address: '0.0.0.0:443' }], hosts: [{ names: [a.b], routes: [{ path: /, service: s0 }] }] }\nservices:\n";
  constexpr int kServices = 3000;
  for (int i = 0; i < kServices; ++i) {
    text += "- {name: s" + std::to_string(i) + ", addresses: ['10.0.0.1:80'], depends_on: [s" + std::to_string((i + 1) % kServices) + "]}\n";
  }
  CHECK(findings(text) ==
        "r.yaml:3003:58: services[2999].depends_on[0]: a circle: s0 -> s1 -> s2 -> s3 -> s4 -> s5 -> s6 -> s7 -> ... -> s0\n"
        "  hint: services that wait for each other never start\n");
}

TEST_CASE("the normal form reads back as itself") {
  for (const auto& text : {std::string(kGood), std::string(kFull), std::string("application: a\n"), reference_example()}) {
    CAPTURE(text);
    const auto form = normal_form(declared(text));
    const auto again = from_normal_form(form);
    REQUIRE(again.ok());
    CHECK(normal_form(*again) == form);
  }
  CHECK(from_normal_form("{\"application\": 7, \"what\": 1}").error().code == Errc::kCorrupt);
  // Bytes that no declaration can hold, put there by a program.
  Declaration odd;
  odd.application = "\xff";
  CHECK(nlohmann::json::parse(normal_form(odd)).at("application") == "\xef\xbf\xbd");
}

TEST_CASE("a default-constructed declaration is a valid one") {
  const auto again = from_normal_form(normal_form(Declaration{}));
  REQUIRE(again.ok());
  CHECK(normal_form(*again) == normal_form(Declaration{}));
}

TEST_CASE("docs/declaration.md is the reference") {
  const std::string file = RINGWALL_SOURCE_DIR "/docs/declaration.md";
  if (std::getenv("RW_UPDATE_GOLDEN") != nullptr) REQUIRE(base::real_files().write_atomic(file, reference(), 0644).ok());
  CHECK(base::real_files().read(file).value() == reference());
}
