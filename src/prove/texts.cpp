#include "prove/detail/texts.h"

#include <fmt/format.h>

#include <algorithm>

#include "prove/detail/pattern.h"

namespace ringwall::prove::detail {

namespace {

constexpr std::size_t kPumpMax = 400;
constexpr std::size_t kPumpedBytesMax = 12 << 10;  // larger ones tell nothing new about agreement and cost time

constexpr std::string_view kBlanks[] = {" ", "\t", "\n", "\r", "\v", "\f", "+", "%20", "%0a", "%09", "\xa0", "  ", "\r\n", std::string_view("\0", 1), "\xc2\xa0"};
constexpr std::string_view kComments[] = {"/**/", "/*x*/", "--", "-- ", "#", "<!--", "-->", "/*!50000", "*/", "//", ";%00", "/*", "\\\n", "''", "\"\"", "^", "$@", "${x}"};
constexpr std::string_view kOddBytes = "\0\t\n\v\f\r \"'\\/<>()[]{}&%+=;:,.-_#$@!?*^|~`\x7f\x80\xa0\xc0\xff" "0aAkKsSxX";

std::string base64_text(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    const auto byte = [&](std::size_t k) { return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u; };
    const auto bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (std::size_t k = 0; k < 4; ++k) out += i + k > text.size() ? '=' : kDigits[bits >> (18 - 6 * k) & 63];
  }
  return out;
}

void replace_blanks(std::string& text, Random& random) {
  std::string out;
  for (const char c : text) {
    if (c != ' ') out += c;
    else out += random.of(kBlanks);
  }
  text = std::move(out);
}

}  // namespace

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("-._~").find(c) != std::string_view::npos) out += c;
    else fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string in_other_writing(std::string_view text, Random& random) {
  const auto way = random.below(13);
  if (way == 11) return base64_text(text);
  std::string out;
  for (const char character : text) {
    const unsigned c = static_cast<unsigned char>(character);
    const auto put = [&out](const auto& format, auto... values) { fmt::format_to(std::back_inserter(out), fmt::runtime(format), values...); };
    switch (way) {
      case 0: put("%{:02x}", c); break;
      case 1: put("%25{:02X}", c); break;
      case 2: put("%u{:04x}", c); break;
      case 3: put("%{:02x}%{:02x}", 0xC0 | c >> 6, 0x80 | (c & 63)); break;                         // overlong, two bytes
      case 4: out += static_cast<char>(0xC0 | c >> 6), out += static_cast<char>(0x80 | (c & 63)); break;
      case 5: put("\\x{:02x}", c); break;
      case 6: put("\\u{:04X}", c); break;
      case 7: put("&#{};", c); break;
      case 8: put("&#x{:x}", c); break;
      case 9: put("%uff{:02x}", (c - 0x20) & 0xff); break;                                          // full-width forms
      case 10: put("\\{:o}", c); break;
      case 12: put("0x{:02x}", c); break;
      default: out += character;
    }
  }
  return out;
}

std::string fresh_text(const Bank& bank, Random& random) {
  const auto kind = random.below(8);
  if (kind < 4 && !bank.patterns.empty()) return random.of(bank.patterns)->draw(random);
  if (kind < 6 && !bank.literals.empty()) return random.of(bank.literals);
  return random.of(bank.pieces);
}

void change_text(std::string& text, const Bank& bank, Random& random) {
  const auto at = random.below(text.size() + 1);
  const auto size = std::min(text.size() - at, random.one_in(3) ? random.below(text.size() + 1) : random.below(6) + 1);
  switch (random.below(14)) {
    case 0: if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << random.below(8))); break;
    case 1: text.insert(at, 1, random.one_in(3) ? static_cast<char>(random.below(256)) : kOddBytes[random.below(kOddBytes.size())]); break;
    case 2: text.erase(at, size); break;
    case 3: {  // pumped
      const auto piece = text.substr(at, std::max<std::size_t>(size, 1));
      const auto count = random.one_in(3) ? random.below(kPumpMax) + 1 : random.below(4) + 1;
      for (std::size_t i = 0; i < count && text.size() + piece.size() <= kPumpedBytesMax; ++i) text.insert(at, piece);
      break;
    }
    case 4: {  // two spliced
      const auto other = fresh_text(bank, random);
      text = text.substr(0, at) + other.substr(random.below(other.size() + 1));
      break;
    }
    case 5:
      for (auto i = at; i < at + size; ++i) {
        if (std::isalpha(static_cast<unsigned char>(text[i])) != 0 && random.one_in(2)) text[i] = static_cast<char>(text[i] ^ 0x20);
      }
      break;
    case 6: replace_blanks(text, random); break;
    case 7: text.insert(at, random.of(kBlanks)); break;
    case 8: text.insert(at, random.of(kComments)); break;
    case 9: {
      auto written = in_other_writing(std::string_view(text).substr(at, size), random);
      text.replace(at, size, written);
      break;
    }
    case 10: text = in_other_writing(text, random); break;
    case 11: text.insert(at, fresh_text(bank, random)); break;
    case 12: text.insert(random.one_in(2) ? text.size() : 0, random.of(kBlanks)); break;
    default: text = fresh_text(bank, random);
  }
  if (text.size() > kExchangeBytesMax) text.resize(kExchangeBytesMax);
}

}  // namespace ringwall::prove::detail
