// Where the next byte of a set is in a text, sixteen bytes at a time.
#pragma once

#include <bit>
#include <bitset>
#include <cstdint>

#ifdef __SSE4_1__
#include <immintrin.h>
#endif

namespace ringwall::waf::detail {

class ByteFinder {
 public:
  ByteFinder() = default;
  explicit ByteFinder(const std::bitset<256>& bytes) : bytes_(bytes) {
    // By the lower half of a byte a table tells for which upper halves it is one of the set: a table for 0 to 7, one for 8 to 15.
    for (std::size_t c = 0; c < 256; ++c) {
      if (bytes[c]) uppers_[c >> 7][c & 15] = static_cast<std::uint8_t>(uppers_[c >> 7][c & 15] | 1 << (c >> 4 & 7));
    }
  }

  const unsigned char* find(const unsigned char* at, const unsigned char* end) const {
#ifdef __SSE4_1__
    const auto load = [](const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); };
    const auto low = load(uppers_[0]), high = load(uppers_[1]), half = _mm_set1_epi8(15);
    const auto bits = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
    for (; end - at >= 16; at += 16) {
      const auto text = load(at);
      const auto lower = _mm_and_si128(text, half), upper = _mm_and_si128(_mm_srli_epi16(text, 4), half);
      const auto uppers = _mm_blendv_epi8(_mm_shuffle_epi8(low, lower), _mm_shuffle_epi8(high, lower), text);
      const auto none = _mm_cmpeq_epi8(_mm_and_si128(uppers, _mm_shuffle_epi8(bits, upper)), _mm_setzero_si128());
      const auto found = static_cast<unsigned>(_mm_movemask_epi8(none)) ^ 0xFFFF;
      if (found != 0) return at + std::countr_zero(found);
    }
#endif
    while (at != end && !bytes_[*at]) ++at;
    return at;
  }

 private:
  std::bitset<256> bytes_;
  std::uint8_t uppers_[2][16] = {};
};

}  // namespace ringwall::waf::detail
