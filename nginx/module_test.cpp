// The module inside a real nginx: what goes upstream, what is recorded, what survives.
#include <doctest/doctest.h>
#include <signal.h>

#include <fstream>
#include <set>

#include "ring/traceparent.h"
#include "test_support.h"

namespace {

using namespace ringwall;
using namespace ringwall::edge_module;
using ring::EdgeString;

constexpr const char* kTrace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr const char* kProxy =
    "proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header traceparent "
    "$ringwall_traceparent;"
    " proxy_set_header tracestate $ringwall_tracestate; ";

std::string address(int port) { return "127.0.0.1:" + std::to_string(port); }

template <std::size_t N>
std::string hex(const std::array<std::uint8_t, N>& bytes) {
  std::string text;
  char two[3];
  for (const auto byte : bytes) {
    std::snprintf(two, sizeof two, "%02x", byte);
    text += two;
  }
  return text;
}

bool is_zero(const auto& bytes) {
  for (const auto byte : bytes) {
    if (byte != 0) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("nginx: a trace is continued, started anew or only noted") {
  Backend backend("b");
  Nginx nginx;
  nginx.configure(std::string("ringwall_ring run/edge.ring; upstream b { server ") + address(backend.port()) +
                  "; } server { listen @PORT@;" + kProxy +
                  "location / { proxy_pass http://b; }"
                  "location /echo { return 200 \"$ringwall_trace_id $ringwall_span_id\"; } }");
  nginx.start();

  struct Case {
    const char* path;
    std::string headers;
    bool continued;
    const char* tracestate;
  };
  const std::string kHeader = std::string("traceparent: ") + kTrace + "\r\n";
  const Case kCases[] = {
      {"/", "", false, ""},
      {"/", kHeader, true, ""},
      {"/", kHeader + "tracestate: a=1\r\nTraceState: b=2,c=3\r\n", true, "a=1,b=2,c=3"},
      {"/", "TraceParent: " + std::string(kTrace) + "\r\n", true, ""},
      // Invalid, doubled and lonely headers start a new trace and take the tracestate with them.
      {"/", "traceparent: 00-nonsense\r\ntracestate: a=1\r\n", false, ""},
      {"/", kHeader + kHeader + "tracestate: a=1\r\n", false, ""},
      {"/", "tracestate: a=1\r\n", false, ""},
  };
  std::set<std::string> spans;
  for (const auto& c : kCases) {
    CAPTURE(c.headers);
    REQUIRE(status_of(get(nginx.port(), c.path, c.headers)) == 200);
    const auto record = nginx.record();
    const auto upstream = backend.header("traceparent");
    const auto sent = ring::parse_traceparent(upstream);
    REQUIRE(sent);
    CHECK(upstream.starts_with("00-"));
    CHECK(sent->trace_id == record.trace_id);
    CHECK(sent->parent_id == record.span_id);
    CHECK(sent->flags == 1);
    CHECK(spans.insert(hex(record.span_id)).second);
    CHECK((hex(record.trace_id) == "4bf92f3577b34da6a3ce929d0e0e4736") == c.continued);
    CHECK(((record.flags & ring::kEdgeTraceContinued) != 0) == c.continued);
    CHECK((hex(record.parent_span_id) == "00f067aa0ba902b7") == c.continued);
    CHECK(is_zero(record.linked_trace_id));
    CHECK(backend.header("tracestate") == c.tracestate);
  }
  const auto echo = get(nginx.port(), "/echo");
  const auto record = nginx.record();
  CHECK(echo.ends_with(hex(record.trace_id) + " " + hex(record.span_id)));
}

TEST_CASE("nginx: an untrusted client's trace becomes a link") {
  Backend backend("b");
  Nginx nginx;
  nginx.configure(
      std::string("ringwall_ring run/edge.ring; ringwall_trust_traceparent off; upstream b { server ") +
      address(backend.port()) + "; } server { listen @PORT@;" + kProxy +
      "location / { proxy_pass http://b; } }");
  nginx.start();
  get(nginx.port(), "/", std::string("traceparent: ") + kTrace + "\r\ntracestate: a=1\r\n");
  const auto record = nginx.record();
  CHECK(hex(record.trace_id) != "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK(backend.header("traceparent").substr(3, 32) == hex(record.trace_id));
  CHECK(backend.header("tracestate").empty());
  CHECK(hex(record.linked_trace_id) == "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK(hex(record.linked_span_id) == "00f067aa0ba902b7");
  CHECK(is_zero(record.parent_span_id));
}

TEST_CASE("nginx: a record says what happened") {
  Backend backend("b");
  const auto nobody = free_port();
  Nginx nginx;
  nginx.configure(std::string("ringwall_ring run/edge.ring; upstream b { server ") + address(nobody) +
                  " max_fails=0; server " + address(backend.port()) +
                  "; } server { listen @PORT@; client_max_body_size 10;" + kProxy +
                  "location / { ringwall_service front; ringwall_route shop:1; proxy_pass http://b; } }");
  nginx.start();
  const auto before = std::chrono::system_clock::now().time_since_epoch();
  std::string answer;
  ring::EdgeRecord record;
  // Round robin begins anywhere; the request that met the dead server first is the interesting one.
  for (int i = 0; i < 4 && record.upstream_tries != 2; ++i) {
    answer = get(nginx.port(), "/cart/1?a=b&c=%20",
                 "User-Agent: test/1\r\nReferer: https://shop.example/\r\nX-Request-Id: id-7\r\n");
    record = nginx.record();
  }
  CHECK(record.status == 200);
  CHECK(record[EdgeString::kMethod] == "GET");
  CHECK(record[EdgeString::kHost] == "shop.example");
  CHECK(record[EdgeString::kPath] == "/cart/1");
  CHECK(record[EdgeString::kQuery] == "a=b&c=%20");
  CHECK(record.query_bytes == 9);
  CHECK(record[EdgeString::kService] == "front");
  CHECK(record[EdgeString::kRoute] == "shop:1");
  CHECK(record[EdgeString::kUpstream] == address(backend.port()));
  CHECK(record.upstream_tries == 2);
  CHECK(record.upstream_status == std::array<std::uint16_t, 4>{502, 200, 0, 0});
  CHECK(record[EdgeString::kUserAgent] == "test/1");
  CHECK(record[EdgeString::kReferer] == "https://shop.example/");
  CHECK(record[EdgeString::kRequestId] == "id-7");
  CHECK(record.protocol == 1001);
  CHECK(record.bytes_sent == answer.size());
  CHECK(record.bytes_received > 100);
  CHECK(hex(record.client_address) == "00000000000000000000ffff7f000001");
  CHECK(record.client_port != 0);
  CHECK(record.tls_version == 0);
  CHECK((record.flags & ring::kEdgeFirstOnConnection) != 0);
  CHECK((record.flags & (ring::kEdgeTls | ring::kEdgeWebsocket | ring::kEdgeGrpc | ring::kEdgeTruncated)) == 0);
  CHECK(record.upstream_total_us <= record.total_us);
  CHECK(record.upstream_header_us <= record.total_us);
  CHECK(record.worker_pid == static_cast<std::uint32_t>(nginx.workers().at(0)));
  // nginx's start is a cached clock, so a little before ours is right too.
  const auto age = std::chrono::nanoseconds(record.start_unix_ns) - before;
  CHECK(age > std::chrono::seconds(-1));
  CHECK(age < std::chrono::seconds(20));

  get(nginx.port(), "/" + std::string(1200, 'p') + "?" + std::string(1300, 'q'),
      "Content-Type: application/grpc+proto\r\n");
  record = nginx.record();
  CHECK(record[EdgeString::kPath].size() == 1024);
  CHECK(record[EdgeString::kQuery].size() == 1024);
  CHECK(record.query_bytes == 1300);
  CHECK((record.flags & ring::kEdgeTruncated) != 0);
  CHECK((record.flags & ring::kEdgeGrpc) != 0);
}

TEST_CASE("nginx: a WebSocket is one record when it ends") {
  Backend backend("b", 101);
  Nginx nginx;
  nginx.configure(
      "ringwall_ring run/edge.ring; server { listen @PORT@; location / { proxy_http_version 1.1;"
      "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_pass http://" +
      address(backend.port()) + "; } }");
  nginx.start();
  const auto answer = converse(
      nginx.port(), "GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      "end of answer");
  CHECK(status_of(answer) == 101);
  const auto record = nginx.record();
  CHECK(record.status == 101);
  CHECK((record.flags & ring::kEdgeWebsocket) != 0);
  CHECK(record[EdgeString::kPath] == "/live");
}

TEST_CASE("nginx: what nginx itself refuses is recorded too") {
  Nginx nginx;
  nginx.configure(
      "ringwall_ring run/edge.ring; ringwall_service edge; client_header_timeout 50ms; client_max_body_size 10;"
      "large_client_header_buffers 2 2k; server { listen @PORT@; location / { return 200 ok; }"
      "location /body { proxy_pass http://127.0.0.1:9; } }");
  nginx.start();
  struct Case {
    std::string request;
    int status;
    std::string path;
  };
  const Case kCases[] = {
      {"NONSENSE\r\n\r\n", 400, "NONSENSE"},
      {"GET / HTTP/1.1\r\n\r\n", 400, "/"},
      {"GET /a HTTP/1.1\r\nHost: x\r\nX: " + std::string(3000, 'x') + "\r\n\r\n", 400, "/a"},
      {"GET /" + std::string(3000, 'u') + " HTTP/1.1\r\nHost: x\r\n\r\n", 414, "/" + std::string(1023, 'u')},
      {"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n", 413, "/body"},
      {"GET /slow HTTP/1.1\r\nHost:", 408, "/slow"},
      {"GET / HTTP/3.7\r\nHost: x\r\n\r\n", 505, "/"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.request.substr(0, 30));
    converse(nginx.port(), c.request);
    const auto record = nginx.record();
    CHECK(record.status == c.status);
    CHECK(record[EdgeString::kPath] == c.path);
    CHECK(record[EdgeString::kService] == "edge");
    CHECK(!is_zero(record.trace_id));
  }
}

TEST_CASE("nginx: an error page keeps the trace and the service of the request") {
  Nginx nginx;
  nginx.configure(
      "ringwall_ring run/edge.ring; server { listen @PORT@; error_page 502 /sorry.html;"
      "location / { ringwall_service front; ringwall_route r; proxy_pass http://127.0.0.1:" +
      std::to_string(free_port()) +
      "; } location = /sorry.html { internal; return 502 \"$ringwall_traceparent\"; } }");
  nginx.start();
  const auto answer = get(nginx.port(), "/x", std::string("traceparent: ") + kTrace + "\r\n");
  const auto record = nginx.record();
  CHECK(record.status == 502);
  CHECK(record[EdgeString::kService] == "front");
  CHECK(record[EdgeString::kPath] == "/x");
  CHECK(answer.ends_with("00-4bf92f3577b34da6a3ce929d0e0e4736-" + hex(record.span_id) + "-01"));
}

TEST_CASE("nginx: TLS, its handshake and its name are recorded") {
  Nginx nginx;
  write_certificate(nginx.folder().path("key.pem"), nginx.folder().path("cert.pem"));
  nginx.configure(
      "ringwall_ring run/edge.ring; ssl_certificate cert.pem; ssl_certificate_key key.pem;"
      "ssl_protocols TLSv1.2 TLSv1.3; server { listen @PORT@; listen @TLS@ ssl; return 200 \"end of answer\"; "
      "}");
  nginx.start();
  CHECK(get_over_tls(nginx.tls_port(), "shop.example", {"/one", "/two"}) == 200);
  const auto records = nginx.records(2);
  CHECK(records[0].tls_version == 0x0304);
  CHECK((records[0].flags & ring::kEdgeTls) != 0);
  CHECK(records[0][EdgeString::kSni] == "shop.example");
  CHECK(records[0][EdgeString::kTlsCipher].starts_with("TLS_"));
  CHECK(records[0].tls_handshake_us > 0);
  CHECK(records[0].tls_handshake_us < 10'000'000);
  CHECK(records[0].connection_requests == 1);
  CHECK(records[1].tls_handshake_us == 0);
  CHECK(records[1].connection_requests == 2);
  CHECK(records[1].connection_number == records[0].connection_number);
}

TEST_CASE("nginx: a ring nobody reads costs records, counted, and no request") {
  Nginx nginx({.ring_count = 1, .ring_bytes = ring::kRingBytesMin});
  nginx.configure("ringwall_ring run/edge.ring; server { listen @PORT@; return 200 ok; }");
  nginx.start();
  int answered = 0;
  while (nginx.reader().drops().full < 20) {
    REQUIRE(status_of(get(nginx.port(), "/")) == 200);
    REQUIRE(++answered < 5000);
  }
  // A record is written after its answer, so the last may still be on its way.
  CHECK(eventually([&] {
    std::uint64_t written = 0;
    CHECK(nginx.reader().seek(0, 0).ok());
    while (nginx.reader().next(0)) ++written;
    return written + nginx.reader().drops().full == static_cast<std::uint64_t>(answered);
  }));
}

TEST_CASE("nginx: reloads and workers killed with -9 neither lose nor repeat a record") {
  Nginx nginx({.ring_count = 4, .ring_bytes = 1 << 18});
  nginx.configure("ringwall_ring run/edge.ring; server { listen @PORT@; return 200 ok; }", 2);
  nginx.start();
  std::set<std::string> spans;
  std::set<std::uint32_t> workers;
  std::size_t answered = 0;
  const auto ask = [&](int times) {
    for (int i = 0; i < times; ++i) {
      REQUIRE(status_of(get(nginx.port(), "/")) == 200);
      ++answered;
    }
  };
  // A record follows its answer, so before anything is killed it is waited for.
  const auto collect = [&] {
    while (spans.size() < answered) {
      for (const auto& record : nginx.records(1)) {
        CHECK(spans.insert(hex(record.span_id)).second);
        workers.insert(record.worker_pid);
      }
    }
  };
  for (int round = 0; round < 3; ++round) {
    CAPTURE(round);
    ask(10);
    nginx.reload();
    ask(10);
    collect();
    const auto pids = nginx.workers();
    for (const auto pid : pids) ::kill(pid, SIGKILL);
    REQUIRE(eventually([&] {
      const auto now = nginx.workers();
      return now.size() == 2 && std::find(now.begin(), now.end(), pids[0]) == now.end() &&
             std::find(now.begin(), now.end(), pids[1]) == now.end();
    }));
    ask(10);
    collect();
  }
  nginx.kill_all();
  nginx.start();
  ask(10);
  collect();
  CHECK(spans.size() == answered);
  CHECK(workers.size() > 4);
  CHECK(nginx.reader().drops().full == 0);
  CHECK(nginx.reader().drops().no_ring == 0);
  CHECK(nginx.reader().drops().corrupt_bytes == 0);
  nginx.reader().release_dead();
  CHECK(eventually([&] { return nginx.reader().rings_in_use() == 2; }));  // the second worker may only be starting
}

TEST_CASE("nginx: nginx -t names the file and the remedy") {
  Nginx nginx;
  std::ofstream(nginx.folder().path("run/wrong")) << std::string(8192, 'w');
  std::ofstream(nginx.folder().path("run/empty"));
  const auto b = std::string("upstream b { server 127.0.0.1:1; server 127.0.0.1:2; ");
  struct Case {
    std::string http;
    const char* want;
  };
  const Case kCases[] = {
      {"ringwall_ring run/edge.ring;", ""},
      {"ringwall_ring run/none;",
       "/run/none\" cannot be used: it cannot be opened; \"ringwall up\" creates this file before it starts "
       "nginx"},
      {"ringwall_ring run/wrong;", "/run/wrong\" cannot be used: it is not a ring file"},
      {"ringwall_ring run/empty;", "/run/empty\" cannot be used: it is empty"},
      {"ringwall_ring run/edge.ring; ringwall_ring run/edge.ring;", "\"ringwall_ring\" directive is duplicate"},
      {"ringwall_health_table run/edge.ring;", "/run/edge.ring\" cannot be used: it is not a health table"},
      {b + "ringwall_health 0 1; }", "there is no ringwall_health_table"},
      {b + "ringwall_health 0 x; }", "invalid slot \"x\""},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.http);
    nginx.configure(c.http + " server { listen @PORT@; return 200 ok; }");
    const auto said = nginx.check();
    CAPTURE(said);
    if (*c.want == '\0')
      CHECK(said.empty());
    else
      CHECK(said.find(c.want) != std::string::npos);
  }
}
