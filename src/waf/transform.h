// The transformations of SecLang (`t:lowercase`): pure functions from bytes to bytes.
//
// Source: ModSecurity reference manual v3, "Transformation functions"; where manual and libmodsecurity 3.0.9 differ, what
// the library does, since rule sets were written against it.  Names are compared without regard to case.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "waf/arena.h"

namespace ringwall::waf {

class UnicodeMap;  // unicode_map.h

enum class Transformation : std::uint8_t {
  kBase64Decode, kBase64DecodeExt, kBase64Encode, kCmdLine, kCompressWhitespace, kCssDecode, kEscapeSeqDecode, kHexDecode,
  kHexEncode, kHtmlEntityDecode, kJsDecode, kLength, kLowercase, kMd5, kNormalizePath, kNormalizePathWin, kParityEven7bit,
  kParityOdd7bit, kParityZero7bit, kRemoveComments, kRemoveCommentsChar, kRemoveNulls, kRemoveWhitespace, kReplaceComments,
  kReplaceNulls, kSha1, kSqlHexDecode, kTrim, kTrimLeft, kTrimRight, kUppercase, kUrlDecode, kUrlDecodeUni, kUrlEncode,
  kUtf8ToUnicode,
};
inline constexpr std::size_t kTransformationCount = static_cast<std::size_t>(Transformation::kUtf8ToUnicode) + 1;

// "urlDecodeUni"; also the British spellings (normalisePath, …).  `none` is no transformation but a word of the rule parser.
std::optional<Transformation> transformation_named(std::string_view name);
std::string_view name_of(Transformation transformation);

// Which bytes occur in a text, one bit each; made in one pass and used to see that a transformation changes nothing.
struct ByteSet {
  std::uint64_t bits[4] = {};
  void add(unsigned char c) { bits[c >> 6] |= std::uint64_t{1} << (c & 63); }
  bool has(unsigned char c) const { return bits[c >> 6] >> (c & 63) & 1; }
  bool operator==(const ByteSet&) const = default;
  bool intersects(const ByteSet& other) const {
    return ((bits[0] & other.bits[0]) | (bits[1] & other.bits[1]) | (bits[2] & other.bits[2]) | (bits[3] & other.bits[3])) != 0;
  }
};
ByteSet bytes_of(std::string_view text);

// A text without one of these bytes stays as it is, unless it is empty.
const ByteSet& changing_bytes(Transformation transformation);

// True: for a text of these bytes the transformation is certain to change nothing.  False promises nothing.
bool is_identity(Transformation transformation, const ByteSet& bytes, std::string_view text);

// True: no text of these bytes, nor of some of them, is changed.
bool leaves_alone(Transformation transformation, const ByteSet& bytes);

// Which bytes a text may have that was transformed, from one of the bytes `before`: all it has, and perhaps some more.
ByteSet bytes_after(Transformation transformation, const ByteSet& before, std::string_view after);

// Of which bytes a text must have one for its transformed text to have one of a set; or nothing is known.
struct Needs {
  ByteSet bytes;
  bool unknown = false;
  bool met(const ByteSet& text) const { return unknown || text.intersects(bytes); }
  void add(const Needs& other) {
    for (int i = 0; i < 4; ++i) bytes.bits[i] |= other.bytes.bits[i];
    unknown = unknown || other.unknown;
  }
  bool operator==(const Needs&) const = default;
};
Needs needs_before(Transformation transformation, const Needs& after);

// The text after; it is `text` itself (same pointer and size) whenever nothing changed, otherwise a part of `text` or in
// `arena`; a null pointer only when `text` has one.  Linear in the text.
// `map` is for urlDecodeUni; null: %uHHHH is its low byte.
std::string_view transform(Transformation transformation, std::string_view text, Arena& arena, const UnicodeMap* map = nullptr);

}  // namespace ringwall::waf
