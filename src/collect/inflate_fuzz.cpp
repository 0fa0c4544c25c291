// Properties: never more than the limit comes out, and what a larger limit allows is the same text.
#include <cstdlib>
#include <string_view>

#include "collect/inflate.h"

using namespace ringwall;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const auto* encoding : {"gzip", "deflate"}) {
    constexpr std::size_t kSmall = 1000;
    const auto small = collect::inflate(body, encoding, kSmall), large = collect::inflate(body, encoding, 1u << 20);
    if (small.ok() && (small->size() > kSmall || !large.ok() || *large != *small)) std::abort();
    if (large.ok() && large->size() <= kSmall && !small.ok()) std::abort();
  }
  return 0;
}
