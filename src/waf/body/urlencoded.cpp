// application/x-www-form-urlencoded: pairs between separators, decoded as libmodsecurity decodes them.
//
// Two habits of libmodsecurity are kept because rule sets count arguments: an empty piece ("a&&b") is an argument with an
// empty name, and a separator at the very end starts no further piece.
#include <algorithm>

#include <fmt/format.h>

#include "waf/body/body.h"

namespace ringwall::waf {
namespace {

// -1: not a hexadecimal digit.
int url_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// '+' is a space, %XX a byte; a '%' without two digits stays and is reported.
std::string_view url_decoded(std::string_view text, Arena& arena, bool& invalid) {
  const auto first = text.find_first_of("+%");
  if (first == std::string_view::npos) return text;
  char* const out = arena.take(text.size());
  std::copy_n(text.data(), first, out);
  std::size_t size = first;
  for (std::size_t i = first; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+') {
      c = ' ';
    } else if (c == '%') {
      const int high = i + 2 < text.size() ? url_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? url_digit(text[i + 2]) : -1;
      if (high >= 0 && low >= 0) {
        c = static_cast<char>(high * 16 + low);
        i += 2;
      } else {
        invalid = true;
      }
    }
    out[size++] = c;
  }
  arena.shrink_last(out, text.size(), size);
  return {out, size};
}

}  // namespace

void parse_urlencoded(std::string_view text, char separator, const BodyLimits& limits, Arena& arena, UrlEncoded& out) {
  out.pairs.clear();
  out.invalid_encoding = false;
  out.error = {};
  for (std::size_t begin = 0; begin < text.size();) {
    if (out.pairs.size() >= limits.arguments_max) {
      out.error = {true, fmt::format("more than {} arguments (byte {})", limits.arguments_max, begin)};
      return;
    }
    const auto end = std::min(text.find(separator, begin), text.size());
    const auto piece = text.substr(begin, end - begin);
    const auto equals = std::min(piece.find('='), piece.size());
    const auto name = url_decoded(piece.substr(0, equals), arena, out.invalid_encoding);
    const auto value = url_decoded(piece.substr(std::min(equals + 1, piece.size())), arena, out.invalid_encoding);
    out.pairs.push_back({name, value});
    begin = end + 1;
  }
}

}  // namespace ringwall::waf
