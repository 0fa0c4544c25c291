#include "base/hash.h"

#include <cstring>

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

namespace ringwall::base {

std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed) {
  const char* at = bytes.data();
  std::size_t left = bytes.size();
#ifdef __SSE4_2__
  std::uint64_t crc = ~seed;
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  auto short_crc = static_cast<std::uint32_t>(crc);
  for (; left > 0; ++at, --left) short_crc = _mm_crc32_u8(short_crc, static_cast<std::uint8_t>(*at));
  return ~short_crc;
#else
  std::uint32_t crc = ~seed;
  for (; left > 0; ++at, --left) {
    crc ^= static_cast<std::uint8_t>(*at);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1u)));
  }
  return ~crc;
#endif
}

std::uint64_t mix64(std::uint64_t h) {
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdULL;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53ULL;
  return h ^ (h >> 33);
}

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) {
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t h = (seed ^ 0x9e3779b97f4a7c15ULL) + bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    h = mix64(h ^ word) + 0x2545f4914f6cdd1dULL;
  }
  std::uint64_t word = 0;
  if (left > 0) std::memcpy(&word, at, left);
  return mix64(h ^ word ^ 0x5555555555555555ULL);
}

Digest digest128(std::string_view bytes) {
  return {hash64(bytes, 0x243f6a8885a308d3ULL), hash64(bytes, 0x13198a2e03707344ULL)};
}

}  // namespace ringwall::base
