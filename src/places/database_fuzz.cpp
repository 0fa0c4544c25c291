// Any bytes as a database: refused, or every look stays inside them and comes to an end.
#include "places/database.h"

using namespace ringwall::places;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto database = Database::open({{reinterpret_cast<const char*>(data), size}, nullptr});
  if (!database.ok()) return 0;
  for (std::uint32_t i = 0; i < 32; ++i) {
    Address wide;
    wide.bytes[0] = static_cast<std::uint8_t>(i << 3);
    for (const auto& address : {address_of_v4(i << 27), wide}) {
      const auto record = (*database)->find(address);
      if (!record) continue;
      (void)(*database)->value(*record, {"country", "iso_code"});
      (void)(*database)->value(*record, {"location", "latitude"});
      (void)(*database)->text(*record, {"subdivisions", "0", "names", "en"});
      (void)(*database)->value(*record, {});
    }
  }
  return 0;
}
