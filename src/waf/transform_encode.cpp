// Transformations between bytes and their spelling in other bytes: base64, hexadecimal, %XX, %uXXXX, digests.
#include <openssl/md5.h>
#include <openssl/sha.h>

#include <array>
#include <charconv>
#include <cstdint>

#include "waf/detail/transform.h"

namespace ringwall::waf::transforms {

namespace {

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoBase64 = 0xFF;
constexpr auto kBase64Values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoBase64);
  for (std::uint8_t i = 0; i < 64; ++i) values[static_cast<unsigned char>(kBase64[i])] = i;
  return values;
}();
std::uint8_t base64_value(char c) { return kBase64Values[static_cast<unsigned char>(c)]; }

// Whether every byte is in its place: digits, then at most two '='; lines, with blanks only at their ends.
bool strict_base64(std::string_view text) {
  int pads = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto blanks_from = i;
    while (i < text.size() && text[i] == ' ') ++i;
    if (i == text.size()) return true;
    if (text[i] == '\n' || (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n')) continue;
    if (i != blanks_from) return false;
    if (text[i] == '=' ? ++pads > 2 : base64_value(text[i]) == kNoBase64 || pads != 0) return false;
  }
  return true;
}

char* put_hex(char* out, unsigned char byte) {
  *out++ = kHexDigits[byte >> 4];
  *out++ = kHexDigits[byte & 15];
  return out;
}

}  // namespace

// All or nothing: one byte out of place and the result is empty.  A text ends at its NUL; digits that are not a full group
// of four are lost.
std::string_view base64_decode(std::string_view text, Arena& arena) {
  if (text.empty()) return text;
  const auto encoded = text.substr(0, text.find('\0'));
  if (!strict_base64(encoded)) return text.substr(0, 0);
  return written(text, encoded.size(), arena, [encoded](char* out) {
    std::uint32_t group = 0;
    int digits = 0, bytes = 3;
    for (const char c : encoded) {
      if (c == '\r' || c == '\n' || c == ' ') continue;
      if (c == '=') --bytes;
      group = group << 6 | (c == '=' ? 0 : base64_value(c));
      if (++digits < 4) continue;
      digits = 0;
      for (int i = 0; i < bytes; ++i) *out++ = static_cast<char>(group >> (16 - 8 * i));
    }
    return out;
  });
}

// Skips what is no digit and gives each byte that is complete.  A '=' after the first digit of a group, unless another
// stands behind it, makes the result empty; so does a lone digit at the end when the text ends with '=' or with '9' (whose
// value, 61, the library takes for the '=').
std::string_view base64_decode_ext(std::string_view text, Arena& arena) {
  if (text.empty()) return text;
  bool refused = false;
  const auto result = written(text, text.size(), arena, [text, &refused](char* const begin) {
    char* out = begin;
    std::uint32_t bits = 0;
    unsigned digits = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '=') {
        refused = digits % 4 == 1 && (i + 1 == text.size() || text[i + 1] != '=');
        if (refused) return begin;
        continue;
      }
      const auto value = base64_value(text[i]);
      if (value == kNoBase64) continue;
      bits = bits << 6 | value;
      switch (digits++ % 4) {
        case 1: *out++ = static_cast<char>(bits >> 4); break;
        case 2: *out++ = static_cast<char>(bits >> 2); break;
        case 3: *out++ = static_cast<char>(bits); break;
        default: break;
      }
    }
    return digits % 4 == 1 && (text.back() == '=' || text.back() == '9') ? begin : out;
  });
  return refused ? text.substr(0, 0) : result;
}

std::string_view base64_encode(std::string_view text, Arena& arena) {
  if (text.empty()) return text;
  return written(text, (text.size() + 2) / 3 * 4, arena, [text](char* out) {
    for (std::size_t i = 0; i < text.size(); i += 3) {
      const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : std::uint32_t{0}; };
      const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
      *out++ = kBase64[group >> 18];
      *out++ = kBase64[group >> 12 & 63];
      *out++ = i + 1 < text.size() ? kBase64[group >> 6 & 63] : '=';
      *out++ = i + 2 < text.size() ? kBase64[group & 63] : '=';
    }
    return out;
  });
}

