// The `traceparent` header of W3C Trace Context (level 2), read strictly.
//
//   version-traceid-parentid-flags      2-32-16-2 lower-case hex digits      00-4bf9...4736-00f0...02b7-01
//
// No allocation, no exception: it runs inside nginx workers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ringwall::ring {

inline constexpr std::size_t kTraceparentBytes = 55;
inline constexpr std::uint8_t kTraceSampled = 0x01;
inline constexpr std::uint8_t kTraceRandom = 0x02;

struct Traceparent {
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> parent_id{};
  std::uint8_t flags = 0;  // only the bits that version 00 knows: sampled, random
};

// Nothing when it is invalid: wrong length, an upper-case or other digit, version ff, an id of zeros.  A
// version above 00 is read by its first 55 bytes, and further bytes must begin with '-' (section 3.2.4).
std::optional<Traceparent> parse_traceparent(std::string_view text) noexcept;

// Version 00.  Offsets of the parts: 3 trace id, 36 parent id, 53 flags.
void write_traceparent(const Traceparent& value, char (&out)[kTraceparentBytes]) noexcept;

}  // namespace ringwall::ring
