// Transformations that undo an encoding: URL, HTML, JavaScript, CSS, C and SQL.
#include <cstdint>
#include <limits>

#include "waf/detail/transform.h"
#include "waf/unicode_map.h"

namespace ringwall::waf::transforms {

namespace {

std::size_t first_escaped(std::string_view text) {
  const auto percent = text.find('%');
  return std::min(percent, text.substr(0, std::min(percent, text.size())).find('+'));
}

// The value of an octal number of up to three digits at `at`, and how many it has.
int octal_number(std::string_view text, std::size_t at, std::size_t& digits) {
  int value = 0;
  for (digits = 0; digits < 3 && at + digits < text.size() && octal(text[at + digits]); ++digits) value = value * 8 + (text[at + digits] - '0');
  return value;
}

// \a \b \f \n \r \t \v; 0 for others.
char control_letter(char c) {
  switch (c) {
    case 'a': return '\a';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'v': return '\v';
    default: return 0;
  }
}

// The low byte of the number; of one that no long holds, strtol() answers the largest, whose low byte is FF.
unsigned char entity_number(std::string_view digits, std::int64_t base) {
  std::int64_t value = 0;
  for (const char c : digits) {
    const std::int64_t one = hex_digit(c);
    if (value > (std::numeric_limits<std::int64_t>::max() - one) / base) return 0xFF;
    value = value * base + one;
  }
  return static_cast<unsigned char>(value);
}

struct Entity {
  std::string_view name;
  char byte;
};
constexpr Entity kEntities[] = {{"quot", '"'}, {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"nbsp", '\xA0'}};
constexpr std::size_t kEntityBytesMax = 4;

const Entity* entity_named(std::string_view name) {
  for (const auto& entity : kEntities) {
    if (name.size() == entity.name.size() &&
        std::equal(name.begin(), name.end(), entity.name.begin(), [](char a, char b) { return lower(a) == b; })) {
      return &entity;
    }
  }
  return nullptr;
}

}  // namespace

std::string_view url_decode(std::string_view text, Arena& arena) {
  return rewritten(text, first_escaped(text), arena, [text](char* out, std::size_t i) {
    while (i < text.size()) {
      if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) && hex(text[i + 2])) {
        *out++ = static_cast<char>(hex_pair(&text[i + 1]));
        i += 3;
      } else {
        *out++ = text[i] == '+' ? ' ' : text[i];
        ++i;
      }
    }
    return out;
  });
}

std::string_view url_decode_uni(std::string_view text, Arena& arena) { return url_decode_uni_by(nullptr, text, arena); }

// %uHHHH too, as IIS reads it: what the map says, otherwise the low byte, and the full width forms as ASCII.
std::string_view url_decode_uni_by(const UnicodeMap* map, std::string_view text, Arena& arena) {
  return rewritten(text, first_escaped(text), arena, [map, text](char* out, std::size_t i) {
    while (i < text.size()) {
      const char* at = &text[i];
      const std::size_t left = text.size() - i;
      if (*at == '%' && left > 5 && lower(at[1]) == 'u' && hex(at[2]) && hex(at[3]) && hex(at[4]) && hex(at[5])) {
        const int mapped = map == nullptr ? -1 : map->byte_of(static_cast<std::uint16_t>(hex_pair(at + 2) << 8 | hex_pair(at + 4)));
        *out++ = static_cast<char>(mapped >= 0 ? mapped : narrowed(at + 2, hex_pair(at + 4)));
        i += 6;
      } else if (*at == '%' && left > 2 && hex(at[1]) && hex(at[2])) {
        *out++ = static_cast<char>(hex_pair(at + 1));
        i += 3;
      } else {
        *out++ = *at == '+' ? ' ' : *at;
        ++i;
      }
    }
    return out;
  });
}

// Numbers and five names, any case, with or without ';'.
std::string_view html_entity_decode(std::string_view text, Arena& arena) {
  return rewritten(text, text.find('&'), arena, [text](char* out, std::size_t i) {
    const auto run_of = [text](std::size_t from, auto member) {
      auto end = from;
      while (end < text.size() && member(text[end])) ++end;
      return text.substr(from, end - from);
    };
    while (i < text.size()) {
      if (text[i] != '&') {
        *out++ = text[i++];
        continue;
      }
      const bool number = i + 1 < text.size() && text[i + 1] == '#';
      const bool is_hex = number && i + 2 < text.size() && lower(text[i + 2]) == 'x';
      const std::size_t from = std::min(text.size(), i + 1 + (number ? 1 : 0) + (is_hex ? 1 : 0));
      const auto run = is_hex ? run_of(from, hex) : number ? run_of(from, digit) : run_of(from, [](char c) { return letter(c) || digit(c); });
      const Entity* const entity = number || run.size() > kEntityBytesMax ? nullptr : entity_named(run);
      if (number && !run.empty()) {
        *out++ = static_cast<char>(entity_number(run, is_hex ? 16 : 10));
      } else if (entity != nullptr) {
        *out++ = entity->byte;
      } else {
        // What was looked at stays as it is; there is no '&' in it.
        for (const auto end = from + run.size(); i < end; ++i) *out++ = text[i];
        continue;
      }
      i = from + run.size();
      if (i < text.size() && text[i] == ';') ++i;
    }
    return out;
  });
}

