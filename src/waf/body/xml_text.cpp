#include "waf/body/xml_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

namespace ringwall::waf {
namespace {

constexpr std::string_view kUtf8Mark = "\xef\xbb\xbf";
constexpr std::size_t kEncodingNameBytesMax = 40;

constexpr bool xml_character(std::uint32_t c) {
  return c == 0x9 || c == 0xa || c == 0xd || (c >= 0x20 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd) ||
         (c >= 0x10000 && c <= 0x10ffff);
}

std::size_t put_xml_utf8(std::uint32_t c, char* out) {
  std::size_t size = 0;
  const auto put = [&](std::uint32_t byte) { out[size++] = static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6), put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 0x3f)), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
  }
  return size;
}

// Bytes of the character at the beginning, which is beyond ASCII; 0: not one, or not one of XML's.
std::size_t xml_utf8_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const auto lead = byte(0);
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return 0;
  auto c = lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    c = c << 6 | (byte(i) & 0x3f);
  }
  const std::uint32_t smallest = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;  // longer than need be is not UTF-8
  return c >= smallest && xml_character(c) ? size : 0;
}

// Bytes that go through text as they are, and those of names (of which digits, '-' and '.' do not begin one).
enum : std::uint8_t { kXmlPlain = 1, kXmlNameStart = 2, kXmlNamePart = 4 };
constexpr auto kXmlBytes = [] {
  std::array<std::uint8_t, 256> bytes{};
  for (int c = 0x20; c < 0x80; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
    const bool part = letter || (c >= '0' && c <= '9') || c == '-' || c == '.';
    const bool plain = c != '&' && c != '<' && c != ']';
    const int which = (plain ? kXmlPlain : 0) | (letter ? kXmlNameStart : 0) | (part ? kXmlNamePart : 0);
    bytes[static_cast<std::size_t>(c)] = static_cast<std::uint8_t>(which);
  }
  return bytes;
}();
constexpr bool is_xml_byte(char c, std::uint8_t which) { return (kXmlBytes[static_cast<unsigned char>(c)] & which) != 0; }

// Reads "&…;" at `at`.  What it stands for is appended; `at` is then behind it.
bool decode_xml_reference(std::string_view raw, std::size_t& at, XmlKind kind, bool entities_tolerated, XmlText& text) {
  const auto fail = [&](std::string_view why) {
    text.error = why;
    text.error_at = at;
    return false;
  };
  auto i = at + 1;
  if (i < raw.size() && raw[i] == '#') {
    ++i;
    const bool hex = i < raw.size() && raw[i] == 'x';
    if (hex) ++i;
    std::uint32_t c = 0;
    const auto first = i;
    for (; i < raw.size() && raw[i] != ';'; ++i) {
      const char d = raw[i], lower = static_cast<char>(d | 0x20);
      if (d >= '0' && d <= '9') {
        c = c * (hex ? 16 : 10) + static_cast<std::uint32_t>(d - '0');
      } else if (hex && lower >= 'a' && lower <= 'f') {
        c = c * 16 + static_cast<std::uint32_t>(lower - 'a' + 10);
      } else {
        return fail("malformed character reference");
      }
      c = std::min(c, std::uint32_t{0x110000});  // too large stays too large
    }
    if (i == raw.size() || i == first || !xml_character(c)) return fail("malformed character reference");
    text.size += put_xml_utf8(c, text.out + text.size);
    at = i + 1;
    return true;
  }
  const auto name = xml_name(raw.substr(i));
  i += name.size();
  if (name.empty() || i == raw.size() || raw[i] != ';') {
    if (kind != XmlKind::kEntity) return fail("malformed entity reference");
    text.out[text.size++] = raw[at++];
    return true;
  }
  constexpr std::array<std::pair<std::string_view, char>, 5> kEntities = {
      {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}}};
  for (const auto& [known, character] : kEntities) {
    if (name != known) continue;
    text.out[text.size++] = character;
    at = i + 1;
    return true;
  }
  if (kind == XmlKind::kEntity) {
    text.out[text.size++] = raw[at++];
    return true;
  }
  if (!entities_tolerated) return fail("entity not defined");
  at = i + 1;
  return true;
}

