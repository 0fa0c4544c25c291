// The transformations themselves, one function each, and what they share.
//
// Each is exact to the byte: rules were written against what libmodsecurity makes of a text, oddities included.  A function
// returns its text when nothing changed; where an oddity would hide a part of the text from the rules, it is left out and
// the comment says so.
#pragma once

#include <algorithm>
#include <cstring>
#include <string_view>

#include "waf/arena.h"
#include "waf/transform.h"

namespace ringwall::waf::transforms {

using Function = std::string_view (*)(std::string_view text, Arena& arena);

constexpr bool digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool octal(char c) { return c >= '0' && c <= '7'; }
constexpr bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool hex(char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
constexpr bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }  // isspace() of the C locale
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// Also given what is no hexadecimal digit it has an answer, and hexDecode shows it.
constexpr unsigned char hex_digit(char c) {
  const auto u = static_cast<unsigned char>(c);
  return static_cast<unsigned char>(u >= 'A' ? (u & 0xDF) - 'A' + 10 : u - '0');
}
inline unsigned char hex_pair(const char* two) { return static_cast<unsigned char>(hex_digit(two[0]) * 16 + hex_digit(two[1])); }
inline constexpr char kHexDigits[] = "0123456789abcdef";

// The full width forms U+FF01 … U+FF5E stand for ASCII; `two` are the upper digits and `low` the lower byte.
inline unsigned char narrowed(const char* two, unsigned char low) {
  const bool full_width = lower(two[0]) == 'f' && lower(two[1]) == 'f' && low > 0x00 && low < 0x5F;
  return static_cast<unsigned char>(full_width ? low + 0x20 : low);
}

// ASCII to lower case; `out` has room for as many bytes.
void fold(const char* text, std::size_t bytes, char* out);

// Takes what the longest result needs, lets `write` fill it from the front and return its end, and gives back the rest.
template <class Write>
std::string_view written(std::string_view text, std::size_t bytes_max, Arena& arena, Write write) {
  char* const begin = arena.take(bytes_max + 1);
  const auto size = static_cast<std::size_t>(write(begin) - begin);
  const bool same = size == text.size() && (size == 0 || std::memcmp(begin, text.data(), size) == 0);
  arena.shrink_last(begin, bytes_max + 1, same ? 0 : size);
  if (same) return text;
  return size == 0 ? text.substr(0, 0) : std::string_view(begin, size);  // never a null pointer
}

// The same for a result that is no longer than its text and begins with the first `kept` bytes of it; with npos it is the
// text.  `write` gets where to go on writing and reading.
template <class Write>
std::string_view rewritten(std::string_view text, std::size_t kept, Arena& arena, Write write) {
  if (kept >= text.size()) return text;
  return written(text, text.size(), arena, [&](char* out) {
    if (kept != 0) std::memcpy(out, text.data(), kept);
    return write(out + kept, kept);
  });
}

// transform_decode.cpp
std::string_view url_decode(std::string_view text, Arena& arena);
std::string_view url_decode_uni(std::string_view text, Arena& arena);
std::string_view url_decode_uni_by(const UnicodeMap* map, std::string_view text, Arena& arena);
std::string_view html_entity_decode(std::string_view text, Arena& arena);
std::string_view js_decode(std::string_view text, Arena& arena);
std::string_view css_decode(std::string_view text, Arena& arena);
std::string_view escape_seq_decode(std::string_view text, Arena& arena);
std::string_view sql_hex_decode(std::string_view text, Arena& arena);
// transform_encode.cpp
std::string_view base64_decode(std::string_view text, Arena& arena);
std::string_view base64_decode_ext(std::string_view text, Arena& arena);
std::string_view base64_encode(std::string_view text, Arena& arena);
std::string_view hex_decode(std::string_view text, Arena& arena);
std::string_view hex_encode(std::string_view text, Arena& arena);
std::string_view url_encode(std::string_view text, Arena& arena);
std::string_view utf8_to_unicode(std::string_view text, Arena& arena);
std::string_view length(std::string_view text, Arena& arena);
std::string_view md5(std::string_view text, Arena& arena);
std::string_view sha1(std::string_view text, Arena& arena);
// transform_text.cpp
std::string_view cmd_line(std::string_view text, Arena& arena);
std::string_view compress_whitespace(std::string_view text, Arena& arena);
std::string_view lowercase(std::string_view text, Arena& arena);
std::string_view uppercase(std::string_view text, Arena& arena);
std::string_view parity_even_7bit(std::string_view text, Arena& arena);
std::string_view parity_odd_7bit(std::string_view text, Arena& arena);
std::string_view parity_zero_7bit(std::string_view text, Arena& arena);
std::string_view remove_comments(std::string_view text, Arena& arena);
std::string_view remove_comments_char(std::string_view text, Arena& arena);
std::string_view remove_nulls(std::string_view text, Arena& arena);
std::string_view remove_whitespace(std::string_view text, Arena& arena);
std::string_view replace_comments(std::string_view text, Arena& arena);
std::string_view replace_nulls(std::string_view text, Arena& arena);
std::string_view trim(std::string_view text, Arena& arena);
std::string_view trim_left(std::string_view text, Arena& arena);
std::string_view trim_right(std::string_view text, Arena& arena);
// transform_path.cpp
std::string_view normalize_path(std::string_view text, Arena& arena);
std::string_view normalize_path_win(std::string_view text, Arena& arena);

}  // namespace ringwall::waf::transforms
