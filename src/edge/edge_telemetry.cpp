#include "edge/edge_telemetry.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"
#include "policy/bots.h"

namespace ringwall::edge {

namespace {

using ring::EdgeRecord;
using ring::EdgeString;

constexpr std::uint8_t kSeverityInfo = 9, kSeverityWarn = 13, kSeverityError = 17;
constexpr std::uint8_t kKindServer = 2, kOutcomeError = 2;

std::uint64_t big_endian(const std::uint8_t* bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | bytes[i];
  return value;
}

base::TraceId trace_id_of(const std::array<std::uint8_t, 16>& bytes) {
  return {big_endian(bytes.data()), big_endian(bytes.data() + 8)};
}

std::string client_address(const EdgeRecord& record) {
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const auto& bytes = record.client_address;
  if (std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; })) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = std::memcmp(bytes.data(), kMapped, sizeof kMapped) == 0;
  ::inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data() + (v4 ? 12 : 0), text.data(), text.size());
  return text.data();
}

std::string_view waf_word(ring::WafVerdict verdict) {
  constexpr std::string_view kWords[] = {"", "pass", "match", "deny", "drop", "redirect", "limit", "list"};
  const auto at = static_cast<std::size_t>(verdict);
  return at < std::size(kWords) ? kWords[at] : "";
}

std::string ms_text(std::uint32_t us) { return fmt::format("{}", us / 1000.0); }

std::string_view protocol_version(std::uint16_t protocol) {
  switch (protocol) {
    case 9:
      return "0.9";
    case 1000:
      return "1.0";
    case 1001:
      return "1.1";
    case 2000:
      return "2";
    default:
      return "";
  }
}

std::string_view tls_version(std::uint16_t version) {
  return version == 0x0303 ? "1.2" : version == 0x0304 ? "1.3" : "";
}

// The methods the conventions know; any other counts as _OTHER, so that a client cannot make up span names.
std::string_view known_method(std::string_view method) {
  static constexpr std::string_view kMethods[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                  "CONNECT", "OPTIONS", "TRACE", "PATCH"};
  return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods) ? method : "_OTHER";
}

void put(base::BatchBuilder& builder, std::string_view key, std::string_view value) {
  if (!value.empty()) builder.attribute(key, value);
}

void put_ms(base::BatchBuilder& builder, std::string_view key, std::uint32_t us) {
  if (us != ring::kPhaseAbsent) builder.attribute(key, ms_text(us));
}

