#include <cstdlib>
#include <string>

#include "ring/edge_record.h"
#include "ring/waf_event.h"

namespace {

// An event of the firewall that can be read is the same after writing it.
void waf_event(std::string_view bytes) {
  const auto event = ringwall::ring::decode_waf_event(bytes);
  if (!event.ok()) return;
  std::string again(ringwall::ring::waf_event_bytes(*event), '\0');
  ringwall::ring::encode_waf_event(*event, again.data());
  RW_ASSERT(again == bytes);
}

}  // namespace

// What decode accepts points into the input, keeps the limits, and (in our own version) encodes to the same
// bytes.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace ringwall::ring;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  waf_event(bytes);
  auto record = decode_edge_record(bytes);
  if (!record.ok()) return 0;
  for (std::size_t i = 0; i < kEdgeStringCount; ++i) {
    const auto text = record->strings[i];
    if (text.size() > kEdgeStringBytesMax[i]) std::abort();
    if (text.empty()) continue;  // of version 1 some are nowhere
    if (text.data() < bytes.data() || text.data() + text.size() > bytes.data() + bytes.size()) std::abort();
  }
  if (static_cast<unsigned char>(bytes[4]) != kEdgeRecordVersion || bytes[5] != 0) return 0;
  std::string again(prepare(*record), '\0');
  encode(*record, again.data());
  for (const std::size_t reserved : {165, 218, 219, 220, 221, 222, 223}) again[reserved] = bytes[reserved];
  if (again != bytes) std::abort();
  return 0;
}
