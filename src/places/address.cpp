#include "places/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/text.h"

namespace ringwall::places {

namespace {

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;
constexpr std::size_t kTextShownMax = 60;

// Lists are long and mostly of these, so this is our own.
bool parse_v4(std::string_view text, std::uint32_t& out) {
  std::uint32_t value = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && (at == end || *at++ != '.')) return false;
    const char* const begin = at;
    std::uint32_t number = 0;
    while (at != end && *at >= '0' && *at <= '9' && at - begin < 3) number = number * 10 + static_cast<std::uint32_t>(*at++ - '0');
    if (at == begin || number > 255 || (*begin == '0' && at - begin > 1)) return false;
    value = value << 8 | number;
  }
  out = value;
  return at == end;
}

Error no_range(std::string_view text, std::string_view why) {
  return fail(Errc::kInvalid, fmt::format("'{}' {}", base::to_utf8(text.substr(0, kTextShownMax)), why), "an address, a network as 203.0.113.0/24, or FIRST-LAST");
}

}  // namespace

bool Address::v4() const { return std::equal(kMapped.begin(), kMapped.end(), bytes.begin()); }

std::uint32_t Address::v4_number() const {
  return std::uint32_t{bytes[12]} << 24 | std::uint32_t{bytes[13]} << 16 | std::uint32_t{bytes[14]} << 8 | bytes[15];
}

Address address_of_v4(std::uint32_t number) {
  Address out;
  std::copy(kMapped.begin(), kMapped.end(), out.bytes.begin());
  for (int i = 0; i < 4; ++i) out.bytes[static_cast<std::size_t>(12 + i)] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return out;
}

std::optional<Address> address_of_bytes(std::string_view bytes) {
  Address out;
  if (bytes.size() == 4) std::copy(kMapped.begin(), kMapped.end(), out.bytes.begin());
  else if (bytes.size() != 16) return std::nullopt;
  std::memcpy(out.bytes.data() + 16 - bytes.size(), bytes.data(), bytes.size());
  return out;
}

std::optional<Address> parse_address(std::string_view text) {
  std::uint32_t number = 0;
  if (parse_v4(text, number)) return address_of_v4(number);
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof terminated || text.find(':') == text.npos || text.find('\0') != text.npos) return std::nullopt;
  *std::copy(text.begin(), text.end(), terminated) = '\0';
  Address out;
  if (::inet_pton(AF_INET6, terminated, out.bytes.data()) != 1) return std::nullopt;
  return out;
}

Result<AddressRange> parse_address_range(std::string_view text) {
  if (const auto dash = text.find('-'); dash != text.npos) {
    const auto first = parse_address(base::trim(text.substr(0, dash))), last = parse_address(base::trim(text.substr(dash + 1)));
    if (!first || !last) return no_range(text, "is no range of addresses");
    if (first->v4() != last->v4()) return no_range(text, "begins with IPv4 and ends with IPv6, or the other way round");
    if (*last < *first) return no_range(text, "ends before it begins");
    return AddressRange{*first, *last};
  }
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return no_range(text, "is no address");
  if (slash == text.npos) return AddressRange{*address, *address};
  const bool written_v4 = text.substr(0, slash).find(':') == text.npos;
  const auto digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size() || bits > (written_v4 ? 32U : 128U)) return no_range(text, fmt::format("has no prefix of 0 to {} bits", written_v4 ? 32 : 128));
  if (written_v4) bits += kMappedBits;
  AddressRange out{*address, *address};
  for (std::size_t i = 0; i < 16; ++i) {
    const auto network = std::clamp(static_cast<int>(bits) - static_cast<int>(8 * i), 0, 8);
    const auto mask = static_cast<std::uint8_t>(0xff00U >> network);
    out.first.bytes[i] &= mask;
    out.last.bytes[i] = static_cast<std::uint8_t>(out.first.bytes[i] | static_cast<std::uint8_t>(~mask));
  }
  return out;
}

}  // namespace ringwall::places
