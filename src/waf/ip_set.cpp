// Sets of IP addresses and networks: @ipMatch and @ipMatchFromFile.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "waf/operators.h"

namespace ringwall::waf {

Result<IpSet> IpSet::parse(const std::vector<std::string_view>& entries) {
  std::vector<places::AddressRange> ranges;
  for (std::string_view line : entries) {
    line = line.substr(0, line.find('#'));
    while (!line.empty()) {
      const auto end = std::min(line.find(','), line.size());
      const auto entry = base::trim(line.substr(0, end));
      line.remove_prefix(std::min(end + 1, line.size()));
      if (entry.empty()) continue;
      const auto range = places::parse_address_range(entry);
      if (!range.ok()) return fail(Errc::kInvalid, fmt::format("'{}' is not an IP address or network", entry), "write it like 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32");
      ranges.push_back(*range);
    }
  }
  IpSet set;
  set.addresses_ = RW_TRY(places::AddressSet::open(places::in_memory(places::build_address_set(std::move(ranges)))));
  return set;
}

bool IpSet::contains(std::string_view address) const {
  const auto wanted = places::parse_address(address);
  return wanted && addresses_.contains(*wanted);
}

}  // namespace ringwall::waf
