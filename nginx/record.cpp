#include <cstring>

#include "firewall.h"
#include "ring/owner.h"

namespace ringwall::edge_module {
namespace {

using ring::EdgeRecord;
using ring::EdgeString;

std::uint32_t since_us(std::uint64_t start_ns, std::uint64_t now) noexcept {
  if (now <= start_ns) return 0;  // the clock was set back
  const auto us = (now - start_ns) / 1000;
  return us < ring::kPhaseAbsent ? static_cast<std::uint32_t>(us) : ring::kPhaseAbsent - 1;
}

// nginx counts these in whole milliseconds of its own clock, so one may seem longer than the request was.
std::uint32_t phase_us(ngx_msec_t ms, std::uint32_t total_us) noexcept {
  if (ms == static_cast<ngx_msec_t>(-1)) return ring::kPhaseAbsent;
  const auto us = static_cast<std::uint64_t>(ms) * 1000;
  return us < total_us ? static_cast<std::uint32_t>(us) : total_us;
}

std::uint16_t status_of(const ngx_http_request_t* request) noexcept {
  const auto status = request->err_status != 0 ? request->err_status : request->headers_out.status;
  return static_cast<std::uint16_t>(status);
}

void fill_client(EdgeRecord& record, const sockaddr* address) noexcept {
  if (address == nullptr) return;
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    record.client_address[10] = record.client_address[11] = 0xff;
    std::memcpy(record.client_address.data() + 12, &v4->sin_addr, 4);
    record.client_port = ntohs(v4->sin_port);
  } else if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    std::memcpy(record.client_address.data(), &v6->sin6_addr, 16);
    record.client_port = ntohs(v6->sin6_port);
  }
}

// A request line that nginx refused, as far as it was read: too long, or no HTTP.
std::string_view refused_line(const ngx_http_request_t* request) noexcept {
  if (request->request_line.len != 0) return view(request->request_line);
  const auto* buffer = request->header_in;
  const auto* start = request->request_start;
  if (start == nullptr || buffer == nullptr || start < buffer->start || start >= buffer->last) return {};
  const std::string_view read(reinterpret_cast<const char*>(start),
                              static_cast<std::size_t>(buffer->last - start));
  return read.substr(0, read.find_first_of("\r\n"));
}

// What the client asked for, not what rewrites made of it.
void fill_target(EdgeRecord& record, const ngx_http_request_t* request) noexcept {
  auto target = view(request->unparsed_uri);
  if (target.empty()) {
    target = refused_line(request);
    const auto blank = target.find(' ');
    if (blank != std::string_view::npos) target.remove_prefix(blank + 1);
    target = target.substr(0, target.find(' '));
  }
  const auto question = target.find('?');
  record[EdgeString::kPath] = target.substr(0, question);
  if (question != std::string_view::npos) {
    const auto query = target.substr(question + 1);
    record[EdgeString::kQuery] = query;
    record.query_bytes = static_cast<std::uint32_t>(query.size());
  }
}

void fill_upstream(EdgeRecord& record, const ngx_http_request_t* request) noexcept {
  if (request->upstream_states == nullptr) return;
  const auto* states = static_cast<const ngx_http_upstream_state_t*>(request->upstream_states->elts);
  const auto count = request->upstream_states->nelts;
  ngx_uint_t tries = 0;
  for (ngx_uint_t i = 0; i < count; ++i) tries += states[i].peer != nullptr;
  if (tries == 0) return;
  record.upstream_tries = tries < 255 ? static_cast<std::uint8_t>(tries) : 255;

  // An entry without a peer only separates the upstreams of an internal redirect.
  ngx_uint_t unlisted = tries > ring::kUpstreamStatusMax ? tries - ring::kUpstreamStatusMax : 0;
  std::size_t listed = 0;
  ngx_msec_t total = 0;
  for (ngx_uint_t i = 0; i < count; ++i) {
    const auto& state = states[i];
    if (state.peer == nullptr) continue;
    if (state.response_time != static_cast<ngx_msec_t>(-1)) total += state.response_time;
    if (unlisted != 0) {
      --unlisted;
    } else {
      record.upstream_status[listed++] = static_cast<std::uint16_t>(state.status);
    }
    record[EdgeString::kUpstream] = view(*state.peer);
    record.upstream_connect_us = phase_us(state.connect_time, record.total_us);
    record.upstream_header_us = phase_us(state.header_time, record.total_us);
  }
  record.upstream_total_us = phase_us(total, record.total_us);
}

