// A set of addresses, up to millions of networks, as one piece of bytes that is used where it lies: in a mapped file.
//
//   set    := header starts v4_first v4_last v6_first v6_last       numbers little-endian, addresses big-endian
//   header := "RWADDR1\n" index_bits:u32 v4:u32 v6:u32 crc:u32      crc: CRC-32C of all behind the header
//   starts := u32[2^index_bits + 1]      of IPv4 ranges: the first that begins at or behind this share of the address space
//   v4_…   := u32[v4], v6_… := 16 bytes[v6]      disjoint ranges, ascending; first and last belong to them
//
// A look at an IPv4 address is one step in the index and a binary search among its few neighbours, for IPv6 a binary search.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "places/address.h"
#include "places/shared_bytes.h"

namespace ringwall::places {

// Joins what overlaps or touches.
std::string build_address_set(std::vector<AddressRange> ranges);

class AddressSet {
 public:
  AddressSet() = default;  // empty
  // kCorrupt when these are not bytes of build_address_set().
  static Result<AddressSet> open(SharedBytes bytes);

  bool contains(const Address& address) const;
  std::size_t size() const { return v4_ + v6_; }  // ranges

 private:
  SharedBytes bytes_;
  std::uint32_t index_bits_ = 0, v4_ = 0, v6_ = 0;
  const char *starts_ = nullptr, *v4_first_ = nullptr, *v4_last_ = nullptr, *v6_first_ = nullptr, *v6_last_ = nullptr;
};

}  // namespace ringwall::places
