#include <cstdlib>
#include <string>

#include "ring/edge_record.h"

// What decode accepts points into the input, keeps the limits, and (in our own version) encodes to the same
// bytes.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace ringwall::ring;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto record = decode_edge_record(bytes);
  if (!record.ok()) return 0;
  for (std::size_t i = 0; i < kEdgeStringCount; ++i) {
    const auto text = record->strings[i];
    if (text.size() > kEdgeStringBytesMax[i]) std::abort();
    if (text.data() < bytes.data() || text.data() + text.size() > bytes.data() + bytes.size()) std::abort();
  }
  if (static_cast<unsigned char>(bytes[4]) != kEdgeRecordVersion || bytes[5] != 0) return 0;
  std::string again(prepare(*record), '\0');
  encode(*record, again.data());
  again[165] = bytes[165];  // reserved
  if (again != bytes) std::abort();
  return 0;
}
