// An exchange and what the rules said of it as one JSON text, with the names of ModSecurity 3's JSON audit log
// (transaction.request, .response, .producer, .messages[].details), so that its readers read it too.
//
// Secrets are masked: the values of Authorization, Cookie, Set-Cookie and their like, of arguments whose names tell of a secret
// (password, token, …), in the request line and in what rules matched.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "waf/engine.h"

namespace ringwall::policy {

inline constexpr std::size_t kAuditBytesMax = 14 << 10;   // of the JSON; what is more is left out, and "truncated" says so
inline constexpr std::size_t kAuditValueBytesMax = 512;   // of a header's value or a matched text
inline constexpr std::string_view kMasked = "REDACTED";

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
};

std::string audit_json(const AuditExchange& exchange, const std::vector<waf::Match>& matches);

// Whether a header or argument of this name carries a secret.
bool names_secret(std::string_view name);
// A request line's target with the values of secret arguments replaced by kMasked.
std::string mask_uri(std::string_view uri);

}  // namespace ringwall::policy
