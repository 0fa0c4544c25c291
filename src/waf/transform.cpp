#include "waf/transform.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>

#include "waf/detail/transform.h"

#ifdef __SSSE3__
#include <tmmintrin.h>
#endif

namespace ringwall::waf {

namespace {

struct TransformationEntry {
  std::string_view name;
  transforms::Function function;
};

// In the order of the enumeration.
constexpr TransformationEntry kTransformations[] = {
    {"base64Decode", transforms::base64_decode},
    {"base64DecodeExt", transforms::base64_decode_ext},
    {"base64Encode", transforms::base64_encode},
    {"cmdLine", transforms::cmd_line},
    {"compressWhitespace", transforms::compress_whitespace},
    {"cssDecode", transforms::css_decode},
    {"escapeSeqDecode", transforms::escape_seq_decode},
    {"hexDecode", transforms::hex_decode},
    {"hexEncode", transforms::hex_encode},
    {"htmlEntityDecode", transforms::html_entity_decode},
    {"jsDecode", transforms::js_decode},
    {"length", transforms::length},
    {"lowercase", transforms::lowercase},
    {"md5", transforms::md5},
    {"normalizePath", transforms::normalize_path},
    {"normalizePathWin", transforms::normalize_path_win},
    {"parityEven7bit", transforms::parity_even_7bit},
    {"parityOdd7bit", transforms::parity_odd_7bit},
    {"parityZero7bit", transforms::parity_zero_7bit},
    {"removeComments", transforms::remove_comments},
    {"removeCommentsChar", transforms::remove_comments_char},
    {"removeNulls", transforms::remove_nulls},
    {"removeWhitespace", transforms::remove_whitespace},
    {"replaceComments", transforms::replace_comments},
    {"replaceNulls", transforms::replace_nulls},
    {"sha1", transforms::sha1},
    {"sqlHexDecode", transforms::sql_hex_decode},
    {"trim", transforms::trim},
    {"trimLeft", transforms::trim_left},
    {"trimRight", transforms::trim_right},
    {"uppercase", transforms::uppercase},
    {"urlDecode", transforms::url_decode},
    {"urlDecodeUni", transforms::url_decode_uni},
    {"urlEncode", transforms::url_encode},
    {"utf8toUnicode", transforms::utf8_to_unicode},
};
static_assert(std::size(kTransformations) == kTransformationCount);

struct TransformationAlias {
  std::string_view name;
  Transformation transformation;
};
constexpr TransformationAlias kTransformationAliases[] = {
    {"normalisePath", Transformation::kNormalizePath},
    {"normalisePathWin", Transformation::kNormalizePathWin},
};

bool same_transformation_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return transforms::lower(x) == transforms::lower(y); });
}

// Below it, looking for what is new costs more than it saves.
constexpr std::size_t kByteTableFrom = 256;

}  // namespace

std::optional<Transformation> transformation_named(std::string_view name) {
  for (std::size_t i = 0; i < kTransformationCount; ++i) {
    if (same_transformation_name(name, kTransformations[i].name)) return static_cast<Transformation>(i);
  }
  for (const auto& alias : kTransformationAliases) {
    if (same_transformation_name(name, alias.name)) return alias.transformation;
  }
  return std::nullopt;
}

std::string_view name_of(Transformation transformation) { return kTransformations[static_cast<std::size_t>(transformation)].name; }

std::string_view transform(Transformation transformation, std::string_view text, Arena& arena, const UnicodeMap* map) {
  if (map != nullptr && transformation == Transformation::kUrlDecodeUni) return transforms::url_decode_uni_by(map, text, arena);
  return kTransformations[static_cast<std::size_t>(transformation)].function(text, arena);
}

ByteSet bytes_of(std::string_view text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size();
  ByteSet set;
  if (text.size() < kByteTableFrom) {
    // Neighbours mostly share a word, and each would wait for the one before it to be stored: four sets take turns.
    ByteSet turns[3];
    for (; end - at >= 4; at += 4) {
      set.add(at[0]);
      turns[0].add(at[1]);
      turns[1].add(at[2]);
      turns[2].add(at[3]);
    }
    for (; at != end; ++at) set.add(*at);
    for (int i = 0; i < 4; ++i) set.bits[i] |= turns[0].bits[i] | turns[1].bits[i] | turns[2].bits[i];
    return set;
  }
#ifdef __SSSE3__
  // Sixteen bytes at a time: has each been seen?  Rows by the lower digit, in each a bit for the upper one; the second half of the
  // bytes has rows of its own.  A new byte is rare.
  alignas(16) unsigned char rows[2][16] = {};
  const auto bit_of = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  const auto digit = _mm_set1_epi8(15), upper = _mm_set1_epi8(-128);
  auto lower_rows = _mm_setzero_si128(), upper_rows = _mm_setzero_si128();
  for (; end - at >= 16; at += 16) {
    const auto piece = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const auto bit = _mm_shuffle_epi8(bit_of, _mm_and_si128(_mm_srli_epi16(piece, 4), digit));
    for (;;) {
      // A byte with its highest bit set chooses no row.
      const auto row = _mm_or_si128(_mm_shuffle_epi8(lower_rows, piece), _mm_shuffle_epi8(upper_rows, _mm_xor_si128(piece, upper)));
      const auto unseen = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_and_si128(row, bit), _mm_setzero_si128())));
      if (unseen == 0) break;
      const auto c = at[std::countr_zero(unseen)];
      rows[c >> 7][c & 15] |= static_cast<unsigned char>(1u << (c >> 4 & 7));
      set.add(c);
      lower_rows = _mm_load_si128(reinterpret_cast<const __m128i*>(rows[0]));
      upper_rows = _mm_load_si128(reinterpret_cast<const __m128i*>(rows[1]));
    }
  }
#endif
  for (; at != end; ++at) set.add(*at);
  return set;
}

}  // namespace ringwall::waf
