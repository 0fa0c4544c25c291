#include "query/time_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace ringwall::query {

namespace {

constexpr std::string_view kTimeHint = "as in 2026-01-31T12:00:00Z, 1767225600000 (Unix milliseconds), now or now-15m (s m h d w)";

}  // namespace

Result<std::int64_t> parse_time(std::string_view text, std::int64_t now_ns) {
  text = base::trim(text);
  const auto wrong = [&] { return fail(Errc::kInvalid, fmt::format("'{}' is not a time", text), std::string(kTimeHint)); };
  if (text.starts_with("now")) {
    const auto rest = text.substr(3);
    if (rest.empty()) return now_ns;
    if (rest.size() < 3 || (rest[0] != '-' && rest[0] != '+')) return wrong();
    const auto duration = base::parse_duration(rest.substr(1));
    if (!duration.ok() || duration->count() > 100LL * 365 * 86'400'000) return wrong();
    const std::int64_t distance = duration->count() * 1'000'000;
    return rest[0] == '-' ? now_ns - distance : now_ns + distance;
  }
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos) {
    std::int64_t ms = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), ms);
    if (code != std::errc{} || ms > std::int64_t{9'000'000'000'000}) return wrong();
    return ms * 1'000'000;
  }
  auto time = base::parse_rfc3339(text);
  if (!time.ok()) return wrong();
  return time;
}

Result<TimeRange> parse_time_range(std::string_view from, std::string_view to, std::int64_t now_ns) {
  TimeRange range;
  range.from_ns = RW_TRY_CTX("from", parse_time(from.empty() ? "now-15m" : from, now_ns));
  range.to_ns = RW_TRY_CTX("to", parse_time(to.empty() ? "now" : to, now_ns));
  if (range.from_ns >= range.to_ns) {
    return fail(Errc::kInvalid,
                fmt::format("the time range is empty: from {} is not before to {}", base::rfc3339(range.from_ns), base::rfc3339(range.to_ns)),
                "swap them, or widen the range");
  }
  return range;
}

Buckets make_buckets(TimeRange range, std::size_t count) {
  count = std::clamp<std::size_t>(count, 1, kBucketsMax);
  constexpr std::int64_t kMs = 1'000'000;
  const std::int64_t width = std::max<std::int64_t>(range.to_ns - range.from_ns, 1);
  const std::int64_t ms = (width + kMs - 1) / kMs;
  Buckets out;
  out.begin_ns = range.from_ns;
  out.interval_ns = std::max<std::int64_t>(1, (ms + static_cast<std::int64_t>(count) - 1) / static_cast<std::int64_t>(count)) * kMs;
  out.count = static_cast<std::size_t>((width + out.interval_ns - 1) / out.interval_ns);
  return out;
}

}  // namespace ringwall::query
