// An exchange and what the rules said of it as one JSON text, with the names of ModSecurity 3's JSON audit log
// (transaction.request, .response, .producer, .messages[].details), so that its readers read it too.
//
// Secrets are masked (mask.h): the values of Authorization, Set-Cookie and their like, of cookies, of arguments whose names tell of a
// secret (password, token, …), in the request line, in the body and in what rules matched.
//
// Beyond ModSecurity's names, for `ringwall waf replay`, `tune` and `explain`:
//   transaction.policy               the place whose policy judged, "shop.example.com /api/"
//   transaction.client_country       ISO 3166, where a database of places knows it
//   transaction.request.body         masked; cut at kAuditBodyBytesMax, or where the record is full: then body_cut is "true"
//   transaction.request.body_bytes   of the whole body as it came; body_encoding "base64" where it is not UTF-8
//   messages[].details.variable, .value   what matched, after its transformations, cut at waf::kValueShownMax
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/mask.h"
#include "waf/engine.h"

namespace ringwall::policy {

inline constexpr std::size_t kAuditBytesMax = 14 << 10;   // of the JSON; what is more is left out, and "truncated" says so
inline constexpr std::size_t kAuditValueBytesMax = 512;   // of a header's value or a matched text
inline constexpr std::size_t kAuditBodyBytesMax = 8 << 10;  // of the JSON of the request body
inline constexpr std::size_t kAuditBodyBytesKept = 4 << 10; // of it, however much matched

using HeaderList = std::vector<std::pair<std::string_view, std::string_view>>;

struct AuditExchange {
  std::int64_t start_unix_ns = 0;
  std::string_view client_address, server_address, unique_id;
  std::uint16_t client_port = 0, server_port = 0;
  std::string_view method, uri, protocol;
  HeaderList request_headers, response_headers;
  int status = 0;
  bool enforcing = false;
  std::string_view action;  // "deny", "pass", …
  std::string_view score;   // inbound anomaly score, as the rule set counted it
  std::string_view components;  // SecComponentSignature
  std::string_view place;   // name of the policy that judged: "shop.example.com /api/"
  std::string_view request_body;  // as far as it was read
  std::string_view country;       // of the client, ISO 3166; empty: not known
};

std::string audit_json(const AuditExchange& exchange, const std::vector<waf::Match>& matches);

}  // namespace ringwall::policy
