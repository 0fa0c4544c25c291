#include "waf/transform.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>

#include "waf/detail/transform.h"

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

// Below it, clearing and packing the table of bytes costs more than it saves.
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
  // A store for each byte and none that waits; then eight marks at a time are gathered into eight bits by one product.
  unsigned char seen[256] = {};
  for (; end - at >= 4; at += 4) seen[at[0]] = seen[at[1]] = seen[at[2]] = seen[at[3]] = 1;
  for (; at != end; ++at) seen[*at] = 1;
  static_assert(std::endian::native == std::endian::little);
  for (unsigned i = 0; i < 32; ++i) {
    std::uint64_t marks;
    std::memcpy(&marks, seen + 8 * i, sizeof marks);
    set.bits[i / 8] |= (marks * 0x0102040810204080u >> 56) << (8 * (i % 8));
  }
  return set;
}

}  // namespace ringwall::waf