void fill_tls(EdgeRecord& record, const ngx_connection_t* connection) noexcept {
  if (connection->ssl == nullptr) return;
  auto* tls = connection->ssl->connection;
  record.flags |= ring::kEdgeTls;
  record.tls_version = static_cast<std::uint16_t>(SSL_version(tls));
  if (SSL_session_reused(tls) != 0) record.flags |= ring::kEdgeTlsResumed;
  if (connection->requests == 1) record.tls_handshake_us = handshake_us(tls);
  if (const char* cipher = SSL_get_cipher_name(tls)) record[EdgeString::kTlsCipher] = cipher;
  if (const char* name = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name)) record[EdgeString::kSni] = name;
}

std::string_view value_of(const ngx_table_elt_t* header) noexcept {
  return header != nullptr ? view(header->value) : std::string_view();
}

void fill(EdgeRecord& record, ngx_http_request_t* request, const RequestContext& context) noexcept {
  const auto* connection = request->connection;
  record.start_unix_ns = context.start_ns;
  record.total_us = since_us(context.start_ns, now_ns());
  record.header_us = context.header_us;
  record.bytes_received = static_cast<std::uint64_t>(request->request_length);
  record.bytes_sent = static_cast<std::uint64_t>(connection->sent);
  record.trace_id = context.own.trace_id;
  record.span_id = context.own.parent_id;
  record.trace_flags = context.own.flags;
  std::memcpy(record.parent_span_id.data(), context.parent_span_id, sizeof context.parent_span_id);
  std::memcpy(record.linked_trace_id.data(), context.linked_trace_id, sizeof context.linked_trace_id);
  std::memcpy(record.linked_span_id.data(), context.linked_span_id, sizeof context.linked_span_id);
  record.status = status_of(request);
  record.protocol = static_cast<std::uint16_t>(request->http_version);
  record.connection_requests = static_cast<std::uint32_t>(connection->requests);
  record.connection_number = connection->number;
  record.worker_pid = static_cast<std::uint32_t>(ngx_pid);

  constexpr std::string_view kGrpc = "application/grpc";
  if (context.continued) record.flags |= ring::kEdgeTraceContinued;
  if (connection->requests == 1) record.flags |= ring::kEdgeFirstOnConnection;
  if (connection->error || record.status == NGX_HTTP_CLIENT_CLOSED_REQUEST)
    record.flags |= ring::kEdgeClientGone;
  if (record.status == NGX_HTTP_SWITCHING_PROTOCOLS) record.flags |= ring::kEdgeWebsocket;
  if (value_of(request->headers_in.content_type).substr(0, kGrpc.size()) == kGrpc)
    record.flags |= ring::kEdgeGrpc;

  fill_client(record, connection->sockaddr);
  fill_target(record, request);
  fill_upstream(record, request);
  fill_tls(record, connection);

  const auto* location = context.location != nullptr ? context.location : loc_conf(request);
  record[EdgeString::kMethod] = view(request->method_name);
  record[EdgeString::kHost] = view(request->headers_in.server);
  record[EdgeString::kService] = view(location->service);
  record[EdgeString::kRoute] = view(location->route);
  record[EdgeString::kUserAgent] = value_of(request->headers_in.user_agent);
  record[EdgeString::kReferer] = value_of(request->headers_in.referer);
  record[EdgeString::kRequestId] = view(context.request_id);
}

}  // namespace

ngx_int_t on_log(ngx_http_request_t* request) {
  // Subrequests are part of their main request.
  if (request != request->main) return NGX_OK;
  auto* conf = main_conf(request);
  const auto* context = context_of(request);
  if (context == nullptr) return NGX_OK;
  if (!conf->writer.claimed() && conf->claim_tried != ngx_time()) {
    // A ring may have become free; asking costs a look at every owner, so once a second.
    conf->claim_tried = ngx_time();
    conf->writer.claim(ring::owner_of(static_cast<int>(ngx_pid)));
  }
  EdgeRecord record;
  const auto waf = finish_firewall(request);
  fill(record, request, *context);
  record.waf_verdict = waf.verdict;
  record.waf_score = waf.score;
  record.waf_rule_id = waf.rule_id;
  record.client_asn = waf.place.asn;
  record[EdgeString::kWafList] = waf.list;
  record[EdgeString::kClientCountry] = waf.place.country;
  record[EdgeString::kClientOrganization] = waf.place.organization;
  record[EdgeString::kWafLimit] = waf.limit;
  record.bot_signals = waf.bots.bits;
  record.bot_score = static_cast<std::uint16_t>(waf.bots.score());
  record.request_fault = context->fault;
  if (char* room = conf->writer.reserve(ring::prepare(record))) {
    ring::encode(record, room);
    conf->writer.publish();
  }
  return NGX_OK;
}

}  // namespace ringwall::edge_module
