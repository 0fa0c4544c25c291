// Sets of IP addresses and networks as sorted ranges of 16 bytes.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/text.h"
#include "waf/operators.h"

namespace ringwall::waf {

namespace {

constexpr std::uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr unsigned kMappedBits = 96;
constexpr std::size_t kAddressBytes = 16;

struct IpAddress {
  std::uint8_t bytes[kAddressBytes];
  bool v4;
};

std::optional<IpAddress> ip_address(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof terminated || text.find('\0') != std::string_view::npos) return std::nullopt;
  *std::copy(text.begin(), text.end(), terminated) = '\0';
  IpAddress address{};
  address.v4 = text.find(':') == std::string_view::npos;
  if (address.v4) std::memcpy(address.bytes, kMappedPrefix, sizeof kMappedPrefix);
  const int read = address.v4 ? ::inet_pton(AF_INET, terminated, address.bytes + sizeof kMappedPrefix) : ::inet_pton(AF_INET6, terminated, address.bytes);
  if (read != 1) return std::nullopt;
  return address;
}

int compare_ip(const std::uint8_t* a, const std::uint8_t* b) { return std::memcmp(a, b, kAddressBytes); }

// One up or down in the last place, with carry; the callers know that it does not run over.
void next_ip(std::uint8_t* address) {
  for (std::size_t i = kAddressBytes; i-- > 0 && ++address[i] == 0;) continue;
}
void previous_ip(std::uint8_t* address) {
  for (std::size_t i = kAddressBytes; i-- > 0 && address[i]-- == 0;) continue;
}

}  // namespace

Result<IpSet> IpSet::parse(const std::vector<std::string_view>& entries) {
  IpSet set;
  const auto add = [&set](std::string_view entry) -> bool {
    const auto slash = entry.find('/');
    const auto address = ip_address(entry.substr(0, slash));
    if (!address) return false;
    unsigned bits = address->v4 ? 32 : 128;
    if (slash != std::string_view::npos) {
      const auto digits = entry.substr(slash + 1);
      unsigned asked = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), asked);
      if (error != std::errc() || end != digits.data() + digits.size() || asked > bits) return false;
      bits = asked;
    }
    if (address->v4) bits += kMappedBits;
    Range range;
    for (std::size_t i = 0; i < kAddressBytes; ++i) {
      const unsigned network_bits = std::clamp<int>(static_cast<int>(bits) - static_cast<int>(8 * i), 0, 8);
      const auto mask = static_cast<std::uint8_t>(0xFF00u >> network_bits);
      range.first[i] = address->bytes[i] & mask;
      range.last[i] = static_cast<std::uint8_t>(range.first[i] | static_cast<std::uint8_t>(~mask));
    }
    std::uint8_t mapped_first[kAddressBytes] = {}, mapped_last[kAddressBytes];
    std::memcpy(mapped_first, kMappedPrefix, sizeof kMappedPrefix);
    std::memcpy(mapped_last, mapped_first, kAddressBytes);
    std::fill(mapped_last + sizeof kMappedPrefix, mapped_last + kAddressBytes, 0xFF);
    if (bits < kMappedBits && compare_ip(range.first, mapped_first) < 0 && compare_ip(range.last, mapped_last) > 0) {
      // "::/1" was not meant to name every IPv4 address: what holds their place is left out.
      Range below = range, above = range;
      std::memcpy(below.last, mapped_first, kAddressBytes);
      previous_ip(below.last);
      std::memcpy(above.first, mapped_last, kAddressBytes);
      next_ip(above.first);
      set.ranges_.push_back(below);
      set.ranges_.push_back(above);
    } else {
      set.ranges_.push_back(range);
    }
    return true;
  };

  for (std::string_view line : entries) {
    line = line.substr(0, line.find('#'));
    while (!line.empty()) {
      const auto end = std::min(line.find(','), line.size());
      const auto entry = base::trim(line.substr(0, end));
      line.remove_prefix(std::min(end + 1, line.size()));
      if (!entry.empty() && !add(entry)) {
        return fail(Errc::kInvalid, fmt::format("'{}' is not an IP address or network", entry), "write it like 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32");
      }
    }
  }

  // Ranges that overlap or touch become one.
  auto& ranges = set.ranges_;
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return compare_ip(a.first, b.first) < 0; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (kept > 0) {
      auto& before = ranges[kept - 1];
      std::uint8_t previous[kAddressBytes];
      std::memcpy(previous, ranges[i].first, kAddressBytes);
      const bool lowest = std::all_of(previous, previous + kAddressBytes, [](std::uint8_t byte) { return byte == 0; });
      if (!lowest) previous_ip(previous);
      if (compare_ip(previous, before.last) <= 0) {
        if (compare_ip(ranges[i].last, before.last) > 0) std::memcpy(before.last, ranges[i].last, kAddressBytes);
        continue;
      }
    }
    ranges[kept++] = ranges[i];
  }
  ranges.resize(kept);
  ranges.shrink_to_fit();
  return set;
}

bool IpSet::contains(std::string_view address) const {
  const auto wanted = ip_address(address);
  if (!wanted) return false;
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), *wanted,
                                      [](const IpAddress& a, const Range& range) { return compare_ip(a.bytes, range.first) < 0; });
  return after != ranges_.begin() && compare_ip(wanted->bytes, std::prev(after)->last) <= 0;
}

}  // namespace ringwall::waf