// Pairs, whatever they are made of; an odd byte at the end is lost.
std::string_view hex_decode(std::string_view text, Arena& arena) {
  if (text.empty()) return text;
  return written(text, text.size() / 2, arena, [text](char* out) {
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) *out++ = static_cast<char>(hex_pair(&text[i]));
    return out;
  });
}

std::string_view hex_encode(std::string_view text, Arena& arena) {
  if (text.empty()) return text;
  return written(text, 2 * text.size(), arena, [text](char* out) {
    for (const char c : text) out = put_hex(out, static_cast<unsigned char>(c));
    return out;
  });
}

std::string_view url_encode(std::string_view text, Arena& arena) {
  const auto plain = [](char c) { return letter(c) || digit(c) || c == '*'; };
  const auto kept = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), plain) - text.begin());
  if (kept == text.size()) return text;
  return written(text, kept + 3 * (text.size() - kept), arena, [&](char* out) {
    out = std::copy_n(text.begin(), kept, out);
    for (const char c : text.substr(kept)) {
      if (plain(c) || c == ' ') {
        *out++ = c == ' ' ? '+' : c;
      } else {
        *out++ = '%';
        out = put_hex(out, static_cast<unsigned char>(c));
      }
    }
    return out;
  });
}

// Every sequence becomes %uXXXX: four digits, more where the number needs them.  NULs and first bytes without their
// sequence are lost, stray others stay.  A sequence that UTF-8 forbids (overlong, a surrogate) is followed by its first byte,
// one that begins with F5 … F7 is preceded by it.
std::string_view utf8_to_unicode(std::string_view text, Arena& arena) {
  const auto* const in = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t kept = 0;
  while (kept < text.size() && in[kept] != 0 && in[kept] < 0xC0) ++kept;
  if (kept == text.size()) return text;
  // The longest: two bytes that are overlong give six and the first of them.
  const auto bytes_max = kept + (text.size() - kept) * 7 / 2 + 1;
  return written(text, bytes_max, arena, [&](char* out) {
    out = std::copy_n(text.begin(), kept, out);
    for (std::size_t i = kept; i < text.size();) {
      const unsigned char c = in[i];
      const std::size_t length = c < 0xC0 || c >= 0xF8 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
      if (length == 1) {
        if (c != 0) *out++ = static_cast<char>(c);
        ++i;
        continue;
      }
      if (c >= 0xF5) *out++ = static_cast<char>(c);
      std::uint32_t number = c & (0x7Fu >> length);
      std::size_t size = 1;
      for (; size < length && i + size < text.size() && (in[i + size] & 0xC0) == 0x80; ++size) number = number << 6 | (in[i + size] & 0x3F);
      if (size < length) {
        ++i;
        continue;
      }
      *out++ = '%';
      *out++ = 'u';
      for (int shift = number > 0xFFFFF ? 20 : number > 0xFFFF ? 16 : 12; shift >= 0; shift -= 4) *out++ = kHexDigits[number >> shift & 15];
      if (number >= 0xD800 && number <= 0xDFFF) *out++ = static_cast<char>(c);
      const std::uint32_t smallest = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
      if (number < smallest) *out++ = static_cast<char>(c);
      i += length;
    }
    return out;
  });
}

std::string_view length(std::string_view text, Arena& arena) {
  constexpr std::size_t kDigitsMax = 20;
  return written(text, kDigitsMax, arena, [text](char* out) { return std::to_chars(out, out + kDigitsMax, text.size()).ptr; });
}

// OpenSSL's newer functions look the digest up and take memory each time; these use the stack.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
std::string_view md5(std::string_view text, Arena& arena) {
  return written(text, MD5_DIGEST_LENGTH, arena, [text](char* out) {
    MD5_CTX context;
    MD5_Init(&context);
    MD5_Update(&context, text.data(), text.size());
    MD5_Final(reinterpret_cast<unsigned char*>(out), &context);
    return out + MD5_DIGEST_LENGTH;
  });
}
std::string_view sha1(std::string_view text, Arena& arena) {
  return written(text, SHA_DIGEST_LENGTH, arena, [text](char* out) {
    SHA_CTX context;
    SHA1_Init(&context);
    SHA1_Update(&context, text.data(), text.size());
    SHA1_Final(reinterpret_cast<unsigned char*>(out), &context);
    return out + SHA_DIGEST_LENGTH;
  });
}
#pragma GCC diagnostic pop

}  // namespace ringwall::waf::transforms
