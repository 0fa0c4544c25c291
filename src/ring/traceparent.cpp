#include "ring/traceparent.h"

#include <cstring>
#include <span>

namespace ringwall::ring {
namespace {

int lower_hex(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool read_hex(std::string_view text, std::span<std::uint8_t> out) noexcept {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = lower_hex(text[2 * i]);
    const int low = lower_hex(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

bool all_zero(std::span<const std::uint8_t> bytes) noexcept {
  std::uint8_t any = 0;
  for (const auto byte : bytes) any |= byte;
  return any == 0;
}

// Two digits per byte, looked up together: this runs for every request of the edge.
struct HexPairs {
  char text[512];
};
constexpr HexPairs make_hex_pairs() {
  HexPairs pairs{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    pairs.text[2 * byte] = "0123456789abcdef"[byte >> 4];
    pairs.text[2 * byte + 1] = "0123456789abcdef"[byte & 15];
  }
  return pairs;
}
constexpr HexPairs kHexPairs = make_hex_pairs();

char* write_hex(std::span<const std::uint8_t> bytes, char* out) noexcept {
  for (const auto byte : bytes) {
    std::memcpy(out, kHexPairs.text + 2 * byte, 2);
    out += 2;
  }
  return out;
}

}  // namespace

std::optional<Traceparent> parse_traceparent(std::string_view text) noexcept {
  if (text.size() < kTraceparentBytes) return std::nullopt;
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  std::array<std::uint8_t, 1> version{};
  if (!read_hex(text.substr(0, 2), version) || version[0] == 0xff) return std::nullopt;
  if (text.size() > kTraceparentBytes && (version[0] == 0 || text[kTraceparentBytes] != '-'))
    return std::nullopt;
  Traceparent value;
  std::array<std::uint8_t, 1> flags{};
  if (!read_hex(text.substr(3, 32), value.trace_id) || all_zero(value.trace_id)) return std::nullopt;
  if (!read_hex(text.substr(36, 16), value.parent_id) || all_zero(value.parent_id)) return std::nullopt;
  if (!read_hex(text.substr(53, 2), flags)) return std::nullopt;
  value.flags = flags[0] & (kTraceSampled | kTraceRandom);
  return value;
}

void write_traceparent(const Traceparent& value, char (&out)[kTraceparentBytes]) noexcept {
  out[0] = '0';
  out[1] = '0';
  out[2] = '-';
  char* at = write_hex(value.trace_id, out + 3);
  *at++ = '-';
  at = write_hex(value.parent_id, at);
  *at++ = '-';
  write_hex({&value.flags, 1}, at);
}

}  // namespace ringwall::ring
