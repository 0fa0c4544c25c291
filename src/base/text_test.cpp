#include "base/text.h"

#include <doctest/doctest.h>

#include "base/hash.h"

using namespace ringwall;
using namespace ringwall::base;

TEST_CASE("times in RFC 3339") {
  struct Case {
    const char* text;
    const char* want;
  };
  constexpr Case kCases[] = {
      {"2026-11-23T06:10:10Z", "2026-11-23T06:10:10.000000000Z"},
      {"2026-11-23 06:10:10.5+02:00", "2026-11-23T04:10:10.500000000Z"},
      {"2026-11-23t06:10:10,123456789012z", "2026-11-23T06:10:10.123456789Z"},
      {"1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z"},
      {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000000Z"},
      {"2023-02-29T00:00:00Z", "invalid"},
      {"2026-13-01T00:00:00Z", "invalid"},
      {"2026-11-23T24:00:00Z", "invalid"},
      {"2026-11-23T06:10:10", "invalid"},
      {"2026-11-23T06:10:10.Z", "invalid"},
      {"2026-11-23T06:10:10Zx", "invalid"},
      {"", "invalid"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    const auto parsed = parse_rfc3339(c.text);
    CHECK((parsed.ok() ? rfc3339(*parsed) : std::string("invalid")) == c.want);
  }
}

TEST_CASE("durations and sizes") {
  CHECK(parse_duration("30d").value() == std::chrono::hours(720));
  CHECK(parse_duration("250ms").value() == std::chrono::milliseconds(250));
  CHECK_FALSE(parse_duration("30").ok());
  CHECK_FALSE(parse_duration("-1s").ok());
  CHECK_FALSE(parse_duration("99999999999999999y").ok());
  CHECK(duration_text(std::chrono::hours(720)) == "30d");
  CHECK(duration_text(std::chrono::milliseconds(1500)) == "1500ms");
  CHECK(parse_bytes("64MiB").value() == 64u << 20);
  CHECK(parse_bytes("10").value() == 10);
  CHECK_FALSE(parse_bytes("10 parsecs").ok());
  CHECK(bytes_text(64u << 20) == "64MiB");
  CHECK(bytes_text(1000) == "1000B");
}

TEST_CASE("JSON strings hold any bytes") {
  std::string out;
  append_json_string(out, std::string_view("a\"\\\n\x01\xc3\xa9\xff\xed\xa0\x80", 11));
  CHECK(out == "\"a\\\"\\\\\\n\\u0001\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
  CHECK(valid_utf8("\xf0\x9f\x98\x80"));
  CHECK_FALSE(valid_utf8("\xc0\xaf"));
  CHECK(to_utf8("a\xff") == "a\xef\xbf\xbd");
}

TEST_CASE("checksums") {
  CHECK(crc32c("123456789") == 0xe3069283u);  // the check value of CRC-32C
  CHECK(crc32c("6789", crc32c("12345")) == 0xe3069283u);
  CHECK(hash64("a") != hash64("b"));
  CHECK(digest128("a") == digest128("a"));
  CHECK_FALSE(digest128("a") == digest128(std::string_view("a\0", 2)));
}
