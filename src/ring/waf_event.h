// What the firewall has to tell of one request beside its edge record: an audit record, as it travels in the same ring.
//
//   event := fixed service json        fixed: WafEventFixed, little-endian
//
// The first four bytes tell it from an edge record, which begins with its size.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace ringwall::ring {

inline constexpr std::uint32_t kWafEventMagic = 0xF1A6A7E5;  // larger than any record
inline constexpr std::size_t kWafServiceBytesMax = 64;

// EdgeRecord::waf_verdict.
enum class WafVerdict : std::uint8_t { kNotJudged, kPassed, kMatched, kDenied, kDropped, kRedirected, kLimited, kListed };

struct WafEvent {
  std::uint64_t start_unix_ns = 0;
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> span_id{};  // of the edge's span
  std::string_view service;
  std::string_view json;                  // policy/audit.h
};

struct WafEventFixed {
  std::uint32_t magic;
  std::uint16_t version;
  std::uint16_t service_bytes;
  std::uint64_t start_unix_ns;
  std::uint8_t trace_id[16];
  std::uint8_t span_id[8];
};
static_assert(sizeof(WafEventFixed) == 40);

constexpr std::size_t waf_event_bytes(const WafEvent& event) { return sizeof(WafEventFixed) + event.service.size() + event.json.size(); }
// No allocation, no exception; `room` holds waf_event_bytes().
void encode_waf_event(const WafEvent& event, char* room) noexcept;

bool is_waf_event(std::string_view bytes);
// The texts are views of `bytes`.  kCorrupt when it is none.
Result<WafEvent> decode_waf_event(std::string_view bytes);

}  // namespace ringwall::ring