// The name in encoding="…" of an XML declaration, in lower case; empty: there is none.
std::string_view declared_encoding(std::string_view text, std::array<char, kEncodingNameBytesMax>& room) {
  if (!text.starts_with("<?xml") || text.size() == 5 || !xml_space(text[5])) return {};
  text = text.substr(0, text.find("?>"));
  const auto word = text.find("encoding");
  if (word == std::string_view::npos) return {};
  auto i = word + 8;
  while (i < text.size() && (xml_space(text[i]) || text[i] == '=')) ++i;
  if (i == text.size() || (text[i] != '"' && text[i] != '\'')) return {};
  const auto name = text.substr(i + 1, std::min(text.find(text[i], i + 1), text.size()) - i - 1);
  const auto size = std::min(name.size(), room.size());
  std::transform(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(size), room.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return {room.data(), size};
}

XmlDocument from_utf16(std::string_view body, bool big, Arena& arena) {
  const bool cut = body.size() % 2 != 0;
  if (cut) body.remove_suffix(1);
  const auto unit = [&](std::size_t i) {
    const auto a = static_cast<unsigned char>(body[i]), b = static_cast<unsigned char>(body[i + 1]);
    return static_cast<std::uint32_t>(big ? a << 8 | b : b << 8 | a);
  };
  char* const out = arena.take(body.size() / 2 * 3 + 1);
  std::size_t size = 0;
  for (std::size_t i = 0; i < body.size(); i += 2) {
    auto c = unit(i);
    if ((c & 0xfc00) == 0xd800 && i + 2 < body.size() && (unit(i + 2) & 0xfc00) == 0xdc00) {
      c = 0x10000 + ((c & 0x3ff) << 10) + (unit(i + 2) & 0x3ff);
      i += 2;
    }
    // A surrogate alone becomes three bytes that are not UTF-8, and is found where it stands.
    size += put_xml_utf8(c, out + size);
  }
  if (cut) out[size++] = '\xff';  // half a unit; to be found there as well
  return {{out, size}, nullptr};
}

XmlDocument from_latin1(std::string_view body, Arena& arena) {
  const auto beyond_ascii = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  if (std::none_of(body.begin(), body.end(), beyond_ascii)) return {body, nullptr};
  char* const out = arena.take(body.size() * 2);
  std::size_t size = 0;
  for (const char c : body) size += put_xml_utf8(static_cast<unsigned char>(c), out + size);
  return {{out, size}, nullptr};
}

}  // namespace

XmlDocument xml_as_utf8(std::string_view body, Arena& arena) {
  if (body.starts_with(kUtf8Mark)) return {body.substr(kUtf8Mark.size()), nullptr};
  if (body.starts_with("\xff\xfe")) return from_utf16(body.substr(2), false, arena);
  if (body.starts_with("\xfe\xff")) return from_utf16(body.substr(2), true, arena);
  if (body.starts_with(std::string_view("<\0?\0", 4))) return from_utf16(body, false, arena);
  if (body.starts_with(std::string_view("\0<\0?", 4))) return from_utf16(body, true, arena);

  std::array<char, kEncodingNameBytesMax> room;
  const auto encoding = declared_encoding(body, room);
  constexpr std::array<std::string_view, 5> kUtf8 = {"", "utf-8", "utf8", "us-ascii", "ascii"};
  // Where these differ from Latin-1 there are signs of currencies and quotes, nothing rules look for.
  constexpr std::array<std::string_view, 6> kLatin1 = {"iso-8859-1", "latin1", "iso-8859-15", "windows-1252", "cp1252", "iso_8859-1"};
  if (std::find(kUtf8.begin(), kUtf8.end(), encoding) != kUtf8.end()) return {body, nullptr};
  if (std::find(kLatin1.begin(), kLatin1.end(), encoding) != kLatin1.end()) return from_latin1(body, arena);
  return {{}, "unsupported encoding"};
}

std::string_view xml_name(std::string_view text) {
  std::size_t size = 0;
  while (size < text.size()) {
    if (is_xml_byte(text[size], size == 0 ? kXmlNameStart : kXmlNamePart)) {
      ++size;
    } else if (static_cast<unsigned char>(text[size]) >= 0x80) {
      // The standard lists which characters; taking all of them harms nobody.
      const auto bytes = xml_utf8_size(text.substr(size));
      if (bytes == 0) break;
      size += bytes;
    } else {
      break;
    }
  }
  return text.substr(0, size);
}

std::size_t first_bad_xml_character(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto size = c < 0x80 ? std::size_t{xml_character(c)} : xml_utf8_size(text.substr(i));
    if (size == 0) return i;
    i += size;
  }
  return text.size();
}

bool decode_xml(std::string_view raw, XmlKind kind, bool entities_tolerated, XmlText& text) {
  std::size_t i = 0;
  const auto fail = [&](std::string_view why) {
    text.error = why;
    text.error_at = i;
    return false;
  };
  while (i < raw.size()) {
    auto end = i;
    while (end < raw.size() && is_xml_byte(raw[end], kXmlPlain)) ++end;
    std::memcpy(text.out + text.size, raw.data() + i, end - i);
    text.size += end - i;
    i = end;
    if (i == raw.size()) break;

    const char c = raw[i];
    if (static_cast<unsigned char>(c) >= 0x80) {
      const auto size = xml_utf8_size(raw.substr(i));
      if (size == 0) return fail("the input is not UTF-8");
      std::memcpy(text.out + text.size, raw.data() + i, size);
      text.size += size;
      i += size;
    } else if (c == '&') {
      if (!decode_xml_reference(raw, i, kind, entities_tolerated, text)) return false;
    } else if (c == '\r' || c == '\n' || c == '\t') {
      if (c == '\r' && i + 1 < raw.size() && raw[i + 1] == '\n') ++i;
      text.out[text.size++] = kind == XmlKind::kAttribute ? ' ' : c == '\r' ? '\n' : c;
      ++i;
    } else if (c == '<' && kind == XmlKind::kAttribute) {
      return fail("'<' in the value of an attribute");
    } else if (c == ']' && kind == XmlKind::kText && raw.substr(i).starts_with("]]>")) {
      return fail("']]>' in text");
    } else if (static_cast<unsigned char>(c) < 0x20) {
      return fail("a character that may not be in XML");
    } else {
      text.out[text.size++] = c;
      ++i;
    }
  }
  return true;
}

}  // namespace ringwall::waf
