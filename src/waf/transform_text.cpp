// Transformations that drop or replace bytes: case, blanks, NULs, comments, quotes, parity bits.
#include "waf/detail/transform.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <bit>

namespace ringwall::waf::transforms {

namespace {

template <class Wanted>
std::size_t first_byte(std::string_view text, Wanted wanted) {
  return static_cast<std::size_t>(std::find_if(text.begin(), text.end(), wanted) - text.begin());
}

template <class Change>
std::string_view each_byte(std::string_view text, Arena& arena, Change change) {
  const auto kept = first_byte(text, [&](char c) { return change(c) != c; });
  return rewritten(text, kept, arena, [&](char* out, std::size_t i) { return std::transform(text.begin() + static_cast<std::ptrdiff_t>(i), text.end(), out, change); });
}

template <class Unwanted>
std::string_view without(std::string_view text, Arena& arena, Unwanted unwanted) {
  return rewritten(text, first_byte(text, unwanted), arena, [&](char* out, std::size_t i) {
    return std::remove_copy_if(text.begin() + static_cast<std::ptrdiff_t>(i), text.end(), out, unwanted);
  });
}

bool no_break_space(char c) { return c == '\xA0' || c == '\xC2'; }  // in Latin-1, and the first byte of it in UTF-8

bool odd_bits(char c) { return __builtin_parity(static_cast<unsigned char>(c)) != 0; }

}  // namespace

void fold(const char* text, std::size_t bytes, char* out) {
  std::size_t i = 0;
#ifdef __SSE2__
  // A byte below 'A' or above 'Z' is, as a signed number and moved so that 'Z' is the largest one, below what an 'A' becomes.
  const auto shift = _mm_set1_epi8(127 - 'Z'), below = _mm_set1_epi8(127 - 'Z' + 'A' - 1), bit = _mm_set1_epi8(0x20);
  for (; i + 16 <= bytes; i += 16) {
    const auto piece = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + i));
    const auto upper = _mm_cmpgt_epi8(_mm_add_epi8(piece, shift), below);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), _mm_or_si128(piece, _mm_and_si128(upper, bit)));
  }
#endif
  for (; i < bytes; ++i) out[i] = lower(text[i]);
}

std::string_view lowercase(std::string_view text, Arena& arena) {
  return written(text, text.size(), arena, [&](char* out) {
    fold(text.data(), text.size(), out);
    return out + text.size();
  });
}

std::string_view uppercase(std::string_view text, Arena& arena) {
  return each_byte(text, arena, [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c; });
}

// The parity is of all eight bits, the old parity bit among them.
std::string_view parity_even_7bit(std::string_view text, Arena& arena) {
  return each_byte(text, arena, [](char c) { return static_cast<char>(odd_bits(c) ? c | 0x80 : c & 0x7F); });
}
std::string_view parity_odd_7bit(std::string_view text, Arena& arena) {
  return each_byte(text, arena, [](char c) { return static_cast<char>(odd_bits(c) ? c & 0x7F : c | 0x80); });
}
std::string_view parity_zero_7bit(std::string_view text, Arena& arena) {
  return each_byte(text, arena, [](char c) { return static_cast<char>(c & 0x7F); });
}

std::string_view remove_nulls(std::string_view text, Arena& arena) {
  return without(text, arena, [](char c) { return c == '\0'; });
}
std::string_view replace_nulls(std::string_view text, Arena& arena) {
  return each_byte(text, arena, [](char c) { return c == '\0' ? ' ' : c; });
}
std::string_view remove_whitespace(std::string_view text, Arena& arena) {
  const auto unwanted = [](char c) { return blank(c) || no_break_space(c); };
  return rewritten(text, first_byte(text, unwanted), arena, [&](char* out, std::size_t i) {
#ifdef __SSE2__
    const auto is = [](__m128i piece, char c) { return _mm_cmpeq_epi8(piece, _mm_set1_epi8(c)); };
    const auto copy = [&](std::size_t from) { _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + from))); };
    // What is copied too much is overwritten, and never lies behind where the text would be without anything removed.
    for (; i + 32 <= text.size(); i += 16) {
      const auto piece = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
      const auto no_control = _mm_cmplt_epi8(_mm_add_epi8(piece, _mm_set1_epi8(127 - '\r')), _mm_set1_epi8(127 - '\r' + '\t'));
      const auto wanted = _mm_andnot_si128(_mm_or_si128(is(piece, ' '), _mm_or_si128(is(piece, '\xA0'), is(piece, '\xC2'))), no_control);
      std::size_t kept = 0;  // how many of the piece have been looked at
      for (auto left = static_cast<unsigned>(_mm_movemask_epi8(wanted)) ^ 0xFFFFu; left != 0; left &= left - 1) {
        const auto here = static_cast<std::size_t>(std::countr_zero(left));
        copy(i + kept);
        out += here - kept;
        kept = here + 1;
      }
      copy(i + kept);
      out += 16 - kept;
    }
