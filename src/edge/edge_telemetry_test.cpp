#include "edge/edge_telemetry.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstring>

#include "policy/bots.h"

namespace ringwall::edge {

namespace {

using ring::EdgeString;

ring::EdgeRecord sample() {
  ring::EdgeRecord r;
  r.start_unix_ns = 1'700'000'000'000'000'000;
  r.header_us = 100;
  r.upstream_connect_us = 1000;
  r.upstream_header_us = 11000;
  r.upstream_total_us = 12000;
  r.total_us = 12345;
  r.trace_id[0] = 0xab;
  r.trace_id[15] = 0x01;
  r.span_id[7] = 0x02;
  r.client_address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7};
  r.client_port = 5555;
  r.status = 200;
  r.protocol = 2000;
  r.tls_version = 0x0304;
  r.flags = ring::kEdgeTls;
  r.upstream_tries = 1;
  r.upstream_status[0] = 200;
  r[EdgeString::kMethod] = "GET";
  r[EdgeString::kHost] = "shop.test";
  r[EdgeString::kSni] = "shop.test";
  r[EdgeString::kPath] = "/cart";
  r[EdgeString::kQuery] = "x=1";
  r[EdgeString::kService] = "web";
  r[EdgeString::kRoute] = "/cart";
  r[EdgeString::kUpstream] = "127.0.0.1:3000";
  return r;
}

std::string attribute(const base::Batch& batch, std::string_view key) {
  for (std::size_t i = 0; i < batch.attribute_keys.size(); ++i) {
    if (batch.view(batch.attribute_keys[i]) == key) return std::string(batch.view(batch.attribute_values[i]));
  }
  return "(none)";
}

base::Batch span_of(const ring::EdgeRecord& record) {
  base::BatchBuilder builder(base::Signal::kSpan);
  begin_edge_resource(builder, {"test", "1.0", "here", "local"});
  add_edge_span(builder, record);
  return builder.take();
}

base::Batch log_of(const ring::EdgeRecord& record) {
  base::BatchBuilder builder(base::Signal::kLog);
  begin_edge_resource(builder, {"test", "1.0", "here", "local"});
  add_edge_log(builder, record);
  return builder.take();
}

}  // namespace

TEST_CASE("edge_telemetry: a proxied request as a span") {
  const auto span = span_of(sample());
  REQUIRE(span.size() == 1);
  CHECK(span.view(span.text[0]) == "GET /cart");
  CHECK(base::hex(span.trace_id[0]) == "ab000000000000000000000000000001");
  CHECK(base::hex(span.span_id[0]) == "0000000000000002");
  CHECK(span.parent_span_id[0] == 0);
  CHECK(span.kind[0] == 2);
  CHECK(span.outcome[0] == 0);
  CHECK(span.duration_ns[0] == 12'345'000);
  CHECK(span.view(span.resources[0].service) == "edge");
  const std::pair<const char*, const char*> kAttributes[] = {
      {"http.request.method", "GET"},
      {"url.path", "/cart"},
      {"url.query", "x=1"},
      {"url.scheme", "https"},
      {"http.route", "/cart"},
      {"http.response.status_code", "200"},
      {"server.address", "shop.test"},
      {"client.address", "192.0.2.7"},
      {"network.protocol.version", "2"},
      {"tls.protocol.version", "1.3"},
      {"ringwall.service", "web"},
      {"ringwall.upstream.address", "127.0.0.1:3000"},
      {"ringwall.upstream.tries", "1"},
      {"ringwall.phase.upstream_header_ms", "11"},
      {"ringwall.phase.header_ms", "0.1"},
      {"tls.client.server_name", "(none)"},
      {"user_agent.original", "(none)"},
  };
  for (const auto& [key, want] : kAttributes) {
    CAPTURE(key);
    CHECK(attribute(span, key) == want);
  }
  CHECK(span.view(span.events[0]) ==
        "[{\"ts\":\"2023-11-14T22:13:20.001100000Z\",\"name\":\"upstream.connected\",\"attributes\":{}},"
        "{\"ts\":\"2023-11-14T22:13:20.011100000Z\",\"name\":\"upstream.first_byte\",\"attributes\":{}}]");
}

