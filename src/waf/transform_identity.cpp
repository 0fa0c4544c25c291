// Which transformations leave a text as it is, told from the bytes in it: of clean text nearly all.  And which bytes they may leave in
// others, where that can be told without a look.
//
// First the bytes without which nothing can happen; only where these are common in clean text a second look at the text.
#include <array>

#include "waf/detail/transform.h"
#include "waf/transform.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace ringwall::waf {

namespace {

// One of these bytes must be there for the transformation to change anything.
constexpr bool can_change(Transformation transformation, char c) {
  const auto u = static_cast<unsigned char>(c);
  const bool odd = __builtin_parity(u) != 0;
  const auto among = [c](std::string_view bytes) { return bytes.find(c) != std::string_view::npos; };
  switch (transformation) {
    case Transformation::kCmdLine: return (c >= 'A' && c <= 'Z') || among("\"'\\^ ,;\t\r\n");
    case Transformation::kCompressWhitespace: return transforms::blank(c);
    case Transformation::kCssDecode:
    case Transformation::kEscapeSeqDecode:
    case Transformation::kJsDecode: return c == '\\';
    case Transformation::kHtmlEntityDecode: return c == '&';
    case Transformation::kLowercase: return c >= 'A' && c <= 'Z';
    case Transformation::kUppercase: return c >= 'a' && c <= 'z';
    case Transformation::kNormalizePath: return among("./");
    case Transformation::kNormalizePathWin: return among("./\\");
    case Transformation::kParityEven7bit: return odd == (u < 0x80);
    case Transformation::kParityOdd7bit: return odd == (u >= 0x80);
    case Transformation::kParityZero7bit: return u >= 0x80;
    // "/*" and "*/" need the star, "<!--" and "-->" the dashes.
    case Transformation::kRemoveComments:
    case Transformation::kRemoveCommentsChar: return among("*-#");
    case Transformation::kReplaceComments: return c == '*';
    case Transformation::kRemoveNulls:
    case Transformation::kReplaceNulls: return c == '\0';
    case Transformation::kRemoveWhitespace: return transforms::blank(c) || c == '\xA0' || c == '\xC2';
    case Transformation::kSqlHexDecode: return among("xX");
    case Transformation::kTrim:
    case Transformation::kTrimLeft:
    case Transformation::kTrimRight: return transforms::blank(c);
    case Transformation::kUrlDecode:
    case Transformation::kUrlDecodeUni: return among("%+");
    case Transformation::kUrlEncode: return !transforms::letter(c) && !transforms::digit(c) && c != '*';
    case Transformation::kUtf8ToUnicode: return c == '\0' || (u >= 0xC0 && u < 0xF8);
    default: return true;
  }
}

constexpr auto kChanging = [] {
  std::array<ByteSet, kTransformationCount> all{};
  for (std::size_t i = 0; i < kTransformationCount; ++i) {
    for (int c = 0; c < 256; ++c) {
      const auto byte = static_cast<unsigned char>(c);
      if (can_change(static_cast<Transformation>(i), static_cast<char>(byte))) all[i].bits[byte >> 6] |= std::uint64_t{1} << (byte & 63);
    }
  }
  return all;
}();

// Of those that drop and replace bytes: what a text may have afterwards that it had not before, and what it has no longer.
struct Effect {
  bool known = false;
  bool folds = false;          // A-Z are a-z
  int puts = -1;               // a byte that is put where something changes
  ByteSet takes = {};
};
constexpr Effect effect_of(Transformation transformation) {
  const auto taking = [](std::string_view bytes, int puts = -1, bool folds = false) {
    Effect out{true, folds, puts};
    for (const char c : bytes) out.takes.bits[static_cast<unsigned char>(c) >> 6] |= std::uint64_t{1} << (static_cast<unsigned char>(c) & 63);
    return out;
  };
  switch (transformation) {
    case Transformation::kCmdLine: return taking("\"'\\^,;\t\r\n", ' ', true);
    case Transformation::kCompressWhitespace: return taking("\t\n\v\f\r", ' ');
    case Transformation::kLowercase: return taking("", -1, true);
    case Transformation::kNormalizePathWin: return taking("", '/');
    case Transformation::kRemoveNulls: return taking(std::string_view("\0", 1));
    case Transformation::kReplaceNulls: return taking(std::string_view("\0", 1), ' ');
    case Transformation::kRemoveWhitespace: return taking(" \t\n\v\f\r\xA0\xC2");
    case Transformation::kReplaceComments: return taking("", ' ');
    case Transformation::kNormalizePath:
    case Transformation::kRemoveCommentsChar:
    case Transformation::kTrim:
    case Transformation::kTrimLeft:
    case Transformation::kTrimRight: return taking("");
    default: return {};
  }
}
constexpr auto kEffects = [] {
  std::array<Effect, kTransformationCount> all{};
  for (std::size_t i = 0; i < kTransformationCount; ++i) all[i] = effect_of(static_cast<Transformation>(i));
  return all;
}();
// Of a set's second word, which has the letters.
constexpr std::uint64_t kUpperLetters = ((std::uint64_t{1} << 26) - 1) << ('A' & 63);

// Whether `mark` stands somewhere before a byte for which `wanted` is true.
template <class Wanted>
bool followed(std::string_view text, char mark, Wanted wanted) {
  for (auto at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + 1)) {
    if (at + 1 < text.size() && wanted(text[at + 1])) return true;
  }
  return false;
}
// The same for one of `next`: marks may be as common as blanks.
bool followed_by(std::string_view text, char mark, std::string_view next) {
  std::size_t i = 0;
#ifdef __SSE2__
  const auto is = [](const char* at, char c) { return _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)), _mm_set1_epi8(c)); };
  for (; i + 17 <= text.size(); i += 16) {
    auto found = _mm_setzero_si128();
    for (const char c : next) found = _mm_or_si128(found, is(text.data() + i + 1, c));
    if (_mm_movemask_epi8(_mm_and_si128(found, is(text.data() + i, mark))) != 0) return true;
  }
