#include <cstdlib>

#include "ring/traceparent.h"

// Whatever is accepted is written back as the same ids, and for version 00 with the same bytes before the
// flags.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace ringwall::ring;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = parse_traceparent(text);
  if (!value) return 0;
  char written[kTraceparentBytes];
  write_traceparent(*value, written);
  const std::string_view again(written, sizeof written);
  if (again.substr(2, 51) != text.substr(2, 51)) std::abort();
  const auto reread = parse_traceparent(again);
  if (!reread || reread->trace_id != value->trace_id || reread->parent_id != value->parent_id ||
      reread->flags != value->flags) {
    std::abort();
  }
  return 0;
}
