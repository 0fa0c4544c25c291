// Addresses and networks as people write them: 203.0.113.7, 203.0.113.0/24, 2001:db8::/32, 203.0.113.1-203.0.113.9.
//
// An address is 16 bytes in the order of the wire, IPv4 as ::ffff:a.b.c.d.  Whoever comes as ::ffff:a.b.c.d is that IPv4 address;
// of IPv6 networks only those inside ::ffff:0:0/96 speak of IPv4, so that "::/0" is every IPv6 address and no other.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace ringwall::places {

struct Address {
  std::array<std::uint8_t, 16> bytes{};

  bool v4() const;
  std::uint32_t v4_number() const;  // of an IPv4 address
  auto operator<=>(const Address&) const = default;
};

Address address_of_v4(std::uint32_t number);
// 4 or 16 bytes as in a socket's address; none for anything else.
std::optional<Address> address_of_bytes(std::string_view bytes);
// Numbers with leading zeros are refused: some readers take them for octal.
std::optional<Address> parse_address(std::string_view text);

// Both ends belong to it.  It speaks of IPv4 when both ends do.
struct AddressRange {
  Address first, last;
  auto operator<=>(const AddressRange&) const = default;
};

// One address, a network (what stands behind its prefix is ignored) or FIRST-LAST with blanks around the dash allowed.
// kInvalid, and says what is wrong with it.
Result<AddressRange> parse_address_range(std::string_view text);

}  // namespace ringwall::places
