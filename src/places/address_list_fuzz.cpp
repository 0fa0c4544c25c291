// A list of any text is read or refused; what was read is in the compiled set, and its neighbours only when they were read too.
#include <algorithm>
#include <cstdlib>

#include "places/address_list.h"
#include "places/address_set.h"

using namespace ringwall::places;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto ranges = parse_address_list({reinterpret_cast<const char*>(data), size});
  if (!ranges.ok()) return 0;
  const auto set = AddressSet::open(in_memory(build_address_set(*ranges)));
  if (!set.ok()) std::abort();
  for (const auto& range : *ranges) {
    // A network of IPv6 that holds IPv4's place does not speak of it.
    const bool v4 = range.first.v4() && range.last.v4();
    for (const auto& end : {range.first, range.last}) {
      if (end.v4() == v4 && !set->contains(end)) std::abort();
    }
    auto behind = range.last;
    if (++behind.bytes[15] == 0 || behind.v4() != v4) continue;
    const bool read = std::any_of(ranges->begin(), ranges->end(), [&](const auto& one) { return (one.first.v4() && one.last.v4()) == v4 && one.first <= behind && behind <= one.last; });
    if (set->contains(behind) != read) std::abort();
  }
  return 0;
}
