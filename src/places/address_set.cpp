#include "places/address_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/hash.h"

static_assert(std::endian::native == std::endian::little, "sets are little-endian");

namespace ringwall::places {

namespace {

constexpr std::string_view kMagic = "RWADDR1\n";
constexpr std::size_t kHeaderBytes = 24;
constexpr std::uint32_t kIndexBitsMax = 20;
constexpr std::uint32_t kRangesMax = 1U << 28;

std::uint32_t number_at(const char* base, std::size_t index) {
  std::uint32_t out = 0;
  std::memcpy(&out, base + 4 * index, 4);
  return out;
}

// Two halves as numbers compare as the bytes do, and faster.
struct Wide {
  std::uint64_t high, low;
  auto operator<=>(const Wide&) const = default;
};
Wide wide_at(const void* bytes) {
  Wide out;
  std::memcpy(&out, bytes, sizeof out);
  return {__builtin_bswap64(out.high), __builtin_bswap64(out.low)};
}

void put_number(std::string& out, std::uint32_t number) { out.append(reinterpret_cast<const char*>(&number), sizeof number); }
void put_bytes(std::string& out, const Address& address) { out.append(reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size()); }

// About one range for each step of the index, so that hardly anything is left to search.
std::uint32_t index_bits_for(std::size_t ranges) { return std::min(kIndexBitsMax, static_cast<std::uint32_t>(std::bit_width(ranges))); }
std::size_t share_of(std::uint32_t address, std::uint32_t bits) { return bits == 0 ? 0 : address >> (32 - bits); }

struct V4Range {
  std::uint32_t first, last;
  auto operator<=>(const V4Range&) const = default;
};

// `next` gives the address behind one that is not the last of all.
template <class Range, class Next>
void join(std::vector<Range>& ranges, Next next) {
  std::sort(ranges.begin(), ranges.end());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (kept > 0 && (ranges[i].first <= ranges[kept - 1].last || ranges[i].first == next(ranges[kept - 1].last))) {
      ranges[kept - 1].last = std::max(ranges[kept - 1].last, ranges[i].last);
    } else {
      ranges[kept++] = ranges[i];
    }
  }
  ranges.resize(kept);
}

Address next_address(Address address) {
  for (std::size_t i = address.bytes.size(); i-- > 0 && ++address.bytes[i] == 0;) continue;
  return address;
}

}  // namespace

std::string build_address_set(std::vector<AddressRange> ranges) {
  std::vector<V4Range> v4;
  std::vector<AddressRange> v6;
  for (const auto& range : ranges) {
    if (range.first.v4() && range.last.v4()) v4.push_back({range.first.v4_number(), range.last.v4_number()});
    else v6.push_back(range);
  }
  std::vector<AddressRange>().swap(ranges);
  // The address behind the last one is the first, which nothing sorted behind it begins with.
  join(v4, [](std::uint32_t last) { return last + 1; });
  join(v6, next_address);
  RW_ASSERT(v4.size() < kRangesMax && v6.size() < kRangesMax);

  const auto bits = index_bits_for(v4.size());
  std::string out(kMagic);
  out.reserve(kHeaderBytes + 4 * ((std::size_t{1} << bits) + 1) + 8 * v4.size() + 32 * v6.size());
  for (const auto number : {bits, static_cast<std::uint32_t>(v4.size()), static_cast<std::uint32_t>(v6.size()), 0U}) put_number(out, number);
  std::uint32_t at = 0;
  for (std::size_t share = 0; share < std::size_t{1} << bits; ++share) {
    while (at < v4.size() && share_of(v4[at].first, bits) < share) ++at;
    put_number(out, at);
  }
  put_number(out, static_cast<std::uint32_t>(v4.size()));
  for (const auto& range : v4) put_number(out, range.first);
  for (const auto& range : v4) put_number(out, range.last);
  for (const auto& range : v6) put_bytes(out, range.first);
  for (const auto& range : v6) put_bytes(out, range.last);
  const auto crc = base::crc32c(std::string_view(out).substr(kHeaderBytes));
  std::memcpy(out.data() + kHeaderBytes - 4, &crc, sizeof crc);
  return out;
}

Result<AddressSet> AddressSet::open(SharedBytes bytes) {
  const auto damaged = [](std::string_view why) { return fail(Errc::kCorrupt, fmt::format("not a compiled list of addresses: {}", why), "made anew when the declaration is applied"); };
  const auto view = bytes.view;
  if (view.size() < kHeaderBytes || !view.starts_with(kMagic)) return damaged("it begins otherwise");
  AddressSet out;
  const char* const numbers = view.data() + kMagic.size();
  out.index_bits_ = number_at(numbers, 0);
  out.v4_ = number_at(numbers, 1);
  out.v6_ = number_at(numbers, 2);
  if (out.index_bits_ > kIndexBitsMax || out.v4_ > kRangesMax || out.v6_ > kRangesMax) return damaged("it says impossible sizes");
  const std::size_t shares = std::size_t{1} << out.index_bits_;
  if (view.size() != kHeaderBytes + 4 * (shares + 1) + std::size_t{8} * out.v4_ + std::size_t{32} * out.v6_) return damaged("it has another size than it says");
  if (base::crc32c(view.substr(kHeaderBytes)) != number_at(numbers, 3)) return damaged("its checksum is wrong");
  out.starts_ = view.data() + kHeaderBytes;
  out.v4_first_ = out.starts_ + 4 * (shares + 1);
  out.v4_last_ = out.v4_first_ + std::size_t{4} * out.v4_;
  out.v6_first_ = out.v4_last_ + std::size_t{4} * out.v4_;
  out.v6_last_ = out.v6_first_ + std::size_t{16} * out.v6_;
  // A search never leaves the tables, whatever wrote the checksum.
  for (std::size_t i = 0; i < shares; ++i) {
    if (number_at(out.starts_, i) > number_at(out.starts_, i + 1)) return damaged("its index is not in order");
  }
  if (number_at(out.starts_, shares) != out.v4_) return damaged("its index ends elsewhere");
  out.bytes_ = std::move(bytes);
  return out;
}

bool AddressSet::contains(const Address& address) const {
  if (address.v4()) {
    if (v4_ == 0) return false;
    const auto wanted = address.v4_number();
    const auto share = share_of(wanted, index_bits_);
    // The first range that begins behind it; the one before may hold it.
    std::size_t low = number_at(starts_, share), high = number_at(starts_, share + 1);
    while (low < high) {
      const auto middle = low + (high - low) / 2;
      if (number_at(v4_first_, middle) <= wanted) low = middle + 1;
      else high = middle;
    }
    return low > 0 && number_at(v4_first_, low - 1) <= wanted && wanted <= number_at(v4_last_, low - 1);
  }
  const auto wanted = wide_at(address.bytes.data());
  std::size_t low = 0, high = v6_;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    if (wide_at(v6_first_ + 16 * middle) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low > 0 && wanted <= wide_at(v6_last_ + 16 * (low - 1));
}

}  // namespace ringwall::places
