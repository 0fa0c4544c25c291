// Any bytes as a database, and as the tree and the data of one whose metadata is right: refused, or every look stays inside them and
// comes to an end.
#include <string>

#include "places/database.h"

using namespace ringwall::places;

namespace {

void look(std::string_view bytes) {
  const auto database = Database::open({bytes, nullptr});
  if (!database.ok()) return;
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
}

// Of one byte each.
std::string small(std::string_view key, std::uint8_t number) {
  std::string out(1, static_cast<char>(0x40 | key.size()));
  return out.append(key).append({'\xa1', static_cast<char>(number)});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  look(bytes);
  if (size < 3) return 0;
  constexpr std::uint8_t kRecordBits[] = {24, 28, 32};
  std::string whole = bytes.substr(3) + "\xab\xcd\xefMaxMind.com\xe4" + small("binary_format_major_version", 2) + small("ip_version", data[0] % 2 == 0 ? 4 : 6) +
                      small("record_size", kRecordBits[data[1] % 3]) + small("node_count", data[2]);
  look(whole);
  return 0;
}
