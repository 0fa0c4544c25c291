#include "places/address_set.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/hash.h"

using namespace ringwall;
using namespace ringwall::places;

namespace {

AddressRange range(const char* text) { return parse_address_range(text).value(); }
Address address(const char* text) { return parse_address(text).value(); }

AddressSet set_of(std::vector<AddressRange> ranges) { return AddressSet::open(in_memory(build_address_set(std::move(ranges)))).value(); }

bool any_contains(const std::vector<AddressRange>& ranges, const Address& wanted) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const auto& one) { return one.first.v4() == wanted.v4() && one.first <= wanted && wanted <= one.last; });
}

}  // namespace

TEST_CASE("address set: overlapping and touching networks become one") {
  const auto set = set_of({range("192.0.2.128/25"), range("192.0.2.0/25"), range("192.0.2.64/26"), range("192.0.3.0"), range("10.0.0.0/8"), range("2001:db8:0:1::/64"), range("2001:db8::/64")});
  CHECK(set.size() == 3);
  for (const auto* in : {"192.0.2.0", "192.0.2.255", "192.0.3.0", "10.255.255.255", "::ffff:192.0.2.1", "2001:db8::", "2001:db8:0:1:ffff:ffff:ffff:ffff"}) {
    CAPTURE(in);
    CHECK(set.contains(address(in)));
  }
  for (const auto* out : {"192.0.1.255", "192.0.3.1", "9.255.255.255", "11.0.0.0", "2001:db8:0:2::", "2001:db7:ffff:ffff::", "::192.0.2.1"}) {
    CAPTURE(out);
    CHECK_FALSE(set.contains(address(out)));
  }
}

TEST_CASE("address set: everything, nothing, and both ends of it") {
  CHECK_FALSE(AddressSet().contains(address("192.0.2.1")));
  CHECK_FALSE(AddressSet().contains(address("::1")));
  CHECK_FALSE(set_of({}).contains(address("192.0.2.1")));
  const auto v4 = set_of({range("0.0.0.0/0"), range("255.255.255.255"), range("0.0.0.0")}), v6 = set_of({range("::/0")});
  for (const auto* text : {"0.0.0.0", "127.0.0.1", "255.255.255.255"}) {
    CHECK(v4.contains(address(text)));
    CHECK_FALSE(v6.contains(address(text)));
  }
  for (const auto* text : {"::", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    CHECK(v6.contains(address(text)));
    CHECK_FALSE(v4.contains(address(text)));
  }
  CHECK(set_of({range("255.255.255.255"), range("0.0.0.0")}).size() == 2);
}

// Goal: the compiled form says what a look at every range says, with few ranges and many, crowded and far apart.
TEST_CASE("address set: against a naive look at every range") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    const std::uint32_t spread = round % 2 == 0 ? 0x3ff : 0xffffffff;
    std::vector<AddressRange> ranges;
    std::vector<Address> asked;
    for (auto count = random() % (round % 10 == 0 ? 2000 : 20); count > 0; --count) {
      const auto first = 0xC0000000U + (static_cast<std::uint32_t>(random()) & spread);
      const auto last = first + static_cast<std::uint32_t>(random()) % 9;
      if (last < first) continue;
      auto one = AddressRange{address_of_v4(first), address_of_v4(last)};
      // Every third one in IPv6, which the same numbers end.
      if (random() % 3 == 0) one.first.bytes[0] = one.last.bytes[0] = 0x20;
      ranges.push_back(one);
      for (const auto number : {first - 1, first, last, last + 1}) {
        asked.push_back(address_of_v4(number));
        asked.back().bytes[0] = one.first.bytes[0];
      }
    }
    const auto set = set_of(ranges);
    for (const auto& one : asked) REQUIRE(set.contains(one) == any_contains(ranges, one));
  }
}

TEST_CASE("address set: damaged bytes are refused") {
  const auto good = build_address_set({range("192.0.2.0/24"), range("2001:db8::/32")});
  REQUIRE(AddressSet::open(in_memory(good)).ok());
  CHECK(!AddressSet::open({}).ok());
  for (std::size_t i = 0; i < good.size(); ++i) {
    CAPTURE(i);
    CHECK(!AddressSet::open(in_memory(good.substr(0, i))).ok());
    auto bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x40);
    CHECK(!AddressSet::open(in_memory(bad)).ok());
  }
  // A right checksum over an index that leads outside.
  auto bad = good;
  bad[24] = 9;
  const auto crc = base::crc32c(std::string_view(bad).substr(24));
  bad.replace(20, 4, reinterpret_cast<const char*>(&crc), 4);
  const auto opened = AddressSet::open(in_memory(bad));
  REQUIRE(!opened.ok());
  CHECK(opened.error().message == "not a compiled list of addresses: its index is not in order");
}
