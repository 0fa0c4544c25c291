#include "query/pattern.h"

#include <algorithm>
#include <cwctype>
#include <locale.h>

#include "base/text.h"

namespace ringwall::query {

namespace {

// The C library's Unicode tables, whatever the process's own locale is.
locale_t unicode_locale() {
  static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

bool word_byte(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}
bool word_character(char32_t c) { return c >= 0x80 || word_byte(static_cast<unsigned char>(c)); }
// RE2's \s.
bool space_character(char32_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'; }

char lower_byte(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool all_ascii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  }
}

// One character as RE2 reads it.  Everything of ASCII that is not a letter or digit may be escaped, control
// characters by number.
void append_regex_character(std::string& out, char32_t c) {
  if (c < 0x20 || c == 0x7f) {
    static constexpr char kHex[] = "0123456789abcdef";
    out += "\\x";
    out += kHex[c >> 4];
    out += kHex[c & 15];
  } else if (c < 0x80 && !word_byte(static_cast<unsigned char>(c))) {
    out += '\\';
    out += static_cast<char>(c);
  } else {
    append_utf8(out, c);
  }
}

constexpr std::string_view kNoWord = "[^0-9A-Za-z_\\x{80}-\\x{10FFFF}]";

}  // namespace

char32_t lower_of(char32_t c) {
  if (c < 0x80) return static_cast<char32_t>(lower_byte(static_cast<char>(c)));
  const auto lower = static_cast<char32_t>(::towlower_l(static_cast<wint_t>(c), unicode_locale()));
  return lower < 0x80 ? c : lower;  // the Kelvin sign stays what it is
}

char32_t upper_of(char32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z' ? c & ~char32_t{0x20} : c;
  const auto upper = static_cast<char32_t>(::towupper_l(static_cast<wint_t>(c), unicode_locale()));
  return upper < 0x80 ? c : upper;
}

std::u32string characters_of(std::string_view utf8) {
  const std::string text = base::to_utf8(utf8);
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const int further = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    char32_t c = further == 0 ? first : first & (0x3f >> further);
    for (int k = 1; k <= further; ++k) c = c << 6 | (static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)]) & 0x3f);
    out += c;
    i += static_cast<std::size_t>(further) + 1;
  }
  return out;
}

std::string Pattern::show() const {
  std::string out;
  for (std::size_t i = 0; i < literals.size(); ++i) {
    for (const char c : literals[i]) {
      if (c == '*' || c == '?' || c == '\\') out += '\\';
      out += c;
    }
    if (i < wildcards.size()) out += wildcards[i];
  }
  return out;
}

bool matches_whole(const Pattern& pattern, std::string_view text) {
  if (pattern.plain()) {
    return text == pattern.text() || (!base::valid_utf8(text) && base::to_utf8(text) == pattern.text());
  }
  // Greedy with one way back: a later '*' makes every choice of an earlier one equivalent.
  std::u32string glyphs;  // 0 stands for '*', 1 for '?': neither is compared as a character below
  std::string kinds;
  for (std::size_t i = 0; i < pattern.literals.size(); ++i) {
    const auto literal = characters_of(pattern.literals[i]);
    glyphs += literal;
    kinds.append(literal.size(), 'c');
    if (i < pattern.wildcards.size()) {
      glyphs += U'\0';
      kinds += pattern.wildcards[i];
    }
  }
  const auto subject = characters_of(text);
  std::size_t at = 0, p = 0, star = std::string::npos, star_at = 0;
  while (at < subject.size()) {
    if (p < kinds.size() && kinds[p] == '*') {
      star = p++;
      star_at = at;
    } else if (p < kinds.size() && (kinds[p] == '?' || (kinds[p] == 'c' && glyphs[p] == subject[at]))) {
      ++p;
      ++at;
    } else if (star != std::string::npos) {
      p = star + 1;
      at = ++star_at;
    } else {
      return false;
    }
  }
  while (p < kinds.size() && kinds[p] == '*') ++p;
  return p == kinds.size();
}

std::string like_pattern(const Pattern& pattern, bool& needs_escape) {
  needs_escape = false;
  for (const auto& literal : pattern.literals) {
    if (literal.find_first_of("%_\\") != std::string::npos) needs_escape = true;
  }
  std::string out;
  for (std::size_t i = 0; i < pattern.literals.size(); ++i) {
    for (const char c : pattern.literals[i]) {
      if (needs_escape && (c == '%' || c == '_' || c == '\\')) out += '\\';
      out += c;
    }
    if (i < pattern.wildcards.size()) out += pattern.wildcards[i] == '*' ? '%' : '_';
  }
  return out;
}

TextSearch::TextSearch(Pattern pattern, TextMode mode) : pattern_(std::move(pattern)), mode_(mode) {
  for (std::size_t i = 0; i < pattern_.literals.size(); ++i) {
    for (const char32_t c : characters_of(pattern_.literals[i])) {
      elements_.push_back({Element::Kind::kCharacter, lower_of(c), upper_of(c), c});
    }
    if (i < pattern_.wildcards.size()) {
      elements_.push_back({pattern_.wildcards[i] == '*' ? Element::Kind::kAnyRun : Element::Kind::kAnyOne, 0, 0, 0});
    }
  }
  ascii_ = pattern_.plain() && all_ascii(pattern_.text());
  if (ascii_) lower_ = base::lower_ascii(pattern_.text());
  if (mode_ == TextMode::kWords && !elements_.empty()) {
    const auto word = [](const Element& e) { return e.kind == Element::Kind::kCharacter && word_character(e.character); };
    bounded_begin_ = word(elements_.front());
    bounded_end_ = word(elements_.back());
  }
}