#endif
  for (; i + 1 < text.size(); ++i) {
    if (text[i] == mark && next.find(text[i + 1]) != std::string_view::npos) return true;
  }
  return false;
}

// Whether one of `bytes` is of those that change, blanks apart.
bool changes_but_for_blanks(Transformation transformation, const ByteSet& bytes) {
  auto others = kChanging[static_cast<std::size_t>(transformation)];
  others.bits[' ' >> 6] &= ~(std::uint64_t{1} << (' ' & 63));
  return bytes.intersects(others);
}

// No segment that is empty or ends with a dot, so nothing to resolve.
bool normal_path(const ByteSet& bytes, std::string_view text) {
  if (text.back() == '.') return false;
  return !bytes.has('/') || !(followed_by(text, '/', "/") || (bytes.has('.') && followed_by(text, '.', "/")));
}

}  // namespace

const ByteSet& changing_bytes(Transformation transformation) { return kChanging[static_cast<std::size_t>(transformation)]; }

bool leaves_alone(Transformation transformation, const ByteSet& bytes) { return !bytes.intersects(changing_bytes(transformation)) && is_identity(transformation, {}, {}); }

ByteSet bytes_after(Transformation transformation, const ByteSet& before, std::string_view after) {
  const auto& effect = kEffects[static_cast<std::size_t>(transformation)];
  if (!effect.known) return bytes_of(after);
  ByteSet out;
  for (int i = 0; i < 4; ++i) out.bits[i] = before.bits[i] & ~effect.takes.bits[i];
  if (effect.folds) out.bits[1] = (out.bits[1] & ~kUpperLetters) | (out.bits[1] & kUpperLetters) << 32;
  if (effect.puts >= 0 && before.intersects(changing_bytes(transformation))) out.add(static_cast<unsigned char>(effect.puts));
  return out;
}

Needs needs_before(Transformation transformation, const Needs& after) {
  const auto& effect = kEffects[static_cast<std::size_t>(transformation)];
  Needs out = after;
  // What changes a text may put anything there, but for those that only drop, fold and put a byte of their own.
  if (!effect.known || (effect.puts >= 0 && after.bytes.has(static_cast<unsigned char>(effect.puts)))) out.add({changing_bytes(transformation)});
  if (effect.folds) out.bytes.bits[1] |= out.bytes.bits[1] >> 32 & kUpperLetters;
  // Some make something of nothing.
  out.unknown = out.unknown || !is_identity(transformation, {}, {});
  return out;
}

bool is_identity(Transformation transformation, const ByteSet& bytes, std::string_view text) {
  if (text.empty()) {
    return transformation != Transformation::kLength && transformation != Transformation::kMd5 && transformation != Transformation::kSha1;
  }
  if (!bytes.intersects(changing_bytes(transformation))) return true;
  switch (transformation) {
    case Transformation::kCmdLine:
      return !changes_but_for_blanks(transformation, bytes) && !followed_by(text, ' ', " /(");
    case Transformation::kCompressWhitespace:
      return !changes_but_for_blanks(transformation, bytes) && !followed_by(text, ' ', " ");
    case Transformation::kHtmlEntityDecode:
      return !followed(text, '&', [](char c) { return c == '#' || transforms::letter(c) || transforms::digit(c); });
    case Transformation::kNormalizePath:
      return normal_path(bytes, text);
    case Transformation::kNormalizePathWin:
      return !bytes.has('\\') && normal_path(bytes, text);
    case Transformation::kRemoveComments:
      return !bytes.has('#') && !(bytes.has('-') && followed_by(text, '-', "-")) &&
             !(bytes.has('*') && bytes.has('/') && followed_by(text, '/', "*"));
    case Transformation::kRemoveCommentsChar:
      return !bytes.has('#') && !(bytes.has('-') && followed_by(text, '-', "-")) &&
             !(bytes.has('*') && bytes.has('/') && (followed_by(text, '/', "*") || followed_by(text, '*', "/")));
    case Transformation::kReplaceComments:
      return !bytes.has('/') || !followed_by(text, '/', "*");
    case Transformation::kSqlHexDecode:
      return !bytes.has('0') || !followed(text, '0', [](char c) { return transforms::lower(c) == 'x'; });
    case Transformation::kTrim:
      return !transforms::blank(text.front()) && !transforms::blank(text.back());
    case Transformation::kTrimLeft:
      return !transforms::blank(text.front());
    case Transformation::kTrimRight:
      return !transforms::blank(text.back());
    case Transformation::kUrlDecode:
    case Transformation::kUrlDecodeUni:
      return !bytes.has('+') && !followed(text, '%', [](char c) { return transforms::hex(c) || transforms::lower(c) == 'u'; });
    default:
      return false;
  }
}

}  // namespace ringwall::waf