#endif
    return std::remove_copy_if(text.begin() + static_cast<std::ptrdiff_t>(i), text.end(), out, unwanted);
  });
}

std::string_view compress_whitespace(std::string_view text, Arena& arena) {
  return rewritten(text, first_byte(text, blank), arena, [text](char* out, std::size_t i) {
    for (; i < text.size(); ++i) {
      if (!blank(text[i])) {
        *out++ = text[i];
      } else if (i == 0 || !blank(text[i - 1])) {
        *out++ = ' ';
      }
    }
    return out;
  });
}

std::string_view trim_left(std::string_view text, Arena&) {
  text.remove_prefix(first_byte(text, [](char c) { return !blank(c); }));
  return text;
}
std::string_view trim_right(std::string_view text, Arena&) {
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}
std::string_view trim(std::string_view text, Arena& arena) { return trim_left(trim_right(text, arena), arena); }

// What a shell and cmd.exe see in many spellings of a command: no quotes, single blanks and none before '/' and '(', lower
// case.
std::string_view cmd_line(std::string_view text, Arena& arena) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || digit(c) || c == '_' || c == '-' || c == '.' || c == '='; };
  return rewritten(text, first_byte(text, [&](char c) { return !plain(c); }), arena, [text](char* out, std::size_t i) {
    bool after_blank = false;
    for (; i < text.size(); ++i) {
      switch (const char c = text[i]) {
        case '"':
        case '\'':
        case '\\':
        case '^':
          break;
        case ' ':
        case ',':
        case ';':
        case '\t':
        case '\r':
        case '\n':
          if (!after_blank) *out++ = ' ';
          after_blank = true;
          break;
        case '/':
        case '(':
          if (after_blank) --out;
          [[fallthrough]];
        default:
          *out++ = lower(c);
          after_blank = false;
      }
    }
    return out;
  });
}

// A comment, /* or <!-- to */ or -->, goes; so does all from "--" or '#' on.  The byte behind a comment is taken over
// unseen, a NUL when there is none; a comment without its end leaves a blank.
std::string_view remove_comments(std::string_view text, Arena& arena) {
  return rewritten(text, first_byte(text, [](char c) { return c == '/' || c == '<' || c == '-' || c == '#'; }), arena, [text](char* out, std::size_t i) {
    const auto at = [&](std::string_view mark) { return text.substr(i).starts_with(mark); };
    bool inside = false;
    while (i < text.size()) {
      if (!inside) {
        if (at("/*") || at("<!--")) {
          inside = true;
          i += text[i] == '/' ? 2 : 4;
        } else if (text[i] == '#' || at("--")) {
          break;
        } else {
          *out++ = text[i++];
        }
      } else if (at("*/") || at("-->")) {
        inside = false;
        i += text[i] == '*' ? 2 : 3;
        *out++ = i < text.size() ? text[i] : '\0';
        ++i;
      } else {
        ++i;
      }
    }
    if (inside) *out++ = ' ';
    return out;
  });
}

// The marks of comments go, what is between them stays.
std::string_view remove_comments_char(std::string_view text, Arena& arena) {
  return rewritten(text, first_byte(text, [](char c) { return c == '/' || c == '*' || c == '<' || c == '-' || c == '#'; }), arena, [text](char* out, std::size_t i) {
    while (i < text.size()) {
      const auto rest = text.substr(i);
      if (rest.starts_with("/*") || rest.starts_with("*/")) {
        i += 2;
      } else if (rest.starts_with("<!--")) {
        i += 4;
      } else if (rest.starts_with("--")) {
        i += rest.starts_with("-->") ? 3 : 2;
      } else if (rest.front() == '#') {
        i += 1;
      } else {
        *out++ = text[i++];
      }
    }
    return out;
  });
}

// Each /* */ becomes a blank, also one without its end; a "*/" alone stays.
std::string_view replace_comments(std::string_view text, Arena& arena) {
  return rewritten(text, text.find("/*"), arena, [text](char* out, std::size_t i) {
    while (i < text.size()) {
      const auto begin = std::min(text.find("/*", i), text.size());
      out = std::copy(text.begin() + static_cast<std::ptrdiff_t>(i), text.begin() + static_cast<std::ptrdiff_t>(begin), out);
      if (begin == text.size()) break;
      *out++ = ' ';
      const auto end = text.find("*/", begin + 2);
      if (end == std::string_view::npos) break;
      i = end + 2;
    }
    return out;
  });
}

}  // namespace ringwall::waf::transforms