bool TextSearch::matches(std::string_view text) const {
  return ascii_ ? matches_ascii(text) : matches_elements(characters_of(text));
}

// An ASCII byte never occurs inside a longer UTF-8 sequence, so bytes may be compared without decoding.
bool TextSearch::matches_ascii(std::string_view text) const {
  const std::size_t n = lower_.size();
  if (n == 0) return true;
  if (text.size() < n) return false;
  const char first = lower_[0];
  for (std::size_t at = 0; at + n <= text.size(); ++at) {
    if (lower_byte(text[at]) != first) continue;
    std::size_t k = 1;
    while (k < n && lower_byte(text[at + k]) == lower_[k]) ++k;
    if (k < n) continue;
    if (bounded_begin_ && at > 0 && word_byte(static_cast<unsigned char>(text[at - 1]))) continue;
    if (bounded_end_ && at + n < text.size() && word_byte(static_cast<unsigned char>(text[at + n]))) continue;
    return true;
  }
  return false;
}

// All ways through the pattern at once: O(text x pattern) whatever the wildcards.
bool TextSearch::matches_elements(const std::u32string& text) const {
  const std::size_t n = elements_.size();
  std::vector<char> now(n + 1), next(n + 1);
  const auto close_over_stars = [&](std::vector<char>& states) {
    for (std::size_t s = 0; s < n; ++s) {
      if (states[s] != 0 && elements_[s].kind == Element::Kind::kAnyRun) states[s + 1] = 1;
    }
  };
  for (std::size_t at = 0;; ++at) {
    if (!bounded_begin_ || at == 0 || !word_character(text[at - 1])) now[0] = 1;
    close_over_stars(now);
    if (now[n] != 0 && (!bounded_end_ || at == text.size() || !word_character(text[at]))) return true;
    if (at == text.size()) return false;
    std::fill(next.begin(), next.end(), 0);
    const char32_t c = text[at];
    for (std::size_t s = 0; s < n; ++s) {
      if (now[s] == 0) continue;
      const Element& e = elements_[s];
      switch (e.kind) {
        case Element::Kind::kCharacter:
          if (c == e.character || c == e.lower || c == e.upper) next[s + 1] = 1;
          break;
        case Element::Kind::kAnyOne:
          if (!space_character(c)) next[s + 1] = 1;
          break;
        case Element::Kind::kAnyRun:
          if (!space_character(c)) next[s] = 1;
          break;
      }
    }
    now.swap(next);
  }
}

std::string TextSearch::body() const {
  std::string out;
  for (const auto& e : elements_) {
    switch (e.kind) {
      case Element::Kind::kAnyRun: out += "\\S*"; break;
      case Element::Kind::kAnyOne: out += "\\S"; break;
      case Element::Kind::kCharacter:
        if (e.lower == e.character && e.upper == e.character) {
          append_regex_character(out, e.character);
        } else {
          out += '[';
          append_utf8(out, e.character);
          if (e.lower != e.character) append_utf8(out, e.lower);
          if (e.upper != e.character) append_utf8(out, e.upper);
          out += ']';
        }
    }
  }
  return out;
}

std::string TextSearch::exact() const {
  std::string out;
  if (bounded_begin_) out += "(?:^|" + std::string(kNoWord) + ")";
  out += body();
  if (bounded_end_) out += "(?:$|" + std::string(kNoWord) + ")";
  return out;
}

std::string TextSearch::loose() const { return bounded_begin_ || bounded_end_ ? body() : std::string(); }

std::vector<std::string> TextSearch::words() const {
  std::vector<std::string> out;
  // A word at an open end of the pattern may be part of a longer one in the text.
  for (std::size_t i = 0; i < pattern_.literals.size(); ++i) {
    const std::string& literal = pattern_.literals[i];
    for (std::size_t begin = 0; begin < literal.size();) {
      if (!word_byte(static_cast<unsigned char>(literal[begin]))) {
        ++begin;
        continue;
      }
      auto end = begin;
      while (end < literal.size() && word_byte(static_cast<unsigned char>(literal[end]))) ++end;
      const bool closed_begin = begin > 0 || (i == 0 && bounded_begin_);
      const bool closed_end = end < literal.size() || (i + 1 == pattern_.literals.size() && bounded_end_);
      const auto word = std::string_view(literal).substr(begin, end - begin);
      if (closed_begin && closed_end && all_ascii(word)) out.push_back(base::lower_ascii(word));
      begin = end;
    }
  }
  return out;
}

std::vector<std::string> TextSearch::fragments() const {
  std::vector<std::string> out;
  for (const auto& literal : pattern_.literals) {
    for (std::size_t begin = 0; begin < literal.size();) {
      auto end = begin;
      while (end < literal.size() && static_cast<unsigned char>(literal[end]) < 0x80) ++end;
      if (end - begin >= 3) out.push_back(literal.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return out;
}

}  // namespace ringwall::query
