// Lists of addresses as text, a line each: FireHOL's netsets, Spamhaus' DROP ("1.10.16.0/20 ; SBL256894"), plain lists.
//
//   line := [range] [("#" | ";") comment]      range as in address.h
//
// A list with one wrong line is refused as a whole: half a list looks like a list.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "places/address.h"

namespace ringwall::places {

inline constexpr std::size_t kListEntriesMax = 4'000'000;
inline constexpr std::size_t kListBytesMax = 256u << 20;

// kInvalid or kLimit, with the number of the line: "12: '<html>' is no address".
Result<std::vector<AddressRange>> parse_address_list(std::string_view text, std::size_t entries_max = kListEntriesMax);

}  // namespace ringwall::places
