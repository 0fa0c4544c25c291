// The bytes of XML: encodings, characters, names, references.  Used by xml.cpp.
#pragma once

#include <string_view>

#include "waf/arena.h"

namespace ringwall::waf {

// The document in UTF-8 without a byte order mark, or why it cannot be had.  UTF-16 is known by its mark or by how "<?" looks
// in it; of the 8-bit encodings a declaration may name, UTF-8, ASCII and the Latin-1 family are read.
struct XmlDocument {
  std::string_view text;
  const char* error = nullptr;
};
XmlDocument xml_as_utf8(std::string_view body, Arena& arena);

constexpr bool xml_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The name at the beginning of the text; empty: there is none.
std::string_view xml_name(std::string_view text);

// Where the first byte is that is not part of a Char (XML 1.0, 2.2) in UTF-8; the size of the text: nowhere.
std::size_t first_bad_xml_character(std::string_view text);

enum class XmlKind {
  kText,       // line ends become \n, references are decoded, "]]>" is refused
  kAttribute,  // white space becomes spaces, references are decoded, '<' is refused
  kEntity,     // the literal of a declaration: as text, but references to unknown entities stay
};

struct XmlText {
  char* out;  // room for as many bytes as there are raw ones, which is always enough
  std::size_t size;
  std::string_view error;
  std::size_t error_at;  // in the raw text
};
// Decodes into `text` up to the first error.  A reference to an entity other than the five of the standard is an error, unless
// a DTD may have declared it: then it stands for nothing.
bool decode_xml(std::string_view raw, XmlKind kind, bool entities_tolerated, XmlText& text);

}  // namespace ringwall::waf
