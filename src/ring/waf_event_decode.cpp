#include <cstring>

#include "ring/waf_event.h"

namespace ringwall::ring {

bool is_waf_event(std::string_view bytes) {
  std::uint32_t magic = 0;
  if (bytes.size() < sizeof magic) return false;
  std::memcpy(&magic, bytes.data(), sizeof magic);
  return magic == kWafEventMagic;
}

Result<WafEvent> decode_waf_event(std::string_view bytes) {
  WafEventFixed fixed{};
  if (!is_waf_event(bytes) || bytes.size() < sizeof fixed) return fail(Errc::kCorrupt, "not an event of the firewall");
  std::memcpy(&fixed, bytes.data(), sizeof fixed);
  bytes.remove_prefix(sizeof fixed);
  if (fixed.version != 1) return fail(Errc::kInvalid, "an event of the firewall in a version that is unknown");
  if (fixed.service_bytes > kWafServiceBytesMax || fixed.service_bytes > bytes.size()) return fail(Errc::kCorrupt, "an event of the firewall whose service ends outside");
  WafEvent event;
  event.start_unix_ns = fixed.start_unix_ns;
  std::memcpy(event.trace_id.data(), fixed.trace_id, sizeof fixed.trace_id);
  std::memcpy(event.span_id.data(), fixed.span_id, sizeof fixed.span_id);
  event.service = bytes.substr(0, fixed.service_bytes);
  event.json = bytes.substr(fixed.service_bytes);
  return event;
}

}  // namespace ringwall::ring