TEST_CASE("edge_telemetry: the limit that was reached, and signals of a program") {
  auto record = sample();
  record.waf_verdict = static_cast<std::uint8_t>(ring::WafVerdict::kLimited);
  record[EdgeString::kWafLimit] = "login.accounts";
  policy::BotSignals signals;
  signals.add(policy::BotSignal::kLibrary);
  signals.add(policy::BotSignal::kHoneypot);
  record.bot_signals = signals.bits;
  record.bot_score = 13;
  const auto log = log_of(record);
  CHECK(attribute(log, "ringwall.waf.action") == "limit");
  CHECK(attribute(log, "ringwall.waf.limit") == "login.accounts");
  CHECK(attribute(log, "ringwall.bot.signals") == "library,honeypot");
  CHECK(attribute(log, "ringwall.bot.score") == "13");
  record.bot_signals = record.bot_score = 0;
  record[EdgeString::kWafLimit] = {};
  const auto none = log_of(record);
  for (const auto* key : {"ringwall.waf.limit", "ringwall.bot.signals", "ringwall.bot.score"}) CHECK(attribute(none, key) == "(none)");
}

TEST_CASE("edge_telemetry: what varies") {
  struct Case {
    const char* what;
    void (*change)(ring::EdgeRecord&);
    const char* span_name;
    int outcome;
    const char* message;
    const char* level;
  };
  const Case cases[] = {
      {"as it is", [](auto&) {}, "GET /cart", 0, "GET /cart?x=1 200 12.3ms", "info"},
      {"not found", [](auto& r) { r.status = 404; }, "GET /cart", 0, "GET /cart?x=1 404 12.3ms", "warn"},
      {"server error", [](auto& r) { r.status = 502; }, "GET /cart", 2, "GET /cart?x=1 502 12.3ms", "error"},
      {"no route", [](auto& r) { r[EdgeString::kRoute] = ""; }, "GET", 0, "GET /cart?x=1 200 12.3ms", "info"},
      {"no query", [](auto& r) { r[EdgeString::kQuery] = ""; }, "GET /cart", 0, "GET /cart 200 12.3ms", "info"},
      {"a made-up method", [](auto& r) { r[EdgeString::kMethod] = "BREW"; }, "HTTP /cart", 0,
       "BREW /cart?x=1 200 12.3ms", "info"},
      {"no request line",
       [](auto& r) {
         r[EdgeString::kMethod] = r[EdgeString::kPath] = r[EdgeString::kQuery] = r[EdgeString::kRoute] = "",
         r.status = 400;
       },
       "HTTP", 0, "- - 400 12.3ms", "warn"},
      {"not UTF-8", [](auto& r) { r[EdgeString::kPath] = "/\xff"; }, "GET /cart", 0,
       "GET /\xef\xbf\xbd?x=1 200 12.3ms", "info"},
      {"a secret", [](auto& r) { r[EdgeString::kQuery] = "Token=abc&x"; }, "GET /cart", 0,
       "GET /cart?Token=REDACTED&x 200 12.3ms", "info"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.what);
    auto record = sample();
    c.change(record);
    const auto span = span_of(record);
    const auto log = log_of(record);
    CHECK(span.view(span.text[0]) == c.span_name);
    CHECK(span.outcome[0] == c.outcome);
    CHECK(log.view(log.text[0]) == c.message);
    CHECK(base::level_name(log.severity[0]) == c.level);
    CHECK(log.trace_id[0] == span.trace_id[0]);
    CHECK(log.span_id[0] == span.span_id[0]);
  }
}

TEST_CASE("edge_telemetry: retries have no events, a client's claim becomes a link") {
  auto record = sample();
  record.upstream_tries = 2;
  record.upstream_status = {502, 200, 0, 0};
  record.linked_trace_id[15] = 7;
  record.linked_span_id[7] = 8;
  const auto span = span_of(record);
  CHECK(span.events[0].empty());
  CHECK(attribute(span, "ringwall.upstream.status") == "502,200");
  CHECK(span.view(span.links[0]) ==
        "[{\"trace_id\":\"00000000000000000000000000000007\",\"span_id\":\"0000000000000008\",\"attributes\":{}"
        "}]");
}

TEST_CASE("edge_telemetry: query parameters that carry secrets") {
  const std::pair<const char*, const char*> kCases[] = {
      {"", ""},
      {"a", "a"},
      {"a=1&b=2", "a=1&b=2"},
      {"password=x", "password=REDACTED"},
      {"a&SIG=1&", "a&SIG=REDACTED&"},
      {"token", "token"},
      {"mytoken=1", "mytoken=1"},
  };
  for (const auto& [query, want] : kCases) {
    CAPTURE(query);
    CHECK(redact_query(query) == want);
  }
}

}  // namespace ringwall::edge
