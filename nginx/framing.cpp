// Requests that two readers can see differently: where they end, or which host they are for.  Whoever finds such a form hides a
// second request in the first, past the rules of whichever reader saw one (request smuggling).
//
// nginx 1.22 refuses most of them itself (smuggling_test.cpp has them all); these it takes.  Sources: RFC 9112, 2.3 and 3.2.2;
// RFC 9113, 8.2.2.
#include "firewall.h"

namespace ringwall::edge_module {

namespace {

using ring::RequestFault;

std::string_view without_port(std::string_view host) {
  const auto bracket = host.rfind(']');
  const auto colon = host.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) host = host.substr(0, colon);
  return host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

bool same_host(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ngx_strncasecmp(reinterpret_cast<u_char*>(const_cast<char*>(a.data())), reinterpret_cast<u_char*>(const_cast<char*>(b.data())), a.size()) == 0;
}

RequestFault fault_of(ngx_http_request_t* request) {
  if (request->http_version < NGX_HTTP_VERSION_10) return RequestFault::kNoVersion;
  if (request->headers_in.transfer_encoding != nullptr && request->http_version >= NGX_HTTP_VERSION_20) return RequestFault::kCodingInHttp2;
  // "GET http://one/ HTTP/1.1" with "Host: two": nginx and RFC 9112 go by the target, other readers by the header.
  const auto* host = request->headers_in.host;
  if (host != nullptr && !same_host(without_port(view(host->value)), without_port(view(request->headers_in.server)))) return RequestFault::kOtherHost;
  // nginx chooses the place by the path without "..", and knows no "..;" nor backslashes: a reader that does would find another path,
  // and the policy of this one may be off or have exclusions.
  auto* policies = main_conf(request)->policies;
  if (policies != nullptr && policies->current()->refuses && waf::names_parent(view(request->uri))) return RequestFault::kHiddenParent;
  return RequestFault::kNone;
}

// Behind "Upgrade: h2c" a client would speak to the application past every rule.  Clients offer it unasked (RFC 7540, 3.2), and not to
// take it is an answer; so it is not passed on, and nothing is refused.
void forget_h2c(ngx_http_request_t* request) {
  auto* upgrade = request->headers_in.upgrade;
  if (upgrade == nullptr || ngx_strlcasestrn(upgrade->value.data, upgrade->value.data + upgrade->value.len, reinterpret_cast<u_char*>(const_cast<char*>("h2c")), 2) == nullptr) return;
  upgrade->value.len = 0;
}

}  // namespace

ngx_int_t on_framing(ngx_http_request_t* request) {
  if (request != request->main) return NGX_DECLINED;
  const auto fault = fault_of(request);
  if (fault == RequestFault::kNone) {
    forget_h2c(request);
    return NGX_DECLINED;
  }
  const auto words = ring::words_of(fault);
  ngx_log_error(NGX_LOG_NOTICE, request->connection->log, 0, "ringwall: refused: %*s", words.size(), words.data());
  if (auto* context = context_of(request); context != nullptr) context->fault = fault;
  return NGX_HTTP_BAD_REQUEST;
}

}  // namespace ringwall::edge_module
