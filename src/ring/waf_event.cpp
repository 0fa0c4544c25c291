#include "ring/waf_event.h"

#include <cstring>

namespace ringwall::ring {

void encode_waf_event(const WafEvent& event, char* room) noexcept {
  WafEventFixed fixed{};
  fixed.magic = kWafEventMagic;
  fixed.version = 1;
  fixed.service_bytes = static_cast<std::uint16_t>(event.service.size());
  fixed.start_unix_ns = event.start_unix_ns;
  std::memcpy(fixed.trace_id, event.trace_id.data(), sizeof fixed.trace_id);
  std::memcpy(fixed.span_id, event.span_id.data(), sizeof fixed.span_id);
  std::memcpy(room, &fixed, sizeof fixed);
  room += sizeof fixed;
  std::memcpy(room, event.service.data(), event.service.size());
  std::memcpy(room + event.service.size(), event.json.data(), event.json.size());
}

}  // namespace ringwall::ring
