// Times as the API's parameters `from` and `to` carry them.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace ringwall::query {

// [from_ns, to_ns) in Unix nanoseconds.
struct TimeRange {
  std::int64_t from_ns = 0;
  std::int64_t to_ns = 0;
  bool operator==(const TimeRange&) const = default;
};

// RFC 3339, Unix milliseconds (digits), "now", or "now-15m" / "now+1h" with s m h d w.
Result<std::int64_t> parse_time(std::string_view text, std::int64_t now_ns);

// Empty texts are now-15m and now.  kInvalid with the name of the parameter; also when the range is empty.
Result<TimeRange> parse_time_range(std::string_view from, std::string_view to, std::int64_t now_ns);

// A range cut into `count` equal buckets of whole milliseconds; the last one may reach beyond the range.
inline constexpr std::size_t kBucketsMax = 2000;
struct Buckets {
  std::int64_t begin_ns = 0;
  std::int64_t interval_ns = 1'000'000;
  std::size_t count = 1;
  std::int64_t start_ns(std::size_t i) const { return begin_ns + static_cast<std::int64_t>(i) * interval_ns; }
};
Buckets make_buckets(TimeRange range, std::size_t count);

}  // namespace ringwall::query