void add_attributes(base::BatchBuilder& b, const EdgeRecord& r) {
  const auto text = [&](EdgeString s) { return base::to_utf8(r[s]); };
  const auto method = text(EdgeString::kMethod);
  put(b, "http.request.method", known_method(method));
  if (known_method(method) != method) put(b, "http.request.method_original", method);
  put(b, "url.scheme", r.flags & ring::kEdgeTls ? "https" : "http");
  put(b, "url.path", text(EdgeString::kPath));
  put(b, "url.query", redact_query(text(EdgeString::kQuery)));
  put(b, "http.route", text(EdgeString::kRoute));
  put(b, "http.response.status_code", fmt::format("{}", r.status));
  put(b, "http.request.size", fmt::format("{}", r.bytes_received));
  put(b, "http.response.size", fmt::format("{}", r.bytes_sent));
  put(b, "server.address", text(EdgeString::kHost));
  put(b, "client.address", client_address(r));
  if (r.client_port != 0) put(b, "client.port", fmt::format("{}", r.client_port));
  put(b, "user_agent.original", text(EdgeString::kUserAgent));
  put(b, "http.request.header.referer", text(EdgeString::kReferer));
  put(b, "network.protocol.name", "http");
  put(b, "network.protocol.version", protocol_version(r.protocol));
  if (r.flags & ring::kEdgeTls) {
    put(b, "tls.protocol.version", tls_version(r.tls_version));
    put(b, "tls.cipher", text(EdgeString::kTlsCipher));
    put(b, "tls.resumed", r.flags & ring::kEdgeTlsResumed ? "true" : "false");
    if (r[EdgeString::kSni] != r[EdgeString::kHost]) put(b, "tls.client.server_name", text(EdgeString::kSni));
  }
  put(b, "ringwall.service", text(EdgeString::kService));
  put(b, "ringwall.request_id", text(EdgeString::kRequestId));
  if (r.upstream_tries > 0) {
    put(b, "ringwall.upstream.address", text(EdgeString::kUpstream));
    put(b, "ringwall.upstream.tries", fmt::format("{}", r.upstream_tries));
    std::string statuses;
    for (const auto status : r.upstream_status) {
      if (status != 0) statuses += fmt::format("{}{}", statuses.empty() ? "" : ",", status);
    }
    put(b, "ringwall.upstream.status", statuses);
  }
  put_ms(b, "ringwall.phase.header_ms", r.header_us);
  if (r.tls_handshake_us != 0) put_ms(b, "ringwall.phase.tls_handshake_ms", r.tls_handshake_us);
  put_ms(b, "ringwall.phase.upstream_connect_ms", r.upstream_connect_us);
  put_ms(b, "ringwall.phase.upstream_header_ms", r.upstream_header_us);
  put_ms(b, "ringwall.phase.upstream_ms", r.upstream_total_us);
  put(b, "ringwall.connection", fmt::format("{}", r.connection_number));
  put(b, "ringwall.connection.requests", fmt::format("{}", r.connection_requests));
  if (r.waf_verdict != 0) {
    put(b, "ringwall.waf.action", waf_word(static_cast<ring::WafVerdict>(r.waf_verdict)));
    if (r.waf_score != 0) put(b, "ringwall.waf.score", fmt::format("{}", r.waf_score));
    if (r.waf_rule_id != 0) put(b, "ringwall.waf.rule", fmt::format("{}", r.waf_rule_id));
    put(b, "ringwall.waf.list", text(EdgeString::kWafList));
    put(b, "geo.country.iso_code", text(EdgeString::kClientCountry));
    if (r.client_asn != 0) put(b, "as.number", fmt::format("{}", r.client_asn));
    put(b, "as.organization.name", text(EdgeString::kClientOrganization));
    put(b, "ringwall.waf.limit", text(EdgeString::kWafLimit));
    if (r.bot_signals != 0) {
      put(b, "ringwall.bot.signals", policy::BotSignals{r.bot_signals}.text());
      put(b, "ringwall.bot.score", fmt::format("{}", r.bot_score));
    }
  }
  if (r.request_fault != ring::RequestFault::kNone) put(b, "ringwall.request_fault", ring::words_of(r.request_fault));
  const std::pair<ring::EdgeFlag, std::string_view> flags[] = {
      {ring::kEdgeWebsocket, "ringwall.websocket"},
      {ring::kEdgeGrpc, "ringwall.grpc"},
      {ring::kEdgeTraceContinued, "ringwall.trace_continued"},
      {ring::kEdgeClientGone, "ringwall.client_gone"},
      {ring::kEdgeTruncated, "ringwall.truncated"}};
  for (const auto& [flag, key] : flags) {
    if (r.flags & flag) put(b, key, "true");
  }
}

void add_ids(base::Batch& batch, const EdgeRecord& r) {
  batch.trace_id.back() = trace_id_of(r.trace_id);
  batch.span_id.back() = big_endian(r.span_id.data());
  batch.status.back() = r.status;
  batch.duration_ns.back() = std::int64_t{r.total_us} * 1000;
}

// Where the time went, on the span's own axis.  nginx tells durations of the last try only; with one try it
// began when the request's header was there (a request with a body a little later), with more its begin is not
// known.
std::string events_json(const EdgeRecord& r) {
  if (r.upstream_tries != 1) return {};
  std::string out = "[";
  const auto add = [&](std::string_view name, std::uint32_t after_us) {
    if (after_us == ring::kPhaseAbsent) return;
    const auto offset_us = std::min(std::uint64_t{r.header_us} + after_us, std::uint64_t{r.total_us});
    const auto time = static_cast<std::int64_t>(r.start_unix_ns + offset_us * 1000);
    out += fmt::format("{}{{\"ts\":\"{}\",\"name\":\"{}\",\"attributes\":{{}}}}", out.size() > 1 ? "," : "",
                       base::rfc3339(time), name);
  };
  add("upstream.connected", r.upstream_connect_us);
  add("upstream.first_byte", r.upstream_header_us);
  return out.size() > 1 ? out + "]" : std::string();
}

