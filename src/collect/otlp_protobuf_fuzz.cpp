// Properties: any bytes give records or an error; records survive their own encoding and are UTF-8 text.
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "collect/otlp.h"

using namespace ringwall;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const auto signal : base::kSignals) {
    const auto parsed = collect::parse_otlp_protobuf(signal, body, {"env", "region", "host", 1});
    if (!parsed.ok()) {
      if (parsed.error().message.empty()) std::abort();
      continue;
    }
    const auto& batch = parsed->batch;
    if (!base::decode(base::encode(batch)).ok()) std::abort();
    for (const auto slice : batch.text) {
      if (!base::valid_utf8(batch.view(slice))) std::abort();
    }
    for (const auto slice : batch.attribute_values) {
      if (!base::valid_utf8(batch.view(slice))) std::abort();
    }
    for (const auto time : batch.time_ns) {
      if (time < 0) std::abort();
    }
    for (const auto duration : batch.duration_ns) {
      if (duration < 0 && duration != base::kDurationUnset) std::abort();
    }
  }
  return 0;
}
