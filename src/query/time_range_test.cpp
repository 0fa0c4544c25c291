#include "query/time_range.h"

#include <doctest/doctest.h>

#include "base/text.h"

using namespace ringwall;
using namespace ringwall::query;

TEST_CASE("time range: what from and to may be") {
  const std::int64_t now = base::parse_rfc3339("2026-11-23T06:10:10.5Z").value();
  struct Case {
    std::string_view text, want;
  };
  constexpr Case kCases[] = {
      {"now", "2026-11-23T06:10:10.500000000Z"},
      {"now-15m", "2026-11-23T05:55:10.500000000Z"},
      {"now-90s", "2026-11-23T06:08:40.500000000Z"},
      {"now-1h", "2026-11-23T05:10:10.500000000Z"},
      {"now-7d", "2026-11-16T06:10:10.500000000Z"},
      {"now+1h", "2026-11-23T07:10:10.500000000Z"},
      {" now ", "2026-11-23T06:10:10.500000000Z"},
      {"2026-11-23T06:10:10.123456789Z", "2026-11-23T06:10:10.123456789Z"},
      {"2026-11-23T07:10:10+01:00", "2026-11-23T06:10:10.000000000Z"},
      {"1763878210123", "2025-11-23T06:10:10.123000000Z"},
      {"0", "1970-01-01T00:00:00.000000000Z"},
      {"", "'' is not a time"},
      {"now-", "'now-' is not a time"},
      {"now-m", "'now-m' is not a time"},
      {"now-15", "'now-15' is not a time"},
      {"now*2h", "'now*2h' is not a time"},
      {"now-99999999d", "'now-99999999d' is not a time"},
      {"yesterday", "'yesterday' is not a time"},
      {"-5", "'-5' is not a time"},
      {"99999999999999999", "'99999999999999999' is not a time"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    const auto time = parse_time(c.text, now);
    CHECK((time.ok() ? base::rfc3339(*time) : time.error().message) == c.want);
  }
}

TEST_CASE("time range: defaults, and an empty range is refused") {
  const std::int64_t now = 1'000'000'000'000'000'000;
  CHECK(parse_time_range("", "", now).value() == TimeRange{now - 900'000'000'000, now});
  CHECK(parse_time_range("now", "now", now).error().code == Errc::kInvalid);
  CHECK(parse_time_range("now", "now-1m", now).error().message.starts_with("the time range is empty"));
  CHECK(parse_time_range("x", "", now).error().message == "from: 'x' is not a time");
  CHECK(parse_time_range("", "x", now).error().message == "to: 'x' is not a time");
}

TEST_CASE("time range: buckets cover the range and no more") {
  for (const std::int64_t width : {1LL, 999'999LL, 1'000'000LL, 1'000'001LL, 900'000'000'000LL, 86'400'000'000'001LL}) {
    for (const std::size_t count : {1u, 7u, 60u, 2000u}) {
      CAPTURE(width);
      CAPTURE(count);
      const auto b = make_buckets({.from_ns = 5, .to_ns = 5 + width}, count);
      CHECK(b.count >= 1);
      CHECK(b.count <= count);
      CHECK(b.interval_ns % 1'000'000 == 0);
      CHECK(b.start_ns(0) == 5);
      CHECK(b.start_ns(b.count) >= 5 + width);
      CHECK(b.start_ns(b.count - 1) < 5 + width);
    }
  }
}
