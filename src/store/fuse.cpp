#include "store/detail/fuse.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/hash.h"

namespace ringwall::store {

namespace {

constexpr std::size_t kFuseHeaderBytes = 16;

struct FuseShape {
  std::uint32_t segment_length, segment_count_length;
  std::uint32_t slots() const { return segment_count_length + 2 * segment_length; }
};

struct FuseSlots {
  std::uint32_t at[3];
};

FuseSlots slots_of(std::uint64_t hash, FuseShape shape) {
  const auto mask = shape.segment_length - 1;
  const auto first = static_cast<std::uint32_t>((static_cast<unsigned __int128>(hash) * shape.segment_count_length) >> 64);
  return {{first, (first + shape.segment_length) ^ (static_cast<std::uint32_t>(hash >> 18) & mask),
           (first + 2 * shape.segment_length) ^ (static_cast<std::uint32_t>(hash) & mask)}};
}

std::uint8_t fingerprint_of(std::uint64_t hash) { return static_cast<std::uint8_t>(hash ^ (hash >> 32)); }

// The constants are the paper's, for three segments.
FuseShape shape_for(std::size_t keys) {
  const auto n = static_cast<double>(keys);
  const auto length = keys < 2 ? 4u : std::min(kFuseSegmentMax, 1u << static_cast<int>(std::floor(std::log(n) / std::log(3.33) + 2.25)));
  const double factor = keys < 2 ? 1 : std::max(1.125, 0.875 + 0.25 * std::log(1e6) / std::log(n));
  const auto capacity = static_cast<std::uint32_t>(std::round(n * factor));
  const auto segments = (capacity + length - 1) / length;
  return {length, (segments > 2 ? segments - 2 : 1) * length};
}

// Peels keys off slots that hold one key only; the reverse of that order is an order of assignment.  False when the
// seed was unlucky (two or three tries are the rule).
bool try_build(std::span<const std::uint64_t> keys, std::uint64_t seed, FuseShape shape, std::string& fingerprints) {
  struct Slot {
    std::uint64_t hashes = 0;  // xor of what is there
    std::uint32_t count = 0;
    std::uint32_t which = 0;  // xor of which of the three it is for them
  };
  std::vector<Slot> table(shape.slots());
  for (const auto key : keys) {
    const auto hash = base::mix64(key + seed);
    const auto slots = slots_of(hash, shape);
    for (std::uint32_t j = 0; j < 3; ++j) {
      auto& slot = table[slots.at[j]];
      slot.hashes ^= hash;
      slot.which ^= j;
      ++slot.count;
    }
  }
  std::vector<std::uint32_t> single;
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    if (table[i].count == 1) single.push_back(i);
  }
  std::vector<std::pair<std::uint64_t, std::uint32_t>> order;
  order.reserve(keys.size());
  while (!single.empty()) {
    const auto& from = table[single.back()];
    single.pop_back();
    if (from.count != 1) continue;
    const auto hash = from.hashes;
    order.emplace_back(hash, from.which);
    const auto slots = slots_of(hash, shape);
    for (std::uint32_t j = 0; j < 3; ++j) {
      auto& slot = table[slots.at[j]];
      slot.hashes ^= hash;
      slot.which ^= j;
      if (--slot.count == 1) single.push_back(slots.at[j]);
    }
  }
  if (order.size() != keys.size()) return false;
  fingerprints.assign(shape.slots(), '\0');
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    const auto slots = slots_of(at->first, shape);
    auto value = fingerprint_of(at->first);
    for (std::uint32_t j = 0; j < 3; ++j) {
      if (j != at->second) value ^= static_cast<std::uint8_t>(fingerprints[slots.at[j]]);
    }
    fingerprints[slots.at[at->second]] = static_cast<char>(value);
  }
  return true;
}

}  // namespace

std::string build_fuse(std::span<const std::uint64_t> keys) {
  FuseShape shape{4, 0};
  std::string fingerprints;
  std::uint64_t seed = 0;
  if (!keys.empty()) {
    shape = shape_for(keys.size());
    do {
      seed = base::mix64(seed + 0x9e3779b97f4a7c15ULL);
    } while (!try_build(keys, seed, shape, fingerprints));
  }
  std::string out(kFuseHeaderBytes, '\0');
  std::memcpy(out.data(), &seed, 8);
  std::memcpy(out.data() + 8, &shape.segment_length, 4);
  std::memcpy(out.data() + 12, &shape.segment_count_length, 4);
  return out + fingerprints;
}

Result<FuseView> FuseView::parse(std::string_view bytes) {
  if (bytes.size() < kFuseHeaderBytes) return fail(Errc::kCorrupt, fmt::format("filter of {} bytes has no header", bytes.size()));
  FuseView view;
  std::memcpy(&view.seed_, bytes.data(), 8);
  std::memcpy(&view.segment_length_, bytes.data() + 8, 4);
  std::memcpy(&view.segment_count_length_, bytes.data() + 12, 4);
  view.fingerprints_ = bytes.substr(kFuseHeaderBytes);
  const std::uint64_t length = view.segment_length_, count_length = view.segment_count_length_;
  const bool length_good = length >= 4 && length <= kFuseSegmentMax && (length & (length - 1)) == 0;
  const auto slots = count_length == 0 ? 0 : count_length + 2 * length;
  if (!length_good || count_length % length != 0 || view.fingerprints_.size() != slots) {
    return fail(Errc::kCorrupt, fmt::format("filter with segments of {} in {} does not have {} fingerprints", length, count_length,
                                            view.fingerprints_.size()));
  }
  return view;
}

bool FuseView::may_hold(std::uint64_t key) const {
  if (segment_count_length_ == 0) return false;
  const auto hash = base::mix64(key + seed_);
  const auto slots = slots_of(hash, {segment_length_, segment_count_length_});
  std::uint8_t value = fingerprint_of(hash);
  for (const auto slot : slots.at) value ^= static_cast<std::uint8_t>(fingerprints_[slot]);
  return value == 0;
}

}  // namespace ringwall::store
