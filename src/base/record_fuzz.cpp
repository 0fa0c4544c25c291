#include <cstdlib>

#include "base/record.h"

// Whatever decode() accepts, encode() writes back byte for byte.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto batch = ringwall::base::decode(bytes);
  if (!batch.ok()) return 0;
  const auto again = ringwall::base::encode(*batch);
  if (again.substr(4) != bytes.substr(4)) std::abort();
  return 0;
}
