// Any bytes as a compiled set, with the checksum they need: refused, or every look stays inside them.
#include <cstring>

#include "base/hash.h"
#include "places/address_set.h"

using namespace ringwall::places;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.size() >= 24) {
    bytes.replace(0, 8, "RWADDR1\n");
    const auto crc = ringwall::base::crc32c(std::string_view(bytes).substr(24));
    std::memcpy(bytes.data() + 20, &crc, sizeof crc);
  }
  const auto set = AddressSet::open(in_memory(std::move(bytes)));
  if (!set.ok()) return 0;
  for (std::uint32_t i = 0; i < 64; ++i) {
    (void)set->contains(address_of_v4(i << 26));
    Address wide;
    wide.bytes[0] = static_cast<std::uint8_t>(i << 2);
    (void)set->contains(wide);
  }
  return 0;
}
