// Limits of a policy: how often and how many at once, by who asks; and how often something may fail before no more is tried.
//
//   limit := JSON {"name", "key", "path", "methods", "statuses", "requests", "period_ms", "burst", "concurrent"}
//   key   := "address" | "everyone" | "header:NAME" | "cookie:NAME" | "argument:NAME"
//
// Limits of one name share their counters, whichever policy they are of.  With `statuses` only requests so answered count, which is
// how guessing of passwords (401) and searching for paths (404) are told from use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
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
  bool operator==(const LimitText&) const = default;
};

struct Limit {
  LimitText text;
  LimitKey key = LimitKey::kAddress;
  std::string field;  // of a header, a cookie or an argument; a header's in lower case
  std::optional<keep::Rate> rate;
  std::optional<keep::Concurrency> concurrency;

  bool concerns(std::string_view method, std::string_view uri_path) const;
  bool counts(int status) const;
};

// A place in use is given back when its request ends; when the worker is killed, after this long.
inline constexpr std::int64_t kLeaseNs = 600'000'000'000;
inline constexpr std::int64_t kConcurrentMax = 1'000'000;

// Fails with kInvalid or kLimit and says which member is wrong.
Result<Limit> compile_limit(const LimitText& text);

// Whether a path of a request is the one written: it begins so, or with "= /path" is it.  Parameters of its segments count for both.
bool concerns_path(std::string_view written, std::string_view uri_path);

// What is counted under: the limit's name and `who`, or for an address its network: an IPv6 client has 64 bits to itself.
std::string counted_under(const Limit& limit, std::string_view who);
// 4 bytes as they are, of 16 the first 8.
std::string_view network_of(std::string_view address_bytes);

}  // namespace ringwall::policy
