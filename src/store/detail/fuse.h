// Binary fuse filters with 8-bit fingerprints: about 9 bits per key, one false "maybe" in 256, never a false "no".
// After Graf and Lemire, "Binary Fuse Filters: Fast and Smaller Than Xor Filters" (2022); own implementation.
//
//   filter := seed:u64 segment_length:u32 segment_count_length:u32 fingerprint*     little-endian
//   segment_length is a power of two, segment_count_length a multiple of it (0: the filter of no keys), and there are
//   segment_count_length + 2 * segment_length fingerprints of one byte (none in the filter of no keys).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ringwall::store {

inline constexpr std::uint32_t kFuseSegmentMax = 1u << 18;

// `keys` are distinct and already well mixed hashes.
std::string build_fuse(std::span<const std::uint64_t> keys);

// A filter inside bytes that outlive it.
class FuseView {
 public:
  // Fails with kCorrupt on anything build_fuse() would not have written.
  static Result<FuseView> parse(std::string_view bytes);
  bool may_hold(std::uint64_t key) const;

 private:
  std::uint64_t seed_ = 0;
  std::uint32_t segment_length_ = 0, segment_count_length_ = 0;
  std::string_view fingerprints_;
};

}  // namespace ringwall::store
