// Limits of a policy: how often and how many at once, by who asks; how often something may fail before no more is tried; and how many
// different values may come.
//
//   limit := JSON {"name", "key", "path", "methods", "statuses", "requests", "period_ms", "burst", "concurrent", "distinct", "location", "bots"}
//   key   := "address" | "everyone" | "header:NAME" | "cookie:NAME" | "argument:NAME"        distinct := key
//
// Limits of one name share their counters, whichever policy they are of.  With `statuses` or `location` only requests so answered count,
// which is how guessing of passwords (401) and searching for paths (404) are told from use; with `bots` only those that look so much
// like a program (bots.h).  With `distinct`, `requests` is how many different values of it may come in a period.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "keep/distinct.h"
#include "keep/limits.h"

namespace ringwall::policy {

enum class LimitKey : std::uint8_t { kAddress, kEveryone, kHeader, kCookie, kArgument };

struct LimitText {
  std::string name, key = "address";
  std::string path;                  // begins so, or "= /exact"; empty: everywhere
  std::vector<std::string> methods;  // empty: all
  std::vector<int> statuses;         // of answers that count; empty: requests do
  std::int64_t requests = 0, period_ms = 0, burst = 0;  // 0 requests: no rate; burst 0: as many as requests
  std::int64_t concurrent = 0;                          // 0: any number at once
  std::string distinct;                                 // a key whose different values are counted; empty: requests are
  std::string location;                                 // redirects there count too; empty: none
  std::int64_t bots = 0;                                // only requests with this score or more count; 0: all
  bool operator==(const LimitText&) const = default;
};

struct CountedBy {
  LimitKey key = LimitKey::kAddress;
  std::string field;  // of a header, a cookie or an argument; a header's in lower case
};

// What an answer was, as far as limits ask.
struct LimitAnswer {
  int status = 0;
  std::string_view location;  // of a redirect, as it was sent
  int bot_score = 0;          // of the request
};

struct Limit {
  LimitText text;
  CountedBy by;
  std::optional<CountedBy> of;  // what is counted, where it is not requests
  std::optional<keep::Rate> rate;
  std::optional<keep::Distinct> distinct;
  std::optional<keep::Concurrency> concurrency;

  bool concerns(std::string_view method, std::string_view uri_path) const;
  // Whether what counts is known when the answer is.
  bool by_answer() const { return !text.statuses.empty() || !text.location.empty() || text.bots != 0; }
  bool counts(const LimitAnswer& answer) const;
  // Whether it can be asked only when the request's body is known.
  bool needs_body() const { return by.key == LimitKey::kArgument || (of && of->key == LimitKey::kArgument); }
};

// A place in use is given back when its request ends; when the worker is killed, after this long.
inline constexpr std::int64_t kLeaseNs = 600'000'000'000;
inline constexpr std::int64_t kConcurrentMax = 1'000'000;
inline constexpr std::int64_t kBotScoreMax = 1000;

// Fails with kInvalid or kLimit and says which member is wrong.
Result<Limit> compile_limit(const LimitText& text);

// Whether a path of a request is the one written: it begins so, or with "= /path" is it.  Parameters of its segments count for both.
bool concerns_path(std::string_view written, std::string_view uri_path);

// What is counted under: the limit's name and `who`, or for an address its network: an IPv6 client has 64 bits to itself.
std::string counted_under(const Limit& limit, std::string_view who);
// 4 bytes as they are, of 16 the first 8.
std::string_view network_of(std::string_view address_bytes);
// What people write of one account in several ways counts as one: ASCII letters in lower case, no blanks around.
std::string folded(std::string_view value);
// Whether a redirect to `location` goes to `pattern`: a path, with what follows a '?' where the pattern has one; "/login*" for all
// that begins so.  Scheme and host do not matter.
bool leads_to(std::string_view location, std::string_view pattern);

}  // namespace ringwall::policy