std::string_view js_decode(std::string_view text, Arena& arena) {
  return rewritten(text, text.find('\\'), arena, [text](char* out, std::size_t i) {
    while (i < text.size()) {
      const char* at = &text[i];
      const std::size_t left = text.size() - i;
      if (*at != '\\' || left == 1) {
        *out++ = *at;
        ++i;
      } else if (left > 5 && at[1] == 'u' && hex(at[2]) && hex(at[3]) && hex(at[4]) && hex(at[5])) {
        *out++ = static_cast<char>(narrowed(at + 2, hex_pair(at + 4)));
        i += 6;
      } else if (left > 3 && at[1] == 'x' && hex(at[2]) && hex(at[3])) {
        *out++ = static_cast<char>(hex_pair(at + 2));
        i += 4;
      } else if (octal(at[1])) {
        std::size_t digits = 0;
        int value = octal_number(text, i + 1, digits);
        if (value > 0xFF) value /= 8, --digits;  // the third digit would be too much for a byte
        *out++ = static_cast<char>(value);
        i += 1 + digits;
      } else {
        const char control = control_letter(at[1]);
        *out++ = control != 0 ? control : at[1];
        i += 2;
      }
    }
    return out;
  });
}

// libmodsecurity 3.0.9 ends the result at its first NUL, so that "\0" hides what follows; later versions do not, nor do we.
std::string_view css_decode(std::string_view text, Arena& arena) {
  constexpr std::size_t kDigitsMax = 6;
  return rewritten(text, text.find('\\'), arena, [text](char* out, std::size_t i) {
    while (i < text.size()) {
      if (text[i] != '\\') {
        *out++ = text[i++];
        continue;
      }
      if (++i == text.size()) break;  // a last one alone goes
      const char* at = &text[i];
      std::size_t digits = 0;
      while (digits < kDigitsMax && i + digits < text.size() && hex(at[digits])) ++digits;
      if (digits == 0) {
        if (*at != '\n') *out++ = *at;  // an escaped line end is none
        ++i;
        continue;
      }
      const auto low = digits == 1 ? hex_digit(at[0]) : hex_pair(at + digits - 2);
      // Four significant digits, however many zeros stand before them, can be a full width form.
      const bool four = digits == 4 || (digits == 5 && at[0] == '0') || (digits == 6 && at[0] == '0' && at[1] == '0');
      *out++ = static_cast<char>(four ? narrowed(at + digits - 4, low) : low);
      i += digits;
      if (i < text.size() && blank(text[i])) ++i;  // one blank ends the digits and belongs to them
    }
    return out;
  });
}

std::string_view escape_seq_decode(std::string_view text, Arena& arena) {
  return rewritten(text, text.find('\\'), arena, [text](char* out, std::size_t i) {
    while (i < text.size()) {
      const char* at = &text[i];
      const std::size_t left = text.size() - i;
      if (*at != '\\' || left == 1) {
        *out++ = *at;
        ++i;
      } else if (left > 3 && lower(at[1]) == 'x' && hex(at[2]) && hex(at[3])) {
        *out++ = static_cast<char>(hex_pair(at + 2));
        i += 4;
      } else if (octal(at[1])) {
        std::size_t digits = 0;
        *out++ = static_cast<char>(octal_number(text, i + 1, digits));
        i += 1 + digits;
      } else {
        const char control = control_letter(at[1]);
        *out++ = control != 0 ? control : at[1];
        i += 2;
      }
    }
    return out;
  });
}

// 0x414243 is ABC.  libmodsecurity 3.0.9 loses the last byte of every text, all after a NUL and a second number beside the
// first; this is what its later versions do.
std::string_view sql_hex_decode(std::string_view text, Arena& arena) {
  const auto number_at = [text](std::size_t i) {
    return i + 3 < text.size() && text[i] == '0' && lower(text[i + 1]) == 'x' && hex(text[i + 2]) && hex(text[i + 3]);
  };
  std::size_t first = text.find('0');
  while (first != std::string_view::npos && !number_at(first)) first = text.find('0', first + 1);
  return rewritten(text, first, arena, [&](char* out, std::size_t i) {
    while (i < text.size()) {
      if (!number_at(i)) {
        *out++ = text[i++];
        continue;
      }
      for (i += 2; i + 1 < text.size() && hex(text[i]) && hex(text[i + 1]); i += 2) *out++ = static_cast<char>(hex_pair(&text[i]));
    }
    return out;
  });
}

}  // namespace ringwall::waf::transforms
