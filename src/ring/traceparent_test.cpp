#include "ring/traceparent.h"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace ringwall::ring;

std::string show(std::string_view text) {
  const auto value = parse_traceparent(text);
  if (!value) return "invalid";
  char out[kTraceparentBytes];
  write_traceparent(*value, out);
  return std::string(out, sizeof out);
}

struct Case {
  const char* text;
  const char* want;
};

}  // namespace

TEST_CASE("traceparent: the cases of W3C Trace Context level 2") {
  constexpr Case kCases[] = {
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"},
      // Level 2: the random bit is known, the others are not and are not passed on.
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03",
       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff",
       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"},

      // Higher versions are read by their prefix and passed on as ours.
      {"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
      {"cc-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
       "00-12345678901234567890123456789012-1234567890123456-01"},
      {"cc-12345678901234567890123456789012-1234567890123456-01.what", "invalid"},
      {"cc-12345678901234567890123456789012-1234567890123456-0", "invalid"},
      {"fe-12345678901234567890123456789012-1234567890123456-01-",
       "00-12345678901234567890123456789012-1234567890123456-01"},
      {"ff-12345678901234567890123456789012-1234567890123456-01", "invalid"},

      // Version 00 is exactly 55 bytes.
      {"00-12345678901234567890123456789012-1234567890123456-01-", "invalid"},
      {"00-12345678901234567890123456789012-1234567890123456-01.", "invalid"},
      {"00-12345678901234567890123456789012-1234567890123456-011", "invalid"},
      {"00-12345678901234567890123456789012-1234567890123456-1", "invalid"},
      {"00-12345678901234567890123456789012-1234567890123456", "invalid"},
      {"", "invalid"},
      {"00", "invalid"},

      // Zeros are no id.
      {"00-00000000000000000000000000000000-1234567890123456-01", "invalid"},
      {"00-12345678901234567890123456789012-0000000000000000-01", "invalid"},
      {"00-00000000000000000000000000000001-0000000000000001-01",
       "00-00000000000000000000000000000001-0000000000000001-01"},

      // Digits are lower-case hex, separators are '-'.
      {"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "invalid"},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01", "invalid"},
      {"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01", "invalid"},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A", "invalid"},
      {"0A-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "invalid"},
      {".0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "invalid"},
      {"00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01", "invalid"},
      {"00-4bf92f3577b34da6a3ce929d0e0e47367-0f067aa0ba902b7-01", "invalid"},
      {" 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "invalid"},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ", "invalid"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    CHECK(show(c.text) == c.want);
  }
}