std::string links_json(const EdgeRecord& r) {
  const auto trace = trace_id_of(r.linked_trace_id);
  if (!trace.valid()) return {};
  return fmt::format("[{{\"trace_id\":\"{}\",\"span_id\":\"{}\",\"attributes\":{{}}}}]", base::hex(trace),
                     base::hex(big_endian(r.linked_span_id.data())));
}

}  // namespace

std::string redact_query(std::string_view query) {
  // The first four are the conventions' list (url.query); the others are common enough to be met in the wild.
  static constexpr std::string_view kSecret[] = {
      "awsaccesskeyid", "signature", "sig",    "x-goog-signature", "token",  "access_token",
      "id_token",       "api_key",   "apikey", "password",         "secret", "code"};
  std::string out;
  for (std::size_t begin = 0; begin <= query.size() && !query.empty();) {
    const auto end = std::min(query.find('&', begin), query.size());
    const auto pair = query.substr(begin, end - begin);
    const auto equals = pair.find('=');
    const auto name = base::lower_ascii(pair.substr(0, equals));
    const bool secret =
        equals != pair.npos && std::find(std::begin(kSecret), std::end(kSecret), name) != std::end(kSecret);
    if (begin != 0) out += '&';
    out += secret ? std::string(pair.substr(0, equals + 1)) + "REDACTED" : std::string(pair);
    begin = end + 1;
  }
  return out;
}

void begin_edge_resource(base::BatchBuilder& builder, const EdgeIdentity& identity) {
  builder.resource("edge", identity.env, identity.version, identity.host, identity.region, "edge");
}

void add_edge_span(base::BatchBuilder& spans, const EdgeRecord& r) {
  const auto method = known_method(r[EdgeString::kMethod]);
  const auto route = base::to_utf8(r[EdgeString::kRoute]);
  const auto name = method == "_OTHER" ? std::string("HTTP") : std::string(method);
  spans.record(static_cast<std::int64_t>(r.start_unix_ns), route.empty() ? name : name + " " + route);
  auto& batch = spans.batch();
  add_ids(batch, r);
  batch.parent_span_id.back() = big_endian(r.parent_span_id.data());
  batch.kind.back() = kKindServer;
  if (r.status >= 500) {
    batch.outcome.back() = kOutcomeError;
    batch.outcome_text.back() = spans.put(fmt::format("status {}", r.status));
  }
  const auto events = events_json(r), links = links_json(r);
  if (!events.empty()) batch.events.back() = spans.put(events);
  if (!links.empty()) batch.links.back() = spans.put(links);
  add_attributes(spans, r);
}

void add_edge_log(base::BatchBuilder& logs, const EdgeRecord& r) {
  const auto method = r[EdgeString::kMethod].empty() ? std::string("-") : base::to_utf8(r[EdgeString::kMethod]);
  const auto path = r[EdgeString::kPath].empty() ? std::string("-") : base::to_utf8(r[EdgeString::kPath]);
  const auto query = redact_query(base::to_utf8(r[EdgeString::kQuery]));
  const auto end_ns = static_cast<std::int64_t>(r.start_unix_ns + std::uint64_t{r.total_us} * 1000);
  logs.record(end_ns, fmt::format("{} {}{}{} {} {:.1f}ms", method, path, query.empty() ? "" : "?", query,
                                  r.status, r.total_us / 1000.0));
  add_ids(logs.batch(), r);
  logs.batch().severity.back() = r.status >= 500   ? kSeverityError
                                 : r.status >= 400 ? kSeverityWarn
                                                   : kSeverityInfo;
  add_attributes(logs, r);
}

}  // namespace ringwall::edge
