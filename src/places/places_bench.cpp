// places_bench: how long a list of a million networks takes to read, compile and open, its bytes, and nanoseconds for each look; the
// same look in a database of places.
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <random>

#include "places/address_list.h"
#include "places/address_set.h"
#include "places/database.h"
#include "places/test_support.h"

using namespace ringwall::places;

namespace {

constexpr std::size_t kEntries = 1'000'000, kLooks = 10'000'000, kAddresses = 1 << 16;

// CPU time, so that who else is on the machine counts little.
class Watch {
 public:
  double ms() const { return static_cast<double>(std::clock() - begin_) * 1e3 / CLOCKS_PER_SEC; }

 private:
  std::clock_t begin_ = std::clock();
};

Address any_address(std::mt19937_64& random, bool v6) {
  if (!v6) return address_of_v4(static_cast<std::uint32_t>(random()));
  Address out;
  for (auto& byte : out.bytes) byte = static_cast<std::uint8_t>(random());
  out.bytes[0] = 0x20, out.bytes[1] = 0x01;
  return out;
}

std::string text_of(std::mt19937_64& random, bool v6) {
  if (!v6) {
    const auto a = static_cast<std::uint32_t>(random());
    return fmt::format("{}.{}.{}.{}/{}\n", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255, 22 + random() % 11);
  }
  return fmt::format("2001:{:x}:{:x}::/48\n", random() & 0xffff, random() & 0xffff);
}

void measure(const char* what, bool v6) {
  std::mt19937_64 random(1);
  std::string text;
  for (std::size_t i = 0; i < kEntries; ++i) text += text_of(random, v6);
  const Watch reading;
  auto ranges = parse_address_list(text).value();
  const auto read_ms = reading.ms();
  const Watch building;
  auto bytes = in_memory(build_address_set(std::move(ranges)));
  const auto build_ms = building.ms();
  const auto size = bytes.view.size();
  const Watch opening;
  const auto set = AddressSet::open(std::move(bytes)).value();
  const auto open_ms = opening.ms();
  std::vector<Address> wanted;
  for (std::size_t i = 0; i < kAddresses; ++i) wanted.push_back(any_address(random, v6));
  std::size_t found = 0;
  const Watch looking;
  for (std::size_t i = 0; i < kLooks; ++i) found += set.contains(wanted[i % kAddresses]) ? 1 : 0;
  fmt::print("{}: {} lines read in {:.0f} ms, compiled in {:.0f} ms to {} ranges, {:.1f} MB, opened in {:.1f} ms; a look takes {:.0f} ns ({:.1f} % found)\n", what, kEntries, read_ms, build_ms,
             set.size(), static_cast<double>(size) / 1e6, open_ms, looking.ms() * 1e6 / static_cast<double>(kLooks), 100.0 * static_cast<double>(found) / static_cast<double>(kLooks));
}

// As the firewall asks for each request: where a country is, and who announces the network.
void measure_database() {
  constexpr std::size_t kNetworks = 100'000;
  std::mt19937_64 random(1);
  const auto value = testing::country("DE", "Germany");
  testing::DatabaseWriter writer(28);
  for (std::size_t i = 0; i < kNetworks; ++i) {
    const auto a = static_cast<std::uint32_t>(random());
    writer.add(fmt::format("{}.{}.{}.0/24", a >> 24, a >> 16 & 255, a >> 8 & 255), value);
  }
  const auto database = Database::open(in_memory(writer.finish())).value();
  std::vector<Address> wanted;
  for (std::size_t i = 0; i < kAddresses; ++i) wanted.push_back(any_address(random, false));
  std::size_t found = 0;
  const Watch looking;
  for (std::size_t i = 0; i < kLooks; ++i) {
    const auto record = database->find(wanted[i % kAddresses]);
    if (record && database->text(*record, {"country", "iso_code"}) == "DE") ++found;
  }
  const auto all_ns = looking.ms() * 1e6 / static_cast<double>(kLooks);
  fmt::print("database of {} networks: a look takes {:.0f} ns ({:.1f} % found)\n", kNetworks, all_ns, 100.0 * static_cast<double>(found) / static_cast<double>(kLooks));
}

}  // namespace

int main() {
  measure_database();
  measure("IPv4", false);
  measure("IPv6", true);
  return EXIT_SUCCESS;
}
