// Requests as the store keeps them, one JSON text a line, made into something that rules can judge again.
//
//   line := audit                      policy/audit.h, {"transaction": …}
//         | record                     of `ringwall logs --json`: an audit record in the attribute ringwall.waf.audit, or else
//                                      the edge's record of any request (http.request.method, url.path, …)
//
// What is not in a record is said and never made up: an edge record has the request line, Host, User-Agent and Referer; an audit
// record has all headers and as much of the body as there was room for, and of neither the secrets.
//
// Errors: kInvalid for what is no JSON object, kLimit beyond kLineBytesMax.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ringwall::tune {

inline constexpr std::size_t kLineBytesMax = 1 << 20;
inline constexpr std::size_t kStoredMatchesMax = 1000;  // of one record; further ones are left out

// A match as it was recorded.
struct StoredMatch {
  std::uint64_t rule_id = 0;
  std::string message, data, file, variable, value;
  int line = 0, phase = 0, severity = -1;
  std::vector<std::string> tags;
};

struct Missing {
  bool headers = false;      // an edge record: only some are there
  bool headers_cut = false;  // a value was too long
  bool body = false;         // the request had one, the record has none
  bool body_cut = false;
  bool secrets = false;      // values were masked
  bool matches_cut = false;  // more matched than the record has
  bool any() const { return headers || headers_cut || body || body_cut || secrets || matches_cut; }
};
// "most headers, the body"; empty: nothing is missing.
std::string to_text(const Missing& missing);

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Stored {
  bool audited = false;  // false: an edge record
  std::string trace_id, policy, route, action, score;
  std::string client, server;
  std::uint16_t client_port = 0, server_port = 0;
  std::int64_t time_ns = 0;
  std::string method, uri, protocol;
  Pairs headers;
  std::string body;
  int status = 0;
  Pairs response_headers;
  std::vector<StoredMatch> matches;
  Missing missing;

  bool refused() const { return action == "deny" || action == "drop" || action == "redirect"; }
};

// Nothing: a record of another kind.
Result<std::optional<Stored>> read_stored(std::string_view line);

// The value of a header, lower-case name; empty: not there.
std::string_view header_of(const Pairs& headers, std::string_view lower);
// The target without its query.
std::string_view path_of(std::string_view uri);

}  // namespace ringwall::tune
